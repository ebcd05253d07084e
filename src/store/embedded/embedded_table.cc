#include "store/embedded/embedded_table.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace ocellus::store::embedded {
namespace {

bool HasColumns(const Snapshot& snapshot, const std::vector<std::size_t>& positions) {
  return std::all_of(positions.begin(), positions.end(),
                     [&](std::size_t position) { return snapshot.columns[position] != nullptr; });
}

// Integers are welcome in double columns, and doubles from there on.
void MakeDoubles(Value& value) {
  if (const std::int64_t* integer = value.as_int()) value = Value(static_cast<double>(*integer));
  if (Value::List* list = value.as_list()) {
    for (Value& element : *list) MakeDoubles(element);
  }
}

// One form for each content: absent cells are monostate, numbers have the column's type.
void Normalize(const TableSchema& schema, Row& row) {
  for (std::size_t i = 0; i < row.cells.size(); ++i) {
    Value* value = std::get_if<Value>(&row.cells[i]);
    if (value == nullptr) continue;
    if (value->is_null()) {
      row.cells[i] = Cell();
    } else if (schema.columns[i].type == ColumnType::kDouble) {
      MakeDoubles(*value);
    }
  }
}

// Passes over `offset` of the slots and gives at most `limit` of the rest, in the order in which
// their rows were written.
std::vector<std::uint32_t> Page(const TableCore& core, const Snapshot& snapshot,
                                const index::Bitmap& allowed, std::uint64_t offset,
                                std::uint64_t limit) {
  std::vector<std::uint32_t> slots;
  const std::uint64_t count = allowed.Count();
  if (offset >= count || limit == 0) return slots;
  limit = std::min(limit, count - offset);
  if (snapshot.in_order) {
    const auto words = allowed.words();
    for (std::size_t w = 0; w < words.size() && slots.size() < limit; ++w) {
      std::uint64_t word = words[w];
      const auto in_word = static_cast<std::uint64_t>(std::popcount(word));
      if (offset >= in_word) {
        offset -= in_word;
        continue;
      }
      for (; offset > 0; --offset) word &= word - 1;
      for (; word != 0 && slots.size() < limit; word &= word - 1) {
        slots.push_back(static_cast<std::uint32_t>(w * 64) +
                        static_cast<std::uint32_t>(std::countr_zero(word)));
      }
    }
    return slots;
  }
  std::vector<std::pair<std::uint64_t, std::uint32_t>> by_birth;
  by_birth.reserve(count);
  allowed.ForEach([&](std::uint32_t slot) { by_birth.emplace_back(core.born.Get(slot), slot); });
  const auto first = by_birth.begin() + static_cast<std::ptrdiff_t>(offset);
  const auto last = first + static_cast<std::ptrdiff_t>(limit);
  std::nth_element(by_birth.begin(), first, by_birth.end());
  std::partial_sort(first, last, by_birth.end());
  slots.reserve(limit);
  for (auto place = first; place != last; ++place) slots.push_back(place->second);
  return slots;
}

}  // namespace

// Counts itself in and out, so that Stop() can wait. REQUIRES: nothing but status() unless ok.
class EmbeddedTable::Call {
 public:
  explicit Call(EmbeddedTable& table) : table_(table) {
    MutexLock lock(table_.mutex_);
    status_ = table_.stopped_;
    if (status_.ok()) ++table_.calls_;
  }
  ~Call() {
    if (!status_.ok()) return;
    MutexLock lock(table_.mutex_);
    if (--table_.calls_ == 0) table_.idle_.NotifyAll();
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  const Status& status() const { return status_; }

 private:
  EmbeddedTable& table_;
  Status status_;
};

EmbeddedTable::EmbeddedTable(os::FileSystem& files, std::string folder, OpenedTable opened,
                             std::size_t max_readers, StoreMetrics& metrics, LogLine log)
    : files_(files),
      folder_(std::move(folder)),
      core_(std::move(opened.core)),
      metrics_(metrics),
      log_(std::move(log)),
      writer_(*core_, std::move(opened.writer), metrics),
      readers_(RowsPath(folder_), *core_, max_readers) {}

EmbeddedTable::~EmbeddedTable() {
  Stop({Code::kUnavailable, "the table is closed"}, /*keep=*/true);
}

Status EmbeddedTable::Write(WriteBatch batch) {
  const Call call(*this);
  OCELLUS_RETURN_IF_ERROR(call.status());
  for (const Key& key : batch.deletes) OCELLUS_RETURN_IF_ERROR(Validate(core_->schema, key));
  for (Row& row : batch.upserts) {
    OCELLUS_RETURN_IF_ERROR(Validate(core_->schema, row));
    for (const std::size_t position : core_->layout.vectors()) {
      const Vector* vector = std::get_if<Vector>(&row.cells[position]);
      if (vector == nullptr) continue;
      OCELLUS_RETURN_IF_ERROR(
          index::CheckVector(*vector, core_->indexes[position]->dimension())
              .WithContext("column '" + core_->schema.columns[position].name + "'"));
    }
    Normalize(core_->schema, row);
  }
  if (batch.upserts.empty() && batch.deletes.empty()) return {};
  return writer_.Write(std::move(batch));
}

Result<std::vector<std::optional<Row>>> EmbeddedTable::Get(
    std::span<const Key> keys, const std::vector<std::string>& columns) {
  const Call call(*this);
  OCELLUS_RETURN_IF_ERROR(call.status());
  for (const Key& key : keys) OCELLUS_RETURN_IF_ERROR(Validate(core_->schema, key));
  OCELLUS_ASSIGN_OR_RETURN(const RowSelection selection, Select(core_->schema, columns));
  OCELLUS_ASSIGN_OR_RETURN(ReadView view, readers_.Open());
  std::vector<std::optional<Row>> rows(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    OCELLUS_ASSIGN_OR_RETURN(const std::optional<std::uint32_t> slot,
                             view.rows().FindSlot(keys[i]));
    if (!slot.has_value()) continue;
    OCELLUS_ASSIGN_OR_RETURN(rows[i], ReadRow(view, *slot, selection));
  }
  return rows;
}

Result<std::vector<Hit>> EmbeddedTable::Search(const SearchRequest& request) {
  const Call call(*this);
  OCELLUS_RETURN_IF_ERROR(call.status());
  OCELLUS_ASSIGN_OR_RETURN(const std::size_t column, CheckSearch(request));
  OCELLUS_ASSIGN_OR_RETURN(const RowSelection selection, Select(core_->schema, request.columns));
  OCELLUS_ASSIGN_OR_RETURN(ReadView view, OpenView(request.filter));
  const Snapshot& snapshot = view.snapshot();

  index::Bitmap allowed;
  {
    const StageTimer timer(metrics_.filter);
    allowed = Allowed(snapshot, request.filter);
    if (snapshot.with_vector[column] != nullptr) allowed.And(*snapshot.with_vector[column]);
  }
  std::vector<index::Neighbor> nearest;
  {
    const StageTimer timer(metrics_.scan);
    OCELLUS_ASSIGN_OR_RETURN(nearest, Nearest(snapshot, column, request, allowed));
  }
  const StageTimer timer(metrics_.rows);
  std::vector<Hit> hits;
  hits.reserve(nearest.size());
  for (const index::Neighbor& neighbor : nearest) {
    OCELLUS_ASSIGN_OR_RETURN(Row row, ReadRow(view, neighbor.slot, selection));
    hits.push_back({neighbor.score, std::move(row)});
  }
  return hits;
}

Result<std::vector<Row>> EmbeddedTable::Scan(const ScanRequest& request) {
  const Call call(*this);
  OCELLUS_RETURN_IF_ERROR(call.status());
  OCELLUS_RETURN_IF_ERROR(CheckFilter(core_->schema, request.filter));
  OCELLUS_ASSIGN_OR_RETURN(const RowSelection selection, Select(core_->schema, request.columns));
  OCELLUS_ASSIGN_OR_RETURN(ReadView view, OpenView(request.filter));
  const Snapshot& snapshot = view.snapshot();
  std::vector<Row> rows;
  for (const std::uint32_t slot :
       Page(*core_, snapshot, Allowed(snapshot, request.filter), request.offset, request.limit)) {
    OCELLUS_ASSIGN_OR_RETURN(Row row, ReadRow(view, slot, selection));
    rows.push_back(std::move(row));
  }
  return rows;
}

Result<std::uint64_t> EmbeddedTable::Count(const query::Filter& filter) {
  const Call call(*this);
  OCELLUS_RETURN_IF_ERROR(call.status());
  OCELLUS_RETURN_IF_ERROR(CheckFilter(core_->schema, filter));
  OCELLUS_ASSIGN_OR_RETURN(const SnapshotPtr snapshot, CurrentFor(filter));
  if (filter.kind == query::Filter::Kind::kAll) return snapshot->rows;
  return std::uint64_t{Allowed(*snapshot, filter).Count()};
}

Result<TableStats> EmbeddedTable::Stats() {
  const Call call(*this);
  OCELLUS_RETURN_IF_ERROR(call.status());
  TableStats stats;
  stats.rows = core_->snapshots->Current()->rows;
  OCELLUS_ASSIGN_OR_RETURN(const std::vector<std::string> names, files_.List(folder_));
  for (const std::string& name : names) {
    const auto file = files_.Open(folder_ + "/" + name, os::OpenMode::kRead);
    if (!file.ok() && file.status().code() == Code::kNotFound) continue;  // gone since List()
    if (!file.ok()) return file.status();
    OCELLUS_ASSIGN_OR_RETURN(const std::uint64_t bytes, (*file)->Size());
    stats.bytes_on_disk += bytes;
  }
  return stats;
}

void EmbeddedTable::Stop(Status reason, bool keep) {
  {
    MutexLock lock(mutex_);
    if (!stopped_.ok()) return;
    stopped_ = std::move(reason);
    while (calls_ > 0) idle_.Wait(mutex_);
  }
  readers_.Clear();
  const Result<std::uint64_t> sequence = writer_.Close();
  if (keep && sequence.ok()) CloseTable(files_, folder_, *core_, *sequence, log_);
  if (!sequence.ok()) log_("table '" + core_->schema.name + "': " + sequence.status().message());
  core_->indexes.clear();  // unmaps and closes the files
}

Result<std::size_t> EmbeddedTable::CheckSearch(const SearchRequest& request) const {
  const std::size_t position = core_->schema.IndexOf(request.vector_column);
  if (position == core_->schema.columns.size() || core_->indexes[position] == nullptr) {
    return Status(Code::kInvalidArgument,
                  "the table has no vector column '" + request.vector_column + "'");
  }
  OCELLUS_RETURN_IF_ERROR(index::CheckVector(request.query, core_->indexes[position]->dimension()));
  OCELLUS_RETURN_IF_ERROR(CheckFilter(core_->schema, request.filter));
  return position;
}

Result<ReadView> EmbeddedTable::OpenView(const query::Filter& filter) {
  const std::vector<std::size_t> columns = ColumnsOf(core_->schema, filter);
  for (;;) {
    OCELLUS_ASSIGN_OR_RETURN(ReadView view, readers_.Open());
    if (HasColumns(view.snapshot(), columns)) return view;
    OCELLUS_RETURN_IF_ERROR(writer_.LoadColumns(columns));
  }
}

Result<SnapshotPtr> EmbeddedTable::CurrentFor(const query::Filter& filter) {
  const std::vector<std::size_t> columns = ColumnsOf(core_->schema, filter);
  SnapshotPtr snapshot = core_->snapshots->Current();
  if (!HasColumns(*snapshot, columns)) {
    OCELLUS_RETURN_IF_ERROR(writer_.LoadColumns(columns));
    snapshot = core_->snapshots->Current();  // columns once loaded stay
  }
  return snapshot;
}

index::Bitmap EmbeddedTable::Allowed(const Snapshot& snapshot, const query::Filter& filter) const {
  if (filter.kind == query::Filter::Kind::kAll) return snapshot.live;
  index::Bitmap allowed = Evaluate(core_->schema, snapshot.columns, filter, snapshot.slots);
  allowed.And(snapshot.live);
  return allowed;
}

Result<Row> EmbeddedTable::ReadRow(ReadView& view, std::uint32_t slot,
                                   const RowSelection& selection) const {
  OCELLUS_ASSIGN_OR_RETURN(Row row, view.rows().Read({slot, core_->born.Get(slot)}, selection));
  for (const std::size_t position : selection.vectors) {
    const index::Bitmap* with_vector = view.snapshot().with_vector[position].get();
    if (with_vector != nullptr && !with_vector->Test(slot)) continue;
    const std::span<const float> vector = core_->indexes[position]->Vector(slot);
    row.cells[position] = Vector(vector.begin(), vector.end());
  }
  return row;
}

Result<std::vector<index::Neighbor>> EmbeddedTable::Nearest(const Snapshot& snapshot,
                                                            std::size_t column,
                                                            const SearchRequest& request,
                                                            const index::Bitmap& allowed) const {
  const index::VectorIndex& index = *core_->indexes[column];
  const std::uint32_t wanted = std::min(request.top_k, allowed.Count());
  if (wanted == 0) return std::vector<index::Neighbor>();
  if (snapshot.in_order) return index.Search(request.query, wanted, allowed);

  // The index breaks ties by slot. Where slots were reused that is not the order of insertion: all
  // rows that tie with the last one are needed to say which of them come first.
  const std::uint64_t count = allowed.Count();
  std::uint64_t asked = std::uint64_t{wanted} + 1;
  std::vector<index::Neighbor> found;
  for (;; asked *= 4) {
    asked = std::min(asked, count);
    OCELLUS_ASSIGN_OR_RETURN(
        found, index.Search(request.query, static_cast<std::uint32_t>(asked), allowed));
    if (asked == count || found.back().score != found[wanted - 1].score) break;
  }
  auto run = found.begin();
  while (run != found.end()) {
    const auto end = std::find_if(run, found.end(), [run](const index::Neighbor& neighbor) {
      return neighbor.score != run->score;
    });
    std::sort(run, end, [this](const index::Neighbor& a, const index::Neighbor& b) {
      return core_->born.Get(a.slot) < core_->born.Get(b.slot);
    });
    run = end;
  }
  found.resize(wanted);
  return found;
}

}  // namespace ocellus::store::embedded
