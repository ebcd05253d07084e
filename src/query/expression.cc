#include "query/expression.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace ocellus::query {
namespace {

constexpr double kNoNumber = std::numeric_limits<double>::quiet_NaN();

double NumberOf(const Value& value) {
  return value.is_number() ? value.number() : kNoNumber;
}

double EvaluateNumber(const Expression& expression, const CellReader& cell) {
  if (!expression.is_arithmetic()) return NumberOf(Evaluate(expression, cell));
  const std::vector<Expression>& operands = expression.operands;
  const double left = EvaluateNumber(operands[0], cell);
  const double right = operands.size() > 1 ? EvaluateNumber(operands[1], cell) : 0;
  return Calculate(expression.kind, left, right);
}

}  // namespace

Expression Expression::Constant(Value value) {
  Expression expression;
  expression.constant = std::move(value);
  return expression;
}

Expression Expression::Of(Field field) {
  Expression expression;
  expression.kind = Kind::kField;
  expression.field = std::move(field);
  return expression;
}

Expression Expression::Negate(Expression operand) {
  Expression expression;
  expression.kind = Kind::kNegate;
  expression.operands.push_back(std::move(operand));
  return expression;
}

Expression Expression::Binary(Kind kind, Expression left, Expression right) {
  Expression expression;
  expression.kind = kind;
  expression.operands.push_back(std::move(left));
  expression.operands.push_back(std::move(right));
  return expression;
}

double Calculate(Expression::Kind kind, double left, double right) {
  double result = kNoNumber;
  switch (kind) {
    case Expression::Kind::kNegate:
      result = -left;
      break;
    case Expression::Kind::kAdd:
      result = left + right;
      break;
    case Expression::Kind::kSubtract:
      result = left - right;
      break;
    case Expression::Kind::kMultiply:
      result = left * right;
      break;
    case Expression::Kind::kDivide:
      result = left / right;  // infinite, or no number, where right is 0
      break;
    case Expression::Kind::kConstant:
    case Expression::Kind::kField:
      break;
  }
  return std::isfinite(result) ? result : kNoNumber;
}

Value Evaluate(const Expression& expression, const CellReader& cell) {
  if (expression.kind == Expression::Kind::kConstant) return expression.constant;
  if (expression.kind == Expression::Kind::kField) return cell(expression.field);
  const double number = EvaluateNumber(expression, cell);
  return std::isnan(number) ? Value() : Value(number);
}

void CollectFields(const Expression& expression, std::vector<Field>& fields) {
  if (expression.kind == Expression::Kind::kField &&
      std::find(fields.begin(), fields.end(), expression.field) == fields.end()) {
    fields.push_back(expression.field);
  }
  for (const Expression& operand : expression.operands) CollectFields(operand, fields);
}

std::size_t DepthOf(const Expression& expression) {
  std::size_t depth = 0;
  for (const Expression& operand : expression.operands) depth = std::max(depth, DepthOf(operand));
  return depth + 1;
}

}  // namespace ocellus::query
