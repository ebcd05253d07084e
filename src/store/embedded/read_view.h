// One moment of a table: its snapshot in memory and the same moment of its file.

#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "store/embedded/row_file.h"
#include "store/embedded/snapshot.h"
#include "store/embedded/table_core.h"

namespace ocellus::store::embedded {

class ReaderPool;

// While it lives, rows() reads the file as it was at the commit of snapshot(): a row that is live
// in the one is there, unchanged, in the other, whatever is written meanwhile.
//
// Thread safety: one owner thread. The pool outlives it.
class ReadView {
 public:
  ReadView(ReadView&&) noexcept = default;
  ReadView& operator=(ReadView&&) = delete;
  ~ReadView();

  const Snapshot& snapshot() const { return *snapshot_; }
  RowFile& rows() { return *rows_; }

 private:
  friend class ReaderPool;
  ReadView(ReaderPool& pool, std::unique_ptr<RowFile> rows)
      : pool_(&pool), rows_(std::move(rows)) {}

  ReaderPool* pool_;
  std::unique_ptr<RowFile> rows_;
  SnapshotPtr snapshot_;
};

// Reading connections to one table's file, kept for the next reader.
//
// Thread-safe.
class ReaderPool {
 public:
  // At most `max_connections` views at a time; further readers wait for one to end.
  ReaderPool(std::string path, const TableCore& core, std::size_t max_connections);

  // The newest commit. Waits for no writer.
  Result<ReadView> Open() EXCLUDES(mutex_);

  // Closes the idle connections. REQUIRES: no view is open
  void Clear() EXCLUDES(mutex_);

 private:
  friend class ReadView;
  Result<std::unique_ptr<RowFile>> Take() EXCLUDES(mutex_);
  void Return(std::unique_ptr<RowFile> rows) EXCLUDES(mutex_);  // null: it failed and is closed

  const std::string path_;
  const TableCore& core_;
  const std::size_t max_connections_;

  Mutex mutex_;
  CondVar returned_;
  std::vector<std::unique_ptr<RowFile>> idle_ GUARDED_BY(mutex_);
  std::size_t open_ GUARDED_BY(mutex_) = 0;  // idle or in a view
};

}  // namespace ocellus::store::embedded
