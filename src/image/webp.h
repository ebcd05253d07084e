// WebP through libwebp.

#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"
#include "image/raster.h"

namespace ocellus::image {

struct WebpLayout {
  std::uint32_t width = 0;  // of the canvas
  std::uint32_t height = 0;
  bool truncated = false;
  bool animated = false;
  // The first frame's place on the canvas and its bitstream: the whole file unless animated.
  Box frame;
  Bytes bitstream;
  Bytes exif;
  Bytes icc;
};

// Walks the chunks of the RIFF container, to the first frame and what comes before it, and for a
// still picture to the metadata behind it.
Result<WebpLayout> ReadWebpLayout(Bytes bytes);

// Alpha is put on white.
Result<Raster> DecodeWebp(Bytes bytes, std::uint32_t target_side, const Limits& limits);

}  // namespace ocellus::image
