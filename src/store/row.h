// A row of a table, and the key that names it.

#pragma once

#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/value.h"
#include "store/schema.h"

namespace ocellus::store {

using Vector = std::vector<float>;

// Bytes of a blob column. A type of its own so that no blob is taken for text.
struct Blob {
  std::string bytes;
  friend bool operator==(const Blob&, const Blob&) = default;
};

// One cell: null (absent), a Value (bool, int64, double, string, a list of them, a map), a blob or
// a vector.
using Cell = std::variant<std::monostate, Value, Blob, Vector>;

// One cell per column of the schema, in its order.
struct Row {
  std::vector<Cell> cells;
};

// One scalar per key column, in the order of TableSchema::primary_key.
using Key = std::vector<Value>;

// InvalidArgument naming the column: a cell count other than the schema's, a cell of the wrong
// type, a required column or a part of the key absent, a vector of the wrong dimension or with NaN
// or infinity, text that is not UTF-8, a key part over 1024 bytes.
Status Validate(const TableSchema& schema, const Row& row);
Status Validate(const TableSchema& schema, const Key& key);

// REQUIRES: Validate(schema, row).ok()
Key KeyOf(const TableSchema& schema, const Row& row);

}  // namespace ocellus::store
