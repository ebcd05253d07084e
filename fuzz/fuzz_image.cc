// Pictures of strangers: every header parser and every decoder behind them.

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "image/image.h"

namespace image = ocellus::image;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Low, so that what one input may cost is low.
  const image::Limits limits{.max_bytes = std::size_t{1} << 16, .max_pixels = 1 << 16};
  const std::span<const std::uint8_t> bytes(data, size);
  const auto info = image::Probe(bytes, limits);
  const auto picture = image::Decode(bytes, {}, limits);
  if (picture.ok()) {
    // Decode gives only what Probe let through, of the size that it said.
    if (!info.ok() || picture->width != info->width || picture->height != info->height ||
        picture->rgb.size() != std::size_t{picture->width} * picture->height * 3) {
      std::abort();
    }
  }
  const auto small = image::Decode(bytes, {.target_side = 7}, limits);
  if (small.ok() != picture.ok()) std::abort();
  const auto thumbnail = image::Thumbnail(bytes, 16, limits);
  if (thumbnail.ok() != picture.ok()) std::abort();
  if (thumbnail.ok() && !image::Decode(*thumbnail, {}, limits).ok()) std::abort();
  return 0;
}
