// One table of the embedded store.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "store/embedded/read_view.h"
#include "store/embedded/table_loader.h"
#include "store/embedded/table_writer.h"
#include "store/table_store.h"

namespace ocellus::store::embedded {

// How a search stays right while rows change. It opens a ReadView: a read transaction of the file
// and, by the commit counter that it reads there, the snapshot in memory of the same commit. The
// filter becomes a bitmap of slots, the index finds the nearest slots in it, the rows come from the
// transaction. All of this is of one commit, so a row that is replaced or deleted meanwhile is
// still found and returned whole as it was; its slot is not given to another row until the view
// ends.
//
// Thread-safe.
class EmbeddedTable final : public Table {
 public:
  EmbeddedTable(os::FileSystem& files, std::string folder, OpenedTable opened,
                std::size_t max_readers, StoreMetrics& metrics, LogLine log);
  ~EmbeddedTable() override;

  const TableSchema& schema() const override { return core_->schema; }
  Status Write(WriteBatch batch) override EXCLUDES(mutex_);
  Result<std::vector<std::optional<Row>>> Get(std::span<const Key> keys,
                                              const std::vector<std::string>& columns) override
      EXCLUDES(mutex_);
  Result<std::vector<Hit>> Search(const SearchRequest& request) override EXCLUDES(mutex_);
  Result<std::vector<Row>> Scan(const ScanRequest& request) override EXCLUDES(mutex_);
  Result<std::uint64_t> Count(const query::Filter& filter) override EXCLUDES(mutex_);
  Result<std::vector<Hit>> SearchText(const TextSearchRequest& request) override EXCLUDES(mutex_);
  Result<std::vector<AggregateRow>> Aggregate(const AggregateRequest& request) override
      EXCLUDES(mutex_);
  Status FillVectors(const std::string& vector_column, std::vector<VectorFill> fills) override
      EXCLUDES(mutex_);
  Result<TableStats> Stats() override EXCLUDES(mutex_);

  bool HasRows() const { return core_->snapshots->Current()->rows > 0; }  // also once stopped

  // Fails later calls with `reason`, waits for those under way and closes the files, with clean
  // marks when `keep`. A second call does nothing.
  void Stop(Status reason, bool keep) EXCLUDES(mutex_);

 private:
  class Call;  // one that is under way

  Status CheckVector(std::size_t position, const Vector& vector) const;
  Result<std::size_t> VectorColumn(const std::string& name) const;
  Result<std::size_t> CheckSearch(const SearchRequest& request) const;  // the vector column
  // A view, or the current snapshot, that has the columns of the fields.
  Result<ReadView> OpenView(const std::vector<query::Field>& fields);
  Result<SnapshotPtr> CurrentFor(const std::vector<query::Field>& fields);
  // The live rows that the filter admits.
  index::Bitmap Allowed(const Snapshot& snapshot, const query::Filter& filter) const;
  Result<Row> ReadRow(ReadView& view, std::uint32_t slot, const RowSelection& selection) const;
  // The nearest, ties in the order of insertion.
  Result<std::vector<index::Neighbor>> Nearest(const Snapshot& snapshot, std::size_t column,
                                               const SearchRequest& request,
                                               const index::Bitmap& allowed) const;
  // The same of a request with a sparse part.
  Result<std::vector<index::Neighbor>> NearestSparse(const Snapshot& snapshot, std::size_t column,
                                                     const SearchRequest& request,
                                                     const index::Bitmap& allowed) const;

  os::FileSystem& files_;
  const std::string folder_;
  const std::unique_ptr<TableCore> core_;
  StoreMetrics& metrics_;
  const LogLine log_;
  TableWriter writer_;
  ReaderPool readers_;

  Mutex mutex_;
  CondVar idle_;
  std::uint64_t calls_ GUARDED_BY(mutex_) = 0;  // under way
  Status stopped_ GUARDED_BY(mutex_);           // not ok: no call may begin
};

}  // namespace ocellus::store::embedded
