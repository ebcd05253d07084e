// PicturePreprocessor: a picture to the numbers that a bundle's picture tower takes, as its
// preprocessor_config.json says. Format: docs/format/bundle.md.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "image/image.h"

namespace ocellus::embed {

// Thread-safe: nothing changes after construction.
class PicturePreprocessor {
 public:
  enum class Layout : std::uint8_t {
    kBytesRowsFirst,    // uint8 [height, width, 3]; the model scales by itself
    kFloatPlanesFirst,  // float32 [3, height, width], scaled and normalised
  };
  enum class Fit : std::uint8_t {
    kSquash,        // the middle part, at most max_aspect long, stretched to width x height
    kShortestEdge,  // shortest side to `edge`, then the middle width x height
    kLongestEdge,   // as large as goes into width x height, `fill` around it
  };

  // What the files say.
  struct Recipe {
    Fit fit = Fit::kSquash;
    double max_aspect = 0;   // kSquash; 0: any
    std::uint32_t edge = 0;  // kShortestEdge
    std::uint32_t width = 0;
    std::uint32_t height = 0;
    image::Filter filter = image::Filter::kBicubic;
    // Where the middle begins when what is cut off is odd: rounded half to even, as torchvision
    // does it, else down.
    bool round_half_even = false;
    std::uint8_t fill = 0;
    Layout layout = Layout::kFloatPlanesFirst;
    double factor = 1.0 / 255;  // for floats, as the two below
    std::array<double, 3> mean = {0, 0, 0};
    std::array<double, 3> deviation = {1, 1, 1};
  };

  PicturePreprocessor() = default;  // to assign to; not to run
  // REQUIRES: sides of 1..4096, the middle not larger than the edge, deviations above 0
  explicit PicturePreprocessor(const Recipe& recipe);

  // InvalidArgument names the field that is missing, malformed or asks for something that is not
  // implemented.
  static Result<PicturePreprocessor> Parse(std::string_view preprocessor_config_json);
  // The same from an open_clip_config.json.
  static Result<PicturePreprocessor> ParseOpenClip(std::string_view open_clip_config_json);

  Layout layout() const { return recipe_.layout; }
  std::uint32_t width() const { return recipe_.width; }  // of what comes out
  std::uint32_t height() const { return recipe_.height; }
  // A picture whose shortest side is at least this loses nothing: decoders may shrink to it.
  std::uint32_t wanted_side() const;
  // Of the result, in native byte order.
  std::size_t output_bytes() const;

  // REQUIRES: the picture is not empty; out.size() == output_bytes()
  void Run(const image::Picture& picture, std::span<std::uint8_t> out) const;

 private:
  image::Picture Fitted(const image::Picture& picture) const;
  image::Picture ToShortestEdge(const image::Picture& picture) const;
  image::Picture ToLongestEdge(const image::Picture& picture) const;
  image::Picture Resized(const image::Picture& picture, std::uint32_t width,
                         std::uint32_t height) const;

  Recipe recipe_;
  std::array<std::vector<float>, 3> values_;  // of each byte, by channel; empty for bytes
};

}  // namespace ocellus::embed
