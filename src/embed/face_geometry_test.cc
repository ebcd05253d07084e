#include "embed/face_geometry.h"

#include <gtest/gtest.h>

#include <cmath>

namespace ocellus::embed {
namespace {

// Red grows to the right, green downwards.
image::Picture Slopes(std::uint32_t width, std::uint32_t height) {
  image::Picture picture = {width, height, {}};
  for (std::uint32_t y = 0; y < height; ++y) {
    for (std::uint32_t x = 0; x < width; ++x) {
      picture.rgb.push_back(static_cast<std::uint8_t>(x));
      picture.rgb.push_back(static_cast<std::uint8_t>(y));
      picture.rgb.push_back(0);
    }
  }
  return picture;
}

int Red(const image::Picture& picture, std::uint32_t x, std::uint32_t y) {
  return picture.rgb[3 * (std::size_t{y} * picture.width + x)];
}
int Green(const image::Picture& picture, std::uint32_t x, std::uint32_t y) {
  return picture.rgb[3 * (std::size_t{y} * picture.width + x) + 1];
}

TEST(FaceGeometry, OverlapIsTheShareOfTheSmaller) {
  const Square large = {100, 100, 80};
  EXPECT_DOUBLE_EQ(OverlapOf(large, large), 1);
  EXPECT_DOUBLE_EQ(OverlapOf(large, {100, 100, 20}), 1);
  EXPECT_DOUBLE_EQ(OverlapOf({140, 100, 20}, large), 0.5);
  EXPECT_DOUBLE_EQ(OverlapOf(large, {300, 100, 80}), 0);
}

TEST(FaceGeometry, BoxesLieInsideThePicture) {
  for (const auto& [width, height] : {std::pair{1U, 1U}, {1U, 300U}, {300U, 1U}, {200U, 100U}}) {
    const image::Picture picture = Slopes(width, height);
    for (const Square& square : {Square{0, 0, 50}, Square{-400, 20, 10}, Square{5000, 5000, 3},
                                 Square{50, 50, 1e6}, Square{99.5, 40.25, 0.1}}) {
      const image::Box box = BoxOf(square, picture);
      EXPECT_GE(box.width, 1U);
      EXPECT_GE(box.height, 1U);
      EXPECT_LE(box.x + box.width, width);
      EXPECT_LE(box.y + box.height, height);
      EXPECT_EQ(CutSquare(picture, square, 16).rgb.size(), 16U * 16 * 3);
    }
  }
}

TEST(FaceGeometry, ACutSquareShowsThatPlace) {
  const image::Picture picture = Slopes(240, 200);
  const image::Picture same = CutSquare(picture, {100, 80, 40}, 40);
  EXPECT_EQ(Red(same, 0, 0), 80);
  EXPECT_EQ(Green(same, 0, 0), 60);
  EXPECT_EQ(Red(same, 39, 39), 119);
  const image::Picture half = CutSquare(picture, {100, 80, 80}, 40);
  EXPECT_NEAR(Red(half, 10, 20), 80, 1);
  EXPECT_NEAR(Green(half, 10, 20), 80, 1);
  const image::Picture twice = CutSquare(picture, {100, 80, 20}, 40);
  EXPECT_NEAR(Red(twice, 20, 20), 100, 1);
}

TEST(FaceGeometry, BeyondThePictureIsItsEdge) {
  const image::Picture cut = CutSquare(Slopes(60, 60), {0, 30, 40}, 40);
  EXPECT_EQ(Red(cut, 0, 20), 0);
  EXPECT_EQ(Red(cut, 19, 20), 0);
  EXPECT_NEAR(Red(cut, 30, 20), 10, 1);
  EXPECT_EQ(Green(cut, 5, 20), 30);
}

// The points as they are in an upright face of `side` pixels at (x, y), turned about its corner.
FacePoints Points(double x, double y, double side, double angle) {
  FacePoints points = {std::complex<double>(0.8595674595992, 0.2134981538014),
                       {0.6460604764104, 0.2289674387677},
                       {0.1205750620789, 0.2137274526848},
                       {0.3340850613712, 0.2290642403242},
                       {0.4901123135679, 0.6277975316475}};
  for (auto& point : points) point = point * side * std::polar(1.0, angle) + std::complex(x, y);
  return points;
}

TEST(FaceGeometry, AFaceIsTurnedUprightAndScaled) {
  const image::Picture picture = Slopes(250, 250);
  image::Picture face;
  ASSERT_TRUE(CutFace(picture, Points(80, 80, 100, 0), face));
  ASSERT_EQ(face.width, 150U);
  ASSERT_EQ(face.height, 150U);
  EXPECT_NEAR(Red(face, 25, 75), 80 - 25 + 25, 1);  // a quarter of the side lies around it
  EXPECT_NEAR(Green(face, 25, 75), 80 - 25 + 75, 1);
  // Lying on its side: what was to its right is below it.
  ASSERT_TRUE(CutFace(picture, Points(180, 80, 100, std::acos(0.0)), face));
  EXPECT_NEAR(Green(face, 120, 75) - Green(face, 20, 75), 100, 2);
  EXPECT_NEAR(Red(face, 75, 120) - Red(face, 75, 20), -100, 2);
}

TEST(FaceGeometry, PointsThatAreOneAreNoFace) {
  image::Picture face;
  FacePoints points;
  points.fill({5, 5});
  EXPECT_FALSE(CutFace(Slopes(20, 20), points, face));
}

TEST(FaceGeometry, BrightnessIsEvened) {
  image::Picture dark = {2, 1, {10, 10, 10, 70, 70, 70}};
  EvenBrightness(dark);
  EXPECT_NEAR(Red(dark, 1, 0), 70 * 130.0 / 40, 1);
  image::Picture black = {1, 1, {0, 0, 0}};
  EvenBrightness(black);
  EXPECT_EQ(Red(black, 0, 0), 0);
  image::Picture white = {1, 1, {255, 255, 255}};
  EvenBrightness(white);
  EXPECT_EQ(Red(white, 0, 0), 130);
}

}  // namespace
}  // namespace ocellus::embed
