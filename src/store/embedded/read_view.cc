#include "store/embedded/read_view.h"

#include <thread>
#include <utility>

namespace ocellus::store::embedded {
namespace {

// A view is lost only to a commit that comes between the two looks of Open(), microseconds apart,
// where commits take an fsync each: a handful of tries is already unlikely.
constexpr int kMaxTries = 10'000;

Status RunCached(RowFile& rows, const std::string& sql) {
  OCELLUS_ASSIGN_OR_RETURN(Statement* const statement, rows.database().Cached(sql));
  return statement->Run();
}

}  // namespace

ReadView::~ReadView() {
  if (rows_ == nullptr) return;
  if (rows_->database().InTransaction() && !RunCached(*rows_, "ROLLBACK").ok()) rows_.reset();
  pool_->Return(std::move(rows_));
}

ReaderPool::ReaderPool(std::string path, const TableCore& core, std::size_t max_connections)
    : path_(std::move(path)), core_(core), max_connections_(max_connections) {}

Result<ReadView> ReaderPool::Open() {
  OCELLUS_ASSIGN_OR_RETURN(auto rows, Take());
  ReadView view(*this, std::move(rows));
  for (int i = 0; i < kMaxTries; ++i) {
    // The first read of a transaction fixes what it sees.
    OCELLUS_RETURN_IF_ERROR(RunCached(view.rows(), "BEGIN"));
    OCELLUS_ASSIGN_OR_RETURN(const std::uint64_t sequence, view.rows().Sequence());
    view.snapshot_ = core_.snapshots->Find(sequence);
    if (view.snapshot_ != nullptr) return view;
    OCELLUS_RETURN_IF_ERROR(RunCached(view.rows(), "ROLLBACK"));
    std::this_thread::yield();
  }
  return Status(Code::kInternal, path_ + ": holds a commit that is not known in memory");
}

Result<std::unique_ptr<RowFile>> ReaderPool::Take() {
  {
    MutexLock lock(mutex_);
    while (idle_.empty() && open_ >= max_connections_) returned_.Wait(mutex_);
    if (!idle_.empty()) {
      auto rows = std::move(idle_.back());
      idle_.pop_back();
      return rows;
    }
    ++open_;
  }
  auto rows = RowFile::Open(path_, core_.layout, Database::Role::kReader);
  if (!rows.ok()) Return(nullptr);
  return rows;
}

void ReaderPool::Return(std::unique_ptr<RowFile> rows) {
  MutexLock lock(mutex_);
  if (rows != nullptr) {
    idle_.push_back(std::move(rows));
  } else {
    --open_;
  }
  returned_.NotifyOne();
}

void ReaderPool::Clear() {
  MutexLock lock(mutex_);
  open_ -= idle_.size();
  idle_.clear();
}

}  // namespace ocellus::store::embedded
