// Our own reader of Windows bitmaps: no library at hand reads them without bringing a hundred other
// formats with it.

#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"
#include "image/raster.h"

namespace ocellus::image {

// Whether a bitmap's second header may be this long.
bool IsBmpHeaderSize(std::uint32_t size);

struct BmpLayout {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  bool truncated = false;  // an uncompressed one whose pixels are not all there

  bool top_down = false;
  std::uint32_t bits = 0;                 // a pixel: 1, 4, 8, 16, 24 or 32
  std::uint32_t compression = 0;          // BI_RGB 0, BI_RLE8 1, BI_RLE4 2, BI_BITFIELDS 3
  std::uint32_t masks[4] = {0, 0, 0, 0};  // red, green, blue, alpha; for 16 and 32 bits
  std::uint64_t pixels_at = 0;
  std::uint64_t palette_at = 0;
  std::uint32_t palette_entries = 0;
  std::uint32_t palette_entry_bytes = 4;
  Bytes icc;
};

Result<BmpLayout> ReadBmpLayout(Bytes bytes);

// Alpha is put on white. InvalidArgument when the pixels end early.
Result<Raster> DecodeBmp(Bytes bytes, std::uint32_t target_side);

}  // namespace ocellus::image
