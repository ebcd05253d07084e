// Every family of models that hubs have: what this server makes of pictures and texts is what
// `transformers` and `open_clip` make of them. testdata/families is made by
// tests/parity/make_families.py.

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "base/value.h"
#include "embed/bundle.h"
#include "embed/make_embedder.h"
#include "embed/testing/files.h"
#include "embed/testing/small_bundle.h"
#include "os/temporary_directory.h"

namespace ocellus::embed {
namespace {

// `make parity` makes another folder and names it here.
std::string Families() {
  const char* folder = std::getenv("OCELLUS_FAMILIES");  // NOLINT(concurrency-mt-unsafe)
  return std::string(folder == nullptr ? "testdata/families" : folder) + "/";
}

constexpr int kPictures = 50;
constexpr int kTensors = 12;

// make_families.py has the same.
image::Picture PictureOf(int number) {
  image::Picture picture;
  picture.width = static_cast<std::uint32_t>(17 + number * 37 % 83);
  picture.height = static_cast<std::uint32_t>(19 + number * 53 % 71);
  for (int y = 0; y < static_cast<int>(picture.height); ++y) {
    for (int x = 0; x < static_cast<int>(picture.width); ++x) {
      for (int channel = 0; channel < 3; ++channel) {
        const int c = number % 7 == 6 ? 0 : channel;
        const int value = x * (3 + (number + c) % 5) + y * (2 + (number * 3 + c) % 7) +
                          x * y * (1 + c) / (5 + number % 11) + x / 9 % 2 * 60 +
                          y / 7 % 2 * 40 * c + number * 29;
        picture.rgb.push_back(static_cast<std::uint8_t>(value % 256));
      }
    }
  }
  return picture;
}

std::vector<float> FloatsOf(const std::string& path) {
  const std::string bytes = testing::ReadFile(path).value_or("");
  std::vector<float> floats(bytes.size() / sizeof(float));
  std::memcpy(floats.data(), bytes.data(), floats.size() * sizeof(float));
  return floats;
}

// IEEE 754 half precision; no infinities are there.
float HalfOf(const char* bytes) {
  std::uint16_t bits = 0;
  std::memcpy(&bits, bytes, sizeof(bits));
  const int exponent = (bits >> 10) & 31;
  const float fraction = static_cast<float>(bits & 1023) / 1024;
  const float value =
      exponent == 0 ? std::ldexp(fraction, -14) : std::ldexp(1 + fraction, exponent - 15);
  return (bits & 0x8000) != 0 ? -value : value;
}

double Cosine(const std::vector<float>& a, const float* b) {
  double dot = 0;
  double length = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    dot += double{a[i]} * b[i];
    length += double{b[i]} * b[i];
  }
  return length == 0 ? 0 : dot / std::sqrt(length);
}

bool IsZero(const float* vector, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) {
    if (vector[i] != 0) return false;
  }
  return true;
}

class FamilyTest : public ::testing::TestWithParam<const char*> {
 protected:
  std::string Directory() const { return Families() + GetParam(); }

  Result<Bundle> Load() {
    os::PosixFileSystem files;
    return LoadBundle(files, Directory());
  }
};

TEST_P(FamilyTest, TensorsAreTheReferences) {
  const auto bundle = Load();
  ASSERT_TRUE(bundle.ok()) << bundle.status().message();
  const PicturePreprocessor& preprocessor = bundle->vision.preprocessor;
  const std::string expected = testing::ReadFile(Directory() + "/tensors.f16").value_or("");
  const std::size_t size = preprocessor.output_bytes() / sizeof(float);
  ASSERT_EQ(expected.size(), kTensors * size * 2);
  for (int number = 0; number < kTensors; ++number) {
    std::vector<std::uint8_t> bytes(preprocessor.output_bytes());
    preprocessor.Run(PictureOf(number), bytes);
    std::vector<float> tensor(size);
    std::memcpy(tensor.data(), bytes.data(), bytes.size());
    double most = 0;
    for (std::size_t i = 0; i < size; ++i) {
      const float wanted = HalfOf(&expected[(static_cast<std::size_t>(number) * size + i) * 2]);
      // The tensor is in units of the deviation, a step of a byte is up to 1/255/0.26 there.
      most = std::max(most, std::abs(double{tensor[i]} - wanted) * 0.25);
    }
    EXPECT_LE(most, 1.0 / 255) << "picture " << number;
  }
}

TEST_P(FamilyTest, VectorsAreTheReferences) {
  auto bundle = Load();
  ASSERT_TRUE(bundle.ok()) << bundle.status().message();
  const std::size_t dimension = bundle->info.dimension;
  MetricsRegistry metrics;
  EmbedderOptions options;
  options.streams = 1;
  auto embedder = MakeEmbedder(*std::move(bundle), options, metrics);
  ASSERT_TRUE(embedder.ok()) << embedder.status().message();

  const std::vector<float> pictures = FloatsOf(Directory() + "/pictures.f32");
  ASSERT_EQ(pictures.size(), kPictures * dimension);
  for (int number = 0; number < kPictures; ++number) {
    const auto vector = (*embedder)->EmbedPicture(PictureOf(number));
    ASSERT_TRUE(vector.ok()) << vector.status().message();
    EXPECT_GE(Cosine(*vector, &pictures[static_cast<std::size_t>(number) * dimension]), 0.9999)
        << "picture " << number;
  }

  const auto document = ParseJson(testing::ReadFile(Families() + "texts.json").value_or(""));
  ASSERT_TRUE(document.ok());
  const Value::List& list = *document->as_list();
  ASSERT_EQ(list.size(), 200U);
  const std::vector<float> texts = FloatsOf(Directory() + "/texts.f32");
  ASSERT_EQ(texts.size(), list.size() * dimension);
  std::size_t compared = 0;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string& text = *list[i].as_string();
    const auto vector = (*embedder)->EmbedText(text);
    ASSERT_TRUE(vector.ok()) << text << ": " << vector.status().message();
    // Over the limit: cut at a word here, inside one by the reference, which then wrote zeros.
    if (IsZero(&texts[i * dimension], dimension)) continue;
    ++compared;
    EXPECT_GE(Cosine(*vector, &texts[i * dimension]), 0.9999) << text;
  }
  EXPECT_GE(compared, 190U);
}

// jina-clip v2's own code cuts vectors so, and then brings them to length 1.
TEST(TruncatedFamilyTest, VectorsAreTheFirstNumbersOfTheReferences) {
  constexpr std::size_t kKept = 5;
  const std::string source = Families() + "jina_clip_v2/";
  os::PosixFileSystem files;
  auto whole = LoadBundle(files, source);
  ASSERT_TRUE(whole.ok()) << whole.status().message();
  std::map<std::string, std::string> content;
  for (const std::string& name : whole->files) {
    content[name] = testing::ReadFile(source + name).value_or("");
  }
  const os::TemporaryDirectory folder;
  const auto truncated = [&](const std::string& value) {
    auto changed = content;
    changed["config.json"] = testing::Replaced(content["config.json"], "\"truncate_dim\": null",
                                               "\"truncate_dim\": " + value);
    testing::WriteBundle(folder.path(), changed);
    return LoadBundle(files, folder.path());
  };
  for (const char* value : {"0", "-1", "13", "1.5", "\"5\"", "[5]"}) {
    const auto bad = truncated(value);
    ASSERT_FALSE(bad.ok()) << value;
    EXPECT_EQ(bad.status().code(), Code::kInvalidArgument) << value;
    EXPECT_NE(bad.status().message().find("\"truncate_dim\": "), std::string::npos) << value;
  }

  auto bundle = truncated("5");
  ASSERT_TRUE(bundle.ok()) << bundle.status().message();
  EXPECT_EQ(bundle->info.dimension, kKept);
  EXPECT_NE(bundle->info.digest, whole->info.digest);
  MetricsRegistry metrics;
  EmbedderOptions options;
  options.streams = 1;
  const auto embedder = MakeEmbedder(*std::move(bundle), options, metrics);
  ASSERT_TRUE(embedder.ok()) << embedder.status().message();
  const std::size_t dimension = whole->info.dimension;
  const std::vector<float> pictures = FloatsOf(source + "pictures.f32");
  ASSERT_EQ(pictures.size(), kPictures * dimension);
  for (int number = 0; number < kPictures; ++number) {
    const auto vector = (*embedder)->EmbedPicture(PictureOf(number));
    ASSERT_TRUE(vector.ok()) << vector.status().message();
    ASSERT_EQ(vector->size(), kKept);
    EXPECT_NEAR(Cosine(*vector, vector->data()), 1, 1e-5);
    EXPECT_GE(Cosine(*vector, &pictures[static_cast<std::size_t>(number) * dimension]), 0.9999)
        << "picture " << number;
  }
  const auto document = ParseJson(testing::ReadFile(Families() + "texts.json").value_or(""));
  const std::vector<float> texts = FloatsOf(source + "texts.f32");
  ASSERT_EQ(texts.size(), document->as_list()->size() * dimension);
  for (std::size_t i = 0; i < document->as_list()->size(); ++i) {
    if (IsZero(&texts[i * dimension], dimension)) continue;
    const auto vector = (*embedder)->EmbedText(*(*document->as_list())[i].as_string());
    ASSERT_TRUE(vector.ok()) << vector.status().message();
    EXPECT_GE(Cosine(*vector, &texts[i * dimension]), 0.9999) << i;
  }
}

TEST(Pieces, IdsAreTheReferences) {
  constexpr const char* kNames[] = {"siglip", "siglip2", "open_clip_siglip", "jina_clip_v2"};
  std::vector<std::unique_ptr<Tokenizer>> tokenizers;
  for (const char* name : kNames) {
    const auto file = testing::ReadFile(Families() + name + "/tokenizer.json");
    auto tokenizer = ParseTokenizer(file.value_or(""));
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().message();
    tokenizers.push_back(*std::move(tokenizer));
  }
  std::istringstream lines(testing::ReadFile(Families() + "pieces.jsonl").value_or(""));
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    const auto entry = ParseJson(line);
    ASSERT_TRUE(entry.ok()) << line;
    const std::string& text = *(*entry->as_list())[0].as_string();
    for (std::size_t i = 0; i < tokenizers.size(); ++i) {
      std::vector<std::int32_t> wanted;
      for (const Value& id : *(*entry->as_list())[i + 1].as_list()) {
        wanted.push_back(static_cast<std::int32_t>(*id.as_int()));
      }
      const auto ids = tokenizers[i]->Encode(text, 100'000);
      ASSERT_TRUE(ids.ok());
      EXPECT_EQ(*ids, wanted) << kNames[i] << ": " << WriteJson(Value(text));
    }
  }
  EXPECT_GT(count, 700U);
}

INSTANTIATE_TEST_SUITE_P(All, FamilyTest,
                         ::testing::Values("clip", "chinese_clip", "siglip", "siglip2", "open_clip",
                                           "open_clip_siglip", "eva", "jina_clip_v1",
                                           "jina_clip_v2"),
                         [](const auto& family) { return std::string(family.param); });

}  // namespace
}  // namespace ocellus::embed
