#include "embed/preprocessor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "embed/testing/small_bundle.h"

namespace ocellus::embed {
namespace {

using ::testing::HasSubstr;
using testing::Replaced;

const std::string kOurs = testing::SmallBundle()["preprocessor_config.json"];
constexpr const char* kClip = R"({"crop_size":{"height":4,"width":4},"do_center_crop":true,
    "do_normalize":true,"do_rescale":true,"do_resize":true,"image_mean":[0.5,0.4,0.3],
    "image_std":[0.25,0.5,0.125],"resample":3,"rescale_factor":0.00392156862745098,
    "size":{"shortest_edge":4}})";
constexpr const char* kSquashed = R"({"do_normalize":true,"do_resize":true,
    "image_mean":[0.5,0.5,0.5],"image_std":[0.5,0.5,0.5],"size":{"height":4,"width":6}})";

PicturePreprocessor Parsed(const std::string& json) {
  auto result = PicturePreprocessor::Parse(json);
  EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.status().message());
  return result.ok() ? *std::move(result) : PicturePreprocessor();
}

std::string Complaint(const std::string& json) {
  const auto result = PicturePreprocessor::Parse(json);
  EXPECT_FALSE(result.ok());
  return result.ok() ? "" : result.status().message();
}

// Columns of one value each in red, rows in green.
image::Picture Pattern(std::uint32_t width, std::uint32_t height) {
  image::Picture picture;
  picture.width = width;
  picture.height = height;
  for (std::uint32_t y = 0; y < height; ++y) {
    for (std::uint32_t x = 0; x < width; ++x) {
      picture.rgb.push_back(static_cast<std::uint8_t>(x));
      picture.rgb.push_back(static_cast<std::uint8_t>(y));
      picture.rgb.push_back(200);
    }
  }
  return picture;
}

std::vector<std::uint8_t> Prepared(const PicturePreprocessor& preprocessor,
                                   const image::Picture& picture) {
  std::vector<std::uint8_t> out(preprocessor.output_bytes());
  preprocessor.Run(picture, out);
  return out;
}

std::vector<float> Floats(const std::vector<std::uint8_t>& bytes) {
  std::vector<float> floats(bytes.size() / sizeof(float));
  std::memcpy(floats.data(), bytes.data(), bytes.size());
  return floats;
}

// That part alone, resized to 8 x 8.
image::Picture Squashed(const image::Picture& picture, const image::Box& part) {
  image::Picture alone;
  alone.width = part.width;
  alone.height = part.height;
  for (std::uint32_t y = part.y; y < part.y + part.height; ++y) {
    for (std::uint32_t i = part.x * 3; i < (part.x + part.width) * 3; ++i) {
      alone.rgb.push_back(picture.rgb[y * picture.width * 3 + i]);
    }
  }
  return image::Resize(alone, {0, 0, part.width, part.height}, 8, 8);
}

TEST(Preprocessor, BytesOfTheRightSizePassThrough) {
  const PicturePreprocessor ours = Parsed(kOurs);
  EXPECT_EQ(ours.layout(), PicturePreprocessor::Layout::kBytesRowsFirst);
  EXPECT_EQ(ours.output_bytes(), 8U * 8 * 3);
  EXPECT_EQ(ours.wanted_side(), 8U);
  const image::Picture picture = Pattern(8, 8);
  EXPECT_EQ(Prepared(ours, picture), picture.rgb);
}

TEST(Preprocessor, TheMiddlePartIsAtMostAQuarterLongerThanWide) {
  const PicturePreprocessor ours = Parsed(kOurs);
  // Of 30 x 8 the columns 10 to 19: what stands outside makes no difference.
  image::Picture wide = Pattern(30, 8);
  const std::vector<std::uint8_t> before = Prepared(ours, wide);
  EXPECT_EQ(before, Squashed(wide, {10, 0, 10, 8}).rgb);
  for (std::size_t y = 0; y < 8; ++y) {
    for (const std::size_t x : {0UL, 9UL, 20UL, 29UL}) wide.rgb[(y * 30 + x) * 3] = 255;
  }
  EXPECT_EQ(Prepared(ours, wide), before);

  const image::Picture tall = Pattern(7, 100);
  EXPECT_EQ(Prepared(ours, tall), Squashed(tall, {0, 46, 7, 8}).rgb);  // 7 * 1.25 = 8.75
  const image::Picture inside = Pattern(10, 9);
  EXPECT_EQ(Prepared(ours, inside), Squashed(inside, {0, 0, 10, 9}).rgb);
}

TEST(Preprocessor, FloatsAreScaledNormalisedAndInPlanes) {
  const PicturePreprocessor clip = Parsed(kClip);
  EXPECT_EQ(clip.layout(), PicturePreprocessor::Layout::kFloatPlanesFirst);
  const std::vector<float> values = Floats(Prepared(clip, Pattern(4, 4)));
  ASSERT_EQ(values.size(), 3U * 4 * 4);
  for (std::size_t y = 0; y < 4; ++y) {
    for (std::size_t x = 0; x < 4; ++x) {
      EXPECT_NEAR(values[y * 4 + x], (static_cast<double>(x) / 255 - 0.5) / 0.25, 1e-6);
      EXPECT_NEAR(values[16 + y * 4 + x], (static_cast<double>(y) / 255 - 0.4) / 0.5, 1e-6);
      EXPECT_NEAR(values[32 + y * 4 + x], (200.0 / 255 - 0.3) / 0.125, 1e-6);
    }
  }
}

TEST(Preprocessor, ShortestEdgeThenTheMiddle) {
  const PicturePreprocessor clip = Parsed(kClip);
  // 11 x 4 stays as it is; of its columns (11 - 4) / 2 = 3 to 6 remain.
  const std::vector<float> values = Floats(Prepared(clip, Pattern(11, 4)));
  for (std::size_t x = 0; x < 4; ++x) {
    EXPECT_NEAR(values[x], (static_cast<double>(x + 3) / 255 - 0.5) / 0.25, 1e-6);
  }
  // 9 x 23 becomes 4 x int(4 * 23 / 9) = 4 x 10; rows 3 to 6 remain.
  const image::Picture tall = Pattern(9, 23);
  const image::Picture resized = image::Resize(tall, {0, 0, 9, 23}, 4, 10);
  const std::vector<float> cut = Floats(Prepared(clip, tall));
  for (std::size_t i = 0; i < 16; ++i) {
    const double green = resized.rgb[(12 + i) * 3 + 1];  // from row 3 on
    EXPECT_NEAR(cut[16 + i], (green / 255 - 0.4) / 0.5, 1e-6);
  }
}

TEST(Preprocessor, AStripOfOnePixelIsNoBomb) {
  image::Picture strip = Pattern(60'000, 1);
  for (const std::string& json : {kOurs, std::string(kClip), std::string(kSquashed)}) {
    const PicturePreprocessor preprocessor = Parsed(json);
    EXPECT_EQ(Prepared(preprocessor, strip).size(), preprocessor.output_bytes());
  }
}

TEST(Preprocessor, SizeAloneSquashes) {
  const PicturePreprocessor squashed = Parsed(kSquashed);
  EXPECT_EQ(squashed.wanted_side(), 6U);
  const image::Picture picture = Pattern(40, 9);
  const image::Picture expected = image::Resize(picture, {0, 0, 40, 9}, 6, 4);
  const std::vector<float> values = Floats(Prepared(squashed, picture));
  for (std::size_t i = 0; i < 24; ++i) {
    EXPECT_NEAR(values[i], (expected.rgb[i * 3] / 255.0 - 0.5) / 0.5, 1e-6);
  }
}

TEST(Preprocessor, ComplaintsNameTheField) {
  EXPECT_THAT(Complaint("{"), HasSubstr("not valid JSON"));
  EXPECT_THAT(Complaint("{}"),
              HasSubstr("\"size\": expected an integer 1..4096, but it is missing"));
  EXPECT_THAT(Complaint(Replaced(kOurs, "\"height\":8", "\"height\":0")),
              HasSubstr("\"size.height\": expected an integer 1..4096, got 0"));
  EXPECT_THAT(Complaint(Replaced(kOurs, "1.25", "0.5")),
              HasSubstr("\"crop_max_aspect_ratio\": expected a number 1..100"));
  EXPECT_THAT(Complaint(Replaced(kOurs, "\"uint8\"", "\"float16\"")),
              HasSubstr("\"input_dtype\": expected \"uint8\" with"));
  EXPECT_THAT(Complaint(Replaced(kOurs, "\"do_resize\":true", "\"do_resize\":false")),
              HasSubstr("\"do_resize\": only true is supported"));
  EXPECT_THAT(Complaint(Replaced(kOurs, "_in_graph\":true", "_in_graph\":false")),
              HasSubstr("\"rescale_and_normalize_in_graph\": expected true beside uint8"));
  EXPECT_THAT(Complaint(Replaced(kClip, "\"width\":4", "\"width\":5")),
              HasSubstr("\"crop_size\": is larger than \"size\""));
  EXPECT_THAT(Complaint(Replaced(kClip, "[0.5,0.4,0.3]", "[0.5,0.4]")),
              HasSubstr("\"image_mean\": expected a list of 3 numbers"));
  EXPECT_THAT(Complaint(Replaced(kClip, "0.125", "0")),
              HasSubstr("\"image_std\": expected numbers above 0"));
}

}  // namespace
}  // namespace ocellus::embed
