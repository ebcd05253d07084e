#include "embed/bundle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "base/digest.h"
#include "embed/testing/files.h"
#include "embed/testing/small_bundle.h"
#include "os/temporary_directory.h"

namespace ocellus::embed {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using testing::Replaced;

class BundleTest : public ::testing::Test {
 protected:
  Result<Bundle> Load() {
    testing::WriteBundle(Directory(), content_);
    return LoadBundle(files_, Directory());
  }

  // What is said about the bundle once `from` in one file has become `to`.
  std::string Complaint(const std::string& file, const std::string& from, const std::string& to) {
    const std::string good = content_[file];
    content_[file] = from.empty() ? to : Replaced(good, from, to);
    const auto bundle = Load();
    content_[file] = good;
    EXPECT_FALSE(bundle.ok());
    if (bundle.ok()) return "";
    EXPECT_EQ(bundle.status().code(), Code::kInvalidArgument);
    EXPECT_TRUE(bundle.status().message().starts_with(Directory() + "/" + file + ": "))
        << bundle.status().message();
    return bundle.status().message();
  }

  std::string Directory() const { return temporary_.path() + "/small-folder"; }

  os::TemporaryDirectory temporary_;
  os::PosixFileSystem files_;
  std::map<std::string, std::string> content_ = testing::SmallBundle();
};

TEST_F(BundleTest, ReadsAllOfIt) {
  const auto bundle = Load();
  ASSERT_TRUE(bundle.ok()) << bundle.status().message();
  EXPECT_EQ(bundle->info.name, "small");
  EXPECT_EQ(bundle->version, "1");
  EXPECT_EQ(bundle->info.dimension, 4U);
  EXPECT_EQ(bundle->info.picture_side, 8U);
  EXPECT_TRUE(bundle->info.embeds_text);
  EXPECT_EQ(bundle->info.max_text_tokens, 8U);
  EXPECT_EQ(bundle->text->dimension, 2U);
  EXPECT_EQ(bundle->text->offset, 1U);
  EXPECT_EQ(bundle->text->pad_to_multiple_of, 4U);
  EXPECT_EQ(*bundle->text->tokenizer->Encode("dogs", 8), (std::vector<std::int32_t>{1, 4, 6, 2}));
  EXPECT_THAT(bundle->vision.model_path, EndsWith("small-folder/onnx/vision_model.onnx"));
}

TEST_F(BundleTest, DigestIsThatOfSha256sumsOutput) {
  const auto bundle = Load();
  ASSERT_TRUE(bundle.ok());
  std::string lines;
  for (const char* name : {"config.json", "preprocessor_config.json", "tokenizer.json",
                           "onnx/vision_model.onnx", "onnx/text_model.onnx"}) {
    lines += Sha256Hex(AsBytes(content_[name])) + "  " + name + "\n";
  }
  EXPECT_EQ(bundle->info.digest, Sha256Hex(AsBytes(lines)));
}

TEST_F(BundleTest, EveryFileDecidesTheDigest) {
  const auto before = Load();
  ASSERT_TRUE(before.ok());
  for (auto& [name, text] : content_) {
    const std::string good = text;
    // In an ONNX file, a field that nobody looks at.
    text += name.ends_with(".onnx") ? std::string("\x28\x01") : std::string("\n");
    const auto after = Load();
    ASSERT_TRUE(after.ok()) << after.status().message();
    EXPECT_NE(before->info.digest, after->info.digest) << name;
    text = good;
  }
}

TEST_F(BundleTest, MissingFilesAreNamed) {
  for (const auto& [name, text] : testing::SmallBundle()) {
    ASSERT_TRUE(Load().ok());
    ASSERT_TRUE(files_.Remove(Directory() + "/" + name).ok());
    const auto bundle = LoadBundle(files_, Directory());
    ASSERT_FALSE(bundle.ok()) << name;
    EXPECT_EQ(bundle.status().code(), Code::kNotFound);
    EXPECT_THAT(bundle.status().message(), HasSubstr(Directory() + "/" + name));
  }
  const auto nothing = LoadBundle(files_, "/nowhere");
  ASSERT_FALSE(nothing.ok());
  EXPECT_EQ(nothing.status().code(), Code::kNotFound);
  EXPECT_THAT(nothing.status().message(), HasSubstr("/nowhere/config.json"));
}

TEST_F(BundleTest, WithoutTextInTheConfigurationThereIsNoTextTower) {
  content_ = testing::SmallBundle();
  content_["config.json"] = R"({"model_type":"ocellus","name":"pictures","dimension":4})";
  const auto bundle = Load();
  ASSERT_TRUE(bundle.ok()) << bundle.status().message();
  EXPECT_FALSE(bundle->info.embeds_text);
  EXPECT_FALSE(bundle->text.has_value());
}

TEST_F(BundleTest, ComplaintsAboutTheConfiguration) {
  const std::string file = "config.json";
  EXPECT_THAT(Complaint(file, "", "{\"a\":"), HasSubstr("not valid JSON"));
  EXPECT_THAT(Complaint(file, "", "[1]"), HasSubstr("expected a JSON object, got array"));
  EXPECT_THAT(Complaint(file, "", "{}"),
              HasSubstr("\"model_type\": expected a string, but it is missing"));
  EXPECT_THAT(Complaint(file, "\"ocellus\"", "\"siglip9\""),
              HasSubstr("\"model_type\": \"siglip9\" is not supported; ocellus, clip, "));
  EXPECT_THAT(Complaint(file, "\"dimension\":4", "\"dimension\":\"4\""),
              HasSubstr("\"dimension\": expected an integer 1..4096, got string"));
  EXPECT_THAT(Complaint(file, "\"dimension\":4", "\"dimension\":0"),
              HasSubstr("\"dimension\": expected an integer 1..4096, got 0"));
  EXPECT_THAT(Complaint(file, "\"name\":\"small\"", "\"name\":\"\""),
              HasSubstr("\"name\": is empty"));
  EXPECT_THAT(Complaint(file, "\"dimension\":2", "\"dimension\":5"),
              HasSubstr("\"text.dimension\": expected an integer 1..4, got 5"));
  EXPECT_THAT(Complaint(file, "\"offset\":1", "\"offset\":3"),
              HasSubstr("\"text.offset\": expected an integer 0..2, got 3"));
  EXPECT_THAT(Complaint(file, "\"max_tokens\":8,", ""),
              HasSubstr("\"text.max_tokens\": expected an integer 3..512, but it is missing"));
  EXPECT_THAT(Complaint(file, "\"text\":{", "\"text\":true,\"x\":{"),
              HasSubstr("\"text\": expected an object, got boolean"));
}

TEST_F(BundleTest, ReadsTheCurvesOfItsScores) {
  EXPECT_FALSE(Load()->info.picture_scores.has_value());
  const std::string with = R"("version":"1","scores":{"picture":{"slope":9.5,"offset":-7},
      "text":{"slope":12,"offset":-3.25}},)";
  content_["config.json"] = Replaced(content_["config.json"], R"("version":"1",)", with);
  const auto bundle = Load();
  ASSERT_TRUE(bundle.ok()) << bundle.status().message();
  EXPECT_EQ(bundle->info.picture_scores->slope, 9.5);
  EXPECT_EQ(bundle->info.text_scores->offset, -3.25);
  EXPECT_NEAR(bundle->info.picture_scores->Score(7 / 9.5), 0.5, 1e-12);
  EXPECT_LT(bundle->info.text_scores->Score(-1), bundle->info.text_scores->Score(1));
  EXPECT_THAT(Complaint("config.json", "9.5", "0"),
              HasSubstr("\"scores.picture.slope\": expected a number above 0"));
  EXPECT_THAT(Complaint("config.json", "9.5", "1e999"), HasSubstr("config.json"));
  EXPECT_THAT(Complaint("config.json", "-3.25", "\"x\""),
              HasSubstr("\"scores.text.offset\": expected a number, got string"));
}

TEST_F(BundleTest, TakesTheNamesThatHubsUse) {
  const std::string plain = Load()->info.digest;
  content_["onnx/vision_model_quantized.onnx"] = testing::kEmptyGraph;
  content_["onnx/vision_model_fp16.onnx"] = testing::kEmptyGraph;
  EXPECT_EQ(Load()->info.digest, plain);  // the exact one goes first
  const auto fp16 = LoadBundle(files_, Directory(), {.name = {}, .variant = "fp16"});
  ASSERT_TRUE(fp16.ok()) << fp16.status().message();
  EXPECT_THAT(fp16->vision.model_path, EndsWith("/onnx/vision_model_fp16.onnx"));
  EXPECT_THAT(fp16->text->model_path, EndsWith("/onnx/text_model.onnx"));
  EXPECT_NE(fp16->info.digest, plain);
  const auto int8 = LoadBundle(files_, Directory(), {.name = {}, .variant = "int8"});
  ASSERT_FALSE(int8.ok());
  EXPECT_THAT(int8.status().message(), HasSubstr("onnx/vision_model_int8.onnx is not there"));
}

TEST_F(BundleTest, NaFlexIsRefusedWithTheReason) {
  EXPECT_THAT(Complaint("config.json", "\"ocellus\"", "\"siglip2\""), HasSubstr("NaFlex"));
}

TEST_F(BundleTest, ComplaintsAboutTheOtherFiles) {
  EXPECT_THAT(Complaint("preprocessor_config.json", "\"resample\":3", "\"resample\":0"),
              HasSubstr("\"resample\": 0 (nearest) is not supported"));
  EXPECT_THAT(Complaint("tokenizer.json", "\"WordPiece\"", "\"WordLevel\""),
              HasSubstr("\"model.type\": \"WordLevel\" is not supported"));
  EXPECT_THAT(Complaint("onnx/text_model.onnx", "", ""), HasSubstr("is empty"));
}

// A CLIP export as model hubs have it: no name, the two older tokenizer files.
TEST_F(BundleTest, ReadsAClipExport) {
  const auto vocabulary = testing::ReadFile(testing::Shared("data/tokenizers/clip/vocab.json"));
  const auto merges = testing::ReadFile(testing::Shared("data/tokenizers/clip/merges.txt"));
  if (!vocabulary || !merges) GTEST_SKIP() << "data/tokenizers/clip of $OCELLUS_SHARED is missing";
  content_.erase("tokenizer.json");
  content_["vocab.json"] = *vocabulary;
  content_["merges.txt"] = *merges;
  content_["config.json"] = R"({"model_type":"clip","projection_dim":512,
    "text_config":{"max_position_embeddings":77},"vision_config":{"image_size":224}})";
  content_["preprocessor_config.json"] = R"({"crop_size":224,"do_center_crop":true,
    "do_normalize":true,"do_resize":true,"image_mean":[0.48145466,0.4578275,0.40821073],
    "image_std":[0.26862954,0.26130258,0.27577711],"resample":3,"size":224})";
  const auto bundle = Load();
  ASSERT_TRUE(bundle.ok()) << bundle.status().message();
  EXPECT_EQ(bundle->info.name, "small-folder");
  EXPECT_EQ(bundle->info.dimension, 512U);
  EXPECT_EQ(bundle->info.picture_side, 224U);
  EXPECT_EQ(bundle->info.max_text_tokens, 77U);
  EXPECT_EQ(bundle->text->tokenizer->pad_id(), 49407);

  content_["merges.txt"] = "i n extra words\n";
  const auto broken = Load();
  ASSERT_FALSE(broken.ok());
  EXPECT_THAT(broken.status().message(),
              AllOf(HasSubstr(Directory() + "/merges.txt line 1"), HasSubstr("not in the")));
}

TEST_F(BundleTest, TheDefaultBundleLoads) {
  if (!testing::ReadFile(testing::DefaultBundle() + "/config.json")) {
    GTEST_SKIP() << "models/default is not there";
  }
  const auto bundle = LoadBundle(files_, testing::DefaultBundle());
  ASSERT_TRUE(bundle.ok()) << bundle.status().message();
  EXPECT_TRUE(bundle->info.embeds_text);
  EXPECT_EQ(bundle->info.digest.size(), 64U);
}

}  // namespace
}  // namespace ocellus::embed
