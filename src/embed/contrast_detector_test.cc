#include "embed/contrast_detector.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace ocellus::embed {
namespace {

using Rgb = std::array<std::uint8_t, 3>;

template <typename ColourAt>
image::Picture Paint(std::uint32_t width, std::uint32_t height, ColourAt colour_at) {
  image::Picture picture = {width, height, {}};
  for (std::uint32_t y = 0; y < height; ++y) {
    for (std::uint32_t x = 0; x < width; ++x) {
      const Rgb colour = colour_at(x, y);
      picture.rgb.insert(picture.rgb.end(), colour.begin(), colour.end());
    }
  }
  return picture;
}

bool Inside(const image::Box& box, std::uint32_t x, std::uint32_t y) {
  return x >= box.x && x < box.x + box.width && y >= box.y && y < box.y + box.height;
}

double Overlap(const image::Box& a, const image::Box& b) {
  const auto shared = [](std::uint32_t a0, std::uint32_t a_size, std::uint32_t b0,
                         std::uint32_t b_size) {
    const double begin = std::max(a0, b0);
    const double end = std::min(a0 + a_size, b0 + b_size);
    return std::max(0.0, end - begin);
  };
  const double both = shared(a.x, a.width, b.x, b.width) * shared(a.y, a.height, b.y, b.height);
  const auto area = [](const image::Box& box) {
    return static_cast<double>(box.width) * box.height;
  };
  return both / (area(a) + area(b) - both);
}

std::vector<SubjectBox> Find(const image::Picture& picture) {
  auto boxes = ContrastDetector().Find(picture);
  EXPECT_TRUE(boxes.ok());
  EXPECT_FALSE(boxes->empty());
  for (const SubjectBox& found : *boxes) {
    EXPECT_GT(found.box.width, 0U);
    EXPECT_GT(found.box.height, 0U);
    EXPECT_LE(found.box.x + found.box.width, picture.width);
    EXPECT_LE(found.box.y + found.box.height, picture.height);
    EXPECT_GE(found.score, 0);
    EXPECT_LE(found.score, 1);
    EXPECT_LE(found.score, boxes->front().score);
  }
  return *std::move(boxes);
}

bool IsWhole(const image::Picture& picture, const std::vector<SubjectBox>& boxes) {
  const image::Box& box = boxes.front().box;
  return boxes.size() == 1 && box.x == 0 && box.y == 0 && box.width == picture.width &&
         box.height == picture.height;
}

TEST(ContrastDetectorTest, FindsAThingOnAPlainBackground) {
  for (const image::Box& box : {image::Box{200, 100, 150, 250}, image::Box{10, 300, 120, 90},
                                image::Box{300, 20, 60, 60}}) {
    const auto boxes = Find(Paint(480, 400, [&](std::uint32_t x, std::uint32_t y) {
      return Inside(box, x, y) ? Rgb{180, 40, 30} : Rgb{245, 245, 240};
    }));
    ASSERT_EQ(boxes.size(), 1U);
    EXPECT_GT(Overlap(boxes.front().box, box), 0.7);
  }
}

TEST(ContrastDetectorTest, ABackgroundMayShadeOffAndHaveNoise) {
  const image::Box box = {120, 60, 100, 140};
  std::mt19937 random(7);
  const auto boxes = Find(Paint(320, 240, [&](std::uint32_t x, std::uint32_t y) {
    const auto noise = static_cast<std::uint32_t>(random() % 12);
    if (Inside(box, x, y)) return Rgb{20, static_cast<std::uint8_t>(60 + noise), 160};
    const auto grey = static_cast<std::uint8_t>(90 + y / 3 + noise);
    return Rgb{grey, grey, grey};
  }));
  EXPECT_GT(Overlap(boxes.front().box, box), 0.7);
}

TEST(ContrastDetectorTest, TheLargerAndMoreCentralOfTwoComesFirst) {
  const image::Box large = {160, 120, 200, 160};
  const image::Box small = {20, 20, 70, 60};
  const auto boxes = Find(Paint(500, 400, [&](std::uint32_t x, std::uint32_t y) {
    if (Inside(large, x, y)) return Rgb{30, 120, 30};
    return Inside(small, x, y) ? Rgb{200, 30, 30} : Rgb{255, 255, 255};
  }));
  ASSERT_EQ(boxes.size(), 2U);
  EXPECT_GT(Overlap(boxes[0].box, large), 0.7);
  EXPECT_GT(Overlap(boxes[1].box, small), 0.6);
}

TEST(ContrastDetectorTest, WhereNothingStandsOutThePictureIsTheSubject) {
  const auto plain = Paint(300, 200, [](std::uint32_t, std::uint32_t) { return Rgb{9, 90, 9}; });
  EXPECT_TRUE(IsWhole(plain, Find(plain)));
  std::mt19937 random(7);
  const auto noise = Paint(300, 200, [&](std::uint32_t, std::uint32_t) {
    return Rgb{static_cast<std::uint8_t>(random()), static_cast<std::uint8_t>(random()),
               static_cast<std::uint8_t>(random())};
  });
  EXPECT_TRUE(IsWhole(noise, Find(noise)));
  const auto frame = Paint(300, 200, [](std::uint32_t x, std::uint32_t y) {
    return x < 4 || y < 4 || x >= 296 || y >= 196 ? Rgb{0, 0, 0} : Rgb{200, 200, 100};
  });
  EXPECT_TRUE(IsWhole(frame, Find(frame)));
}

TEST(ContrastDetectorTest, OddSizes) {
  for (const auto& [width, height] :
       {std::pair{1U, 1U}, {1U, 500U}, {500U, 1U}, {2U, 3U}, {5U, 5U}, {2000U, 3U}}) {
    std::mt19937 random(width + height);
    Find(Paint(width, height, [&](std::uint32_t, std::uint32_t) {
      return Rgb{static_cast<std::uint8_t>(random()), 0, 0};
    }));
  }
}

}  // namespace
}  // namespace ocellus::embed
