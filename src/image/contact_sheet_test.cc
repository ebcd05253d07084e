#include "image/contact_sheet.h"

#include <gtest/gtest.h>

#include <vector>

namespace ocellus::image {
namespace {

Picture Plain(std::uint32_t width, std::uint32_t height, std::uint8_t red) {
  Picture picture{width, height, std::vector<std::uint8_t>(std::size_t{width} * height * 3, 0)};
  for (std::size_t i = 0; i < picture.rgb.size(); i += 3) picture.rgb[i] = red;
  return picture;
}

std::vector<int> At(const Picture& picture, std::uint32_t x, std::uint32_t y) {
  const std::size_t at = (std::size_t{y} * picture.width + x) * 3;
  return {picture.rgb[at], picture.rgb[at + 1], picture.rgb[at + 2]};
}

TEST(ContactSheet, HoldsOddShapes) {
  const std::vector<Picture> pictures = {Plain(1, 1, 9),     Plain(1, 2000, 9), Plain(2000, 1, 9),
                                         Plain(192, 192, 9), Picture(),         Plain(3, 5, 9)};
  for (std::uint32_t columns = 0; columns < 9; ++columns) {
    const Picture sheet = ContactSheet(pictures, {.tile_side = 64, .columns = columns});
    EXPECT_EQ(sheet.rgb.size(), std::size_t{sheet.width} * sheet.height * 3);
    EXPECT_TRUE(EncodeJpeg(sheet, 80).ok());
  }
}

TEST(ContactSheet, PutsPicturesInReadingOrder) {
  const std::vector<Picture> pictures = {Plain(64, 64, 10), Plain(64, 64, 110), Plain(64, 64, 210)};
  const Picture sheet = ContactSheet(pictures, {.tile_side = 64});
  ASSERT_EQ(sheet.width, 2 * 64U + 3 * 4);
  ASSERT_EQ(sheet.height, 2 * 64U + 3 * 4);
  EXPECT_EQ(At(sheet, 4 + 40, 4 + 40), (std::vector<int>{10, 0, 0}));
  EXPECT_EQ(At(sheet, 8 + 64 + 40, 4 + 40), (std::vector<int>{110, 0, 0}));
  EXPECT_EQ(At(sheet, 4 + 40, 8 + 64 + 40), (std::vector<int>{210, 0, 0}));
  EXPECT_EQ(At(sheet, 8 + 64 + 40, 8 + 64 + 40), (std::vector<int>{255, 255, 255}));
}

TEST(ContactSheet, NumbersThem) {
  const std::vector<Picture> pictures = {Plain(64, 64, 10), Picture()};
  const Picture sheet = ContactSheet(pictures, {.tile_side = 64, .columns = 2});
  EXPECT_EQ(At(sheet, 4, 4), (std::vector<int>{0, 0, 0}));                // the label's ground
  EXPECT_EQ(At(sheet, 4 + 3, 4 + 1), (std::vector<int>{255, 255, 255}));  // the top of a 1
  EXPECT_EQ(At(sheet, 8 + 64 + 40, 4 + 40), (std::vector<int>{208, 208, 208}));
}

TEST(ContactSheet, KeepsProportions) {
  const std::vector<Picture> pictures = {Plain(100, 50, 200)};
  const Picture sheet = ContactSheet(pictures, {.tile_side = 64});
  EXPECT_EQ(At(sheet, 4 + 32, 4 + 10), (std::vector<int>{255, 255, 255}));
  EXPECT_EQ(At(sheet, 4 + 32, 4 + 32), (std::vector<int>{200, 0, 0}));
}

}  // namespace
}  // namespace ocellus::image
