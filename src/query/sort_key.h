// The order of values, and what rows are sorted by.

#pragma once

#include <compare>
#include <span>
#include <vector>

#include "base/value.h"
#include "query/expression.h"

namespace ocellus::query {

// Rows without a value for the key (null, a list, a map) come last, whichever direction.
struct SortKey {
  Expression expression;
  bool descending = false;
};

// Total over scalars: numbers before strings before booleans; numbers by value (1 and 1.0 are
// equal), strings by code point, false before true.
std::strong_ordering OrderOf(const Value& a, const Value& b);

// Whether a row with the values `a` (one per key) stands before one with `b`. Equal rows: false
// both ways, so that a stable sort keeps their order. REQUIRES: keys.size() values in both
bool ComesBefore(std::span<const SortKey> keys, std::span<const Value> a, std::span<const Value> b);

}  // namespace ocellus::query
