// JPEG through libjpeg-turbo, with its shrinking in the inverse DCT.

#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "image/raster.h"

namespace ocellus::image {

struct JpegLayout {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  Bytes exif;                    // from its byte order on; empty if there is none
  std::vector<Bytes> icc_parts;  // in order; empty if there is none or a part is missing
};

// Walks the markers up to the first scan.
Result<JpegLayout> ReadJpegLayout(Bytes bytes);

// Shrinks while the shortest side stays at least target_side (0: never). InvalidArgument when the
// data ends early or does not make sense.
Result<Raster> DecodeJpeg(Bytes bytes, std::uint32_t target_side, const Limits& limits);

}  // namespace ocellus::image
