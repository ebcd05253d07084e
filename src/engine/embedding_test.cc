#include "engine/embedding.h"

#include <gtest/gtest.h>

#include <memory>

#include "engine/testing/colour_embedder.h"
#include "engine/testing/memory_store.h"

namespace ocellus::engine {
namespace {

using testing::ColourEmbedder;

class EmbeddingsTest : public ::testing::Test {
 protected:
  EmbeddingsTest() {
    auto first = std::make_unique<ColourEmbedder>("first");
    first_ = first.get();
    EXPECT_TRUE(bundles_.Add(std::move(first)).ok());
    EXPECT_TRUE(bundles_.Add(std::make_unique<ColourEmbedder>("pictures", "digest-2", false)).ok());
  }

  testing::MemoryStore store_;
  embed::BundleRegistry bundles_;
  MetricsRegistry metrics_;
  ColourEmbedder* first_ = nullptr;
  EngineOptions options_{.picture_limits = {.max_bytes = 1 << 20, .max_pixels = 10'000}};
  Engine engine_{store_, bundles_, options_, metrics_};
  Embeddings embeddings_{engine_, bundles_};
};

TEST_F(EmbeddingsTest, NoBytesAreAPictureByName) {
  for (const std::string& bytes :
       {std::string(), std::string("no picture"), testing::JpegOf(testing::kRed).substr(0, 100)}) {
    const auto result = embeddings_.Embed("", PictureQuery{AsBytes(bytes)});
    EXPECT_EQ(result.status().code(), Code::kInvalidArgument) << bytes.size();
  }
}

TEST_F(EmbeddingsTest, LimitsHold) {
  const std::string bomb = testing::PngHeaderOf(50'000, 50'000);
  const auto result = embeddings_.Embed("", PictureQuery{AsBytes(bomb)});
  EXPECT_EQ(result.status().code(), Code::kInvalidArgument);
}

TEST_F(EmbeddingsTest, GivesThatModelsVectors) {
  const std::string red = testing::JpegOf(testing::kRed);
  const auto picture = embeddings_.Embed("first", PictureQuery{AsBytes(red)});
  ASSERT_TRUE(picture.ok()) << picture.status().message();
  EXPECT_EQ(picture->vector.size(), 4U);
  EXPECT_EQ(picture->tokens, 0U);
  const auto text = embeddings_.Embed("", TextQuery{"red"});
  ASSERT_TRUE(text.ok()) << text.status().message();
  EXPECT_GT(text->tokens, 0U);
  EXPECT_NEAR(text->vector[0], picture->vector[0], 0.02);
}

TEST_F(EmbeddingsTest, SaysWhatAModelCannot) {
  EXPECT_EQ(embeddings_.Embed("pictures", TextQuery{"red"}).status().code(),
            Code::kFailedPrecondition);
  EXPECT_EQ(embeddings_.Embed("", TextQuery{" "}).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(embeddings_.Embed("third", TextQuery{"red"}).status().code(), Code::kNotFound);
  first_->Fail(Code::kUnavailable);
  EXPECT_EQ(embeddings_.Embed("", TextQuery{"red"}).status().code(), Code::kUnavailable);
}

TEST_F(EmbeddingsTest, NamesTheModels) {
  ASSERT_EQ(embeddings_.Models().size(), 2U);
  EXPECT_EQ(embeddings_.Models()[0].name, "first");
  EXPECT_EQ(embeddings_.Find("")->name, "first");
  EXPECT_FALSE(embeddings_.Find("pictures")->embeds_text);
  const auto unknown = embeddings_.Find("third");
  EXPECT_NE(unknown.status().message().find("\"pictures\""), std::string::npos);
}

}  // namespace
}  // namespace ocellus::engine
