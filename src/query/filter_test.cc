#include "query/filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <utility>

#include "query/like.h"

namespace ocellus::query {
namespace {

using List = Value::List;

bool Met(Op op, const Value& value, const Value& cell) {
  return Matches(Condition{{"f", ""}, op, value}, cell);
}

struct Case {
  Op op;
  Value value;
  Value cell;
  bool met;
};

// Every operator against every type of cell: null, boolean, integer, double, string, list, map.
const std::vector<Case>& Cases() {
  static const std::vector<Case> cases = {
      // Equality: by type; 1 and 1.0 are one number.
      {Op::kEqual, 1, nullptr, false},
      {Op::kEqual, nullptr, nullptr, false},
      {Op::kEqual, true, true, true},
      {Op::kEqual, true, 1, false},
      {Op::kEqual, 1, true, false},
      {Op::kEqual, 1, 1, true},
      {Op::kEqual, 1, 1.0, true},
      {Op::kEqual, 1.0, 1, true},
      {Op::kEqual, 1.5, 1, false},
      {Op::kEqual, 1, "1", false},
      {Op::kEqual, "1", 1, false},
      {Op::kEqual, "red", "red", true},
      {Op::kEqual, "red", "Red", false},
      {Op::kEqual, "red", "red ", false},
      {Op::kEqual, "red", List{"blue", "red"}, true},
      {Op::kEqual, 2, List{1, 2.0}, true},
      {Op::kEqual, 3, List{1, 2}, false},
      {Op::kEqual, "x", List{}, false},
      {Op::kEqual, List{"red"}, "red", false},
      {Op::kEqual, "x", Value::Map{{"x", "x"}}, false},
      {Op::kEqual, std::string("a\0b", 3), std::string("a\0b", 3), true},
      {Op::kEqual, std::string("a\0b", 3), "a", false},
      // An integer that no double has.
      {Op::kEqual, std::int64_t{9007199254740993}, 9007199254740992.0, false},
      {Op::kEqual, 9223372036854775808.0, std::int64_t{9223372036854775807}, false},
      {Op::kEqual, -9223372036854775808.0, std::int64_t{-9223372036854775807 - 1}, true},
      // Its negation holds for a missing field too.
      {Op::kNotEqual, 1, nullptr, true},
      {Op::kNotEqual, 1, 1, false},
      {Op::kNotEqual, 1, 2, true},
      {Op::kNotEqual, 1, "1", true},
      {Op::kNotEqual, "red", List{"blue", "red"}, false},
      {Op::kNotEqual, "red", List{}, true},
      {Op::kIn, List{"red", "blue"}, "blue", true},
      {Op::kIn, List{"red", "blue"}, "green", false},
      {Op::kIn, List{"red", "blue"}, List{"green", "red"}, true},
      {Op::kIn, List{1, "x"}, 1.0, true},
      {Op::kIn, List{}, "x", false},
      {Op::kIn, List{"x"}, nullptr, false},
      {Op::kIn, List{nullptr}, nullptr, false},
      {Op::kIn, "x", "x", false},
      {Op::kNotIn, List{"red", "blue"}, "blue", false},
      {Op::kNotIn, List{"red", "blue"}, "green", true},
      {Op::kNotIn, List{"red", "blue"}, nullptr, true},
      {Op::kNotIn, List{}, "x", true},
      {Op::kNotIn, List{"red"}, List{"green", "red"}, false},
      // Contains: part of a string, element of a list.
      {Op::kContains, "umm", "summer", true},
      {Op::kContains, "", "summer", true},
      {Op::kContains, "Sum", "summer", false},
      {Op::kContains, "umm", List{"summer"}, false},
      {Op::kContains, "summer", List{"spring", "summer"}, true},
      {Op::kContains, 2, List{1, 2}, true},
      {Op::kContains, 1, "1", false},
      {Op::kContains, "1", 1, false},
      {Op::kContains, "x", nullptr, false},
      {Op::kContains, true, true, false},
      {Op::kLike, "su%", "summer", true},
      {Op::kLike, "su%", List{"x", "summer"}, true},
      {Op::kLike, "su%", 5, false},
      {Op::kLike, "%", nullptr, false},
      {Op::kLike, "%", true, false},
      {Op::kLike, 5, "5", false},
      // Order: numbers with numbers, strings with strings.
      {Op::kLess, 2, 1, true},
      {Op::kLess, 2, 2, false},
      {Op::kLess, 2, 1.5, true},
      {Op::kLess, 2.5, 2, true},
      {Op::kLess, "b", "a", true},
      {Op::kLess, "b", "B", true},
      {Op::kLess, "\xF0\x9F\x8D\x8E", "\xEF\xBC\xA1", true},  // U+FF21 before U+1F34E
      {Op::kLess, 2, "1", false},
      {Op::kLess, "2", 1, false},
      {Op::kLess, 2, nullptr, false},
      {Op::kLess, nullptr, 2, false},
      {Op::kLess, 2, List{1}, false},
      {Op::kLess, true, false, false},
      {Op::kLess, 9007199254740992.0, std::int64_t{9007199254740993}, false},
      {Op::kLessOrEqual, 2, 2, true},
      {Op::kLessOrEqual, 2, 2.0, true},
      {Op::kLessOrEqual, 2, 3, false},
      {Op::kLessOrEqual, "b", "b", true},
      {Op::kLessOrEqual, true, true, false},
      {Op::kGreater, 2, 3, true},
      {Op::kGreater, 2, 2, false},
      {Op::kGreater, 9007199254740992.0, std::int64_t{9007199254740993}, true},
      {Op::kGreater, "a", "b", true},
      {Op::kGreater, 2, "3", false},
      {Op::kGreaterOrEqual, 2, 2, true},
      {Op::kGreaterOrEqual, 2, 1, false},
      {Op::kGreaterOrEqual, "b", "b", true},
      {Op::kGreaterOrEqual, 2, nullptr, false},
      {Op::kExists, true, 0, true},
      {Op::kExists, true, "", true},
      {Op::kExists, true, List{}, true},
      {Op::kExists, true, false, true},
      {Op::kExists, true, nullptr, false},
      {Op::kExists, false, nullptr, true},
      {Op::kExists, false, 0, false},
      {Op::kExists, "yes", 0, false},
  };
  return cases;
}

TEST(FilterTest, Conditions) {
  for (const Case& c : Cases()) {
    EXPECT_EQ(Met(c.op, c.value, c.cell), c.met)
        << "operator " << static_cast<int>(c.op) << ", value " << WriteJson(c.value) << ", cell "
        << WriteJson(c.cell);
  }
}

TEST(FilterTest, TheNegatedOperatorsAreNegations) {
  for (const Case& c : Cases()) {
    EXPECT_NE(Met(Op::kEqual, c.value, c.cell), Met(Op::kNotEqual, c.value, c.cell));
    EXPECT_NE(Met(Op::kIn, c.value, c.cell), Met(Op::kNotIn, c.value, c.cell));
    EXPECT_EQ(Met(Op::kIn, List{c.value}, c.cell), Met(Op::kEqual, c.value, c.cell));
  }
}

class Rows {
 public:
  explicit Rows(std::map<Field, Value> cells) : cells_(std::move(cells)) {}
  bool Match(const Filter& filter) const {
    return Matches(filter, [this](const Field& field) {
      const auto cell = cells_.find(field);
      return cell == cells_.end() ? Value() : cell->second;
    });
  }

 private:
  std::map<Field, Value> cells_;
};

TEST(FilterTest, Combinations) {
  const Rows row({{{"tags", "color"}, "red"}, {{"price", ""}, 5}});
  const Filter red = Filter::Where({"tags", "color"}, Op::kEqual, "red");
  const Filter dear = Filter::Where({"price", ""}, Op::kGreater, 10);
  const Filter sized = Filter::Where({"tags", "size"}, Op::kEqual, "L");
  EXPECT_TRUE(row.Match(Filter()));
  EXPECT_TRUE(row.Match(red));
  EXPECT_FALSE(row.Match(Filter::Not(red)));
  EXPECT_TRUE(row.Match(Filter::And({})));
  EXPECT_FALSE(row.Match(Filter::Or({})));
  EXPECT_FALSE(row.Match(Filter::And({red, dear})));
  EXPECT_TRUE(row.Match(Filter::Or({dear, red})));
  EXPECT_TRUE(row.Match(Filter::And({red, Filter::Not(dear), Filter()})));
  // A missing field: the condition is false, so its negation is true.
  EXPECT_FALSE(row.Match(sized));
  EXPECT_TRUE(row.Match(Filter::Not(sized)));
  EXPECT_TRUE(row.Match(Filter::Where({"tags", "size"}, Op::kNotEqual, "L")));
}

TEST(FilterTest, FieldsAreNamedOnce) {
  const Filter filter = Filter::And({Filter::Where({"a", ""}, Op::kEqual, 1),
                                     Filter::Not(Filter::Where({"b", "k"}, Op::kEqual, 1)),
                                     Filter::Or({Filter::Where({"a", ""}, Op::kLess, 1)})});
  EXPECT_THAT(FieldsOf(filter), testing::ElementsAre(Field{"a", ""}, Field{"b", "k"}));
  EXPECT_TRUE(FieldsOf(Filter()).empty());
}

TEST(LikeTest, Patterns) {
  EXPECT_TRUE(Like("", ""));
  EXPECT_TRUE(Like("", "%%"));
  EXPECT_FALSE(Like("", "_"));
  EXPECT_FALSE(Like("a", ""));
  EXPECT_TRUE(Like("summer", "summer"));
  EXPECT_FALSE(Like("summer", "summe"));
  EXPECT_FALSE(Like("summe", "summer"));
  EXPECT_TRUE(Like("summer", "s_mm%"));
  EXPECT_TRUE(Like("summer", "%m%r"));
  EXPECT_TRUE(Like("aXbXc", "%X_"));
  EXPECT_FALSE(Like("summer", "%x%"));
  EXPECT_FALSE(Like("Summer", "summer"));
  EXPECT_TRUE(Like("aab", "%ab"));
  EXPECT_TRUE(Like("abcabd", "%ab_%d"));
}

TEST(LikeTest, OneCharacterIsOneCodePoint) {
  EXPECT_TRUE(Like("\xE7\xBA\xA2", "_"));
  EXPECT_FALSE(Like("\xE7\xBA\xA2", "__"));
  EXPECT_TRUE(Like("\xF0\x9F\x8D\x8E!", "_!"));
  EXPECT_TRUE(Like("x\xE7\xBA\xA2y", "%_y"));
}

TEST(LikeTest, BackslashMakesTheNextCharacterPlain) {
  EXPECT_TRUE(Like("50%", "50\\%"));
  EXPECT_FALSE(Like("500", "50\\%"));
  EXPECT_TRUE(Like("a_b", "a\\_b"));
  EXPECT_FALSE(Like("axb", "a\\_b"));
  EXPECT_TRUE(Like("a\\b", "a\\\\b"));
  EXPECT_TRUE(Like("a\\", "a\\"));
}

TEST(LikeTest, NotExponential) {
  std::string pattern;
  for (int i = 0; i < 50; ++i) pattern += "%a";
  pattern += "%b";
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(Like(std::string(5000, 'a'), pattern));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
}

}  // namespace
}  // namespace ocellus::query
