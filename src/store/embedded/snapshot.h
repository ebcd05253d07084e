// What a search sees of a table, and which of these views are alive.

#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "base/mutex.h"
#include "index/bitmap.h"
#include "index/sparse_index.h"
#include "store/embedded/filter_columns.h"

namespace ocellus::store::embedded {

// The rows of a table after one commit. Immutable. Vectors, births and identifiers of its live
// slots do not change while it lives.
struct Snapshot {
  std::uint64_t sequence = 0;  // of the commit, as the table's file has it
  std::uint32_t slots = 0;     // all live ones are below
  std::uint64_t rows = 0;      // live ones
  index::Bitmap live;
  // By position in the schema: the rows that have a vector. Null for columns of other types and
  // where every row has one.
  std::vector<std::shared_ptr<const index::Bitmap>> with_vector;
  ColumnSet columns;
  // By position in the schema: the sparse parts of vector columns; null for all others. Rows are
  // told apart by their births.
  std::vector<std::shared_ptr<index::SparseIndex>> sparse;
  // Slots ascend in the order in which their rows were written.
  bool in_order = true;
};

using SnapshotPtr = std::shared_ptr<const Snapshot>;

// The current snapshot and those that searches still hold. A commit announces its snapshot before
// it shows in the file, so that whoever reads a sequence from the file finds the snapshot of it.
//
// Thread-safe.
class SnapshotRegistry {
 public:
  explicit SnapshotRegistry(SnapshotPtr first) : current_(first), alive_{first} {}

  SnapshotPtr Current() const EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return current_;
  }

  // The newest one of that sequence, if any is alive.
  SnapshotPtr Find(std::uint64_t sequence) const EXCLUDES(mutex_);

  void Announce(const SnapshotPtr& next) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    alive_.push_back(next);
  }

  // The announced one's commit failed.
  void Withdraw(const SnapshotPtr& next) EXCLUDES(mutex_);

  // Makes it current. REQUIRES: it was announced
  void Publish(const SnapshotPtr& next) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    current_ = next;
  }

  // The sequence of the oldest snapshot alive.
  std::uint64_t Oldest() EXCLUDES(mutex_);

 private:
  mutable Mutex mutex_;
  SnapshotPtr current_ GUARDED_BY(mutex_);
  std::deque<std::weak_ptr<const Snapshot>> alive_ GUARDED_BY(mutex_);  // ascending sequences
};

}  // namespace ocellus::store::embedded
