#include "query/expression.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <string>

#include "query/filter.h"
#include "query/sort_key.h"

namespace ocellus::query {
namespace {

using Kind = Expression::Kind;

class ExpressionTest : public ::testing::Test {
 protected:
  Value Of(const Expression& expression) const {
    return Evaluate(expression, [this](const Field& field) { return Cell(field); });
  }
  bool Holds(const Expression& left, Op op, const Expression& right) const {
    return Matches(Filter::Compare(left, op, right),
                   [this](const Field& field) { return Cell(field); });
  }
  Value Cell(const Field& field) const {
    const auto found = cells_.find(field.column + "/" + field.key);
    return found == cells_.end() ? Value() : found->second;
  }
  static Expression F(const std::string& column, const std::string& key = "") {
    return Expression::Of({column, key});
  }
  static Expression C(Value value) { return Expression::Constant(std::move(value)); }

  std::map<std::string, Value> cells_ = {
      {"price/", 5},
      {"cost/", 8.5},
      {"name/", "b"},
      {"flag/", true},
      {"tags/", Value(Value::List{1, 2})},
      {"big/", Value(std::int64_t{9007199254740993})},  // 2^53 + 1: no double of its own
      {"extra/n", 3},
  };
};

TEST_F(ExpressionTest, Arithmetic) {
  EXPECT_EQ(Of(Expression::Binary(Kind::kMultiply, F("price"), C(2))), Value(10.0));
  EXPECT_EQ(Of(Expression::Binary(Kind::kAdd, F("cost"), F("extra", "n"))), Value(11.5));
  EXPECT_EQ(Of(Expression::Binary(Kind::kSubtract, F("price"), F("cost"))), Value(-3.5));
  EXPECT_EQ(Of(Expression::Binary(Kind::kDivide, C(7), C(2))), Value(3.5));
  EXPECT_EQ(Of(Expression::Negate(F("price"))), Value(-5.0));
}

TEST_F(ExpressionTest, ALeafIsItsValueAsItIs) {
  EXPECT_EQ(Of(F("price")), Value(5));
  EXPECT_EQ(Of(F("big")), Value(std::int64_t{9007199254740993}));
  EXPECT_EQ(Of(F("name")), Value("b"));
  EXPECT_EQ(Of(F("gone")), Value());
}

TEST_F(ExpressionTest, WhatIsNoNumberGivesNone) {
  for (const char* column : {"name", "flag", "tags", "gone"}) {
    EXPECT_TRUE(Of(Expression::Binary(Kind::kAdd, C(1), F(column))).is_null()) << column;
    EXPECT_TRUE(Of(Expression::Negate(F(column))).is_null()) << column;
  }
  EXPECT_TRUE(Of(Expression::Binary(Kind::kDivide, F("price"), C(0))).is_null());
  EXPECT_TRUE(Of(Expression::Binary(Kind::kDivide, C(0), C(0))).is_null());
  EXPECT_TRUE(Of(Expression::Binary(Kind::kMultiply, C(1e308), C(10))).is_null());
}

TEST_F(ExpressionTest, Comparisons) {
  const Expression doubled = Expression::Binary(Kind::kMultiply, F("price"), C(2));
  const Expression dearer = Expression::Binary(Kind::kAdd, F("cost"), C(1));
  EXPECT_TRUE(Holds(doubled, Op::kGreater, dearer));  // 10 > 9.5
  EXPECT_FALSE(Holds(doubled, Op::kLessOrEqual, dearer));
  EXPECT_TRUE(Holds(F("price"), Op::kLess, F("cost")));
  EXPECT_TRUE(Holds(F("price"), Op::kEqual, C(5.0)));
  EXPECT_TRUE(Holds(F("name"), Op::kGreater, C("a")));
  EXPECT_TRUE(Holds(F("flag"), Op::kEqual, C(true)));
  // Exact beyond the doubles.
  EXPECT_TRUE(Holds(F("big"), Op::kGreater, C(std::int64_t{9007199254740992})));
  EXPECT_TRUE(Holds(F("big"), Op::kNotEqual, C(9007199254740992.0)));
}

TEST_F(ExpressionTest, AMissingOrUnlikeOperandMatchesNothing) {
  for (const Op op : {Op::kEqual, Op::kNotEqual, Op::kLess, Op::kLessOrEqual, Op::kGreater,
                      Op::kGreaterOrEqual}) {
    EXPECT_FALSE(Holds(F("gone"), op, C(1)));
    EXPECT_FALSE(Holds(C(1), op, F("gone")));
    EXPECT_FALSE(Holds(F("gone"), op, F("gone")));
    EXPECT_FALSE(Holds(F("tags"), op, C(1)));
    EXPECT_FALSE(Holds(F("name"), op, C(1)));
    EXPECT_FALSE(Holds(Expression::Binary(Kind::kDivide, C(1), C(0)), op, C(1)));
  }
  EXPECT_FALSE(Holds(F("flag"), Op::kLessOrEqual, C(true)));  // booleans have no order
  EXPECT_FALSE(Holds(F("name"), Op::kLike, C("b")));          // no comparison of expressions
}

TEST_F(ExpressionTest, FieldsAndDepth) {
  const Expression sum = Expression::Binary(
      Kind::kAdd, F("a"), Expression::Binary(Kind::kMultiply, F("b", "k"), F("a")));
  EXPECT_EQ(DepthOf(sum), 3U);
  EXPECT_EQ(FieldsOf(Filter::Compare(sum, Op::kLess, F("c"))),
            (std::vector<Field>{{"a", ""}, {"b", "k"}, {"c", ""}}));
}

TEST(SortKeyTest, ValuesHaveATotalOrderAndNoneComesLast) {
  const std::vector<Value> ascending = {-1.5,
                                        0,
                                        Value(std::int64_t{9007199254740992}),
                                        Value(std::int64_t{9007199254740993}),
                                        "a",
                                        "é",
                                        false,
                                        true};
  for (std::size_t i = 0; i < ascending.size(); ++i) {
    for (std::size_t j = 0; j < ascending.size(); ++j) {
      EXPECT_EQ(OrderOf(ascending[i], ascending[j]), i <=> j) << i << " " << j;
    }
  }
  EXPECT_EQ(OrderOf(1, 1.0), std::strong_ordering::equal);

  const auto before = [](const Value& a, const Value& b, bool descending) {
    const std::vector<SortKey> keys = {{Expression(), descending}};
    return ComesBefore(keys, std::vector<Value>{a}, std::vector<Value>{b});
  };
  EXPECT_TRUE(before(1, 2, false));
  EXPECT_TRUE(before(2, 1, true));
  EXPECT_FALSE(before(1, 1.0, false));
  for (const bool descending : {false, true}) {
    EXPECT_TRUE(before(1, nullptr, descending));
    EXPECT_FALSE(before(nullptr, 1, descending));
    EXPECT_FALSE(before(nullptr, Value(Value::List{1}), descending));
  }
}

TEST(SortKeyTest, LaterKeysDecideTies) {
  const std::vector<SortKey> keys = {{Expression(), false}, {Expression(), true}};
  const std::vector<Value> a = {1, 2};
  const std::vector<Value> b = {1, 3};
  EXPECT_TRUE(ComesBefore(keys, b, a));
  EXPECT_FALSE(ComesBefore(keys, a, b));
}

}  // namespace
}  // namespace ocellus::query
