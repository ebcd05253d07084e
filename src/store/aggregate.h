// Groups of rows and what can be said of each without reading it.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/value.h"
#include "query/expression.h"
#include "query/filter.h"

namespace ocellus::store {

// Distinct groups that one request may make. Ours: what a caller can still read.
inline constexpr std::size_t kMaxGroups = 100'000;

struct AggregateFunction {
  enum class Kind : std::uint8_t {
    kCount,  // of the rows where the argument has a value; without an argument, of all rows
    kSum,    // of the numbers: an integer while all are and it fits in 64 bits, else a double
    kAverage,
    kMin,  // by query::OrderOf(), so of texts too
    kMax,
  };
  Kind kind = Kind::kCount;
  std::optional<query::Expression> argument = {};
};

struct AggregateOrder {
  std::size_t column = 0;  // of the answer: group keys first, then functions
  bool descending = false;
};

struct AggregateRequest {
  query::Filter filter = {};
  std::vector<query::Field> group_by =
      {};  // none: all rows are one group, also when there are none
  std::vector<AggregateFunction> functions = {};
  std::vector<AggregateOrder> order = {};  // none: as the groups' first rows were inserted
  std::uint64_t limit = kMaxGroups;        // groups, after ordering
};

struct AggregateRow {
  // The value that the group's rows share in each of group_by; null for those without. A list is
  // one value.
  std::vector<Value> group;
  std::vector<Value> results;  // of each function; null where no row had a value
};

}  // namespace ocellus::store
