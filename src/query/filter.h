// The filter tree: one form for every front's filter syntax, and what it means.
//
// A filter is evaluated on cells of a row. A cell is a Value; null stands for "the row has no such
// field". Every front parses its own syntax into this tree; every store evaluates the same tree.
//
// Thread safety: filters are plain values; const use from several threads is safe.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/value.h"
#include "query/expression.h"
#include "query/field.h"

namespace ocellus::query {

enum class Op : std::uint8_t {
  kEqual,     // equal, or an element of the list cell is
  kNotEqual,  // not kEqual; so it matches a missing field
  kIn,        // kEqual to one of the values
  kNotIn,     // not kIn; so it matches a missing field
  kContains,  // string cell: substring; list cell: membership
  kLike,      // SQL LIKE on a string cell or element: % any run, _ one character, \ escapes
  kLess,      // numbers with numbers, strings with strings (by code point), else no match
  kLessOrEqual,
  kGreater,
  kGreaterOrEqual,
  kExists,  // the field is there (value true) or is not (value false)
};

struct Condition {
  Field field;
  Op op = Op::kEqual;
  Value value;  // a list for kIn and kNotIn, a boolean for kExists, else a scalar
};

// What a Condition cannot say: two expressions side by side. Matches nothing where one of them has
// no value, is a list, or has a value of another kind than the other (numbers compare with numbers,
// strings with strings; booleans are equal or not and have no order).
struct Comparison {
  Expression left;
  Op op = Op::kEqual;  // kEqual, kNotEqual, kLess, kLessOrEqual, kGreater, kGreaterOrEqual
  Expression right;
};

struct Filter {
  enum class Kind : std::uint8_t { kAll, kAnd, kOr, kNot, kCondition, kComparison };

  Kind kind = Kind::kAll;        // kAll matches every row
  std::vector<Filter> children;  // kAnd, kOr: any number (none: true, false); kNot: one
  Condition condition;           // kCondition
  Comparison comparison;         // kComparison

  static Filter Where(Field field, Op op, Value value);
  static Filter Compare(Expression left, Op op, Expression right);
  static Filter And(std::vector<Filter> children);
  static Filter Or(std::vector<Filter> children);
  static Filter Not(Filter child);
};

// Whether a cell meets a condition. 1 and 1.0 are equal; nothing is converted between strings,
// numbers and booleans.
bool Matches(const Condition& condition, const Value& cell);

// Whether two values stand to each other as the comparison says.
bool Matches(Op op, const Value& left, const Value& right);

// Whether a row does. `cell` gives the row's cell of a field, null where it has none.
bool Matches(const Filter& filter, const CellReader& cell);

// The fields of conditions and comparisons, each once. For checks against a schema.
std::vector<Field> FieldsOf(const Filter& filter);

}  // namespace ocellus::query
