// Pictures of coloured blocks, and faces that can be told by looking: a block whose blue is 128 is
// one, and its red and green are the person.

#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "embed/face_recognizer.h"
#include "engine/testing/colour_embedder.h"
#include "image/image.h"

namespace ocellus::engine::testing {

inline constexpr Colour kWhite = {255, 255, 255};
inline constexpr Colour kBlack = {0, 0, 0};
inline constexpr std::array<Colour, 4> kPersons = {
    {{230, 30, 128}, {30, 230, 128}, {230, 230, 128}, {30, 30, 128}}};

// A JPEG of blocks on one colour. Sides that are multiples of 16 keep the colours apart.
class BlockPicture {
 public:
  BlockPicture(std::uint32_t width, std::uint32_t height, Colour background = kWhite) {
    picture_ = {width, height, {}};
    picture_.rgb.resize(std::size_t{width} * height * 3);
    Block({0, 0, width, height}, background);
  }

  BlockPicture& Block(const image::Box& box, Colour colour) {
    for (std::uint32_t y = box.y; y < box.y + box.height; ++y) {
      for (std::uint32_t x = box.x; x < box.x + box.width; ++x) {
        std::uint8_t* pixel = &picture_.rgb[(std::size_t{y} * picture_.width + x) * 3];
        pixel[0] = colour.red;
        pixel[1] = colour.green;
        pixel[2] = colour.blue;
      }
    }
    return *this;
  }

  std::string Jpeg() const {
    const Result<std::vector<std::uint8_t>> jpeg = image::EncodeJpeg(picture_, 100);
    return jpeg.ok() ? std::string(AsText(*jpeg)) : std::string();
  }

 private:
  image::Picture picture_;
};

// Finds the face blocks that stand beside each other. Thread-safe: nothing changes but by Rename().
class BlockFaces final : public embed::FaceRecognizer {
 public:
  BlockFaces() {
    info_.name = "blocks";
    info_.digest = "faces-1";
    info_.dimension = 3;
    info_.scores = {10, -8};  // 0.5 at a cosine of 0.8
  }

  const embed::FaceModelInfo& info() const override { return info_; }
  void Rename(const std::string& digest) { info_.digest = digest; }

  Result<std::vector<embed::Face>> Find(const image::Picture& picture) const override {
    std::vector<embed::Face> faces;
    std::uint32_t from = 0;
    for (std::uint32_t x = 0; x <= picture.width; ++x) {
      if (x < picture.width && Rows(picture, x).second > 0) continue;
      if (x - from >= 8) faces.push_back(FaceIn(picture, from, x));
      from = x + 1;
    }
    std::stable_sort(faces.begin(), faces.end(), [](const embed::Face& a, const embed::Face& b) {
      return a.box.width * a.box.height > b.box.width * b.box.height;
    });
    if (faces.size() > embed::kMaxFaces) faces.resize(embed::kMaxFaces);
    return faces;
  }

 private:
  static const std::uint8_t* At(const image::Picture& picture, std::uint32_t x, std::uint32_t y) {
    return &picture.rgb[(std::size_t{y} * picture.width + x) * 3];
  }

  // The first face pixel of the column, and how many.
  static std::pair<std::uint32_t, std::uint32_t> Rows(const image::Picture& picture,
                                                      std::uint32_t x) {
    std::pair<std::uint32_t, std::uint32_t> rows = {0, 0};
    for (std::uint32_t y = 0; y < picture.height; ++y) {
      if (std::abs(At(picture, x, y)[2] - 128) > 12) continue;
      if (rows.second++ == 0) rows.first = y;
    }
    return rows;
  }

  static embed::Face FaceIn(const image::Picture& picture, std::uint32_t from, std::uint32_t to) {
    const std::uint32_t middle = (from + to) / 2;
    const auto [top, height] = Rows(picture, middle);
    const std::uint8_t* pixel = At(picture, middle, top + height / 2);
    const double red = pixel[0] - 128.0;
    const double green = pixel[1] - 128.0;
    const double length = std::hypot(red, green, 20.0);
    return {{from, top, to - from, height},
            0.9F,
            {static_cast<float>(red / length), static_cast<float>(green / length),
             static_cast<float>(20 / length)}};
  }

  embed::FaceModelInfo info_;
};

}  // namespace ocellus::engine::testing
