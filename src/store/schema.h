// What a table is: typed columns, a primary key, vector columns. Plain values.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/value.h"

namespace ocellus::store {

enum class ColumnType : std::uint8_t {
  kBool,
  kInt64,
  kDouble,
  kString,
  kMap,     // free keys with scalar or list values; each key can be filtered on
  kBlob,    // bytes; kept, returned when asked for, never filtered on
  kVector,  // float32, of the column's dimension
};

enum class Metric : std::uint8_t {
  kCosine,           // cosine of the angle, -1..1; larger is nearer
  kInnerProduct,     // larger is nearer
  kSquaredEuclidean  // smaller is nearer
};

// What of a picture a vector is made of.
enum class SourcePart : std::uint8_t {
  kAll,
  kSubject,  // the thing that it shows
  kFace,
};

// What makes a vector column's vectors, when the server makes them.
struct VectorSpec {
  std::uint32_t dimension = 0;
  Metric metric = Metric::kCosine;
  std::string bundle = {};         // name of the model bundle; empty: vectors come from the caller
  std::string bundle_digest = {};  // of the bundle that made what is stored; two never mix
  std::string source_column = {};  // blob (a picture) or string (a text) that is embedded
  // Of other parts than kAll whoever writes a row brings the vector. kFace: the bundle is the
  // server's face model.
  SourcePart part = SourcePart::kAll;
  // Several columns that make one vector together; then source_column is empty.
  std::vector<std::string> source_columns = {};
  // A sparse vector beside the dense one, kInnerProduct only: a multi int64 column of indices and a
  // multi double column of as many values (float32 precision). A score is the sum of both inner
  // products. Both names or neither.
  std::string sparse_indices_column = {};
  std::string sparse_values_column = {};
};

// The columns that a vector is made from: none, one or several.
std::vector<std::string> SourcesOf(const VectorSpec& spec);

// Non-zero elements that a row's sparse vector may have. Ours: four times what models that make
// them give for a long text.
inline constexpr std::size_t kMaxSparseElements = 4096;

struct Column {
  std::string name = {};
  ColumnType type = ColumnType::kString;
  bool multi = false;      // bool, int64, double, string: a list of them
  bool required = false;   // a row without it is refused
  VectorSpec vector = {};  // kVector only
  bool full_text = false;  // kString, not multi: Table::SearchText() finds its words
};

struct TableSchema {
  std::string name;  // 1..128 bytes, no control characters; unique in the store
  std::vector<Column> columns;
  std::vector<std::string> primary_key;  // one or more bool, int64 or string columns, in order
  std::string namespace_column;          // a string column that splits the table; empty: none
  Value::Map attributes;  // what the table's maker wants to remember; not interpreted

  // Null when there is no such column. Borrowed from the schema.
  const Column* Find(std::string_view column) const;

  // Its position in `columns`, or columns.size().
  std::size_t IndexOf(std::string_view column) const;
};

// InvalidArgument naming the column that is wrong: duplicate or empty names, no key, a key that is
// multi, a blob or a vector, a dimension outside 1..4096, a source column that does not exist.
Status Validate(const TableSchema& schema);

// JSON forms, kept on disk: fields are added, never renamed (docs/format/store.md).
Value ToValue(const TableSchema& schema);
Result<TableSchema> SchemaFromValue(const Value& value);

}  // namespace ocellus::store
