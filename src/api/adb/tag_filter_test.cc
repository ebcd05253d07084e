#include "api/adb/tag_filter.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ocellus::api::adb {
namespace {

Result<query::Filter> Parse(const std::string& json) {
  const Result<Value> value = ParseJson(json);
  EXPECT_TRUE(value.ok()) << json;
  return ParseTagFilter(*value, "tags");
}

// Whether a row with these tags is let through.
bool Admits(const std::string& filter, const std::string& tags) {
  const Result<query::Filter> parsed = Parse(filter);
  EXPECT_TRUE(parsed.ok()) << filter << ": " << parsed.status().message();
  const Value row = *ParseJson(tags);
  return parsed.ok() && query::Matches(*parsed, [&](const query::Field& field) {
           EXPECT_EQ(field.column, "tags");
           const Value* tag = row.Find(field.key);
           return tag != nullptr ? *tag : Value();
         });
}

constexpr char kRow[] =
    R"({"color":"red","season":["spring","summer"],"price":59,"weight":1.5,"new":true})";

TEST(TagFilter, EveryOperatorInEverySpelling) {
  const std::vector<std::pair<std::string, std::string>> matching = {
      {"=", R"("red")"},         {"==", R"("red")"},        {"eq", R"("red")"},
      {"EQ", R"("red")"},        {"!=", R"("blue")"},       {"<>", R"("blue")"},
      {"Ne", R"("blue")"},       {"in", R"(["a","red"])"},  {"IN", R"("red")"},
      {"not in", R"(["blue"])"}, {"NOT IN", R"(["blue"])"}, {"not_in", R"(["blue"])"},
      {"Not  In", R"(["b"])"},   {"nin", R"(["blue"])"},    {"contains", R"("re")"},
      {"like", R"("r_d")"},      {"LIKE", R"("%d")"},       {">", R"("rec")"},
      {"gt", R"("rec")"},        {">=", R"("red")"},        {"gte", R"("red")"},
      {"<", R"("ree")"},         {"lt", R"("ree")"},        {"<=", R"("red")"},
      {"lte", R"("red")"},       {"exists", "true"},        {"exists", "null"},
  };
  for (const auto& [op, value] : matching) {
    const std::string filter = R"({"field":"color","op":")" + op + R"(","value":)" + value + "}";
    EXPECT_TRUE(Admits(filter, kRow)) << filter;
    EXPECT_FALSE(Admits(R"({"not":)" + filter + "}", kRow)) << filter;
  }
}

TEST(TagFilter, MeansWhatTheContractSays) {
  const auto is = [](const std::string& field, const std::string& op, const std::string& value) {
    return Admits(R"([{"field":")" + field + R"(","op":")" + op + R"(","value":)" + value + "}]",
                  kRow);
  };
  EXPECT_TRUE(is("season", "=", R"("summer")"));
  EXPECT_FALSE(is("season", "=", R"("winter")"));
  EXPECT_TRUE(is("season", "in", R"(["winter","spring"])"));
  EXPECT_TRUE(is("season", "contains", R"("summer")"));
  EXPECT_FALSE(is("season", "contains", R"("sum")"));
  EXPECT_TRUE(is("price", "=", "59.0"));
  EXPECT_FALSE(is("price", "=", R"("59")"));
  EXPECT_TRUE(is("weight", "<", "2"));
  EXPECT_TRUE(is("new", "=", "true"));
  EXPECT_FALSE(is("none", "=", R"("x")"));
  EXPECT_TRUE(is("none", "!=", R"("x")"));
  EXPECT_TRUE(is("none", "not in", R"(["x"])"));
  EXPECT_FALSE(is("none", ">", "0"));
  EXPECT_FALSE(is("none", "contains", R"("x")"));
  EXPECT_TRUE(is("none", "exists", "false"));
  EXPECT_FALSE(is("color", "exists", "false"));
  EXPECT_FALSE(is("color", "in", "[]"));
}

TEST(TagFilter, EveryLogicalForm) {
  const std::string yes = R"({"field":"color","op":"=","value":"red"})";
  const std::string no = R"({"field":"color","op":"=","value":"blue"})";
  const std::string both = "[" + yes + "," + no + "]";
  for (const char* word : {"and", "AND", "And"}) {
    for (const char* parts : {"conditions", "filters", "children", "value"}) {
      for (const char* op : {"op", "logic"}) {
        const std::string head = std::string("{\"") + op + "\":\"" + word + "\",\"" + parts + "\":";
        EXPECT_FALSE(Admits(head + both + "}", kRow)) << head;
        EXPECT_TRUE(Admits(head + "[" + yes + "]}", kRow)) << head;
      }
    }
  }
  EXPECT_TRUE(Admits(R"({"op":"or","conditions":)" + both + "}", kRow));
  EXPECT_TRUE(Admits(R"({"logic":"OR","conditions":)" + both + "}", kRow));
  EXPECT_TRUE(Admits(R"({"or":)" + both + "}", kRow));
  EXPECT_TRUE(Admits(R"({"OR":)" + both + "}", kRow));
  EXPECT_FALSE(Admits(R"({"and":)" + both + "}", kRow));
  EXPECT_TRUE(Admits(R"({"not":)" + no + "}", kRow));
  EXPECT_TRUE(Admits(R"({"not":)" + both + "}", kRow));
  EXPECT_TRUE(Admits(R"({"op":"not","value":[)" + no + "]}", kRow));
  EXPECT_TRUE(Admits(R"([[)" + yes + "]," + yes + "]", kRow));
  EXPECT_TRUE(Admits(R"([{"or":[{"and":)" + both + "},{\"not\":" + no + "}]}]", kRow));
  EXPECT_TRUE(Admits("null", kRow));
  EXPECT_TRUE(Admits("[]", kRow));
  EXPECT_TRUE(Admits(R"({"and":[]})", kRow));
  EXPECT_FALSE(Admits(R"({"or":[]})", kRow));
}

TEST(TagFilter, SaysWhatIsWrongAndWhere) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"("color = red")", "tag_filter: expected a list of conditions or a condition, got string"},
      {"7", "tag_filter: expected a list of conditions"},
      {"[1]", "tag_filter[0]: expected a list"},
      {"{}", "tag_filter: expected a condition"},
      {R"([{"field":"a"}])", "tag_filter[0].op: required"},
      {R"([{"field":"a","op":"="}])", "tag_filter[0].value: required"},
      {R"([{"field":1,"op":"=","value":1}])",
       "tag_filter[0].field: expected a string, got integer"},
      {R"([{"field":"","op":"=","value":1}])", "tag_filter[0].field: "},
      {R"([{"field":"a","op":7,"value":1}])", "tag_filter[0].op: expected a string, got integer"},
      {R"([{"field":"a","op":"=~","value":1}])", "tag_filter[0].op: unknown operator \"=~\""},
      {R"([{"field":"a","op":"=","value":[1]}])", "for several values use \"in\""},
      {R"([{"field":"a","op":"=","value":null}])", "tag_filter[0].value: expected a string"},
      {R"([{"field":"a","op":"=","value":{}}])", "got object"},
      {R"([{"field":"a","op":"in","value":{}}])", "tag_filter[0].value: expected a list"},
      {R"([{"field":"a","op":"in","value":[1,[2]]}])", "tag_filter[0].value[1]: "},
      {R"([{"field":"a","op":"like","value":1}])", "tag_filter[0].value: expected a string"},
      {R"([{"field":"a","op":">","value":true}])", "expected a number or a string, got boolean"},
      {R"([{"field":"a","op":"exists","value":1}])", "expected true or false"},
      {R"([{"field":"a","op":"=","value":1,"valeu":2}])", "unknown member \"valeu\""},
      {R"({"op":"and"})", "tag_filter: \"conditions\" is missing"},
      {R"({"op":"=","value":1})", "tag_filter: expected \"field\" beside \"op\""},
      {R"({"op":"xor","conditions":[]})", "expected \"field\""},
      {R"({"op":"and","conditions":[],"value":[]})", "conditions stand twice"},
      {R"({"op":"and","conditions":[],"extra":1})", "unknown member \"extra\""},
      {R"({"op":"and","conditions":{}})", "tag_filter.conditions: expected a list"},
      {R"({"and":[],"or":[]})", "alone in an object"},
      {R"({"or":[{"field":"a","op":"?","value":1}]})", "tag_filter.or[0].op: unknown"},
  };
  for (const auto& [filter, message] : cases) {
    const Result<query::Filter> parsed = Parse(filter);
    ASSERT_FALSE(parsed.ok()) << filter;
    EXPECT_EQ(parsed.status().code(), Code::kInvalidArgument);
    EXPECT_NE(parsed.status().message().find(message), std::string::npos)
        << filter << "\n  " << parsed.status().message();
  }
}

TEST(TagFilter, BoundsDepthAndSize) {
  const auto nested = [](int depth) {
    std::string filter = R"({"field":"color","op":"=","value":"red"})";
    for (int i = 0; i < depth; ++i) filter.insert(0, R"({"not":)").append("}");
    return filter;
  };
  EXPECT_TRUE(Admits(nested(16), kRow));
  EXPECT_NE(Parse(nested(17)).status().message().find("deeper than 16"), std::string::npos);
  std::string many = "[";
  for (int i = 0; i < 1001; ++i) {
    many += (i == 0 ? "" : ",") + std::string(R"({"field":"color","op":"=","value":"red"})");
  }
  EXPECT_NE(Parse(many + "]").status().message().find("more than 1000 conditions"),
            std::string::npos);
}

}  // namespace
}  // namespace ocellus::api::adb
