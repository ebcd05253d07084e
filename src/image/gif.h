// Our own reader of a GIF's first frame: a browser shows the part of the canvas that this frame
// does not cover as empty, which the library at hand paints black, after reading every other frame
// first.

#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"
#include "image/raster.h"

namespace ocellus::image {

struct GifLayout {
  std::uint32_t width = 0;  // of the canvas: the declared screen, grown to hold the first frame
  std::uint32_t height = 0;
  bool truncated = false;

  Box frame;
  bool interlaced = false;
  bool has_transparent = false;
  std::uint8_t transparent = 0;  // the palette's index
  Bytes palette;                 // 3 bytes a colour
  std::uint32_t code_bits = 0;   // of a pixel in the compressed data
  std::uint64_t data_at = 0;     // of the first block of compressed data
};

// Walks the blocks to the end of the first frame.
Result<GifLayout> ReadGifLayout(Bytes bytes);

// On white. InvalidArgument when the pixels end early.
Result<Raster> DecodeGif(Bytes bytes, std::uint32_t target_side);

}  // namespace ocellus::image
