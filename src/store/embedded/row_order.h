// Rows in the order that a scan asks for, from their columns alone.

#pragma once

#include <cstdint>
#include <vector>

#include "query/sort_key.h"
#include "store/embedded/growing_array.h"
#include "store/embedded/snapshot.h"
#include "store/schema.h"

namespace ocellus::store::embedded {

struct Page {
  std::uint64_t offset = 0;  // rows to pass over
  std::uint64_t limit = 0;
};

// The slots of one page of `allowed`, in the order of insertion.
std::vector<std::uint32_t> InsertionOrder(const GrowingArray<std::uint64_t>& born, bool in_order,
                                          const index::Bitmap& allowed, const Page& page);

// The same in the order of the keys, ties as inserted. Memory: 8 bytes for each row and key.
// REQUIRES: the keys' columns are loaded in the snapshot
std::vector<std::uint32_t> KeyOrder(const TableSchema& schema, const Snapshot& snapshot,
                                    const GrowingArray<std::uint64_t>& born,
                                    const index::Bitmap& allowed,
                                    const std::vector<query::SortKey>& keys, const Page& page);

}  // namespace ocellus::store::embedded
