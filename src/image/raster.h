// Raster: what a decoder hands on before colour management: the file's own colours, not yet
// upright. And the steps from there to a Picture.

#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "image/image.h"

namespace ocellus::image {

enum class Ink : std::uint8_t { kGrey = 1, kRgb = 3, kCmyk = 4 };  // the value: bytes a pixel

struct Raster {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  Ink ink = Ink::kRgb;
  // Rows packed. CMYK with 255 for full ink, as a profile of the ICC sees it.
  std::vector<std::uint8_t> samples;
  std::vector<std::uint8_t> icc;  // the embedded profile; empty if there is none
};

// In sRGB. A profile that is damaged, for another kind of ink, or in effect sRGB itself is passed
// over; CMYK without a profile is converted by the plain formula.
Picture ToSrgb(Raster raster);

// Whether a profile says that it is for this kind of ink. Cheap.
bool ProfileIsFor(Bytes icc, Ink ink);

// The picture turned and mirrored as EXIF's orientation (1 to 8) asks.
Picture Upright(Picture picture, std::uint8_t orientation);

// Takes rows of a large RGB, grey or CMYK picture one by one and keeps the mean of each
// factor x factor block: memory for the small picture only. One owner thread.
class BoxShrinker {
 public:
  // REQUIRES: factor >= 1, width and height not 0. Parts of blocks at the right and lower edge are
  // means of what is there.
  struct Shape {
    std::uint32_t width = 0;
    std::uint32_t height = 0;
    std::uint32_t channels = 3;
    std::uint32_t factor = 1;
  };
  explicit BoxShrinker(const Shape& shape);

  // The largest factor that leaves the shortest side at least `target_side`; 1 for target_side 0.
  static std::uint32_t FactorFor(std::uint32_t width, std::uint32_t height,
                                 std::uint32_t target_side);

  // REQUIRES: called at most `height` times, with width * channels bytes.
  void AddRow(const std::uint8_t* row);

  std::uint32_t width() const { return out_width_; }
  std::uint32_t height() const { return out_height_; }
  // REQUIRES: every row was added.
  std::vector<std::uint8_t> Take() && { return std::move(out_); }

 private:
  void FinishBlockRow();

  Shape shape_;
  std::uint32_t out_width_;
  std::uint32_t out_height_;
  std::uint32_t rows_in_ = 0;      // of the whole picture
  std::uint32_t rows_done_ = 0;    // of the small picture
  std::uint32_t rows_in_sum_ = 0;  // of the block row now being summed
  std::vector<std::uint32_t> sums_;
  std::vector<std::uint8_t> out_;
};

}  // namespace ocellus::image
