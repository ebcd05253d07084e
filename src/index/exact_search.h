// One search over a vector file's chunks.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "index/bitmap.h"
#include "index/vector_index.h"

namespace ocellus::index {

class VectorFile;

// As VectorIndex::Search(), over the chunks the file has now.
// REQUIRES: the query passes CheckVector(), every allowed slot is within the chunks
std::vector<Neighbor> SearchExact(const VectorFile& file, std::span<const float> query,
                                  std::uint32_t top_k, const Bitmap& allowed);

}  // namespace ocellus::index
