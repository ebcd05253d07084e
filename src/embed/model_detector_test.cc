#include "embed/model_detector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "embed/testing/small_bundle.h"
#include "embed/testing/subject_network.h"
#include "os/temporary_directory.h"

namespace ocellus::embed {
namespace {

using ::testing::HasSubstr;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Of one colour, but for a first half that is `contrast` nearer to grey.
image::Picture PictureOf(std::uint32_t width, std::uint32_t height, std::uint8_t red = 128,
                         std::uint8_t green = 128, std::uint8_t blue = 128, int contrast = 16) {
  image::Picture picture = {width, height, {}};
  const std::size_t pixels = std::size_t{width} * height;
  for (std::size_t i = 0; i < pixels; ++i) {
    const int other = i < pixels / 2 ? contrast : 0;
    for (const int value : {red, green, blue}) {
      picture.rgb.push_back(static_cast<std::uint8_t>(value + (value < 128 ? other : -other)));
    }
  }
  return picture;
}

// Gives the same numbers for every item.
class Saying final : public Model {
 public:
  explicit Saying(std::vector<float> output) : output_(std::move(output)) {}
  std::size_t output_size() const override { return output_.size(); }
  std::size_t max_batch() const override { return 4; }
  Status Run(std::size_t /*stream*/, std::span<const ModelItem* const> batch) override {
    for (const ModelItem* item : batch) {
      std::copy(output_.begin(), output_.end(), item->output.begin());
    }
    return {};
  }

 private:
  const std::vector<float> output_;
};

Bundle::Subjects Subjects() {
  Bundle::Subjects subjects;
  subjects.bundle = "small";
  subjects.input = "pixel_values";
  subjects.boxes = "boxes";
  subjects.scores = "scores";
  subjects.side = 32;
  subjects.min_score = 0.5;
  subjects.nms_iou = 0.5;
  subjects.mean = {0.5, 0.5, 0.5};
  subjects.deviation = {0.5, 0.5, 0.5};
  return subjects;
}

Result<std::vector<SubjectBox>> Find(std::vector<float> boxes, const std::vector<float>& scores,
                                     const image::Picture& picture = PictureOf(100, 50)) {
  MetricsRegistry metrics;
  boxes.insert(boxes.end(), scores.begin(), scores.end());
  EmbedderOptions options;
  options.streams = 1;
  const ModelDetector detector(Subjects(), options, std::make_unique<Saying>(std::move(boxes)),
                               metrics);
  return detector.Find(picture);
}

std::vector<std::uint32_t> Numbers(const image::Box& box) {
  return {box.x, box.y, box.width, box.height};
}

TEST(ModelDetector, SaysWhatIsNoNumber) {
  for (const float wrong : {kNaN, kInfinity}) {
    EXPECT_EQ(Find({wrong, 0, 1, 1}, {0.9F}).status().code(), Code::kInternal);
    EXPECT_EQ(Find({0, 0, 1, 1}, {wrong}).status().code(), Code::kInternal);
  }
}

TEST(ModelDetector, BoxesAreInsideThePicture) {
  for (const image::Picture& picture :
       {PictureOf(2, 1), PictureOf(3, 1000), PictureOf(1000, 3), PictureOf(7, 5)}) {
    const auto found = Find({-5, -1e30F, 1e30F, 7, 0.999F, 0.999F, 0.9991F, 0.9991F,  //
                             0.7F, 0.7F, 0.2F, 0.9F, 0.3F, 0.3F, 0.3F, 0.9F},
                            {0.9F, 0.8F, 0.99F, 0.99F}, picture);
    ASSERT_TRUE(found.ok());
    ASSERT_EQ(found->size(), 2U);  // those turned inside out are none
    for (const SubjectBox& one : *found) {
      EXPECT_GE(one.box.width, 1U);
      EXPECT_GE(one.box.height, 1U);
      EXPECT_LE(one.box.x + one.box.width, picture.width);
      EXPECT_LE(one.box.y + one.box.height, picture.height);
    }
  }
}

TEST(ModelDetector, BestFirstWithoutWhatLiesOnABetterOne) {
  const auto found = Find({0.1F,  0.2F, 0.3F,  0.6F,    // worse than the next but one
                           0.11F, 0.2F, 0.3F,  0.6F,    // on the first
                           0.5F,  0,    1,     1,       // the best
                           0.2F,  0.2F, 0.4F,  0.6F,    // half on the first: a third of both
                           0.9F,  0.9F, 0.95F, 0.95F},  // below the threshold
                          {0.7F, 0.69F, 2.0F, 0.6F, 0.49F});
  ASSERT_TRUE(found.ok());
  ASSERT_EQ(found->size(), 3U);
  EXPECT_EQ(Numbers((*found)[0].box), (std::vector<std::uint32_t>{50, 0, 50, 50}));
  EXPECT_EQ((*found)[0].score, 1);  // within 0..1
  EXPECT_EQ(Numbers((*found)[1].box), (std::vector<std::uint32_t>{10, 10, 21, 21}));
  EXPECT_EQ((*found)[2].score, 0.6F);
}

TEST(ModelDetector, TheWholePictureWhereNothingIsFound) {
  const auto found = Find({0, 0, 0.5F, 0.5F}, {0.1F});
  ASSERT_TRUE(found.ok());
  ASSERT_EQ(found->size(), 1U);
  EXPECT_EQ(Numbers(found->front().box), (std::vector<std::uint32_t>{0, 0, 100, 50}));
  EXPECT_EQ(found->front().score, 0);
}

TEST(ModelDetector, APictureOfOneColourHasNoSubject) {
  for (const std::uint8_t grey : std::vector<std::uint8_t>{0, 90, 255}) {
    for (const image::Picture& picture :
         {PictureOf(1, 1, grey, grey, grey), PictureOf(300, 200, grey, 30, grey, 7)}) {
      const auto found = Find({0, 0, 0.5F, 0.5F}, {0.9F}, picture);
      ASSERT_TRUE(found.ok());
      ASSERT_EQ(found->size(), 1U);
      EXPECT_EQ(Numbers(found->front().box),
                (std::vector<std::uint32_t>{0, 0, picture.width, picture.height}));
      EXPECT_EQ(found->front().score, 0);
    }
  }
}

constexpr const char* kConfig = R"({"model":"onnx/subject_model.onnx","input":"pixel_values",
  "boxes":"boxes","scores":"scores","side":32,"min_score":0.5,"nms_iou":0.5})";
const std::vector<float> kPlaces = {0, 0, 0.5F, 0.5F, 0.5F, 0, 1, 1, 0, 0.5F, 0.5F, 1};

class SubjectsOfABundle : public ::testing::Test {
 protected:
  void SetUp() override {
    content_ = testing::SmallBundle();
    content_["subjects.json"] = kConfig;
    content_["onnx/subject_model.onnx"] = testing::SubjectNetwork(kPlaces, 32);
  }
  Result<Bundle> Load() {
    testing::WriteBundle(temporary_.path(), content_);
    return LoadBundle(files_, temporary_.path());
  }
  Result<std::unique_ptr<SubjectDetector>> Make() {
    OCELLUS_ASSIGN_OR_RETURN(const Bundle bundle, Load());
    EmbedderOptions options;
    options.streams = 2;
    return MakeDetector(*bundle.subjects, options, metrics_);
  }
  std::string Complaint() {
    const auto made = Make();
    EXPECT_FALSE(made.ok());
    if (made.ok()) return "";
    EXPECT_EQ(made.status().code(), Code::kInvalidArgument);
    return made.status().message();
  }

  os::TemporaryDirectory temporary_;
  os::PosixFileSystem files_;
  MetricsRegistry metrics_;
  std::map<std::string, std::string> content_;
};

TEST_F(SubjectsOfABundle, AreFoundByItsNetwork) {
  const auto detector = Make();
  ASSERT_TRUE(detector.ok()) << detector.status().message();
  const auto find = [&](const image::Picture& picture) {
    const auto found = (*detector)->Find(picture);
    EXPECT_TRUE(found.ok()) << found.status().message();
    return found.ok() ? Numbers(found->front().box) : std::vector<std::uint32_t>();
  };
  // Bytes become -1..1, so that a channel of 255 alone is over the threshold.
  EXPECT_EQ(find(PictureOf(40, 20, 255, 0, 0)), (std::vector<std::uint32_t>{0, 0, 20, 10}));
  EXPECT_EQ(find(PictureOf(40, 20, 0, 255, 0)), (std::vector<std::uint32_t>{20, 0, 20, 20}));
  EXPECT_EQ(find(PictureOf(40, 20, 0, 0, 255)), (std::vector<std::uint32_t>{0, 10, 20, 10}));
  EXPECT_EQ(find(PictureOf(40, 20)), (std::vector<std::uint32_t>{0, 0, 40, 20}));
}

TEST_F(SubjectsOfABundle, AreNoPartOfItsDigest) {
  const Result<Bundle> with = Load();
  ASSERT_TRUE(with.ok()) << with.status().message();
  EXPECT_THAT(with->files, ::testing::IsSupersetOf({"subjects.json", "onnx/subject_model.onnx"}));
  content_["subjects.json"] += " ";
  EXPECT_EQ(Load()->info.digest, with->info.digest);
  ASSERT_TRUE(files_.Remove(temporary_.path() + "/subjects.json").ok());
  content_.erase("subjects.json");
  const Result<Bundle> without = Load();
  ASSERT_TRUE(without.ok());
  EXPECT_FALSE(without->subjects.has_value());
  EXPECT_EQ(without->info.digest, with->info.digest);
}

TEST_F(SubjectsOfABundle, DescriptionsThatAreWrongAreRefused) {
  const std::vector<std::pair<const char*, const char*>> changes = {
      {R"("onnx/subject_model.onnx")", R"("../other/model.onnx")"},
      {R"("onnx/subject_model.onnx")", R"("/etc/passwd")"},
      {R"("model")", R"("modell")"},
      {R"("side":32)", R"("side":4096)"},
      {R"("side":32)", R"("side":"32")"},
      {R"("min_score":0.5)", R"("min_score":1.5)"},
      {R"("min_score":0.5)", R"("image_std":[1,0,1],"min_score":0.5)"},
      {R"("min_score":0.5)", R"("image_mean":[1,2],"min_score":0.5)"},
      {R"("nms_iou":0.5)", R"("nms_iou":-1)"},
      {R"("nms_iou":0.5)", R"("nms":0.5)"},
  };
  for (const auto& [from, to] : changes) {
    content_["subjects.json"] = testing::Replaced(kConfig, from, to);
    EXPECT_THAT(Complaint(), HasSubstr("/subjects.json: ")) << to;
  }
}

TEST_F(SubjectsOfABundle, NetworksThatDoNotFitAreRefused) {
  content_["onnx/subject_model.onnx"] = "no network";
  EXPECT_THAT(Complaint(), HasSubstr("/onnx/subject_model.onnx: "));
  content_["onnx/subject_model.onnx"] = testing::SubjectNetwork(kPlaces, 32, "places_2");
  EXPECT_THAT(Complaint(), HasSubstr("expected outputs \"boxes\" and \"scores\", got"));
  content_["onnx/subject_model.onnx"] = testing::SubjectNetwork(kPlaces, 64);
  EXPECT_THAT(Complaint(), HasSubstr("pixel_values"));
  std::vector<float> places = kPlaces;
  places[5] = kNaN;
  content_["onnx/subject_model.onnx"] = testing::SubjectNetwork(places, 32);
  EXPECT_THAT(Complaint(), HasSubstr("NaN"));
  content_["onnx/subject_model.onnx"] = testing::SubjectNetwork(kPlaces, 32);
  content_["subjects.json"] =
      testing::Replaced(kConfig, R"("scores":"scores")", R"("scores":"boxes")");
  EXPECT_THAT(Complaint(), HasSubstr("scores of shape [n, k]"));
}

}  // namespace
}  // namespace ocellus::embed
