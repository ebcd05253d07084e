// The one writer of a table: merges concurrent writes into commits and publishes their snapshots.

#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "store/embedded/table_core.h"
#include "store/table_store.h"

namespace ocellus::store::embedded {

// Thread-safe. Of the threads that wait in Write(), one commits for all: the batches that came
// together share one transaction and one fsync, yet each succeeds or fails alone.
class TableWriter {
 public:
  TableWriter(TableCore& core, WriterState state, StoreMetrics& metrics);

  // As Table::Write(). REQUIRES: every row and key is valid
  Status Write(WriteBatch batch) EXCLUDES(queue_mutex_, mutex_);

  // As Table::FillVectors(). REQUIRES: every key and vector is valid
  Status Fill(std::size_t position, const std::vector<VectorFill>& fills)
      EXCLUDES(queue_mutex_, mutex_);

  // Brings columns into memory for filters; writers wait meanwhile. Those that are there already
  // cost nothing. `positions`: in the schema.
  Status LoadColumns(std::span<const std::size_t> positions) EXCLUDES(queue_mutex_, mutex_);

  // Empties the write-ahead log and closes the file. Gives the sequence of the last commit. No
  // other call may follow.
  Result<std::uint64_t> Close() EXCLUDES(queue_mutex_, mutex_);

 private:
  // A batch on its way, on the stack of its Write().
  struct Pending {
    WriteBatch batch;
    std::optional<Status> status;  // whoever commits sets it, and then, under queue_mutex_, `done`
    bool done = false;
  };
  struct NewRow {
    RowPlace place;
    const Row* row;
  };
  struct NewMapKey {
    std::size_t position;
    std::string key;
  };
  // What a batch, or the batches so far, do to the slots.
  struct Change {
    std::vector<std::uint32_t> freed;  // held a row before
    std::vector<NewRow> added;
    std::unordered_set<std::uint32_t> unused;  // slots of `added` that a later change took again
    std::vector<NewMapKey> map_keys;
    bool empty() const { return freed.empty() && added.empty(); }
  };

  std::vector<Pending*> TakeGroup() REQUIRES(queue_mutex_);

  // Sets the status of every batch of the group.
  void CommitGroup(const std::vector<Pending*>& group) REQUIRES(mutex_);
  // The failure is of the transaction: no batch without a status of its own is written.
  Status TryCommit(const std::vector<Pending*>& group) REQUIRES(mutex_);
  Status ApplyGroup(const std::vector<Pending*>& group, Change& change) REQUIRES(mutex_);
  Status Apply(const WriteBatch& batch, Change& change) REQUIRES(mutex_);
  Status Erase(const Key& key, Change& change) REQUIRES(mutex_);
  Status Insert(const Row& row, Change& change) REQUIRES(mutex_);
  Status CheckMapKeys(const WriteBatch& batch, Change& change) REQUIRES(mutex_);
  void Undo(const Change& change) REQUIRES(mutex_);  // in memory; the file rolls back by itself

  // Makes room and puts the new rows where searches will find them once the snapshot is published.
  Result<SnapshotPtr> Stage(const Change& change) REQUIRES(mutex_);
  // Adds the new rows to the sparse indexes of `next`, after leaving behind those that are mostly
  // of rows that are gone.
  void StageSparse(const Change& change, Snapshot& next) REQUIRES(mutex_);
  // The snapshot is published, or the file is as it was.
  Status Commit(Transaction& transaction, const SnapshotPtr& next) REQUIRES(mutex_);
  void CheckpointIfDue() REQUIRES(mutex_);

  TableCore& core_;
  StoreMetrics& metrics_;

  Mutex queue_mutex_;
  CondVar done_;
  std::deque<Pending*> queue_ GUARDED_BY(queue_mutex_);
  bool leading_ GUARDED_BY(queue_mutex_) = false;  // somebody commits

  Mutex mutex_;  // the file and all below; never taken while queue_mutex_ is held
  std::unique_ptr<RowFile> rows_ GUARDED_BY(mutex_);
  SlotAllocator slots_ GUARDED_BY(mutex_);
  std::uint64_t next_born_ GUARDED_BY(mutex_);
  std::int64_t checkpointed_pages_ GUARDED_BY(mutex_) = 0;  // of the log, when last tried
  std::vector<std::set<std::string>> map_keys_ GUARDED_BY(mutex_);
};

}  // namespace ocellus::store::embedded
