// What stands around the networks, with networks that are none.

#include "embed/bundle_embedder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "embed/registry.h"
#include "embed/testing/fake_model.h"
#include "embed/testing/small_bundle.h"
#include "os/temporary_directory.h"

namespace ocellus::embed {
namespace {

using ::testing::ElementsAre;
using testing::FakeModel;
using ::testing::FloatNear;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class BundleEmbedderTest : public ::testing::Test {
 protected:
  // A text network as wide as `text_size`; 0: none.
  BundleEmbedder& Make(std::size_t text_size, const EmbedderOptions& options = OneStream()) {
    os::PosixFileSystem files;
    auto content = testing::SmallBundle();
    if (text_size == 0) {
      content["config.json"] = R"({"model_type":"ocellus","name":"small","dimension":4})";
    }
    testing::WriteBundle(temporary_.path(), content);
    auto bundle = LoadBundle(files, temporary_.path());
    EXPECT_TRUE(bundle.ok()) << (bundle.ok() ? "" : bundle.status().message());
    auto picture = std::make_unique<FakeModel>(4, 4);
    auto text = text_size == 0 ? nullptr : std::make_unique<FakeModel>(text_size, 4);
    picture_model_ = picture.get();
    text_model_ = text.get();
    embedder_ = std::make_unique<BundleEmbedder>(*std::move(bundle), options, std::move(picture),
                                                 std::move(text), metrics_);
    return *embedder_;
  }

  static EmbedderOptions OneStream() {
    EmbedderOptions options;
    options.streams = 1;
    return options;
  }

  static image::Picture Black() {
    image::Picture picture;
    picture.width = 8;
    picture.height = 8;
    picture.rgb.assign(192, 0);
    return picture;
  }

  os::TemporaryDirectory temporary_;
  MetricsRegistry metrics_;
  std::unique_ptr<BundleEmbedder> embedder_;
  FakeModel* picture_model_ = nullptr;
  FakeModel* text_model_ = nullptr;
};

TEST_F(BundleEmbedderTest, VectorsAreOfLengthOne) {
  BundleEmbedder& embedder = Make(4);
  const auto picture = embedder.EmbedPicture(Black());
  ASSERT_TRUE(picture.ok()) << picture.status().message();
  EXPECT_THAT(*picture, ElementsAre(0.5F, 0.5F, 0.5F, 0.5F));
  const auto text = embedder.EmbedText("dog");
  ASSERT_TRUE(text.ok()) << text.status().message();
  EXPECT_THAT(*text, ElementsAre(0.5F, 0.5F, 0.5F, 0.5F));
}

TEST_F(BundleEmbedderTest, ANarrowTextNetworkFillsItsPart) {
  const auto text = Make(2).EmbedText("dog");
  ASSERT_TRUE(text.ok());
  const float half = std::sqrt(0.5F);
  EXPECT_THAT(*text, ElementsAre(0.F, FloatNear(half, 1e-6F), FloatNear(half, 1e-6F), 0.F));
}

TEST_F(BundleEmbedderTest, LengthsAreStepsUpToTheLimit) {
  BundleEmbedder& embedder = Make(4);
  for (const char* text : {"dog", "dog cat", "dog cat dog", "dog dog dog dog dog dog dog dog"}) {
    ASSERT_TRUE(embedder.EmbedText(text).ok());
  }
  EXPECT_THAT(text_model_->batches(),
              ElementsAre(ElementsAre(4), ElementsAre(4), ElementsAre(8), ElementsAre(8)));
}

TEST_F(BundleEmbedderTest, TheSameTokensComeFromTheCache) {
  BundleEmbedder& embedder = Make(4);
  for (const char* text : {"dogs cat", " Dogs\tCAT ", "dogs cat"}) {
    ASSERT_TRUE(embedder.EmbedText(text).ok());
  }
  EXPECT_THAT(text_model_->batches(), SizeIs(1));
  EXPECT_THAT(metrics_.Expose(),
              HasSubstr("ocellus_embed_text_cache_hits_total{bundle=\"small\"} 2"));
}

TEST_F(BundleEmbedderTest, TheCacheForgetsWhatWasNotAskedForLongest) {
  EmbedderOptions options = OneStream();
  options.text_cache_entries = 2;
  BundleEmbedder& embedder = Make(4, options);
  for (const char* text : {"dog", "cat", "dog", "dogs", "dog", "cat"}) {
    ASSERT_TRUE(embedder.EmbedText(text).ok());
  }
  EXPECT_THAT(text_model_->batches(), SizeIs(4));  // "cat" twice
}

TEST_F(BundleEmbedderTest, RefusesWhatHasNoVector) {
  BundleEmbedder& embedder = Make(4);
  for (const char* text : {"", " \n", "\x01"}) {
    EXPECT_EQ(embedder.EmbedText(text).status().code(), Code::kInvalidArgument);
  }
  EXPECT_EQ(embedder.EmbedText("\xFF").status().code(), Code::kInvalidArgument);
  EXPECT_EQ(embedder.EmbedPicture({}).status().code(), Code::kInvalidArgument);
  image::Picture short_of_pixels = Black();
  short_of_pixels.rgb.pop_back();
  EXPECT_EQ(embedder.EmbedPicture(short_of_pixels).status().code(), Code::kInvalidArgument);
  EXPECT_THAT(text_model_->batches(), IsEmpty());
}

TEST_F(BundleEmbedderTest, WithoutATextTower) {
  const auto text = Make(0).EmbedText("dog");
  ASSERT_FALSE(text.ok());
  EXPECT_EQ(text.status().code(), Code::kFailedPrecondition);
  EXPECT_THAT(text.status().message(), HasSubstr("bundle \"small\" embeds pictures only"));
}

TEST_F(BundleEmbedderTest, AFailureIsNotCached) {
  BundleEmbedder& embedder = Make(4);
  text_model_->Fail();
  EXPECT_EQ(embedder.EmbedText("dog").status().code(), Code::kInternal);
  EXPECT_EQ(embedder.EmbedText("dog").status().code(), Code::kInternal);
  EXPECT_THAT(text_model_->batches(), SizeIs(2));
}

TEST_F(BundleEmbedderTest, StopWhileBusy) {
  BundleEmbedder& embedder = Make(4);
  picture_model_->Hold();
  std::thread busy([&] { EXPECT_TRUE(embedder.EmbedPicture(Black()).ok()); });
  picture_model_->WaitUntilRunning(1);
  std::thread stopper([&] { embedder.Stop(); });
  picture_model_->Release();
  stopper.join();
  busy.join();
  EXPECT_EQ(embedder.EmbedPicture(Black()).status().code(), Code::kUnavailable);
  EXPECT_EQ(embedder.EmbedText("dog").status().code(), Code::kUnavailable);
}

TEST_F(BundleEmbedderTest, CallersSideBySide) {
  EmbedderOptions options;
  options.streams = 2;
  options.text_cache_entries = 2;
  BundleEmbedder& embedder = Make(4, options);
  std::vector<std::thread> callers;
  callers.reserve(6);
  for (int i = 0; i < 6; ++i) {
    callers.emplace_back([&, i] {
      for (int k = 0; k < 50; ++k) {
        EXPECT_TRUE(embedder.EmbedText(i % 2 == 0 ? "dog" : k % 3 == 0 ? "cat" : "cats").ok());
        EXPECT_TRUE(embedder.EmbedPicture(Black()).ok());
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
}

TEST_F(BundleEmbedderTest, TheRegistryLoadsEachBundleOnce) {
  Make(4);
  BundleRegistry registry;
  ASSERT_TRUE(registry.Add(std::move(embedder_)).ok());
  EXPECT_EQ(registry.Load("large").status().code(), Code::kNotFound);  // nowhere to look

  class Named final : public Embedder {
   public:
    Named() { info_.name = "large"; }
    const BundleInfo& info() const override { return info_; }
    Result<std::vector<float>> EmbedPicture(const image::Picture&) override {
      return std::vector<float>{1};
    }
    Result<std::vector<float>> EmbedText(std::string_view) override {
      return std::vector<float>{1};
    }

   private:
    BundleInfo info_;
  };
  std::atomic<int> asked = 0;
  registry.SetSource([&](const std::string& name) -> Result<std::unique_ptr<Embedder>> {
    ++asked;
    if (name == "broken") return Status(Code::kInvalidArgument, "config.json: not valid JSON");
    if (name != "large") return Status(Code::kNotFound, "none");
    // Others are answered while one is loaded.
    EXPECT_TRUE(registry.Find("small").ok());
    EXPECT_EQ(registry.All().size(), 1U);
    return std::unique_ptr<Embedder>(std::make_unique<Named>());
  });
  const auto broken = registry.Load("broken");
  EXPECT_EQ(broken.status().code(), Code::kFailedPrecondition);
  EXPECT_EQ(broken.status().message(),
            "the bundle \"broken\" cannot be loaded: config.json: not valid JSON");
  EXPECT_EQ(registry.Load("missing").status().message(),
            "there is no bundle \"missing\"; there is \"small\"");
  asked = 0;
  std::vector<std::thread> callers;
  callers.reserve(4);
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&] { EXPECT_EQ((*registry.Load("large"))->info().name, "large"); });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(registry.All().size(), 2U);
  EXPECT_EQ(registry.Default().info().name, "small");
}

TEST_F(BundleEmbedderTest, TheRegistryFindsByName) {
  Make(4);
  BundleRegistry registry;
  Embedder* const small = embedder_.get();
  ASSERT_TRUE(registry.Add(std::move(embedder_)).ok());
  EXPECT_EQ(&registry.Default(), small);
  EXPECT_EQ(*registry.Find("small"), small);
  EXPECT_THAT(registry.All(), ElementsAre(small));
  const auto missing = registry.Find("large");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.status().code(), Code::kNotFound);
  EXPECT_EQ(missing.status().message(), "there is no bundle \"large\"; there is \"small\"");
  Make(4);
  EXPECT_EQ(registry.Add(std::move(embedder_)).code(), Code::kAlreadyExists);
  registry.Stop();
  EXPECT_EQ(small->EmbedText("dog").status().code(), Code::kUnavailable);
}

}  // namespace
}  // namespace ocellus::embed
