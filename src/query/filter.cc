#include "query/filter.h"

#include <algorithm>
#include <compare>
#include <utility>

#include "query/compare.h"
#include "query/like.h"

namespace ocellus::query {
namespace {

// `matches` on the cell or, when it is a list, on one of its elements.
template <typename Matcher>
bool AnyElement(const Value& cell, const Matcher& matches) {
  const Value::List* list = cell.as_list();
  return list != nullptr ? std::any_of(list->begin(), list->end(), matches) : matches(cell);
}

bool Equal(const Value& cell, const Value& value) {
  return AnyElement(cell, [&](const Value& element) {
    return Compare(element, value) == std::partial_ordering::equivalent;
  });
}

bool In(const Value& cell, const Value& values) {
  const Value::List* list = values.as_list();
  return list != nullptr && std::any_of(list->begin(), list->end(),
                                        [&](const Value& value) { return Equal(cell, value); });
}

bool Contains(const Value& cell, const Value& value) {
  if (cell.as_list() != nullptr) return Equal(cell, value);
  const std::string* text = cell.as_string();
  const std::string* part = value.as_string();
  return text != nullptr && part != nullptr && text->find(*part) != std::string::npos;
}

bool IsLike(const Value& cell, const Value& value) {
  const std::string* pattern = value.as_string();
  return pattern != nullptr && AnyElement(cell, [&](const Value& element) {
           const std::string* text = element.as_string();
           return text != nullptr && Like(*text, *pattern);
         });
}

// Whether the cell stands to the value as `op` says. Booleans have no order.
bool IsOrdered(const Value& cell, Op op, const Value& value) {
  if (cell.as_bool() != nullptr) return false;
  const std::partial_ordering order = Compare(cell, value);
  switch (op) {
    case Op::kLess:
      return std::is_lt(order);
    case Op::kLessOrEqual:
      return std::is_lteq(order);
    case Op::kGreater:
      return std::is_gt(order);
    default:
      return std::is_gteq(order);
  }
}

void CollectFields(const Filter& filter, std::vector<Field>& fields) {
  if (filter.kind == Filter::Kind::kCondition) {
    const Field& field = filter.condition.field;
    if (std::find(fields.begin(), fields.end(), field) == fields.end()) fields.push_back(field);
  }
  if (filter.kind == Filter::Kind::kComparison) {
    CollectFields(filter.comparison.left, fields);
    CollectFields(filter.comparison.right, fields);
  }
  for (const Filter& child : filter.children) CollectFields(child, fields);
}

}  // namespace

Filter Filter::Where(Field field, Op op, Value value) {
  Filter filter;
  filter.kind = Kind::kCondition;
  filter.condition = {std::move(field), op, std::move(value)};
  return filter;
}

Filter Filter::Compare(Expression left, Op op, Expression right) {
  Filter filter;
  filter.kind = Kind::kComparison;
  filter.comparison = {std::move(left), op, std::move(right)};
  return filter;
}

Filter Filter::And(std::vector<Filter> children) {
  Filter filter;
  filter.kind = Kind::kAnd;
  filter.children = std::move(children);
  return filter;
}

Filter Filter::Or(std::vector<Filter> children) {
  Filter filter;
  filter.kind = Kind::kOr;
  filter.children = std::move(children);
  return filter;
}

Filter Filter::Not(Filter child) {
  Filter filter;
  filter.kind = Kind::kNot;
  filter.children.push_back(std::move(child));
  return filter;
}

bool Matches(const Condition& condition, const Value& cell) {
  const Value& value = condition.value;
  switch (condition.op) {
    case Op::kEqual:
      return Equal(cell, value);
    case Op::kNotEqual:
      return !Equal(cell, value);
    case Op::kIn:
      return In(cell, value);
    case Op::kNotIn:
      return !In(cell, value);
    case Op::kContains:
      return Contains(cell, value);
    case Op::kLike:
      return IsLike(cell, value);
    case Op::kLess:
    case Op::kLessOrEqual:
    case Op::kGreater:
    case Op::kGreaterOrEqual:
      return IsOrdered(cell, condition.op, value);
    case Op::kExists:
      return value.as_bool() != nullptr && *value.as_bool() != cell.is_null();
  }
  return false;
}

bool Matches(Op op, const Value& left, const Value& right) {
  const std::partial_ordering order = Compare(left, right);
  if (order == std::partial_ordering::unordered) return false;
  if (op == Op::kEqual) return std::is_eq(order);
  if (op == Op::kNotEqual) return std::is_neq(order);
  const bool ordered =
      op == Op::kLess || op == Op::kLessOrEqual || op == Op::kGreater || op == Op::kGreaterOrEqual;
  return ordered && IsOrdered(left, op, right);
}

bool Matches(const Filter& filter, const CellReader& cell) {
  const auto matches = [&](const Filter& child) { return Matches(child, cell); };
  const std::vector<Filter>& children = filter.children;
  switch (filter.kind) {
    case Filter::Kind::kAll:
      return true;
    case Filter::Kind::kAnd:
      return std::all_of(children.begin(), children.end(), matches);
    case Filter::Kind::kOr:
      return std::any_of(children.begin(), children.end(), matches);
    case Filter::Kind::kNot:
      return std::none_of(children.begin(), children.end(), matches);
    case Filter::Kind::kCondition:
      return Matches(filter.condition, cell(filter.condition.field));
    case Filter::Kind::kComparison: {
      const Comparison& comparison = filter.comparison;
      return Matches(comparison.op, Evaluate(comparison.left, cell),
                     Evaluate(comparison.right, cell));
    }
  }
  return false;
}

std::vector<Field> FieldsOf(const Filter& filter) {
  std::vector<Field> fields;
  CollectFields(filter, fields);
  return fields;
}

}  // namespace ocellus::query
