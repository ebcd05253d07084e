#include "engine/testing/memory_store.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace ocellus::engine::testing {
namespace {

Value CellOf(const store::TableSchema& schema, const store::Row& row, const query::Field& field) {
  const std::size_t at = schema.IndexOf(field.column);
  if (at >= row.cells.size()) return nullptr;
  const auto* value = std::get_if<Value>(&row.cells[at]);
  if (value == nullptr) return nullptr;
  if (field.key.empty()) return *value;
  const Value* entry = value->Find(field.key);
  return entry != nullptr ? *entry : Value();
}

bool Admits(const store::TableSchema& schema, const query::Filter& filter, const store::Row& row) {
  return query::Matches(filter,
                        [&](const query::Field& field) { return CellOf(schema, row, field); });
}

// The row with the wanted columns only.
store::Row Project(const store::TableSchema& schema, const store::Row& row,
                   const std::vector<std::string>& columns) {
  store::Row out;
  out.cells.resize(row.cells.size());
  for (const std::string& column : columns) {
    const std::size_t at = schema.IndexOf(column);
    if (at < row.cells.size()) out.cells[at] = row.cells[at];
  }
  return out;
}

// Larger is nearer.
double Nearness(store::Metric metric, const store::Vector& a, const store::Vector& b) {
  double dot = 0;
  double norms_a = 0;
  double norms_b = 0;
  double distance = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    dot += double{a[i]} * double{b[i]};
    norms_a += double{a[i]} * double{a[i]};
    norms_b += double{b[i]} * double{b[i]};
    distance += (double{a[i]} - double{b[i]}) * (double{a[i]} - double{b[i]});
  }
  if (metric == store::Metric::kInnerProduct) return dot;
  if (metric == store::Metric::kSquaredEuclidean) return -distance;
  return norms_a == 0 || norms_b == 0 ? 0 : dot / std::sqrt(norms_a * norms_b);
}

}  // namespace

class MemoryStore::MemoryTable final : public store::Table {
 public:
  MemoryTable(store::TableSchema schema, std::shared_ptr<Faults> faults)
      : schema_(std::move(schema)), faults_(std::move(faults)) {}

  const store::TableSchema& schema() const override { return schema_; }

  Status Write(store::WriteBatch batch) override {
    {
      MutexLock lock(faults_->mutex);
      if (!faults_->write.ok() && faults_->after-- <= 0) return faults_->write;
    }
    for (const store::Row& row : batch.upserts) {
      OCELLUS_RETURN_IF_ERROR(store::Validate(schema_, row));
    }
    for (const store::Key& key : batch.deletes) {
      OCELLUS_RETURN_IF_ERROR(store::Validate(schema_, key));
    }
    MutexLock lock(mutex_);
    if (dropped_) return Gone();
    for (const store::Key& key : batch.deletes) {
      std::erase_if(rows_,
                    [&](const store::Row& row) { return store::KeyOf(schema_, row) == key; });
    }
    for (store::Row& row : batch.upserts) {
      if (store::Row* old = Find(store::KeyOf(schema_, row))) {
        *old = std::move(row);
      } else {
        rows_.push_back(std::move(row));
      }
    }
    return {};
  }

  Result<std::vector<std::optional<store::Row>>> Get(
      std::span<const store::Key> keys, const std::vector<std::string>& columns) override {
    MutexLock lock(mutex_);
    if (dropped_) return Gone();
    std::vector<std::optional<store::Row>> rows;
    for (const store::Key& key : keys) {
      const store::Row* row = Find(key);
      rows.push_back(row != nullptr ? std::optional(Project(schema_, *row, columns))
                                    : std::nullopt);
    }
    return rows;
  }

  Result<std::vector<store::Hit>> Search(const store::SearchRequest& request) override {
    const store::Column* column = schema_.Find(request.vector_column);
    if (column == nullptr || column->type != store::ColumnType::kVector ||
        column->vector.dimension != request.query.size()) {
      return Status(Code::kInvalidArgument, "not a vector column of this dimension");
    }
    const std::size_t at = schema_.IndexOf(request.vector_column);
    MutexLock lock(mutex_);
    if (dropped_) return Gone();
    std::vector<std::pair<double, const store::Row*>> found;
    for (const store::Row& row : rows_) {
      const auto* vector = std::get_if<store::Vector>(&row.cells[at]);
      if (vector == nullptr || !Admits(schema_, request.filter, row)) continue;
      found.emplace_back(Nearness(column->vector.metric, request.query, *vector), &row);
    }
    std::stable_sort(found.begin(), found.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });
    if (found.size() > request.top_k) found.resize(request.top_k);
    std::vector<store::Hit> hits;
    for (const auto& [nearness, row] : found) {
      const bool distance = column->vector.metric == store::Metric::kSquaredEuclidean;
      hits.push_back({static_cast<float>(distance ? -nearness : nearness),
                      Project(schema_, *row, request.columns)});
    }
    return hits;
  }

  Result<std::vector<store::Row>> Scan(const store::ScanRequest& request) override {
    MutexLock lock(mutex_);
    if (dropped_) return Gone();
    std::vector<store::Row> rows;
    std::uint64_t passed = 0;
    for (const store::Row& row : rows_) {
      if (!Admits(schema_, request.filter, row)) continue;
      if (passed++ < request.offset) continue;
      if (rows.size() == request.limit) break;
      rows.push_back(Project(schema_, row, request.columns));
    }
    return rows;
  }

  Result<std::uint64_t> Count(const query::Filter& filter) override {
    MutexLock lock(mutex_);
    if (dropped_) return Gone();
    return static_cast<std::uint64_t>(
        std::count_if(rows_.begin(), rows_.end(),
                      [&](const store::Row& row) { return Admits(schema_, filter, row); }));
  }

  Result<store::TableStats> Stats() override {
    MutexLock lock(mutex_);
    if (dropped_) return Gone();
    return store::TableStats{rows_.size(), 0};
  }

  void Drop() {
    MutexLock lock(mutex_);
    dropped_ = true;
    rows_.clear();
  }

 private:
  Status Gone() const { return Status(Code::kNotFound, "no such table: " + schema_.name); }

  store::Row* Find(const store::Key& key) REQUIRES(mutex_) {
    for (store::Row& row : rows_) {
      if (store::KeyOf(schema_, row) == key) return &row;
    }
    return nullptr;
  }

  const store::TableSchema schema_;
  const std::shared_ptr<Faults> faults_;
  Mutex mutex_;
  std::vector<store::Row> rows_ GUARDED_BY(mutex_);
  bool dropped_ GUARDED_BY(mutex_) = false;
};

Status MemoryStore::CreateTable(const store::TableSchema& schema) {
  OCELLUS_RETURN_IF_ERROR(store::Validate(schema));
  MutexLock lock(mutex_);
  for (const auto& table : tables_) {
    if (table->schema().name == schema.name) {
      return Status(Code::kAlreadyExists, "table " + schema.name + " exists already");
    }
  }
  tables_.push_back(std::make_shared<MemoryTable>(schema, faults_));
  return {};
}

Status MemoryStore::DropTable(const std::string& name) {
  MutexLock lock(mutex_);
  for (auto table = tables_.begin(); table != tables_.end(); ++table) {
    if ((*table)->schema().name != name) continue;
    (*table)->Drop();
    tables_.erase(table);
    return {};
  }
  return Status(Code::kNotFound, "no such table: " + name);
}

Result<std::shared_ptr<store::Table>> MemoryStore::OpenTable(const std::string& name) {
  MutexLock lock(mutex_);
  for (const auto& table : tables_) {
    if (table->schema().name == name) return std::shared_ptr<store::Table>(table);
  }
  return Status(Code::kNotFound, "no such table: " + name);
}

Result<std::vector<store::TableSchema>> MemoryStore::ListTables() {
  MutexLock lock(mutex_);
  std::vector<store::TableSchema> schemas;
  for (const auto& table : tables_) schemas.push_back(table->schema());
  return schemas;
}

void MemoryStore::FailWrites(Status status, int after) {
  MutexLock lock(faults_->mutex);
  faults_->after = after;
  faults_->write = std::move(status);
}

}  // namespace ocellus::engine::testing
