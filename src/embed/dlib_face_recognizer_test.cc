#include "embed/dlib_face_recognizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "embed/testing/face_weights.h"
#include "embed/testing/files.h"
#include "os/temporary_directory.h"

namespace ocellus::embed {
namespace {

constexpr const char* kNames[] = {"mmod_human_face_detector.dat",
                                  "shape_predictor_5_face_landmarks.dat",
                                  "dlib_face_recognition_resnet_model_v1.dat"};

image::Picture Plain(std::uint32_t width, std::uint32_t height, std::uint8_t grey) {
  return {width, height, std::vector<std::uint8_t>(std::size_t{3} * width * height, grey)};
}

image::Picture Noise(std::uint32_t width, std::uint32_t height) {
  image::Picture picture = Plain(width, height, 0);
  std::mt19937 random(width + height);
  for (std::uint8_t& value : picture.rgb) value = static_cast<std::uint8_t>(random());
  return picture;
}

double Cosine(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += double{a[i]} * double{b[i]};
  return sum;
}

// One recognizer for all tests: its weights are loaded once.
class DlibFaceRecognizerTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!testing::HaveFaceWeights()) return;
    auto opened = OpenFaceRecognizer(files_, testing::FaceWeightsFolder());
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    recognizer_ = (*std::move(opened)).release();
  }
  static void TearDownTestSuite() { delete std::exchange(recognizer_, nullptr); }

  static std::vector<Face> Find(const image::Picture& picture) {
    auto faces = recognizer_->Find(picture);
    EXPECT_TRUE(faces.ok()) << faces.status().message();
    if (!faces.ok()) return {};
    std::uint64_t last = ~std::uint64_t{0};
    for (const Face& face : *faces) {
      EXPECT_LE(face.box.x + face.box.width, picture.width);
      EXPECT_LE(face.box.y + face.box.height, picture.height);
      EXPECT_GT(face.box.width, 0U);
      EXPECT_GT(face.box.height, 0U);
      EXPECT_GE(face.score, 0);
      EXPECT_LE(face.score, 1);
      EXPECT_EQ(face.vector.size(), recognizer_->info().dimension);
      EXPECT_NEAR(Cosine(face.vector, face.vector), 1, 1e-5);
      EXPECT_LE(std::uint64_t{face.box.width} * face.box.height, last);
      last = std::uint64_t{face.box.width} * face.box.height;
    }
    return *std::move(faces);
  }

  static os::PosixFileSystem files_;
  static FaceRecognizer* recognizer_;
};

os::PosixFileSystem DlibFaceRecognizerTest::files_;
FaceRecognizer* DlibFaceRecognizerTest::recognizer_ = nullptr;

TEST(FaceWeights, MissingFilesAreNamedWithWhatToDo) {
  os::PosixFileSystem files;
  os::TemporaryDirectory folder;
  const auto opened = OpenFaceRecognizer(files, folder.path());
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.status().code(), Code::kNotFound);
  EXPECT_NE(opened.status().message().find(kNames[0]), std::string::npos);
  EXPECT_NE(opened.status().message().find("scripts/bootstrap faces"), std::string::npos);
  EXPECT_FALSE(OpenFaceRecognizer(files, folder.path() + "/nowhere").ok());
}

TEST(FaceWeights, AFileThatIsAnotherIsRefusedBeforeItIsRead) {
  NEED_FACE_WEIGHTS();
  os::PosixFileSystem files;
  for (const std::string damage : {"cut short", "longer", "one byte", "empty"}) {
    for (const std::string damaged : kNames) {
      os::TemporaryDirectory folder;
      for (const std::string name : kNames) {
        auto bytes = os::ReadWholeFile(files, testing::FaceWeightsFolder() + "/" + name,
                                       std::size_t{64} << 20);
        ASSERT_TRUE(bytes.ok());
        if (name == damaged) {
          if (damage == "cut short") bytes->resize(bytes->size() / 2);
          if (damage == "longer") bytes->push_back(0);
          if (damage == "one byte") (*bytes)[bytes->size() / 2] ^= 1;
          if (damage == "empty") bytes->clear();
        }
        ASSERT_TRUE(os::PublishFile(files, folder.path() + "/" + name, *bytes).ok());
        if (name == damaged) break;  // what comes after is not looked at
      }
      const auto opened = OpenFaceRecognizer(files, folder.path());
      ASSERT_FALSE(opened.ok()) << damage << " " << damaged;
      EXPECT_EQ(opened.status().code(), Code::kInvalidArgument);
      EXPECT_NE(opened.status().message().find(damaged), std::string::npos);
    }
  }
}

TEST(FaceWeights, WeightsThatChangeAfterTheStartAreAFailureAndNoCrash) {
  NEED_FACE_WEIGHTS();
  os::PosixFileSystem files;
  os::TemporaryDirectory folder;
  for (const std::string name : kNames) {
    const auto bytes =
        os::ReadWholeFile(files, testing::FaceWeightsFolder() + "/" + name, std::size_t{64} << 20);
    ASSERT_TRUE(bytes.ok());
    ASSERT_TRUE(os::PublishFile(files, folder.path() + "/" + name, *bytes).ok());
  }
  const auto opened = OpenFaceRecognizer(files, folder.path());
  ASSERT_TRUE(opened.ok());
  const std::string text = "something else";
  ASSERT_TRUE(os::PublishFile(files, folder.path() + "/" + kNames[2], AsBytes(text)).ok());
  for (int call = 0; call < 6; ++call) {  // more than there are workers: none is lost
    EXPECT_EQ((*opened)->Find(Plain(50, 50, 90)).status().code(), Code::kInvalidArgument);
  }
}

TEST_F(DlibFaceRecognizerTest, SaysWhatItIs) {
  NEED_FACE_WEIGHTS();
  const FaceModelInfo& info = recognizer_->info();
  EXPECT_EQ(info.dimension, 128U);
  EXPECT_EQ(info.digest.size(), 64U);
  EXPECT_GT(info.scores.slope, 0);
  EXPECT_LT(info.scores.Score(0.85), 0.1);
  EXPECT_GT(info.scores.Score(0.95), 0.9);
}

TEST_F(DlibFaceRecognizerTest, PicturesWithoutFacesAndOfOddSizes) {
  NEED_FACE_WEIGHTS();
  for (const auto& [width, height] : {std::pair{1U, 1U},
                                      {1U, 700U},
                                      {700U, 1U},
                                      {2U, 3U},
                                      {7U, 900U},
                                      {20'000U, 2U},
                                      {81U, 80U},
                                      {1300U, 40U}}) {
    EXPECT_TRUE(Find(Plain(width, height, 255)).empty()) << width << "x" << height;
    EXPECT_TRUE(Find(Noise(width, height)).empty()) << width << "x" << height;
  }
  EXPECT_TRUE(Find(Plain(640, 480, 0)).empty());
  EXPECT_TRUE(Find(Noise(320, 240)).empty());
}

// The two pictures of each of the first people; empty: they are not here.
std::vector<std::vector<image::Picture>> People(os::FileSystem& files, std::size_t count) {
  const std::string folder = testing::Shared("data/faces/lfw-aligned-100pair");
  std::vector<std::vector<image::Picture>> people;
  const auto names = files.List(folder);
  if (!names.ok()) return people;
  for (const std::string& name : *names) {
    if (people.size() == count) break;
    std::vector<image::Picture> pictures;
    const auto own = files.List(folder + "/" + name);
    if (!own.ok()) continue;
    for (const std::string& file : *own) {
      const auto bytes = os::ReadWholeFile(files, folder + "/" + name + "/" + file, 1 << 20);
      if (!bytes.ok()) continue;
      auto picture = image::Decode(*bytes, {}, {});
      if (picture.ok()) pictures.push_back(*std::move(picture));
    }
    people.push_back(std::move(pictures));
  }
  return people;
}

#define NEED_PEOPLE(people) \
  if ((people).empty()) GTEST_SKIP() << "data/faces of $OCELLUS_SHARED is missing"

// Tiles of 110 pixels, `columns` in a row.
image::Picture Grid(const std::vector<image::Picture>& pictures, std::uint32_t columns) {
  constexpr std::uint32_t kTile = 110;
  const auto count = static_cast<std::uint32_t>(pictures.size());
  image::Picture grid = Plain(columns * kTile, (count + columns - 1) / columns * kTile, 200);
  for (std::uint32_t i = 0; i < count; ++i) {
    for (std::uint32_t y = 0; y < pictures[i].height; ++y) {
      std::copy_n(pictures[i].rgb.data() + std::size_t{3} * y * pictures[i].width,
                  std::size_t{3} * pictures[i].width,
                  grid.rgb.data() + std::size_t{3} * ((i / columns * kTile + y) * grid.width +
                                                      i % columns * kTile));
    }
  }
  return grid;
}

TEST_F(DlibFaceRecognizerTest, TheSamePersonIsNearerThanOthers) {
  NEED_FACE_WEIGHTS();
  const auto people = People(files_, 6);
  NEED_PEOPLE(people);
  std::vector<std::vector<Face>> first;
  std::vector<std::vector<Face>> second;
  for (const auto& pictures : people) {
    first.push_back(Find(pictures[0]));
    second.push_back(Find(pictures[1]));
    ASSERT_EQ(first.back().size(), 1U);
    ASSERT_EQ(second.back().size(), 1U);
  }
  const auto score = [&](std::size_t a, std::size_t b) {
    return recognizer_->info().scores.Score(Cosine(first[a][0].vector, second[b][0].vector));
  };
  int right = 0;
  for (std::size_t a = 0; a < people.size(); ++a) {
    for (std::size_t b = 0; b < people.size(); ++b)
      right += (score(a, b) >= 0.5) == (a == b) ? 1 : 0;
  }
  EXPECT_GE(right, 34);  // of 36
}

TEST_F(DlibFaceRecognizerTest, TwentyFacesLargestFirstAndASmallOneAmongThem) {
  NEED_FACE_WEIGHTS();
  const auto people = People(files_, 20);
  NEED_PEOPLE(people);
  std::vector<image::Picture> tiles;
  for (const auto& pictures : people) tiles.push_back(pictures[0]);
  const image::Picture group = Grid(tiles, 5);
  EXPECT_GE(Find(group).size(), 18U);
  // As a part of a large picture, and that picture made small.
  image::Picture half =
      image::Resize(group, {0, 0, group.width, group.height}, group.width / 2, group.height / 2);
  EXPECT_GE(Find(half).size(), 14U);
}

TEST_F(DlibFaceRecognizerTest, ManyCallersGetTheSameVectors) {
  NEED_FACE_WEIGHTS();
  const auto people = People(files_, 4);
  NEED_PEOPLE(people);
  std::vector<std::vector<float>> expected;
  for (const auto& pictures : people) expected.push_back(Find(pictures[0]).at(0).vector);
  std::vector<std::thread> callers;
  for (std::size_t caller = 0; caller < 6; ++caller) {
    callers.emplace_back([&, caller] {
      for (std::size_t call = 0; call < 4; ++call) {
        const std::size_t who = (caller + call) % people.size();
        const auto faces = recognizer_->Find(people[who][0]);
        ASSERT_TRUE(faces.ok());
        ASSERT_EQ(faces->size(), 1U);
        EXPECT_EQ(faces->front().vector, expected[who]);
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
}

}  // namespace
}  // namespace ocellus::embed
