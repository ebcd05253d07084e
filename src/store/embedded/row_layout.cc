#include <algorithm>
#include <utility>

#include "store/embedded/row_file.h"
#include "store/embedded/text_analyzer.h"

namespace ocellus::store::embedded {
namespace {

const char* SqlType(const Column& column) {
  if (column.multi) return "TEXT";
  switch (column.type) {
    case ColumnType::kString:
    case ColumnType::kMap:
      return "TEXT";
    case ColumnType::kDouble:
      return "REAL";
    default:
      return "INTEGER";  // of a blob or a vector: its size
  }
}

}  // namespace

RowLayout::RowLayout(const TableSchema& schema, ColumnIds ids)
    : schema_(schema), ids_(std::move(ids)) {
  std::string names;
  std::string parameters;
  for (std::size_t i = 0; i < schema.columns.size(); ++i) {
    names += "," + NameOf(i);
    parameters += ",?" + std::to_string(i + 3);
    if (IsAside(i)) aside_.push_back(i);
    if (schema.columns[i].type == ColumnType::kVector) vectors_.push_back(i);
    if (schema.columns[i].full_text) texts_.push_back(i);
  }
  insert_sql_ = "INSERT INTO rows(slot,born" + names + ") VALUES(?1,?2" + parameters + ")";
  find_sql_ = "SELECT slot FROM rows WHERE ";
  for (const std::string& name : schema.primary_key) {
    if (!key_.empty()) find_sql_ += " AND ";
    key_.push_back(schema.IndexOf(name));
    find_sql_ += NameOf(key_.back()) + "=?" + std::to_string(key_.size());
  }
}

bool RowLayout::IsAside(std::size_t position) const {
  const ColumnType type = schema_.columns[position].type;
  return type == ColumnType::kBlob || type == ColumnType::kVector;
}

std::size_t RowLayout::PositionOf(std::uint32_t id) const {
  return static_cast<std::size_t>(std::find(ids_.begin(), ids_.end(), id) - ids_.begin());
}

std::string RowLayout::DefinitionOf(std::size_t position) const {
  return NameOf(position) + " " + SqlType(schema_.columns[position]);
}

std::string RowLayout::CreateAsideSql(std::size_t position) const {
  return "CREATE TABLE " + AsideOf(position) +
         "(slot INTEGER PRIMARY KEY, crc INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT;";
}

std::string RowLayout::TextNames() const {
  std::string names;
  for (const std::size_t position : texts_) {
    if (!names.empty()) names += ",";
    names += NameOf(position);
  }
  return names;
}

std::string RowLayout::CreateTextsSql() const {
  if (texts_.empty()) return "";
  // Without the texts themselves: those are in the rows.
  return "CREATE VIRTUAL TABLE texts USING fts5(" + TextNames() + ",content='',tokenize='" +
         kTokenizer + "');";
}

}  // namespace ocellus::store::embedded
