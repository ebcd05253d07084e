// Real networks: the default bundle where it is there, and a toy CLIP export.

#include "embed/make_embedder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "embed/testing/files.h"
#include "embed/testing/small_bundle.h"
#include "os/temporary_directory.h"

namespace ocellus::embed {
namespace {

using ::testing::FloatNear;
using ::testing::HasSubstr;
using ::testing::Pointwise;

// What arithmetic in another order may change: see the header of openvino_model.h.
constexpr float kLastDigits = 1e-6F;

image::Picture Noise(std::uint32_t seed, std::uint32_t width = 300, std::uint32_t height = 240) {
  image::Picture picture;
  picture.width = width;
  picture.height = height;
  std::mt19937 random(seed);
  for (std::size_t i = 0; i < std::size_t{width} * height * 3; ++i) {
    picture.rgb.push_back(static_cast<std::uint8_t>(random() % 64 + (i * seed) % 192));
  }
  return picture;
}

double Length(const std::vector<float>& vector) {
  double square = 0;
  for (const float x : vector) square += double{x} * double{x};
  return std::sqrt(square);
}

double ResidentMegabytes() {
  std::istringstream statm(testing::ReadFile("/proc/self/statm").value_or("0 0"));
  double pages = 0;
  statm >> pages >> pages;
  return pages * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1e6;
}

class DefaultBundle : public ::testing::Test {
 protected:
  // Compiled once: it takes a second.
  static void SetUpTestSuite() {
    if (!testing::ReadFile(testing::DefaultBundle() + "/config.json")) return;
    shared_metrics = std::make_unique<MetricsRegistry>();
    EmbedderOptions options;
    options.streams = 2;
    options.text_cache_entries = 0;  // every text is to run
    shared_embedder = Make(options);
  }
  static void TearDownTestSuite() {
    shared_embedder.reset();
    shared_metrics.reset();
  }
  void SetUp() override {
    if (shared_metrics == nullptr) GTEST_SKIP() << "models/default is not there";
    ASSERT_NE(shared_embedder, nullptr);
  }

  static std::unique_ptr<Embedder> Make(const EmbedderOptions& options) {
    os::PosixFileSystem files;
    auto bundle = LoadBundle(files, testing::DefaultBundle());
    EXPECT_TRUE(bundle.ok()) << (bundle.ok() ? "" : bundle.status().message());
    if (!bundle.ok()) return nullptr;
    auto embedder = MakeEmbedder(*std::move(bundle), options, *shared_metrics);
    EXPECT_TRUE(embedder.ok()) << (embedder.ok() ? "" : embedder.status().message());
    return embedder.ok() ? *std::move(embedder) : nullptr;
  }

  static std::vector<float> Picture(const image::Picture& picture) {
    auto vector = shared_embedder->EmbedPicture(picture);
    EXPECT_TRUE(vector.ok()) << (vector.ok() ? "" : vector.status().message());
    return vector.ok() ? *std::move(vector) : std::vector<float>();
  }
  static std::vector<float> Text(const std::string& text) {
    auto vector = shared_embedder->EmbedText(text);
    EXPECT_TRUE(vector.ok()) << (vector.ok() ? "" : vector.status().message());
    return vector.ok() ? *std::move(vector) : std::vector<float>();
  }

  static std::unique_ptr<MetricsRegistry> shared_metrics;
  static std::unique_ptr<Embedder> shared_embedder;
};
std::unique_ptr<MetricsRegistry> DefaultBundle::shared_metrics;
std::unique_ptr<Embedder> DefaultBundle::shared_embedder;

TEST_F(DefaultBundle, VectorsHaveTheDimensionAndLengthOne) {
  EXPECT_TRUE(shared_embedder->info().embeds_text);
  const std::vector<float> picture = Picture(Noise(1));
  EXPECT_EQ(picture.size(), shared_embedder->info().dimension);
  EXPECT_NEAR(Length(picture), 1, 1e-5);
  const std::vector<float> text = Text("a dog on the beach");
  EXPECT_EQ(text.size(), shared_embedder->info().dimension);
  EXPECT_NEAR(Length(text), 1, 1e-5);
  EXPECT_NE(text, Text("a red car"));
  EXPECT_NE(picture, Picture(Noise(2)));
}

TEST_F(DefaultBundle, NeighboursChangeNothing) {
  // One alone, then many at once, which go in batches of every size.
  constexpr std::uint32_t kCount = 8;
  const auto text = [](std::uint32_t i) {
    return std::string(i % 3 == 0 ? "a photograph of the number " : "thing ") + std::to_string(i);
  };
  std::vector<std::vector<float>> pictures;
  std::vector<std::vector<float>> texts;
  for (std::uint32_t i = 0; i < kCount; ++i) {
    pictures.push_back(Picture(Noise(i)));
    texts.push_back(Text(text(i)));
  }
  std::vector<std::thread> callers;
  callers.reserve(kCount);
  for (std::uint32_t i = 0; i < kCount; ++i) {
    callers.emplace_back([&, i] {
      EXPECT_THAT(Picture(Noise(i)), Pointwise(FloatNear(kLastDigits), pictures[i]));
      EXPECT_THAT(Text(text(i)), Pointwise(FloatNear(kLastDigits), texts[i]));
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_THAT(shared_metrics->Expose(), HasSubstr("ocellus_embed_batches_total"));
}

TEST_F(DefaultBundle, EveryStreamGivesTheSameVector) {
  EmbedderOptions options;
  options.streams = 1;
  options.text_cache_entries = 0;
  const std::unique_ptr<Embedder> single = Make(options);
  ASSERT_NE(single, nullptr);
  for (std::uint32_t i = 0; i < 2; ++i) {
    const auto picture = single->EmbedPicture(Noise(i));
    const auto text = single->EmbedText("a photograph of a dog");
    ASSERT_TRUE(picture.ok() && text.ok());
    // Two at a time meet both streams.
    std::vector<std::thread> callers;
    callers.reserve(3);
    for (int k = 0; k < 3; ++k) {
      callers.emplace_back([&] {
        EXPECT_THAT(Picture(Noise(i)), Pointwise(FloatNear(kLastDigits), *picture));
        EXPECT_THAT(Text("a photograph of a dog"), Pointwise(FloatNear(kLastDigits), *text));
      });
    }
    for (std::thread& caller : callers) caller.join();
  }
}

TEST_F(DefaultBundle, LongTextsAreCut) {
  std::string text;
  for (int i = 0; i < 500; ++i) text += "dog ";
  EXPECT_NEAR(Length(Text(text)), 1, 1e-5);
  EXPECT_EQ(Text(text), Text(text + "cat"));
}

// What padding costs is time; the vector does not see it.
TEST_F(DefaultBundle, PaddingChangesNothing) {
  os::PosixFileSystem files;
  for (const std::uint32_t step : {1U, 8U, 64U}) {
    auto bundle = LoadBundle(files, testing::DefaultBundle());
    ASSERT_TRUE(bundle.ok()) << bundle.status().message();
    bundle->text->pad_to_multiple_of = step;
    MetricsRegistry metrics;
    EmbedderOptions options;
    options.streams = 1;
    const auto embedder = MakeEmbedder(*std::move(bundle), options, metrics);
    ASSERT_TRUE(embedder.ok()) << embedder.status().message();
    for (const char* text : {"dog", "red boots", "a dog on the beach",
                             "two people at a table with a great deal of food and wine on it"}) {
      const auto vector = (*embedder)->EmbedText(text);
      ASSERT_TRUE(vector.ok()) << vector.status().message();
      EXPECT_THAT(*vector, Pointwise(FloatNear(kLastDigits), Text(text))) << text << ", " << step;
    }
    (*embedder)->Stop();
  }
}

TEST_F(DefaultBundle, EveryShapeOfPictureIsTaken) {
  for (const auto& [width, height] :
       {std::pair{1U, 1U}, {1U, 5000U}, {5000U, 1U}, {223U, 225U}, {1000U, 20U}}) {
    EXPECT_NEAR(Length(Picture(Noise(3, width, height))), 1, 1e-5);
  }
}

TEST_F(DefaultBundle, MemoryStaysFlat) {
  const auto run = [&](int rounds) {
    std::vector<std::thread> callers;
    for (std::uint32_t i = 0; i < 6; ++i) {
      callers.emplace_back([&, i] {
        const image::Picture picture = Noise(i, 224, 224);
        for (int k = 0; k < rounds; ++k) {
          Picture(picture);
          std::string text;
          for (int words = 0; words < (k * 17) % 60; ++words) text += "dog ";
          Text(text + std::to_string(k));
        }
      });
    }
    for (std::thread& caller : callers) caller.join();
  };
  run(8);  // every shape on every stream, nearly
  const double before = ResidentMegabytes();
  run(8);
  EXPECT_LT(ResidentMegabytes() - before, 40) << "before: " << before << " MB";
}

// A folder as exporters write it: float planes, other names, no mask, several outputs.
class ClipExport : public ::testing::Test {
 protected:
  void SetUp() override {
    content_ = testing::SmallBundle();
    content_["config.json"] = R"({"model_type":"clip","projection_dim":3,
      "text_config":{"max_position_embeddings":8}})";
    content_["preprocessor_config.json"] = R"({"crop_size":4,"do_center_crop":true,
      "do_normalize":true,"do_resize":true,"image_mean":[0,0,0],"image_std":[1,1,1],"resample":3,
      "size":{"shortest_edge":4}})";
    for (const char* name : {"onnx/vision_model.onnx", "onnx/text_model.onnx"}) {
      const auto network = testing::ReadFile(std::string("testdata/clip/") + name);
      ASSERT_TRUE(network.has_value()) << name;
      content_[name] = *network;
    }
  }

  Result<std::unique_ptr<Embedder>> Make() {
    testing::WriteBundle(temporary_.path(), content_);
    OCELLUS_ASSIGN_OR_RETURN(Bundle bundle, LoadBundle(files_, temporary_.path()));
    EmbedderOptions options;
    options.streams = 1;
    return MakeEmbedder(std::move(bundle), options, metrics_);
  }

  os::TemporaryDirectory temporary_;
  os::PosixFileSystem files_;
  MetricsRegistry metrics_;
  std::map<std::string, std::string> content_;
};

TEST_F(ClipExport, Works) {
  const auto embedder = Make();
  ASSERT_TRUE(embedder.ok()) << embedder.status().message();
  image::Picture picture;
  picture.width = 4;
  picture.height = 6;
  for (int i = 0; i < 24; ++i) picture.rgb.insert(picture.rgb.end(), {30, 40, 120});
  const auto vector = (*embedder)->EmbedPicture(picture);
  ASSERT_TRUE(vector.ok()) << vector.status().message();
  EXPECT_THAT(*vector,
              Pointwise(FloatNear(1e-5F), std::vector<float>{3.F / 13, 4.F / 13, 12.F / 13}));
  // [CLS] dog [SEP]: 1 + 4 + 2, padded to the limit with zeros.
  const auto text = (*embedder)->EmbedText("dog");
  ASSERT_TRUE(text.ok()) << text.status().message();
  const float length = std::sqrt(51.F);
  EXPECT_THAT(*text,
              Pointwise(FloatNear(1e-5F), std::vector<float>{7 / length, 1 / length, 1 / length}));
}

TEST_F(ClipExport, StopWhileBusy) {
  const auto embedder = Make();
  ASSERT_TRUE(embedder.ok()) << embedder.status().message();
  std::atomic<int> done = 0;
  std::vector<std::thread> callers;
  callers.reserve(4);
  for (std::uint32_t i = 0; i < 4; ++i) {
    callers.emplace_back([&, i] {
      const image::Picture picture = Noise(i + 1, 40, 30);
      while (true) {
        const auto vector = (*embedder)->EmbedPicture(picture);
        if (vector.ok()) {
          ++done;
          continue;
        }
        EXPECT_EQ(vector.status().code(), Code::kUnavailable);
        return;
      }
    });
  }
  while (done < 100) std::this_thread::yield();
  (*embedder)->Stop();
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ((*embedder)->EmbedText("dog").status().code(), Code::kUnavailable);
}

TEST_F(ClipExport, NetworksThatDoNotFitAreRefused) {
  const auto complaint = [&]() -> std::string {
    const auto embedder = Make();
    EXPECT_FALSE(embedder.ok());
    if (embedder.ok()) return "";
    EXPECT_EQ(embedder.status().code(), Code::kInvalidArgument);
    return embedder.status().message();
  };
  const auto good = content_;
  content_["onnx/vision_model.onnx"] = "no network";
  EXPECT_THAT(complaint(), HasSubstr(temporary_.path() + "/onnx/vision_model.onnx: "));

  content_ = good;
  content_["config.json"] = R"({"model_type":"clip","projection_dim":512})";
  EXPECT_THAT(complaint(),
              HasSubstr("vision_model.onnx: output \"image_embeds\": has shape [1..4,3]"
                        ", the configuration says 512 numbers per item"));

  content_ = good;
  std::swap(content_["onnx/vision_model.onnx"], content_["onnx/text_model.onnx"]);
  EXPECT_THAT(complaint(), HasSubstr("vision_model.onnx: expected an output image_embeds, "
                                     "got \"text_embeds\""));

  content_ = good;
  content_["config.json"] = R"({"model_type":"ocellus","name":"x","dimension":3,
    "vision":{"output":"last_hidden_state"}})";
  EXPECT_THAT(complaint(), HasSubstr("output \"last_hidden_state\": has shape"));

  content_ = good;
  content_["preprocessor_config.json"] = testing::SmallBundle()["preprocessor_config.json"];
  EXPECT_THAT(complaint(), HasSubstr("vision_model.onnx: input \"pixel_values\": has shape"));
}

}  // namespace
}  // namespace ocellus::embed
