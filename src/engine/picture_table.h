// Picture tables: tables that are no libraries, but whose shape lets them be searched like one: one
// vector column, made from one picture column, and a key of one column.
//
// Functions without state.

#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "base/value.h"
#include "query/filter.h"
#include "store/table_store.h"

namespace ocellus::engine {

struct PictureTable {
  std::string key_column;
  std::string picture_column;
  std::string vector_column;
  store::Metric metric = store::Metric::kCosine;
  std::string map_column = {};  // for fields that are no columns; empty: none
};

// None when the table has another shape.
std::optional<PictureTable> AsPictureTable(const store::TableSchema& schema);

// A filter on entries of the map column `tags` as one on the table's own columns.
query::Filter OnColumns(const store::TableSchema& schema, const PictureTable& table,
                        query::Filter filter, std::string_view tags);

// The columns whose cells are a row's tags.
std::vector<std::string> TagColumns(const store::TableSchema& schema, const PictureTable& table);
Value::Map TagsOf(const store::TableSchema& schema, const PictureTable& table,
                  const store::Row& row);

// The key that a picture's id is a text of; none when no row can have it.
std::optional<store::Key> KeyOfId(const store::TableSchema& schema, const PictureTable& table,
                                  const std::string& id);
std::string IdOf(const store::TableSchema& schema, const PictureTable& table,
                 const store::Row& row);

// The cosine of two unit vectors whose score under the metric this is.
float CosineOf(store::Metric metric, float score);

}  // namespace ocellus::engine
