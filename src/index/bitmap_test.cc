#include "index/bitmap.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <vector>

namespace ocellus::index {
namespace {

std::vector<std::uint32_t> Slots(const Bitmap& bitmap) {
  std::vector<std::uint32_t> slots;
  bitmap.ForEach([&](std::uint32_t slot) { slots.push_back(slot); });
  return slots;
}

Bitmap Of(std::uint32_t size, const std::vector<std::uint32_t>& slots) {
  Bitmap bitmap(size);
  for (const std::uint32_t slot : slots) bitmap.Set(slot);
  return bitmap;
}

TEST(BitmapTest, SetsClearsTestsAndCounts) {
  Bitmap bitmap(130);
  EXPECT_TRUE(bitmap.None());
  for (const std::uint32_t slot : {0U, 63U, 64U, 129U}) bitmap.Set(slot);
  EXPECT_EQ(bitmap.Count(), 4U);
  EXPECT_TRUE(bitmap.Test(63));
  EXPECT_FALSE(bitmap.Test(62));
  EXPECT_FALSE(bitmap.Test(130));  // past the end
  EXPECT_FALSE(bitmap.Test(0xFFFFFFFF));
  bitmap.Clear(64);
  EXPECT_EQ(Slots(bitmap), (std::vector<std::uint32_t>{0, 63, 129}));
  EXPECT_FALSE(bitmap.None());
}

TEST(BitmapTest, UnusedBitsStayZero) {
  for (const std::uint32_t size : {0U, 1U, 63U, 64U, 65U, 128U, 1000U}) {
    Bitmap bitmap(size);
    bitmap.SetAll();
    EXPECT_EQ(bitmap.Count(), size);
    bitmap.Flip();
    EXPECT_TRUE(bitmap.None());
    bitmap.Flip();
    EXPECT_EQ(bitmap.Count(), size);
    bitmap.Resize(size / 2);
    EXPECT_EQ(bitmap.Count(), size / 2);
    bitmap.Resize(size + 70);
    EXPECT_EQ(bitmap.Count(), size / 2);  // what a smaller size cut off does not come back
  }
}

TEST(BitmapTest, SetAlgebraOverDifferentSizes) {
  std::mt19937 rng(3);
  for (const auto& [left_size, right_size] :
       {std::pair{200U, 200U}, std::pair{200U, 70U}, std::pair{70U, 200U}, std::pair{0U, 65U}}) {
    std::set<std::uint32_t> left;
    std::set<std::uint32_t> right;
    for (std::uint32_t i = 0; i < left_size; ++i) {
      if (rng() % 2 == 0) left.insert(i);
    }
    for (std::uint32_t i = 0; i < right_size; ++i) {
      if (rng() % 2 == 0) right.insert(i);
    }
    const Bitmap a = Of(left_size, {left.begin(), left.end()});
    const Bitmap b = Of(right_size, {right.begin(), right.end()});
    Bitmap both = a;
    both.And(b);
    Bitmap without = a;
    without.AndNot(b);
    Bitmap either = a;
    either.Or(b);
    EXPECT_EQ(both.size(), left_size);
    EXPECT_EQ(either.size(), std::max(left_size, right_size));
    for (std::uint32_t i = 0; i < 200; ++i) {
      EXPECT_EQ(both.Test(i), left.contains(i) && right.contains(i)) << i;
      EXPECT_EQ(without.Test(i), left.contains(i) && !right.contains(i)) << i;
      EXPECT_EQ(either.Test(i), left.contains(i) || right.contains(i)) << i;
    }
  }
}

}  // namespace
}  // namespace ocellus::index
