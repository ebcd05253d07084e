#include "engine/testing/memory_store.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <compare>
#include <iterator>
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

// The ASCII words of a text, in small letters.
std::vector<std::string> WordsOf(const std::string& text) {
  std::vector<std::string> words(1);
  for (const char c : text) {
    const bool letter = std::isalnum(static_cast<unsigned char>(c)) != 0;
    if (letter) {
      words.back() += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

// How many of the query's words the row has; 0 when it does not match. Phrases match as their words
// do.
int ScoreOf(const store::TableSchema& schema, const query::TextQuery& query,
            const store::Row& row) {
  using Kind = query::TextQuery::Kind;
  if (query.kind != Kind::kText) {
    int sum = 0;
    for (const query::TextQuery& child : query.children) {
      const int score = ScoreOf(schema, child, row);
      const bool excluded = query.kind == Kind::kAndNot && &child != &query.children.front();
      if (query.kind != Kind::kOr && (score > 0) == excluded) return 0;
      sum += score;
    }
    return sum;
  }
  std::vector<std::string> there;
  for (std::size_t i = 0; i < schema.columns.size(); ++i) {
    const store::Column& column = schema.columns[i];
    const bool wanted =
        query.columns.empty() ||
        std::find(query.columns.begin(), query.columns.end(), column.name) != query.columns.end();
    const Value* value = std::get_if<Value>(&row.cells[i]);
    if (!column.full_text || !wanted || value == nullptr || value->as_string() == nullptr) continue;
    for (std::string& word : WordsOf(*value->as_string())) there.push_back(std::move(word));
  }
  int found = 0;
  const std::vector<std::string> words = WordsOf(query.text);
  for (const std::string& word : words) {
    if (std::find(there.begin(), there.end(), word) != there.end()) ++found;
  }
  const bool all = query.match != query::TextQuery::Match::kAnyWord;
  return all && found < static_cast<int>(words.size()) ? 0 : found;
}

Value Compute(const store::TableSchema& schema, const store::AggregateFunction& function,
              const std::vector<const store::Row*>& rows) {
  using Kind = store::AggregateFunction::Kind;
  std::int64_t count = 0;
  double sum = 0;
  bool integers = true;
  Value extreme;
  for (const store::Row* row : rows) {
    const auto cell = [&](const query::Field& field) { return CellOf(schema, *row, field); };
    const Value value =
        function.argument.has_value() ? query::Evaluate(*function.argument, cell) : Value(1);
    if (value.is_null() || (function.kind != Kind::kCount && value.as_list() != nullptr)) continue;
    const bool extremes = function.kind == Kind::kMin || function.kind == Kind::kMax;
    if (!extremes && function.kind != Kind::kCount && !value.is_number()) continue;
    ++count;
    if (value.is_number()) sum += value.number();
    integers = integers && value.as_int() != nullptr;
    if (extreme.is_null() ||
        (function.kind == Kind::kMin ? std::is_lt(query::OrderOf(value, extreme))
                                     : std::is_gt(query::OrderOf(value, extreme)))) {
      extreme = value;
    }
  }
  if (function.kind == Kind::kCount) return count;
  if (count == 0) return {};
  if (function.kind == Kind::kMin || function.kind == Kind::kMax) return extreme;
  if (function.kind == Kind::kAverage) return sum / static_cast<double>(count);
  return integers ? Value(static_cast<std::int64_t>(sum)) : Value(sum);
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
    const std::size_t lacking = schema_.IndexOf(request.lacking_vector);
    std::vector<std::pair<std::vector<Value>, const store::Row*>> found;
    for (const store::Row& row : rows_) {
      if (!Admits(schema_, request.filter, row)) continue;
      if (lacking < row.cells.size() && std::holds_alternative<store::Vector>(row.cells[lacking])) {
        continue;
      }
      std::vector<Value> values;
      for (const query::SortKey& key : request.order) {
        values.push_back(query::Evaluate(key.expression, [&](const query::Field& field) {
          return CellOf(schema_, row, field);
        }));
      }
      found.emplace_back(std::move(values), &row);
    }
    std::stable_sort(found.begin(), found.end(), [&](const auto& a, const auto& b) {
      return query::ComesBefore(request.order, a.first, b.first);
    });
    std::vector<store::Row> rows;
    for (std::size_t i = request.offset; i < found.size() && rows.size() < request.limit; ++i) {
      rows.push_back(Project(schema_, *found[i].second, request.columns));
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

  // Words in ASCII, told apart by spaces; the score is how many of the query's there are.
  Result<std::vector<store::Hit>> SearchText(const store::TextSearchRequest& request) override {
    MutexLock lock(mutex_);
    if (dropped_) return Gone();
    std::vector<store::Hit> hits;
    for (const store::Row& row : rows_) {
      if (!Admits(schema_, request.filter, row)) continue;
      const int score = ScoreOf(schema_, request.query, row);
      if (score == 0) continue;
      hits.push_back({static_cast<float>(score), Project(schema_, row, request.columns)});
    }
    std::stable_sort(hits.begin(), hits.end(),
                     [](const store::Hit& a, const store::Hit& b) { return a.score > b.score; });
    if (hits.size() > request.top_k) hits.resize(request.top_k);
    return hits;
  }

  Result<std::vector<store::AggregateRow>> Aggregate(
      const store::AggregateRequest& request) override {
    MutexLock lock(mutex_);
    if (dropped_) return Gone();
    std::vector<std::pair<std::vector<Value>, std::vector<const store::Row*>>> groups;
    if (request.group_by.empty()) groups.emplace_back();
    for (const store::Row& row : rows_) {
      if (!Admits(schema_, request.filter, row)) continue;
      std::vector<Value> keys;
      for (const query::Field& field : request.group_by) {
        keys.push_back(CellOf(schema_, row, field));
      }
      auto group = std::find_if(groups.begin(), groups.end(),
                                [&](const auto& one) { return one.first == keys; });
      if (group == groups.end()) {
        groups.emplace_back(std::move(keys), std::vector<const store::Row*>());
        group = std::prev(groups.end());
      }
      group->second.push_back(&row);
    }
    std::vector<store::AggregateRow> result;
    for (const auto& [keys, rows] : groups) {
      store::AggregateRow& out = result.emplace_back();
      out.group = keys;
      for (const store::AggregateFunction& function : request.functions) {
        out.results.push_back(Compute(schema_, function, rows));
      }
    }
    std::vector<query::SortKey> order;
    for (const store::AggregateOrder& key : request.order) order.push_back({{}, key.descending});
    const auto values = [&](const store::AggregateRow& row) {
      std::vector<Value> all;
      for (const store::AggregateOrder& key : request.order) {
        all.push_back(key.column < row.group.size() ? row.group[key.column]
                                                    : row.results[key.column - row.group.size()]);
      }
      return all;
    };
    std::stable_sort(result.begin(), result.end(), [&](const auto& a, const auto& b) {
      return query::ComesBefore(order, values(a), values(b));
    });
    if (result.size() > request.limit) result.resize(request.limit);
    return result;
  }

  Status FillVectors(const std::string& vector_column,
                     std::vector<store::VectorFill> fills) override {
    const std::size_t at = schema_.IndexOf(vector_column);
    MutexLock lock(mutex_);
    for (store::VectorFill& fill : fills) {
      store::Row* row = Find(fill.key);
      if (row != nullptr && std::holds_alternative<std::monostate>(row->cells[at])) {
        row->cells[at] = std::move(fill.vector);
      }
    }
    return {};
  }

  // The rows as they are under another schema.
  std::vector<store::Row> RowsAs(const store::TableSchema& schema) {
    MutexLock lock(mutex_);
    std::vector<store::Row> rows;
    for (const store::Row& row : rows_) {
      store::Row& out = rows.emplace_back();
      for (const store::Column& column : schema.columns) {
        const std::size_t at = schema_.IndexOf(column.name);
        out.cells.push_back(at < row.cells.size() ? row.cells[at] : store::Cell());
      }
    }
    return rows;
  }

  Result<store::TableStats> Stats() override {
    MutexLock lock(mutex_);
    if (dropped_) return Gone();
    return store::TableStats{rows_.size(), 0};
  }

  // Its rows, which it has no more.
  std::vector<store::Row> Drop() {
    MutexLock lock(mutex_);
    dropped_ = true;
    return std::exchange(rows_, {});
  }

  // REQUIRES: nobody else has it yet
  void Fill(std::vector<store::Row> rows) {
    MutexLock lock(mutex_);
    rows_ = std::move(rows);
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

Status MemoryStore::AlterTable(const store::TableSchema& schema) {
  OCELLUS_RETURN_IF_ERROR(store::Validate(schema));
  MutexLock lock(mutex_);
  for (auto& table : tables_) {
    if (table->schema().name != schema.name) continue;
    auto altered = std::make_shared<MemoryTable>(schema, faults_);
    OCELLUS_RETURN_IF_ERROR(altered->Write({table->RowsAs(schema), {}}));
    table->Drop();
    table = std::move(altered);
    return {};
  }
  return Status(Code::kNotFound, "no such table: " + schema.name);
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

Status MemoryStore::ReplaceTable(const std::string& name, const std::string& replacement) {
  MutexLock lock(mutex_);
  const auto find = [&](const std::string& wanted) REQUIRES(mutex_) {
    return std::find_if(tables_.begin(), tables_.end(),
                        [&](const auto& table) { return table->schema().name == wanted; });
  };
  const auto next = find(replacement);
  if (find(name) == tables_.end() || next == tables_.end()) {
    return Status(Code::kNotFound, "no such table: " + name + " or " + replacement);
  }
  store::TableSchema schema = (*next)->schema();
  schema.name = name;
  auto table = std::make_shared<MemoryTable>(std::move(schema), faults_);
  table->Fill((*next)->Drop());
  *next = std::move(table);
  const auto old = std::find_if(tables_.begin(), tables_.end(), [&](const auto& candidate) {
    return candidate->schema().name == name && candidate != *next;
  });
  (*old)->Drop();
  tables_.erase(old);
  return {};
}

Result<std::shared_ptr<store::Table>> MemoryStore::OpenTable(const std::string& name) {
  std::shared_ptr<store::Table> found;
  std::function<void()> then;
  {
    MutexLock lock(mutex_);
    for (const auto& table : tables_) {
      if (table->schema().name == name) found = table;
    }
    if (after_opens_ != nullptr && opens_left_-- <= 0) then = std::exchange(after_opens_, nullptr);
  }
  if (then != nullptr) then();
  if (found == nullptr) return Status(Code::kNotFound, "no such table: " + name);
  return found;
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

void MemoryStore::AfterOpens(int others, std::function<void()> then) {
  MutexLock lock(mutex_);
  opens_left_ = others;
  after_opens_ = std::move(then);
}

}  // namespace ocellus::engine::testing
