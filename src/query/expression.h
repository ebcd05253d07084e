// Arithmetic over the cells of a row: what filters compare and results are sorted by.
//
// A constant or a field stands for its value as it is. Arithmetic is done in doubles, division too
// (7 / 2 is 3.5). It has no value, null, where an operand is no number (missing, a text, a
// boolean, a list), where it divides by zero, and where the result is not finite.
//
// Thread safety: expressions are plain values; const use from several threads is safe.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "base/value.h"
#include "query/field.h"

namespace ocellus::query {

struct Expression {
  enum class Kind : std::uint8_t {
    kConstant,
    kField,
    kNegate,    // of one operand
    kAdd,       // these of two
    kSubtract,  //
    kMultiply,  //
    kDivide,    //
  };

  Kind kind = Kind::kConstant;
  Value constant = {};                    // kConstant: a scalar
  Field field = {};                       // kField
  std::vector<Expression> operands = {};  // the arithmetic kinds

  static Expression Constant(Value value);
  static Expression Of(Field field);
  static Expression Negate(Expression operand);
  // REQUIRES: a kind of two operands
  static Expression Binary(Kind kind, Expression left, Expression right);

  bool is_arithmetic() const { return kind != Kind::kConstant && kind != Kind::kField; }
};

// Gives a row's cell of a field; null where it has none.
using CellReader = std::function<Value(const Field&)>;

// The expression's value for a row: a scalar, a list where a field is one, or null.
Value Evaluate(const Expression& expression, const CellReader& cell);

// One step of arithmetic, as Evaluate() does it; NaN stands for "no number" on both sides.
double Calculate(Expression::Kind kind, double left, double right);

// Adds the fields that the expression reads and that are not in `fields` yet.
void CollectFields(const Expression& expression, std::vector<Field>& fields);

// The longest way from the expression to a leaf; 1 for a leaf.
std::size_t DepthOf(const Expression& expression);

}  // namespace ocellus::query
