#include "base/value.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace ocellus {
namespace {

TEST(Value, ReadsAndWritesJson) {
  const char* texts[] = {"null",
                         "true",
                         "-9223372036854775808",
                         "0.1",
                         "1.0",
                         "1e+300",
                         "\"\\u0000 \\\"\\\\ \\n\\r\\t \xE5\x9B\xBE\"",
                         "[]",
                         "{}",
                         R"({"b":1,"a":[1,2.5,"x",null,{"c":false}]})"};
  for (const char* text : texts) {
    const auto value = ParseJson(text);
    ASSERT_TRUE(value.ok()) << text << ": " << value.status().message();
    EXPECT_EQ(WriteJson(*value), text);
  }
}

TEST(Value, KeepsIntegersAndDoublesApart) {
  EXPECT_NE(ParseJson("1")->as_int(), nullptr);
  EXPECT_NE(ParseJson("1.0")->as_double(), nullptr);
  EXPECT_EQ(ParseJson("18446744073709551615")->number(), 18446744073709551615.0);
  EXPECT_EQ(WriteJson(Value(std::nan(""))), "null");
  EXPECT_EQ(WriteJson(Value(std::numeric_limits<double>::infinity())), "null");
}

TEST(Value, FindsTheLastOfEqualNames) {
  const auto value = ParseJson(R"({"a":1,"b":2,"a":3})");
  EXPECT_EQ(*value->Find("a")->as_int(), 3);
  EXPECT_EQ(value->Find("c"), nullptr);
  EXPECT_EQ(Value("text").Find("a"), nullptr);
}

TEST(Value, NamesItsType) {
  EXPECT_STREQ(Value().type_name(), "null");
  EXPECT_STREQ(Value(1).type_name(), "integer");
  EXPECT_STREQ(Value(1.5).type_name(), "number");
  EXPECT_STREQ(Value("x").type_name(), "string");
  EXPECT_STREQ(Value(Value::List{}).type_name(), "array");
  EXPECT_STREQ(Value(Value::Map{}).type_name(), "object");
}

TEST(ParseJson, RefusesWhatIsNotJson) {
  const std::string deep(100, '[');
  for (const std::string& bad :
       {std::string(), std::string("{"), std::string("[1,]"), std::string("nul"),
        std::string("1 2"), std::string("\"\xFF\""), std::string("\"\\ud800\""),
        std::string("{\"a\" 1}"), deep + std::string(100, ']'), std::string("\"a\nb\"")}) {
    const auto value = ParseJson(bad);
    ASSERT_FALSE(value.ok()) << bad;
    EXPECT_EQ(value.status().code(), Code::kInvalidArgument) << bad;
  }
}

}  // namespace
}  // namespace ocellus
