#include "store/embedded/embedded_table.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <queue>
#include <utility>

#include "store/embedded/aggregation.h"
#include "store/embedded/row_order.h"
#include "store/embedded/text_match.h"

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

// Sort keys beyond it decide nothing that anybody sees.
constexpr std::size_t kMaxSortKeys = 16;

Status CheckOrder(const TableSchema& schema, const std::vector<query::SortKey>& order) {
  if (order.size() > kMaxSortKeys) {
    return {Code::kInvalidArgument, "order: more than 16 keys"};
  }
  for (const query::SortKey& key : order) {
    OCELLUS_RETURN_IF_ERROR(CheckExpression(schema, key.expression, "order"));
  }
  return {};
}

Status CheckSparse(const Column& column, const SparseVector& sparse) {
  const auto wrong = [&](const char* what) {
    return Status(Code::kInvalidArgument, "column '" + column.name + "': " + what);
  };
  if (column.vector.sparse_indices_column.empty()) return wrong("it has no sparse part");
  if (sparse.indices.size() != sparse.values.size()) {
    return wrong("the sparse query has not as many values as indices");
  }
  if (sparse.indices.size() > kMaxSparseElements) {
    return wrong("the sparse query has too many elements");
  }
  const bool finite = std::all_of(sparse.values.begin(), sparse.values.end(), [](float value) {
    return std::abs(value) <= index::kMaxComponent;
  });
  return finite ? Status() : wrong("a value of the sparse query is NaN or too large");
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
      OCELLUS_RETURN_IF_ERROR(CheckVector(position, *vector));
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
  OCELLUS_ASSIGN_OR_RETURN(const RowSelection selection, Select(core_->layout, columns));
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
  OCELLUS_ASSIGN_OR_RETURN(const RowSelection selection, Select(core_->layout, request.columns));
  OCELLUS_ASSIGN_OR_RETURN(ReadView view, OpenView(query::FieldsOf(request.filter)));
  const Snapshot& snapshot = view.snapshot();

  index::Bitmap allowed;
  {
    const StageTimer timer(metrics_.filter);
    allowed = Allowed(snapshot, request.filter);
    if (snapshot.with_vector[column] != nullptr && !request.query.empty()) {
      allowed.And(*snapshot.with_vector[column]);
    }
  }
  std::vector<index::Neighbor> nearest;
  {
    const StageTimer timer(metrics_.scan);
    OCELLUS_ASSIGN_OR_RETURN(nearest, request.sparse.has_value()
                                          ? NearestSparse(snapshot, column, request, allowed)
                                          : Nearest(snapshot, column, request, allowed));
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
  OCELLUS_RETURN_IF_ERROR(CheckOrder(core_->schema, request.order));
  OCELLUS_ASSIGN_OR_RETURN(const RowSelection selection, Select(core_->layout, request.columns));
  std::size_t lacking = core_->schema.columns.size();
  if (!request.lacking_vector.empty()) {
    OCELLUS_ASSIGN_OR_RETURN(lacking, VectorColumn(request.lacking_vector));
  }
  std::vector<query::Field> fields = query::FieldsOf(request.filter);
  for (const query::SortKey& key : request.order) query::CollectFields(key.expression, fields);
  OCELLUS_ASSIGN_OR_RETURN(ReadView view, OpenView(fields));
  const Snapshot& snapshot = view.snapshot();
  index::Bitmap allowed = Allowed(snapshot, request.filter);
  if (lacking < core_->schema.columns.size()) {
    // Null: every row has one.
    const index::Bitmap* with_vector = snapshot.with_vector[lacking].get();
    allowed.AndNot(with_vector != nullptr ? *with_vector : snapshot.live);
  }
  const Page page = {request.offset, request.limit};
  const std::vector<std::uint32_t> slots =
      request.order.empty()
          ? InsertionOrder(core_->born, snapshot.in_order, allowed, page)
          : KeyOrder(core_->schema, snapshot, core_->born, allowed, request.order, page);
  std::vector<Row> rows;
  rows.reserve(slots.size());
  for (const std::uint32_t slot : slots) {
    OCELLUS_ASSIGN_OR_RETURN(Row row, ReadRow(view, slot, selection));
    rows.push_back(std::move(row));
  }
  return rows;
}

Result<std::uint64_t> EmbeddedTable::Count(const query::Filter& filter) {
  const Call call(*this);
  OCELLUS_RETURN_IF_ERROR(call.status());
  OCELLUS_RETURN_IF_ERROR(CheckFilter(core_->schema, filter));
  OCELLUS_ASSIGN_OR_RETURN(const SnapshotPtr snapshot, CurrentFor(query::FieldsOf(filter)));
  if (filter.kind == query::Filter::Kind::kAll) return snapshot->rows;
  return std::uint64_t{Allowed(*snapshot, filter).Count()};
}

Result<std::vector<Hit>> EmbeddedTable::SearchText(const TextSearchRequest& request) {
  const Call call(*this);
  OCELLUS_RETURN_IF_ERROR(call.status());
  OCELLUS_RETURN_IF_ERROR(CheckFilter(core_->schema, request.filter));
  OCELLUS_ASSIGN_OR_RETURN(const RowSelection selection, Select(core_->layout, request.columns));
  OCELLUS_ASSIGN_OR_RETURN(ReadView view, OpenView(query::FieldsOf(request.filter)));
  OCELLUS_ASSIGN_OR_RETURN(const TextMatch match,
                           MatchExpression(view.rows().database(), core_->layout, request.query));
  index::Bitmap allowed = Allowed(view.snapshot(), request.filter);

  struct Found {
    double score;
    std::uint64_t born;
    std::uint32_t slot;
    bool operator<(const Found& other) const {  // better than
      return score != other.score ? score > other.score : born < other.born;
    }
  };
  std::priority_queue<Found> best;  // the worst of them on top
  {
    const StageTimer timer(metrics_.scan);
    if (!match.score.empty()) {
      OCELLUS_ASSIGN_OR_RETURN(allowed, view.rows().MatchTexts(match.rows, allowed));
    }
    const std::string& counted = match.score.empty() ? match.rows : match.score;
    OCELLUS_RETURN_IF_ERROR(
        view.rows().ScoreTexts(counted, allowed, [&](std::uint32_t slot, double score) {
          const Found found = {score, core_->born.Get(slot), slot};
          if (best.size() == request.top_k) {
            if (best.empty() || !(found < best.top())) return;
            best.pop();
          }
          best.push(found);
        }));
  }
  const StageTimer timer(metrics_.rows);
  std::vector<Hit> hits(best.size());
  for (std::size_t i = best.size(); i-- > 0; best.pop()) {
    OCELLUS_ASSIGN_OR_RETURN(hits[i].row, ReadRow(view, best.top().slot, selection));
    hits[i].score = static_cast<float>(best.top().score);
  }
  return hits;
}

Result<std::vector<AggregateRow>> EmbeddedTable::Aggregate(const AggregateRequest& request) {
  const Call call(*this);
  OCELLUS_RETURN_IF_ERROR(call.status());
  OCELLUS_RETURN_IF_ERROR(CheckAggregate(core_->schema, request));
  OCELLUS_ASSIGN_OR_RETURN(const SnapshotPtr snapshot, CurrentFor(embedded::FieldsOf(request)));
  return embedded::Aggregate(core_->schema, *snapshot, core_->born,
                             Allowed(*snapshot, request.filter), request);
}

Status EmbeddedTable::FillVectors(const std::string& vector_column, std::vector<VectorFill> fills) {
  const Call call(*this);
  OCELLUS_RETURN_IF_ERROR(call.status());
  OCELLUS_ASSIGN_OR_RETURN(const std::size_t position, VectorColumn(vector_column));
  for (const VectorFill& fill : fills) {
    OCELLUS_RETURN_IF_ERROR(Validate(core_->schema, fill.key));
    OCELLUS_RETURN_IF_ERROR(CheckVector(position, fill.vector));
  }
  if (fills.empty()) return {};
  return writer_.Fill(position, fills);
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

Status EmbeddedTable::CheckVector(std::size_t position, const Vector& vector) const {
  return index::CheckVector(vector, core_->indexes[position]->dimension())
      .WithContext("column '" + core_->schema.columns[position].name + "'");
}

Result<std::size_t> EmbeddedTable::VectorColumn(const std::string& name) const {
  const std::size_t position = core_->schema.IndexOf(name);
  if (position == core_->schema.columns.size() || core_->indexes[position] == nullptr) {
    return Status(Code::kInvalidArgument, "the table has no vector column '" + name + "'");
  }
  return position;
}

Result<std::size_t> EmbeddedTable::CheckSearch(const SearchRequest& request) const {
  OCELLUS_ASSIGN_OR_RETURN(const std::size_t position, VectorColumn(request.vector_column));
  if (request.sparse.has_value()) {
    OCELLUS_RETURN_IF_ERROR(CheckSparse(core_->schema.columns[position], *request.sparse));
  }
  if (!request.sparse.has_value() || !request.query.empty()) {
    OCELLUS_RETURN_IF_ERROR(
        index::CheckVector(request.query, core_->indexes[position]->dimension()));
  }
  OCELLUS_RETURN_IF_ERROR(CheckFilter(core_->schema, request.filter));
  return position;
}

Result<ReadView> EmbeddedTable::OpenView(const std::vector<query::Field>& fields) {
  const std::vector<std::size_t> columns = ColumnsOf(core_->schema, fields);
  for (;;) {
    OCELLUS_ASSIGN_OR_RETURN(ReadView view, readers_.Open());
    if (HasColumns(view.snapshot(), columns)) return view;
    OCELLUS_RETURN_IF_ERROR(writer_.LoadColumns(columns));
  }
}

Result<SnapshotPtr> EmbeddedTable::CurrentFor(const std::vector<query::Field>& fields) {
  const std::vector<std::size_t> columns = ColumnsOf(core_->schema, fields);
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

Result<std::vector<index::Neighbor>> EmbeddedTable::NearestSparse(
    const Snapshot& snapshot, std::size_t column, const SearchRequest& request,
    const index::Bitmap& allowed) const {
  const auto version_of = [this](std::uint32_t slot) { return core_->born.Get(slot); };
  std::vector<index::Neighbor> found = snapshot.sparse[column]->Search(
      request.sparse->indices, request.sparse->values, allowed, version_of);
  if (!request.query.empty()) {
    // Exact: the rows of the sparse part one by one, and of all others the nearest.
    index::Bitmap others = allowed;
    for (index::Neighbor& neighbor : found) {
      const std::span<const float> vector = core_->indexes[column]->Vector(neighbor.slot);
      const double dense =
          std::inner_product(vector.begin(), vector.end(), request.query.begin(), 0.0,
                             std::plus<>(), [](float a, float b) { return double{a} * double{b}; });
      neighbor.score = static_cast<float>(double{neighbor.score} + dense);
      others.Clear(neighbor.slot);
    }
    OCELLUS_ASSIGN_OR_RETURN(const std::vector<index::Neighbor> rest,
                             Nearest(snapshot, column, request, others));
    found.insert(found.end(), rest.begin(), rest.end());
  }
  const auto better = [this](const index::Neighbor& a, const index::Neighbor& b) {
    if (a.score != b.score) return a.score > b.score;
    return core_->born.Get(a.slot) < core_->born.Get(b.slot);
  };
  const std::size_t wanted = std::min<std::size_t>(request.top_k, found.size());
  std::partial_sort(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(wanted), found.end(),
                    better);
  found.resize(wanted);
  return found;
}

}  // namespace ocellus::store::embedded
