// PNG, TIFF, HEIC and AVIF through libvips, held to one thread, without its cache, and with
// every loader but these blocked.

#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"
#include "image/raster.h"

namespace ocellus::image {

// Shrinks by whole factors while reading, so that the full size is not held in memory where the
// format can be read row by row. Alpha is put on white.
// REQUIRES: `format` is one of the four and its header passed the limits.
Result<Raster> DecodeByVips(Bytes bytes, Format format, std::uint32_t target_side,
                            const Limits& limits);

}  // namespace ocellus::image
