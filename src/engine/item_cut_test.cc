#include "engine/item_cut.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <vector>

namespace ocellus::engine {
namespace {

using Numbers = std::vector<std::uint32_t>;

Numbers Cut(const image::Box& box, std::uint32_t width, std::uint32_t height) {
  const image::Box cut = ItemCut(box, {image::Format::kJpeg, width, height});
  return {cut.x, cut.y, cut.width, cut.height};
}

TEST(ItemCut, PicturesThatHaveNoMore) {
  constexpr std::uint32_t kMost = std::numeric_limits<std::uint32_t>::max();
  EXPECT_EQ(Cut({0, 0, 1, 1}, 1, 1), (Numbers{0, 0, 1, 1}));
  EXPECT_EQ(Cut({0, 0, 500, 1}, 500, 1), (Numbers{0, 0, 500, 1}));
  EXPECT_EQ(Cut({0, 17, 1, 300}, 1, 500), (Numbers{0, 17, 1, 300}));
  EXPECT_EQ(Cut({0, 0, 2000, 3}, 2000, 40), (Numbers{0, 0, 2000, 40}));
  EXPECT_EQ(Cut({0, 0, kMost, 1}, kMost, 1), (Numbers{0, 0, kMost, 1}));
  EXPECT_EQ(Cut({kMost - 1, 0, 1, kMost}, kMost, kMost).at(2), 3435973836U);
}

TEST(ItemCut, WhatIsNotLongStaysAsItIs) {
  EXPECT_EQ(Cut({10, 20, 50, 40}, 300, 200), (Numbers{10, 20, 50, 40}));
  EXPECT_EQ(Cut({10, 20, 40, 50}, 300, 200), (Numbers{10, 20, 40, 50}));
  EXPECT_EQ(Cut({299, 199, 1, 1}, 300, 200), (Numbers{299, 199, 1, 1}));
}

TEST(ItemCut, WhatIsLongGetsGroundOnBothSidesOfIt) {
  EXPECT_EQ(Cut({50, 90, 200, 20}, 300, 200), (Numbers{50, 20, 200, 160}));
  EXPECT_EQ(Cut({90, 50, 20, 100}, 300, 200), (Numbers{60, 50, 80, 100}));
}

TEST(ItemCut, AtTheEdgeTheOtherSideGivesMore) {
  EXPECT_EQ(Cut({50, 0, 200, 20}, 300, 200), (Numbers{50, 0, 200, 160}));
  EXPECT_EQ(Cut({50, 175, 200, 20}, 300, 200), (Numbers{50, 40, 200, 160}));
  EXPECT_EQ(Cut({0, 80, 300, 20}, 300, 120), (Numbers{0, 0, 300, 120}));
}

TEST(ItemCut, AnyBoxIsInItsCutAndTheCutInThePicture) {
  std::mt19937 random(11);
  const auto below = [&](std::uint32_t bound) {
    return static_cast<std::uint32_t>(random()) % bound;
  };
  for (int i = 0; i < 20'000; ++i) {
    const std::uint32_t width = 1 + below(i % 2 == 0 ? 12 : 700);
    const std::uint32_t height = 1 + below(i % 3 == 0 ? 12 : 700);
    image::Box box = {below(width), below(height), 0, 0};
    box.width = 1 + below(width - box.x);
    box.height = 1 + below(height - box.y);
    const image::Box cut = ItemCut(box, {image::Format::kPng, width, height});
    ASSERT_LE(cut.x, box.x);
    ASSERT_LE(cut.y, box.y);
    ASSERT_GE(cut.x + cut.width, box.x + box.width);
    ASSERT_GE(cut.y + cut.height, box.y + box.height);
    ASSERT_LE(cut.x + cut.width, width);
    ASSERT_LE(cut.y + cut.height, height);
    // The long side is the box's; only the picture's end keeps the short one from being enough.
    const bool wide = box.width > box.height;
    ASSERT_EQ(std::max(cut.width, cut.height), std::max(box.width, box.height));
    const std::uint32_t shorter = wide ? cut.height : cut.width;
    ASSERT_TRUE(kMaxCutAspect * shorter >= std::max(box.width, box.height) ||
                shorter == (wide ? height : width));
  }
}

}  // namespace
}  // namespace ocellus::engine
