#include "api/vector/filter.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ocellus::api::vector {
namespace {

std::optional<ResolvedField> Resolve(std::string_view name) {
  if (name == "missing") return std::nullopt;
  const bool text = name == "s" || name == "doc_id" || name == "quote" || name == "名前";
  const bool free = name == "any" || name == "flag" || name == "a.b";
  return ResolvedField{{std::string(name), {}},
                       free ? ValueKind::kAny : (text ? ValueKind::kText : ValueKind::kNumber)};
}

constexpr char kRow[] =
    R"({"a":1,"b":2.5,"price":59,"cost":20,"zero":0,"s":"x y","doc_id":"n1","tags":[1,2,3],
        "any":"7","flag":true,"a.b":3,"名前":"猫","quote":"it's \"so\""})";

bool Admits(const std::string& text) {
  const Result<query::Filter> filter = ParseFilter(text, Resolve);
  EXPECT_TRUE(filter.ok()) << text << ": " << filter.status().message();
  static const Value row = *ParseJson(kRow);
  return filter.ok() && query::Matches(*filter, [&](const query::Field& field) {
           const Value* value = row.Find(field.column);
           return value != nullptr ? *value : Value();
         });
}

std::string Refusal(const std::string& text) {
  const Result<query::Filter> filter = ParseFilter(text, Resolve);
  EXPECT_FALSE(filter.ok()) << text;
  return filter.ok() ? "" : filter.status().message();
}

TEST(VectorFilter, SurvivesTheWorst) {
  EXPECT_NE(Refusal(std::string(100'000, '(')).find("nested deeper"), std::string::npos);
  std::string nots;
  std::string minus;
  std::string sum = "a";
  for (int i = 0; i < 20'000; ++i) {
    nots += "NOT ";
    minus += "- ";
    sum += "+a";
  }
  EXPECT_NE(Refusal(nots + "a=1").find("nested deeper"), std::string::npos);
  EXPECT_NE(Refusal("a=" + minus + "1").find("nested deeper"), std::string::npos);
  EXPECT_NE(Refusal(sum + "=1").find("nested deeper"), std::string::npos);
  EXPECT_NE(Refusal(std::string(300 << 10, ' ')).find("the limit is"), std::string::npos);
  EXPECT_NE(Refusal("a=\xFF").find("UTF-8"), std::string::npos);
  EXPECT_NE(Refusal(std::string("a=1\0", 4)).find("unexpected character"), std::string::npos);
  std::string many = "a=0";
  for (int i = 0; i < 5000; ++i) many += " OR a=" + std::to_string(i);
  EXPECT_NE(Refusal(many).find("more than 4096 conditions"), std::string::npos);
  std::string list = "a IN (0";
  for (int i = 0; i < 10'000; ++i) list += ",0";
  EXPECT_NE(Refusal(list + ")").find("more than 10000 values"), std::string::npos);
}

TEST(VectorFilter, NamesThePositionAndWhatWasExpected) {
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {"price >", "position 8: expected a field, a number or a text, got the end"},
      {"price > AND a=1", "position 9: expected a field, a number or a text, got \"AND\""},
      {"(a=1", "position 5: expected \")\", got the end"},
      {"a=1)", "position 4: expected AND, OR or the end, got \")\""},
      {"a=1 b=2", "position 5: expected AND, OR or the end, got \"b\""},
      {"a", "position 1: expected a condition like price > 5, got a value alone"},
      {"a=1 AND", "position 8: expected a field, a number or a text, got the end"},
      {"s=\"x", "position 3: the \" has no partner that closes it"},
      {"missing=1", "position 1: unknown field \"missing\""},
      {"名前=猫 # 1", "position 6: unexpected character \"#\""},
      {"a ~ 1", "position 3: unexpected character \"~\""},
      {"1a = 2", "position 1: a name cannot begin with a digit"},
      {"a = 1e999", "position 5: the number is too large"},
      {"price = \"cheap\"", "position 9: expected a number, got a text"},
      {"s + 1 = 2", "position 1: expected a number to calculate with, got a text"},
      {"a + \"1\" = 2", "position 5: expected a number to calculate with, got a text"},
      {"a IN 1", "position 6: expected \"(\", got the number 1"},
      {"a IN ()", "position 7: expected a field, a number or a text, got \")\""},
      {"a IN (1,b)", "position 9: expected a constant"},
      {"1 IN (1)", "position 1: expected a field before IN"},
      {"a NOT 1", "position 7: expected IN, got the number 1"},
      {"(a=1) > 2", "position 2: expected a value, got a condition"},
      {"a < 1 < 2", "position 7: expected AND, OR or the end, got \"<\""},
      {"near(a, 1)", "position 1: unknown function \"near\"; the functions are in and notin"},
      {"in(a)", "position 5: expected \",\", got \")\""},
      {"`", "position 1: the ` has no partner that closes it"},
      {"``=1", "position 1: a name must not be empty"},
      {"NOT a", "position 5: expected a condition like price > 5, got a value alone"},
  };
  for (const auto& [text, message] : wrong) EXPECT_EQ(Refusal(text), message) << text;
}

TEST(VectorFilter, Matches) {
  for (const char* text : {"",
                           "  ",
                           "a=1",
                           "a = 1",
                           "a==1",
                           "a<>2",
                           "a != 2",
                           "price > 5",
                           "price >= 59",
                           "price<=59",
                           "a = 1 AND a < 2 AND a != 2 AND s = \"x y\"",
                           "doc_id='n1'",
                           "a=2 OR b=2.5",
                           "a=2 or b=2.5 and price=59",
                           "(a=2 OR b=2.5) AND NOT price=1",
                           "not(a=2)",
                           "NOT NOT a=1",
                           "tags=2",
                           "tags!=9",
                           "tags IN (9, 3)",
                           "tags NOT IN (8,9)",
                           "in(tags, \"9|2\")",
                           "notin(tags,'8|9')",
                           "in(s,\"x y|z\")",
                           "in(any, \"6|7\")",
                           "price*2 > cost+1",
                           "price - cost*2 = 19",
                           "(price-cost)*2=78",
                           "price/2=29.5",
                           "-a = -1",
                           "- -a = 1",
                           "5 < price",
                           "-9223372036854775808 < a",
                           "59 = price",
                           "price > 2*3",
                           "a + b * 2 = 6",
                           "price > cost",
                           "price = \"59\"",
                           "any = \"7\"",
                           "flag = TRUE",
                           "flag != false",
                           "a.b = 3",
                           "`a.b`=3",
                           "`price`=59",
                           "名前 = \"猫\"",
                           "名前='猫'",
                           "a = +1",
                           "s >= 'x'",
                           "a=1.0",
                           ".5 < a",
                           "a < 1e3",
                           "quote = \"it's \\\"so\\\"\"",
                           "(((((a=1)))))",
                           "(a)=(1)"}) {
    EXPECT_TRUE(Admits(text)) << text;
  }
  for (const char* text :
       {"a=2", "a!=1", "tags=9", "tags!=1", "s=\"x\"", "s = 5", "price/zero > 0", "price/0 > 0",
        "price*2 < cost", "any = 7", "NOT a=1", "a=1 AND b=1", "a=2 OR a=3 AND a=1",
        "tags NOT IN (1)", "in(any,\"8\")", "doc_id=''", "price + s2 > 0", "1 = 2"}) {
    EXPECT_FALSE(Admits(text)) << text;
  }
}

TEST(VectorFilter, KeepsPlainConditionsPlain) {
  const Result<query::Filter> filter = ParseFilter("5 < price", Resolve);
  ASSERT_TRUE(filter.ok());
  EXPECT_EQ(filter->kind, query::Filter::Kind::kCondition);
  EXPECT_EQ(filter->condition.op, query::Op::kGreater);
  const Result<query::Filter> folded = ParseFilter("price = 2*3+1", Resolve);
  ASSERT_TRUE(folded.ok());
  EXPECT_EQ(folded->kind, query::Filter::Kind::kCondition);
  EXPECT_EQ(folded->condition.value, Value(7.0));
  // A text field has the number as it is written.
  EXPECT_EQ(ParseFilter("s = 007", Resolve)->condition.value, Value("007"));
}

TEST(VectorFilter, SortKeys) {
  const auto keys = [](const std::string& text, bool descending = false) {
    return ParseSort(text, descending, Resolve);
  };
  ASSERT_TRUE(keys("").ok());
  EXPECT_TRUE(keys("")->empty());
  const auto two = keys("-price;+cost");
  ASSERT_TRUE(two.ok()) << two.status().message();
  ASSERT_EQ(two->size(), 2U);
  EXPECT_TRUE((*two)[0].descending);
  EXPECT_FALSE((*two)[1].descending);
  EXPECT_TRUE(keys("price", true)->front().descending);
  EXPECT_EQ(keys("price*2-cost, a")->size(), 2U);
  EXPECT_EQ(keys("-").status().message(),
            "position 2: expected a field, a number or a text, got the end");
  EXPECT_EQ(keys("price a").status().message(), "position 7: expected \";\" or the end, got \"a\"");
  EXPECT_EQ(keys("price=1").status().message(), "position 6: expected \";\" or the end, got \"=\"");
  EXPECT_FALSE(ParseExpression("price cost", Resolve).ok());
  EXPECT_FALSE(ParseExpression("", Resolve).ok());
  EXPECT_TRUE(ParseExpression("price*2", Resolve)->is_arithmetic());
}

}  // namespace
}  // namespace ocellus::api::vector
