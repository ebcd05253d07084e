#include "embed/face_networks.h"

#include <gtest/gtest.h>

#include <cmath>
#include <sstream>
#include <string>

#include "embed/testing/face_weights.h"
#include "embed/testing/files.h"

namespace ocellus::embed {
namespace {

// Pictures that a formula makes, of which dlib 19.24's own layers were asked the same.
image::Picture Pattern(std::uint32_t side, std::uint32_t seed) {
  image::Picture picture = {side, side, {}};
  for (std::uint32_t y = 0; y < side; ++y) {
    for (std::uint32_t x = 0; x < side; ++x) {
      for (std::uint32_t c = 0; c < 3; ++c) {
        picture.rgb.push_back(static_cast<std::uint8_t>(x * (3 + seed + c) + y * (5 + 2 * c) +
                                                        x * y * (seed + 1) / (37 + c)));
      }
    }
  }
  return picture;
}

// A disc with two eyes, a nose and a mouth, `size` pixels large.
image::Picture DrawnFace(std::uint32_t side, double size, double to_the_right) {
  image::Picture picture = {side, side, {}};
  for (std::uint32_t y = 0; y < side; ++y) {
    for (std::uint32_t x = 0; x < side; ++x) {
      const double u = (x - side / 2.0 - to_the_right) / size;
      const double v = (y - side / 2.0) / size;
      const auto eye = [&](double at) { return std::hypot(u - at, v + .1) < std::sqrt(.005); };
      int grey = 90;
      if (u * u / .16 + v * v / .25 < 1) {
        grey = 200;
        if (eye(-.17) || eye(.17)) grey = 40;
        if (std::abs(u) < .04 && v > -.05 && v < .12) grey = 170;
        if (std::abs(u) < .15 && std::abs(v - .25) < .03) grey = 90;
      }
      for (const int tenths : {10, 9, 8}) {
        picture.rgb.push_back(static_cast<std::uint8_t>(grey * tenths / 10));
      }
    }
  }
  return picture;
}

class FaceNetworksTest : public ::testing::Test {
 protected:
  void SetUp() override {
    NEED_FACE_WEIGHTS();
    os::PosixFileSystem files;
    const auto weights = ReadFaceWeights(files, testing::FaceWeightsFolder());
    ASSERT_TRUE(weights.ok()) << weights.status().message();
    auto made = FaceNetworks::Make(*weights);
    ASSERT_TRUE(made.ok()) << made.status().message();
    networks_ = *std::move(made);
  }

  std::unique_ptr<FaceNetworks> networks_;
};

TEST(FaceNetworks, WeightsOfAnotherNetworkAreRefused) {
  FaceWeights weights;
  EXPECT_EQ(FaceNetworks::Make(weights).status().code(), Code::kInvalidArgument);
  weights.recognizer.assign(1 << 20, 1);
  EXPECT_EQ(FaceNetworks::Make(weights).status().code(), Code::kInvalidArgument);
}

TEST_F(FaceNetworksTest, VectorsAreThoseOfDlib) {
  const auto golden = testing::ReadFile("testdata/faces/vectors.txt");
  ASSERT_TRUE(golden.has_value());
  std::istringstream lines(*golden);
  for (std::uint32_t seed = 0; seed < 3; ++seed) {
    const auto vector = networks_->Describe(Pattern(FaceNetworks::kDescribedSide, seed));
    ASSERT_TRUE(vector.ok()) << vector.status().message();
    ASSERT_EQ(vector->size(), 128U);
    for (std::size_t i = 0; i < vector->size(); ++i) {
      double expected = 9;
      lines >> expected;
      EXPECT_NEAR((*vector)[i], expected, 2e-5) << seed << " " << i;
    }
  }
}

TEST_F(FaceNetworksTest, JudgesAsDlibDoes) {
  const auto judge = [&](const image::Picture& picture) {
    const auto judged = networks_->Judge(picture);
    EXPECT_TRUE(judged.ok());
    return judged.ok() ? *judged : -100;
  };
  constexpr std::uint32_t kSide = FaceNetworks::kJudgedSide;
  // Scaled in floats there and in bytes here.
  constexpr double kNear = 0.1;
  EXPECT_NEAR(judge(DrawnFace(kSide, 100, 0)), -0.2357, kNear);
  EXPECT_NEAR(judge(DrawnFace(kSide, 120, 0)), -0.2330, kNear);
  EXPECT_NEAR(judge(DrawnFace(kSide, 100, 30)), -0.4379, kNear);
  EXPECT_NEAR(judge(DrawnFace(kSide, 80, 0)), -1.8176, kNear);  // too small to be meant
  EXPECT_NEAR(judge(Pattern(kSide, 0)), -1.6511, kNear);
  EXPECT_NEAR(judge(Pattern(kSide, 1)), -1.5298, kNear);
}

}  // namespace
}  // namespace ocellus::embed
