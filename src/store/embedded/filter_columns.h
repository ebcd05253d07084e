// The columns of one table that are in memory for filters, and whole filters over them.

#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "index/bitmap.h"
#include "query/filter.h"
#include "store/embedded/filter_column.h"
#include "store/row.h"
#include "store/schema.h"

namespace ocellus::store::embedded {

// One schema column: itself under the empty key or, of a map column, each key that any row has.
using LoadedColumn = std::map<std::string, std::shared_ptr<FilterColumn>>;

// By position in the schema; null where the column is not loaded (no filter asked for it so far).
// Immutable once published: a new key or column makes a new set that shares the rest.
using ColumnSet = std::vector<std::shared_ptr<const LoadedColumn>>;

// InvalidArgument naming the field and `where` ("filter", "order") it stands: no such column, a
// blob or a vector, a key on a column that is no map, a map without a key.
Status CheckField(const TableSchema& schema, const query::Field& field, const std::string& where);
// The same for all fields of an expression; also one that is nested more than 32 deep or malformed.
Status CheckExpression(const TableSchema& schema, const query::Expression& expression,
                       const std::string& where);

// InvalidArgument naming the field: no such column, a blob or a vector, a key on a column that is
// no map, a map without a key; or a filter nested more than 200 deep.
Status CheckFilter(const TableSchema& schema, const query::Filter& filter);

// Positions of the fields' columns, each once, ascending. REQUIRES: CheckField(...).ok()
std::vector<std::size_t> ColumnsOf(const TableSchema& schema,
                                   const std::vector<query::Field>& fields);

// The slots below `slots` that the filter admits, live or not.
// REQUIRES: CheckFilter(...).ok(), every column of ColumnsOf() is loaded
index::Bitmap Evaluate(const TableSchema& schema, const ColumnSet& columns,
                       const query::Filter& filter, std::uint32_t slots);

// A set of columns that is being filled.
//
// Thread safety: one owner thread; published sets may be read meanwhile.
class ColumnSetBuilder {
 public:
  explicit ColumnSetBuilder(ColumnSet base) : columns_(std::move(base)) {}

  // Starts an empty column. Set() ignores columns that are not loaded.
  void Load(std::size_t position);

  // Sets a slot's cell in a loaded column. A key of a map that the cell has not becomes "no value",
  // because the slot may have been another row's.
  void Set(std::size_t position, std::uint32_t slot, const Cell& cell);

  // Rewrites columns whose dictionaries are mostly unused values.
  void Compact(const index::Bitmap& live, std::uint64_t rows);

  bool changed() const { return changed_; }  // whether Finish() differs from the base
  ColumnSet Finish() { return std::move(columns_); }

 private:
  LoadedColumn& Mutable(std::size_t position);

  ColumnSet columns_;
  std::map<std::size_t, std::shared_ptr<LoadedColumn>> own_;  // those of columns_ made here
  bool changed_ = false;
};

}  // namespace ocellus::store::embedded
