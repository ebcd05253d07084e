#include "store/embedded/filter_columns.h"

#include <algorithm>
#include <utility>

namespace ocellus::store::embedded {
namespace {

using query::Filter;

constexpr int kMaxFilterDepth = 200;  // evaluation is recursive

Status CheckField(const TableSchema& schema, const query::Field& field) {
  const Column* column = schema.Find(field.column);
  if (column == nullptr) {
    return {Code::kInvalidArgument, "filter: the table has no column '" + field.column + "'"};
  }
  if (column->type == ColumnType::kBlob || column->type == ColumnType::kVector) {
    return {Code::kInvalidArgument, "filter: column '" + field.column + "' cannot be filtered on"};
  }
  const bool is_map = column->type == ColumnType::kMap;
  if (is_map && field.key.empty()) {
    return {Code::kInvalidArgument, "filter: column '" + field.column + "' needs a key"};
  }
  if (!is_map && !field.key.empty()) {
    return {Code::kInvalidArgument, "filter: column '" + field.column + "' has no keys"};
  }
  return {};
}

Status CheckDepth(const TableSchema& schema, const Filter& filter, int depth) {
  if (depth > kMaxFilterDepth) {
    return {Code::kInvalidArgument, "filter: nested more than 200 deep"};
  }
  if (filter.kind == Filter::Kind::kCondition) return CheckField(schema, filter.condition.field);
  for (const Filter& child : filter.children) {
    OCELLUS_RETURN_IF_ERROR(CheckDepth(schema, child, depth + 1));
  }
  return {};
}

index::Bitmap All(std::uint32_t slots) {
  index::Bitmap all(slots);
  all.SetAll();
  return all;
}

index::Bitmap EvaluateCondition(const TableSchema& schema, const ColumnSet& columns,
                                const query::Condition& condition, std::uint32_t slots) {
  const LoadedColumn& loaded = *columns[schema.IndexOf(condition.field.column)];
  const auto column = loaded.find(condition.field.key);
  if (column != loaded.end()) return column->second->Evaluate(condition, slots);
  // A key that no row ever had.
  return query::Matches(condition, Value()) ? All(slots) : index::Bitmap(slots);
}

}  // namespace

Status CheckFilter(const TableSchema& schema, const Filter& filter) {
  return CheckDepth(schema, filter, 0);
}

std::vector<std::size_t> ColumnsOf(const TableSchema& schema, const Filter& filter) {
  std::vector<std::size_t> positions;
  for (const query::Field& field : query::FieldsOf(filter)) {
    positions.push_back(schema.IndexOf(field.column));
  }
  std::sort(positions.begin(), positions.end());
  positions.erase(std::unique(positions.begin(), positions.end()), positions.end());
  return positions;
}

index::Bitmap Evaluate(const TableSchema& schema, const ColumnSet& columns, const Filter& filter,
                       std::uint32_t slots) {
  switch (filter.kind) {
    case Filter::Kind::kAll:
      return All(slots);
    case Filter::Kind::kCondition:
      return EvaluateCondition(schema, columns, filter.condition, slots);
    case Filter::Kind::kAnd: {
      index::Bitmap result = All(slots);
      for (const Filter& child : filter.children) {
        result.And(Evaluate(schema, columns, child, slots));
        if (result.None()) break;
      }
      return result;
    }
    case Filter::Kind::kOr:
    case Filter::Kind::kNot: {
      index::Bitmap result(slots);
      for (const Filter& child : filter.children) {
        result.Or(Evaluate(schema, columns, child, slots));
      }
      if (filter.kind == Filter::Kind::kNot) result.Flip();
      return result;
    }
  }
  return index::Bitmap(slots);
}

void ColumnSetBuilder::Load(std::size_t position) {
  columns_[position] = own_[position] = std::make_shared<LoadedColumn>();
  changed_ = true;
}

LoadedColumn& ColumnSetBuilder::Mutable(std::size_t position) {
  std::shared_ptr<LoadedColumn>& own = own_[position];
  if (own == nullptr) {
    own = std::make_shared<LoadedColumn>(*columns_[position]);
    columns_[position] = own;
    changed_ = true;
  }
  return *own;
}

void ColumnSetBuilder::Set(std::size_t position, std::uint32_t slot, const Cell& cell) {
  if (columns_[position] == nullptr) return;
  static const Value kNull;
  const Value* value = std::get_if<Value>(&cell);
  if (value == nullptr) value = &kNull;
  const auto set = [&](const std::string& key, const Value& content) {
    auto found = columns_[position]->find(key);
    if (found == columns_[position]->end()) {
      if (content.is_null()) return;
      LoadedColumn& loaded = Mutable(position);
      found = loaded.emplace(key, std::make_shared<FilterColumn>()).first;
    }
    found->second->Set(slot, content);
  };
  const Value::Map* map = value->as_map();
  if (map == nullptr && !value->is_null()) {
    set("", *value);
    return;
  }
  for (const auto& [key, column] : *columns_[position]) column->Set(slot, kNull);
  if (map == nullptr) return;
  for (const auto& [key, content] : *map) set(key, content);
}

void ColumnSetBuilder::Compact(const index::Bitmap& live, std::uint64_t rows) {
  for (std::size_t position = 0; position < columns_.size(); ++position) {
    if (columns_[position] == nullptr) continue;
    std::vector<std::string> wasteful;
    for (const auto& [key, column] : *columns_[position]) {
      if (column->Wasteful(rows)) wasteful.push_back(key);
    }
    for (const std::string& key : wasteful) {
      std::shared_ptr<FilterColumn>& column = Mutable(position)[key];
      column = column->Compacted(live);
    }
  }
}

}  // namespace ocellus::store::embedded
