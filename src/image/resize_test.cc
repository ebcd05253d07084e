#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "image/image.h"
#include "image/testing/testdata.h"

namespace ocellus::image {
namespace {

Picture Load(const std::string& name) {
  Result<Picture> picture = Decode(ReadTestdata(name), {}, {});
  EXPECT_TRUE(picture.ok()) << name;
  return picture.ok() ? *std::move(picture) : Picture{};
}

int LargestDifference(const Picture& a, const Picture& b) {
  EXPECT_EQ(a.rgb.size(), b.rgb.size());
  int largest = a.rgb.size() == b.rgb.size() ? 0 : 256;
  for (std::size_t i = 0; i < std::min(a.rgb.size(), b.rgb.size()); ++i) {
    largest = std::max(largest, std::abs(int{a.rgb[i]} - int{b.rgb[i]}));
  }
  return largest;
}

TEST(Resize, MakesThePixelsPilMakes) {
  struct Case {
    const char* name;
    Box part;
    std::uint32_t width, height;
  };
  const Picture source = Load("resize_source.png");
  for (const Case& c : {Case{"resize_smaller.png", {0, 0, 60, 45}, 20, 14},
                        Case{"resize_larger.png", {0, 0, 60, 45}, 70, 60},
                        Case{"resize_part.png", {10, 5, 40, 35}, 22, 22},
                        Case{"resize_row.png", {0, 0, 60, 45}, 60, 1}}) {
    const Picture result = Resize(source, c.part, c.width, c.height);
    ASSERT_EQ(result.width, c.width);
    ASSERT_EQ(result.height, c.height);
    EXPECT_LE(LargestDifference(result, Load(c.name)), 1) << c.name;
  }
}

TEST(Resize, LeavesTheSameSizeAlone) {
  const Picture source = Load("resize_source.png");
  EXPECT_EQ(Resize(source, {0, 0, 60, 45}, 60, 45).rgb, source.rgb);
}

TEST(Resize, KeepsFlatColoursFlat) {
  for (const int grey : {0, 1, 127, 254, 255}) {
    const auto value = static_cast<std::uint8_t>(grey);
    const Picture flat{.width = 37,
                       .height = 53,
                       .rgb = std::vector<std::uint8_t>(std::size_t{37} * 53 * 3, value)};
    for (const std::uint32_t side : {1U, 2U, 16U, 17U, 37U, 100U}) {
      const Picture result = Resize(flat, {3, 4, 30, 40}, side, side + 1);
      EXPECT_EQ(result.rgb, std::vector<std::uint8_t>(std::size_t{side} * (side + 1) * 3, value));
    }
  }
}

TEST(Resize, TakesPartsAtEveryEdge) {
  const Picture source = Load("resize_source.png");
  for (const Box part :
       {Box{0, 0, 1, 1}, Box{59, 44, 1, 1}, Box{59, 0, 1, 45}, Box{0, 44, 60, 1}}) {
    EXPECT_EQ(Resize(source, part, 7, 5).rgb.size(), 7U * 5 * 3);
    EXPECT_EQ(Resize(source, part, 1, 1).rgb.size(), 3U);
  }
}

TEST(Resize, ShrinksLongRows) {
  const Picture wide{
      .width = 65535, .height = 1, .rgb = std::vector<std::uint8_t>(std::size_t{65535} * 3, 40)};
  EXPECT_EQ(Resize(wide, {0, 0, 65535, 1}, 2, 1).rgb, std::vector<std::uint8_t>(6, 40));
}

}  // namespace
}  // namespace ocellus::image
