#include "engine/picture_table.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace ocellus::engine {
namespace {

using store::ColumnType;

const Value* ValueIn(const store::TableSchema& schema, const store::Row& row,
                     const std::string& column) {
  const std::size_t at = schema.IndexOf(column);
  return at < row.cells.size() ? std::get_if<Value>(&row.cells[at]) : nullptr;
}

bool HoldsTags(const store::Column& column) {
  return column.type != ColumnType::kBlob && column.type != ColumnType::kVector &&
         column.type != ColumnType::kMap;
}

}  // namespace

std::optional<PictureTable> AsPictureTable(const store::TableSchema& schema) {
  PictureTable table;
  if (schema.primary_key.size() != 1) return std::nullopt;
  table.key_column = schema.primary_key.front();
  const store::Column* key = schema.Find(table.key_column);
  if (key == nullptr || (key->type != ColumnType::kString && key->type != ColumnType::kInt64)) {
    return std::nullopt;
  }
  for (const store::Column& column : schema.columns) {
    if (column.type == ColumnType::kMap && table.map_column.empty()) table.map_column = column.name;
    if (column.type != ColumnType::kVector) continue;
    if (!table.vector_column.empty()) return std::nullopt;
    table.vector_column = column.name;
    table.picture_column = column.vector.source_column;
    table.metric = column.vector.metric;
  }
  const store::Column* picture = schema.Find(table.picture_column);
  if (picture == nullptr || picture->type != ColumnType::kBlob) return std::nullopt;
  return table;
}

query::Filter OnColumns(const store::TableSchema& schema, const PictureTable& table,
                        query::Filter filter, std::string_view tags) {
  for (query::Filter& child : filter.children) {
    child = OnColumns(schema, table, std::move(child), tags);
  }
  query::Field& field = filter.condition.field;
  if (filter.kind != query::Filter::Kind::kCondition || field.column != tags) return filter;
  const store::Column* column = schema.Find(field.key);
  if (column != nullptr && HoldsTags(*column)) {
    field = {field.key, {}};
  } else if (!table.map_column.empty()) {
    field.column = table.map_column;
  } else {
    // No row has such a field.
    return query::Matches(filter.condition, nullptr) ? query::Filter() : query::Filter::Or({});
  }
  return filter;
}

std::vector<std::string> TagColumns(const store::TableSchema& schema, const PictureTable& table) {
  std::vector<std::string> columns;
  for (const store::Column& column : schema.columns) {
    if (HoldsTags(column) || column.name == table.map_column) columns.push_back(column.name);
  }
  return columns;
}

Value::Map TagsOf(const store::TableSchema& schema, const PictureTable& table,
                  const store::Row& row) {
  Value::Map tags;
  for (const store::Column& column : schema.columns) {
    if (!HoldsTags(column) || column.name == table.key_column) continue;
    const Value* value = ValueIn(schema, row, column.name);
    if (value != nullptr && !value->is_null()) tags.emplace_back(column.name, *value);
  }
  const Value* map = ValueIn(schema, row, table.map_column);
  if (map != nullptr && map->as_map() != nullptr) {
    tags.insert(tags.end(), map->as_map()->begin(), map->as_map()->end());
  }
  return tags;
}

std::optional<store::Key> KeyOfId(const store::TableSchema& schema, const PictureTable& table,
                                  const std::string& id) {
  if (schema.Find(table.key_column)->type == ColumnType::kString) return store::Key{id};
  std::int64_t number = 0;
  const char* const end = id.data() + id.size();
  const auto read = std::from_chars(id.data(), end, number);
  if (id.empty() || read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return store::Key{number};
}

std::string IdOf(const store::TableSchema& schema, const PictureTable& table,
                 const store::Row& row) {
  const Value* key = ValueIn(schema, row, table.key_column);
  if (key == nullptr) return {};
  return key->as_string() != nullptr ? *key->as_string() : WriteJson(*key);
}

float CosineOf(store::Metric metric, float score) {
  return metric == store::Metric::kSquaredEuclidean ? 1 - score / 2 : score;
}

}  // namespace ocellus::engine
