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

  PicturePreprocessor() = default;  // to assign to; not to run

  // InvalidArgument names the field that is missing, malformed or asks for something that is not
  // implemented.
  static Result<PicturePreprocessor> Parse(std::string_view preprocessor_config_json);

  Layout layout() const { return layout_; }
  std::uint32_t width() const { return width_; }  // of what comes out
  std::uint32_t height() const { return height_; }
  // A picture whose shortest side is at least this loses nothing: decoders may shrink to it.
  std::uint32_t wanted_side() const { return wanted_side_; }
  // Of the result, in native byte order.
  std::size_t output_bytes() const;

  // REQUIRES: the picture is not empty; out.size() == output_bytes()
  void Run(const image::Picture& picture, std::span<std::uint8_t> out) const;

 private:
  enum class Fit : std::uint8_t {
    kSquash,        // the middle part, at most max_aspect_ long, stretched to width x height
    kShortestEdge,  // shortest side to shortest_edge_, then the middle width x height
  };

  image::Picture Fitted(const image::Picture& picture) const;

  Fit fit_ = Fit::kSquash;
  double max_aspect_ = 0;  // 0: any
  std::uint32_t shortest_edge_ = 0;
  std::uint32_t width_ = 0;
  std::uint32_t height_ = 0;
  std::uint32_t wanted_side_ = 0;
  Layout layout_ = Layout::kFloatPlanesFirst;
  std::array<std::vector<float>, 3> values_;  // of each byte, by channel; empty for bytes
};

}  // namespace ocellus::embed
