#include "image/image.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "image/testing/testdata.h"

namespace ocellus::image {
namespace {

using Colour = std::array<int, 3>;

constexpr Colour kRed = {255, 0, 0};
constexpr Colour kGreen = {0, 255, 0};
constexpr Colour kBlue = {0, 0, 255};
constexpr Colour kWhite = {255, 255, 255};
constexpr Colour kBlack = {0, 0, 0};

// The middles of the four quadrants, in reading order.
std::array<Colour, 4> Quadrants(const Picture& picture) {
  std::array<Colour, 4> colours{};
  for (std::size_t i = 0; i < 4; ++i) {
    const std::size_t x = picture.width * (i % 2 == 0 ? 1 : 3) / 4;
    const std::size_t y = picture.height * (i / 2 == 0 ? 1 : 3) / 4;
    for (std::size_t c = 0; c < 3; ++c) {
      colours[i][c] = picture.rgb[(y * picture.width + x) * 3 + c];
    }
  }
  return colours;
}

// Within what lossy formats and roundings of colour spaces change.
void ExpectNear(const std::array<Colour, 4>& have, const std::array<Colour, 4>& want,
                const std::string& name) {
  constexpr int kTolerance = 8;
  for (std::size_t i = 0; i < 4; ++i) {
    for (std::size_t c = 0; c < 3; ++c) {
      EXPECT_LE(std::abs(have[i][c] - want[i][c]), kTolerance)
          << name << ": quadrant " << i << " colour " << c << " is " << have[i][c] << ", not "
          << want[i][c];
    }
  }
}

std::array<Colour, 4> Expected(const std::string& name) {
  const auto grey = [](int value) { return Colour{value, value, value}; };
  if (name == "grey_linear.jpg") return {grey(0), grey(137), grey(188), grey(255)};
  if (name.starts_with("grey")) return {grey(0), grey(64), grey(128), grey(255)};
  if (name == "mono1.bmp") return {kBlack, kWhite, kWhite, kBlack};
  if (name == "half.gif") return {kRed, kWhite, kBlue, kWhite};
  // Its profile's cyan is a darker green than sRGB's.
  if (name == "cmyk_icc.jpg") return {Colour{250, 0, 7}, {0, 161, 0}, {89, 0, 255}, kWhite};
  return {kRed, kGreen, kBlue, kWhite};
}

Format FormatOf(const std::string& name) {
  if (name.ends_with(".jpg")) return Format::kJpeg;
  if (name.ends_with(".png")) return Format::kPng;
  if (name.ends_with(".webp")) return Format::kWebp;
  if (name.ends_with(".gif")) return Format::kGif;
  if (name.ends_with(".bmp")) return Format::kBmp;
  if (name.ends_with(".tif")) return Format::kTiff;
  return name.ends_with(".heic") ? Format::kHeic : Format::kAvif;
}

class EveryPicture : public testing::TestWithParam<std::string> {};

TEST_P(EveryPicture, IsProbed) {
  const auto bytes = ReadTestdata(GetParam());
  const auto info = Probe(bytes, {});
  ASSERT_TRUE(info.ok()) << info.status().message();
  EXPECT_EQ(info->format, FormatOf(GetParam()));
  EXPECT_EQ(info->width, 48U);
  EXPECT_EQ(info->height, 32U);
}

TEST_P(EveryPicture, ComesOutUprightInItsColours) {
  const auto picture = Decode(ReadTestdata(GetParam()), {}, {});
  ASSERT_TRUE(picture.ok()) << picture.status().message();
  ASSERT_EQ(picture->width, 48U);
  ASSERT_EQ(picture->height, 32U);
  ASSERT_EQ(picture->rgb.size(), 48U * 32 * 3);
  ExpectNear(Quadrants(*picture), Expected(GetParam()), GetParam());
}

TEST_P(EveryPicture, MayBeShrunkWhileItIsDecoded) {
  for (const std::uint32_t target : {1U, 8U, 15U, 16U, 17U, 31U, 32U, 500U}) {
    const auto picture = Decode(ReadTestdata(GetParam()), {.target_side = target}, {});
    ASSERT_TRUE(picture.ok()) << picture.status().message();
    EXPECT_GE(picture->height, std::min(target, 32U));
    EXPECT_LE(picture->height, 32U);
    EXPECT_NEAR(picture->width, picture->height * 1.5, 1.0);
    if (target >= 8) ExpectNear(Quadrants(*picture), Expected(GetParam()), GetParam());
  }
}

TEST_P(EveryPicture, HasAThumbnail) {
  for (const std::uint32_t side : {1U, 24U, 48U, 1000U}) {
    const auto jpeg = Thumbnail(ReadTestdata(GetParam()), side, {});
    ASSERT_TRUE(jpeg.ok()) << jpeg.status().message();
    const auto picture = Decode(*jpeg, {}, {});
    ASSERT_TRUE(picture.ok()) << picture.status().message();
    EXPECT_EQ(picture->width, std::min(side, 48U));
    EXPECT_EQ(picture->height, side == 1 ? 1U : std::min(side * 2 / 3, 32U));
    if (side < 24) continue;
    constexpr int kTolerance = 16;  // thumbnails are compressed more
    const auto have = Quadrants(*picture);
    const auto want = Expected(GetParam());
    for (std::size_t i = 0; i < 4; ++i) {
      for (std::size_t c = 0; c < 3; ++c) EXPECT_NEAR(have[i][c], want[i][c], kTolerance);
    }
  }
}

std::vector<std::string> Quadrant48x32() {
  std::vector<std::string> names = AllTestdata();
  std::erase_if(names, [](const std::string& name) { return name.starts_with("resize"); });
  return names;
}

std::string TestName(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Testdata, EveryPicture, testing::ValuesIn(Quadrant48x32()), TestName);

TEST(Image, HasTestdata) {
  EXPECT_GT(Quadrant48x32().size(), 60U);
}

TEST(Image, NamesMediaTypes) {
  EXPECT_STREQ(ContentType(Format::kJpeg), "image/jpeg");
  EXPECT_STREQ(ContentType(Format::kWebp), "image/webp");
  EXPECT_STREQ(ContentType(Format::kAvif), "image/avif");
}

TEST(Image, DecodesTheSameInManyThreadsAtOnce) {
  const std::vector<std::string> names = Quadrant48x32();
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&names, t] {
      for (std::size_t i = t; i < names.size() * 2; ++i) {
        const std::string& name = names[i % names.size()];
        const auto picture = Decode(ReadTestdata(name), {}, {});
        ASSERT_TRUE(picture.ok()) << picture.status().message();
        ExpectNear(Quadrants(*picture), Expected(name), name);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(EncodeJpeg, WritesWhatDecodeReads) {
  Picture picture{.width = 3, .height = 2, .rgb = std::vector<std::uint8_t>(18, 77)};
  const auto jpeg = EncodeJpeg(picture, 90);
  ASSERT_TRUE(jpeg.ok());
  const auto again = Decode(*jpeg, {}, {});
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->width, 3U);
  EXPECT_EQ(again->height, 2U);
  for (const std::uint8_t value : again->rgb) EXPECT_NEAR(value, 77, 2);
}

TEST(EncodeJpeg, RefusesSizesJpegHasNot) {
  EXPECT_EQ(EncodeJpeg({}, 90).status().code(), Code::kInvalidArgument);
  const Picture wide{
      .width = 65501, .height = 1, .rgb = std::vector<std::uint8_t>(std::size_t{65501} * 3)};
  EXPECT_EQ(EncodeJpeg(wide, 90).status().code(), Code::kInvalidArgument);
}

// One pixel high or wide, as wide as JPEG goes.
TEST(Image, ReadsLines) {
  for (const auto& [width, height] :
       {std::pair{1U, 300U}, {300U, 1U}, {65500U, 1U}, {1U, 65500U}}) {
    Picture line{.width = width, .height = height, .rgb = {}};
    line.rgb.assign(std::size_t{width} * height * 3, 200);
    const auto jpeg = EncodeJpeg(line, 90);
    ASSERT_TRUE(jpeg.ok()) << jpeg.status().message();
    const auto picture = Decode(*jpeg, {.target_side = 224}, {});
    ASSERT_TRUE(picture.ok()) << picture.status().message();
    EXPECT_EQ(picture->width, width);
    EXPECT_EQ(picture->height, height);
    const auto small = Thumbnail(*jpeg, 100, {});
    ASSERT_TRUE(small.ok()) << small.status().message();
    const auto info = Probe(*small, {});
    ASSERT_TRUE(info.ok());
    EXPECT_EQ(info->width, std::min(width, 100U));
    EXPECT_EQ(info->height, std::min(height, 100U));
  }
}

// A large picture: what is left after shrinking is close to the target, not the full size.
TEST(Image, ShrinksJpegInTheTransform) {
  Picture large{.width = 2000,
                .height = 1600,
                .rgb = std::vector<std::uint8_t>(std::size_t{2000} * 1600 * 3, 9)};
  const auto jpeg = EncodeJpeg(large, 90);
  ASSERT_TRUE(jpeg.ok());
  const auto picture = Decode(*jpeg, {.target_side = 224}, {});
  ASSERT_TRUE(picture.ok());
  EXPECT_EQ(picture->width, 500U);
  EXPECT_EQ(picture->height, 400U);
}

TEST(CropTest, TakesThePartAsItIs) {
  Picture picture = {4, 3, {}};
  for (int i = 0; i < 36; ++i) picture.rgb.push_back(static_cast<std::uint8_t>(i));
  const Picture part = Crop(picture, {1, 1, 2, 2});
  EXPECT_EQ(part.width, 2U);
  EXPECT_EQ(part.height, 2U);
  EXPECT_EQ(part.rgb, (std::vector<std::uint8_t>{15, 16, 17, 18, 19, 20, 27, 28, 29, 30, 31, 32}));
  EXPECT_EQ(Crop(picture, {0, 0, 4, 3}).rgb, picture.rgb);
}

}  // namespace
}  // namespace ocellus::image
