#include "store/embedded/table_writer.h"

#include <algorithm>
#include <utility>

#include "store/embedded/format.h"
#include "store/embedded/table_loader.h"

namespace ocellus::store::embedded {
namespace {

// A group shares the fate of its transaction and is held in memory, so it is bounded; what comes
// after waits for the next one.
constexpr std::size_t kMaxGroupBytes = std::size_t{32} << 20;

// Pages of the log (4 KiB each) after which it is copied into the file, and after which the writer
// waits for readers so that the log can start anew. 16 and 64 MiB: a batch of pictures fits the
// first many times over; the second bounds the disk that the log takes.
constexpr std::int64_t kCheckpointPages = 4096;
constexpr std::int64_t kRestartPages = 16384;

std::size_t BytesOf(const WriteBatch& batch) {
  std::size_t bytes = 0;
  for (const Row& row : batch.upserts) {
    for (const Cell& cell : row.cells) {
      bytes += 64;
      if (const Blob* blob = std::get_if<Blob>(&cell)) bytes += blob->bytes.size();
      if (const Vector* vector = std::get_if<Vector>(&cell)) bytes += vector->size() * 4;
    }
  }
  return bytes;
}

}  // namespace

TableWriter::TableWriter(TableCore& core, WriterState state, StoreMetrics& metrics)
    : core_(core),
      metrics_(metrics),
      rows_(std::move(state.rows)),
      slots_(std::move(state.slots)),
      next_born_(state.next_born),
      map_keys_(std::move(state.map_keys)) {}

Status TableWriter::Write(WriteBatch batch) {
  const StageTimer timer(metrics_.write);
  Pending pending;
  pending.batch = std::move(batch);
  {
    MutexLock lock(queue_mutex_);
    queue_.push_back(&pending);
  }
  for (;;) {
    std::vector<Pending*> group;
    {
      MutexLock lock(queue_mutex_);
      while (leading_ && !pending.done) done_.Wait(queue_mutex_);
      if (pending.done) return *pending.status;
      leading_ = true;
      group = TakeGroup();
    }
    {
      MutexLock lock(mutex_);
      CommitGroup(group);
    }
    {
      MutexLock lock(queue_mutex_);
      for (Pending* one : group) one->done = true;
      leading_ = false;
      done_.NotifyAll();
    }
    MutexLock lock(mutex_);
    CheckpointIfDue();
  }
}

std::vector<TableWriter::Pending*> TableWriter::TakeGroup() {
  std::vector<Pending*> group;
  std::size_t bytes = 0;
  while (!queue_.empty()) {
    bytes += BytesOf(queue_.front()->batch);
    if (!group.empty() && bytes > kMaxGroupBytes) break;
    group.push_back(queue_.front());
    queue_.pop_front();
  }
  return group;
}

void TableWriter::CommitGroup(const std::vector<Pending*>& group) {
  const Status status = TryCommit(group);
  for (Pending* pending : group) {
    if (pending->status.has_value()) continue;
    if (status.ok() || group.size() == 1) {
      pending->status = status;
    } else {
      // What one batch asked of the disk must not fail its neighbours.
      const Status alone = TryCommit({pending});
      if (!pending->status.has_value()) pending->status = alone;
    }
  }
}

Status TableWriter::TryCommit(const std::vector<Pending*>& group) {
  if (rows_ == nullptr) return {Code::kUnavailable, "the table is closed"};
  slots_.Reclaim(core_.snapshots->Oldest());
  Transaction transaction(rows_->database());
  OCELLUS_RETURN_IF_ERROR(transaction.Begin());
  Change change;
  SnapshotPtr next;
  Status status = ApplyGroup(group, change);
  if (status.ok() && change.empty()) return {};
  if (status.ok()) {
    Result<SnapshotPtr> staged = Stage(change);
    if (staged.ok()) {
      next = *std::move(staged);
      status = Commit(transaction, next);
    } else {
      status = std::move(staged).status();
    }
  }
  if (!status.ok()) {
    Undo(change);
    return status;
  }
  metrics_.commits.Add();
  for (const std::uint32_t slot : change.freed) slots_.Retire(slot, next->sequence);
  for (const std::uint32_t slot : change.unused) slots_.GiveBack(slot);
  return {};
}

Status TableWriter::ApplyGroup(const std::vector<Pending*>& group, Change& change) {
  for (Pending* pending : group) {
    if (pending->status.has_value()) continue;
    const bool alone = group.size() == 1;
    if (!alone) OCELLUS_RETURN_IF_ERROR(rows_->database().Execute("SAVEPOINT batch"));
    Change own;
    Status status = CheckMapKeys(pending->batch, own);
    if (status.ok()) status = Apply(pending->batch, own);
    if (status.ok()) {
      if (!alone) status = rows_->database().Execute("RELEASE batch");
      change.freed.insert(change.freed.end(), own.freed.begin(), own.freed.end());
      change.added.insert(change.added.end(), own.added.begin(), own.added.end());
      change.unused.merge(own.unused);
      change.map_keys.insert(change.map_keys.end(), own.map_keys.begin(), own.map_keys.end());
      OCELLUS_RETURN_IF_ERROR(status);
      continue;
    }
    Undo(own);
    // Of the transaction, or of a batch that is alone in it.
    if (alone || !rows_->database().InTransaction() || status.code() != Code::kInvalidArgument) {
      return status;
    }
    OCELLUS_RETURN_IF_ERROR(rows_->database().Execute("ROLLBACK TO batch; RELEASE batch"));
    pending->status = std::move(status);
  }
  return {};
}

Status TableWriter::Apply(const WriteBatch& batch, Change& change) {
  for (const NewMapKey& added : change.map_keys) {
    OCELLUS_RETURN_IF_ERROR(rows_->AddMapKey(added.position, added.key));
  }
  for (const Key& key : batch.deletes) OCELLUS_RETURN_IF_ERROR(Erase(key, change));
  for (const Row& row : batch.upserts) OCELLUS_RETURN_IF_ERROR(Insert(row, change));
  return {};
}

Status TableWriter::Erase(const Key& key, Change& change) {
  OCELLUS_ASSIGN_OR_RETURN(const std::optional<std::uint32_t> slot, rows_->FindSlot(key));
  if (!slot.has_value()) return {};
  OCELLUS_RETURN_IF_ERROR(rows_->Erase(*slot));
  if (core_.snapshots->Current()->live.Test(*slot)) {
    change.freed.push_back(*slot);
  } else {
    change.unused.insert(*slot);  // this transaction's own row
  }
  return {};
}

Status TableWriter::Insert(const Row& row, Change& change) {
  OCELLUS_RETURN_IF_ERROR(Erase(KeyOf(core_.schema, row), change));
  const std::optional<std::uint32_t> slot = slots_.Take();
  if (!slot.has_value()) return {Code::kResourceExhausted, "the table has no room for more rows"};
  const RowPlace place = {*slot, next_born_++};
  change.added.push_back({place, &row});
  return rows_->Insert(place, row);
}

Status TableWriter::CheckMapKeys(const WriteBatch& batch, Change& change) {
  for (std::size_t position = 0; position < map_keys_.size(); ++position) {
    if (core_.schema.columns[position].type != ColumnType::kMap) continue;
    std::set<std::string>& known = map_keys_[position];
    for (const Row& row : batch.upserts) {
      const Value* value = std::get_if<Value>(&row.cells[position]);
      if (value == nullptr || value->as_map() == nullptr) continue;
      for (const auto& [key, member] : *value->as_map()) {
        if (known.contains(key)) continue;
        if (known.size() >= kMaxMapKeys) {
          return {Code::kInvalidArgument, "column '" + core_.schema.columns[position].name +
                                              "' has " + std::to_string(kMaxMapKeys) +
                                              " different keys already; '" + key +
                                              "' would be one more"};
        }
        known.insert(key);
        change.map_keys.push_back({position, key});
      }
    }
  }
  return {};
}

void TableWriter::Undo(const Change& change) {
  for (auto added = change.added.rbegin(); added != change.added.rend(); ++added) {
    slots_.GiveBack(added->place.slot);
  }
  for (const NewMapKey& added : change.map_keys) map_keys_[added.position].erase(added.key);
}

Result<SnapshotPtr> TableWriter::Stage(const Change& change) {
  const SnapshotPtr now = core_.snapshots->Current();
  for (const auto& index : core_.indexes) {
    if (index != nullptr) OCELLUS_RETURN_IF_ERROR(index->Reserve(slots_.high_water()));
  }
  OCELLUS_RETURN_IF_ERROR(rows_->SetSequence(now->sequence + 1));

  auto next = std::make_shared<Snapshot>(*now);
  next->sequence = now->sequence + 1;
  next->slots = slots_.high_water();
  next->live.Resize(next->slots);
  for (const std::uint32_t slot : change.freed) next->live.Clear(slot);
  next->rows -= change.freed.size();

  // Who has vectors: copied where a row without one makes it necessary, or where it exists.
  std::vector<std::shared_ptr<index::Bitmap>> with_vector(core_.indexes.size());
  for (const std::size_t position : core_.layout.vectors()) {
    const bool all =
        std::all_of(change.added.begin(), change.added.end(), [position](const NewRow& added) {
          return std::holds_alternative<Vector>(added.row->cells[position]);
        });
    if (all && now->with_vector[position] == nullptr) continue;
    const index::Bitmap& base =
        now->with_vector[position] != nullptr ? *now->with_vector[position] : now->live;
    with_vector[position] = std::make_shared<index::Bitmap>(base);
    with_vector[position]->Resize(next->slots);
    for (const std::uint32_t slot : change.freed) with_vector[position]->Clear(slot);
  }

  ColumnSetBuilder columns(now->columns);
  for (const NewRow& added : change.added) {
    const std::uint32_t slot = added.place.slot;
    if (change.unused.contains(slot)) continue;
    if (slot < now->slots) next->in_order = false;
    next->live.Set(slot);
    ++next->rows;
    core_.born.Set(slot, added.place.born);
    for (std::size_t i = 0; i < added.row->cells.size(); ++i) {
      const Cell& cell = added.row->cells[i];
      columns.Set(i, slot, cell);
      if (const Vector* vector = std::get_if<Vector>(&cell)) {
        core_.indexes[i]->Put(slot, *vector);
        if (with_vector[i] != nullptr) with_vector[i]->Set(slot);
      }
    }
  }
  StageSparse(change, *next);
  columns.Compact(next->live, next->rows);
  if (columns.changed()) next->columns = columns.Finish();
  for (const std::size_t position : core_.layout.vectors()) {
    if (with_vector[position] != nullptr) next->with_vector[position] = with_vector[position];
  }
  return SnapshotPtr(std::move(next));
}

void TableWriter::StageSparse(const Change& change, Snapshot& next) {
  constexpr std::uint64_t kSmall = 4096;  // not worth the work below it
  const auto version_of = [this](std::uint32_t slot) { return core_.born.Get(slot); };
  for (std::size_t position = 0; position < next.sparse.size(); ++position) {
    std::shared_ptr<index::SparseIndex>& sparse = next.sparse[position];
    if (sparse == nullptr) continue;
    const VectorSpec& spec = core_.schema.columns[position].vector;
    const std::size_t indices = core_.schema.IndexOf(spec.sparse_indices_column);
    const std::size_t values = core_.schema.IndexOf(spec.sparse_values_column);
    for (const NewRow& added : change.added) {
      if (change.unused.contains(added.place.slot)) continue;
      AddSparse(*sparse, {added.place.slot, added.place.born}, added.row->cells[indices],
                added.row->cells[values]);
    }
    if (sparse->rows() > 2 * next.rows + kSmall) sparse = sparse->Compacted(next.live, version_of);
  }
}

Status TableWriter::Fill(std::size_t position, const std::vector<VectorFill>& fills) {
  const StageTimer timer(metrics_.write);
  MutexLock lock(mutex_);
  if (rows_ == nullptr) return {Code::kUnavailable, "the table is closed"};
  const SnapshotPtr now = core_.snapshots->Current();
  if (now->with_vector[position] == nullptr) return {};  // every row has one
  std::vector<std::size_t> sources;
  for (const std::string& name : SourcesOf(core_.schema.columns[position].vector)) {
    sources.push_back(core_.schema.IndexOf(name));
  }
  OCELLUS_RETURN_IF_ERROR(core_.indexes[position]->Reserve(now->slots));
  Transaction transaction(rows_->database());
  OCELLUS_RETURN_IF_ERROR(transaction.Begin());
  auto filled = std::make_shared<index::Bitmap>(*now->with_vector[position]);
  bool changed = false;
  for (const VectorFill& fill : fills) {
    OCELLUS_ASSIGN_OR_RETURN(const std::optional<std::uint32_t> slot, rows_->FindSlot(fill.key));
    if (!slot.has_value() || filled->Test(*slot)) continue;
    if (!sources.empty()) {
      // A row that was replaced meanwhile by one without a source has nothing to make it from.
      OCELLUS_ASSIGN_OR_RETURN(const bool has_source, rows_->HasAny(*slot, sources));
      if (!has_source) continue;
    }
    OCELLUS_RETURN_IF_ERROR(rows_->AddVector(*slot, position, fill.vector));
    core_.indexes[position]->Put(*slot, fill.vector);  // no snapshot so far says that it is there
    filled->Set(*slot);
    changed = true;
  }
  if (!changed) return {};
  auto next = std::make_shared<Snapshot>(*now);
  next->sequence = now->sequence + 1;
  next->with_vector[position] = std::move(filled);
  OCELLUS_RETURN_IF_ERROR(rows_->SetSequence(next->sequence));
  OCELLUS_RETURN_IF_ERROR(Commit(transaction, next));
  metrics_.commits.Add();
  CheckpointIfDue();
  return {};
}

Status TableWriter::Commit(Transaction& transaction, const SnapshotPtr& next) {
  core_.snapshots->Announce(next);
  Status status = transaction.Commit();
  if (!status.ok()) {
    // Whatever failed, what readers of the file see decides.
    transaction.RollBack();
    const Result<std::uint64_t> sequence = rows_->Sequence();
    if (!sequence.ok() || *sequence != next->sequence) {
      core_.snapshots->Withdraw(next);
      return status;
    }
  }
  core_.snapshots->Publish(next);
  return {};
}

Status TableWriter::LoadColumns(std::span<const std::size_t> positions) {
  MutexLock lock(mutex_);
  if (rows_ == nullptr) return {Code::kUnavailable, "the table is closed"};
  const SnapshotPtr now = core_.snapshots->Current();
  std::vector<std::size_t> missing;
  for (const std::size_t position : positions) {
    if (now->columns[position] == nullptr) missing.push_back(position);
  }
  if (missing.empty()) return {};
  ColumnSetBuilder columns(now->columns);
  for (const std::size_t position : missing) columns.Load(position);
  OCELLUS_RETURN_IF_ERROR(
      rows_->ForEachRow(missing, [&](std::uint32_t slot, std::vector<Cell>& cells) -> Status {
        for (std::size_t i = 0; i < missing.size(); ++i) columns.Set(missing[i], slot, cells[i]);
        return {};
      }));
  auto next = std::make_shared<Snapshot>(*now);
  next->columns = columns.Finish();
  core_.snapshots->Announce(next);
  core_.snapshots->Publish(next);
  return {};
}

void TableWriter::CheckpointIfDue() {
  if (rows_ == nullptr) return;
  Database& database = rows_->database();
  if (database.wal_pages() < checkpointed_pages_) checkpointed_pages_ = 0;  // it started anew
  if (database.wal_pages() < checkpointed_pages_ + kCheckpointPages) return;
  checkpointed_pages_ = database.wal_pages();
  const auto mode = database.wal_pages() < kRestartPages ? Database::Checkpoint::kPassive
                                                         : Database::Checkpoint::kRestart;
  // A failure leaves the log as it is, and the commits in it; the next write tries again.
  [[maybe_unused]] const Status status = database.RunCheckpoint(mode);
}

Result<std::uint64_t> TableWriter::Close() {
  MutexLock lock(mutex_);
  OCELLUS_ASSIGN_OR_RETURN(const std::uint64_t sequence, rows_->Sequence());
  // Readers are gone; a full disk is no reason to call the rows unclean.
  [[maybe_unused]] const Status status =
      rows_->database().RunCheckpoint(Database::Checkpoint::kTruncate);
  rows_.reset();
  return sequence;
}

}  // namespace ocellus::store::embedded
