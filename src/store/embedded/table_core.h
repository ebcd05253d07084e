// The parts of an open table that its readers and its writer share.

#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "index/vector_index.h"
#include "store/embedded/growing_array.h"
#include "store/embedded/row_file.h"
#include "store/embedded/slots.h"
#include "store/embedded/snapshot.h"
#include "store/schema.h"

namespace ocellus::store::embedded {

// Constant after the table is open, but for what says otherwise.
//
// Thread safety: see the members. Outlives every reader and the writer.
struct TableCore {
  TableCore(TableSchema table_schema, ColumnIds ids)
      : schema(std::move(table_schema)), layout(schema, std::move(ids)) {}
  TableCore(const TableCore&) = delete;
  TableCore& operator=(const TableCore&) = delete;

  const TableSchema schema;
  const RowLayout layout;

  // By position in the schema; null for columns that are no vectors.
  std::vector<std::unique_ptr<index::VectorIndex>> indexes;

  // Of every slot: RowPlace::born.
  GrowingArray<std::uint64_t> born;

  std::unique_ptr<SnapshotRegistry> snapshots;
};

// What the writer alone has, as an opening table finds it.
struct WriterState {
  std::unique_ptr<RowFile> rows;  // the file's one writing connection
  SlotAllocator slots;
  std::uint64_t next_born = 1;
  std::vector<std::set<std::string>> map_keys;  // by position; empty for columns that are no maps
};

// The store's clocks. One set for all tables.
struct StoreMetrics {
  explicit StoreMetrics(MetricsRegistry& registry);

  Histogram& write;
  Histogram& filter;
  Histogram& scan;
  Histogram& rows;
  Counter& commits;
  Counter& index_rebuilds;
};

}  // namespace ocellus::store::embedded
