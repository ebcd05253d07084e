// ContactSheet: many pictures as one, each with its number.
//
// Thread safety: a function without state.

#pragma once

#include <cstdint>
#include <span>

#include "image/image.h"

namespace ocellus::image {

struct ContactSheetOptions {
  std::uint32_t tile_side = 192;  // pixels, at least 16
  std::uint32_t columns = 0;      // 0: about as many as rows
};

// Every picture scaled into a square of its own, in reading order, with its place from 1 in a
// corner. A picture without pixels is an empty square: it keeps its number. Pictures are borrowed.
// REQUIRES: !pictures.empty() && pictures.size() <= 1000
Picture ContactSheet(std::span<const Picture> pictures, const ContactSheetOptions& options);

}  // namespace ocellus::image
