// Fields and expressions over a snapshot's columns, as arrays of numbers: what comparisons, orders
// and sums are computed from, without reading a row.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "query/expression.h"
#include "store/embedded/filter_columns.h"
#include "store/schema.h"

namespace ocellus::store::embedded {

// Slots worked on at a time: their numbers fit the nearest caches.
inline constexpr std::uint32_t kNumberBatch = 4096;

// The column of a field; null where no row ever had it. REQUIRES: it is loaded
const FilterColumn* FindColumn(const TableSchema& schema, const ColumnSet& columns,
                               const query::Field& field);

// An expression, ready to be computed for many slots. Decodes each distinct value of its fields
// once.
//
// Thread safety: const methods may be called concurrently. The column set outlives it; slots that
// no reader's row set holds have undefined numbers.
class ExpressionNumbers {
 public:
  // REQUIRES: the fields' columns are loaded
  ExpressionNumbers(const TableSchema& schema, const ColumnSet& columns,
                    const query::Expression& expression);

  // The value at each slot; NaN where it is no number. REQUIRES: slots.size() == numbers.size(),
  // at most kNumberBatch
  void Gather(std::span<const std::uint32_t> slots, std::span<double> numbers) const;

  // Whether every value is a number, a list or missing: no text and no boolean.
  bool only_numbers() const;

  // Whether every number is the value itself: no integer beyond the doubles.
  bool exact() const { return exact_; }

 private:
  query::Expression::Kind kind_;
  double constant_ = 0;
  const FilterColumn* column_ = nullptr;
  std::vector<double> of_id_;  // of a field's distinct values; of_id_[0] is "no value"
  bool only_numbers_ = true;
  bool exact_ = true;
  std::vector<ExpressionNumbers> operands_;
};

// The slots below `slots` that meet the comparison, live or not.
// REQUIRES: as ExpressionNumbers
index::Bitmap EvaluateComparison(const TableSchema& schema, const ColumnSet& columns,
                                 const query::Comparison& comparison, std::uint32_t slots);

}  // namespace ocellus::store::embedded
