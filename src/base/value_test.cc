#include "base/value.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <fstream>
#include <functional>
#include <limits>
#include <string>
#include <string_view>

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

// How much more memory than before this process had at one time during `work`, in bytes.
std::size_t PeakOf(const std::function<void()>& work) {
  const auto field = [](const char* name) {
    std::ifstream status("/proc/self/status");
    std::string word;
    while (status >> word && word != name) continue;
    std::size_t kilobytes = 0;
    status >> kilobytes;
    return kilobytes << 10;
  };
  std::ofstream("/proc/self/clear_refs") << "5\n";  // VmHWM becomes VmRSS
  const std::size_t before = field("VmRSS:");
  work();
  const std::size_t peak = field("VmHWM:");
  return peak > before ? peak - before : 0;
}

// `bytes` or more, less than twice as many.
std::string Repeated(std::string text, std::size_t bytes) {
  while (text.size() < bytes) text += std::string(text);
  return text;
}

TEST(ParseJson, RefusesTooManyValuesBeforeTheyTakeMemory) {
  constexpr std::size_t kBytes = 24 << 20;
  const std::string bodies[] = {'[' + Repeated("1,", kBytes) + "1]",
                                '[' + Repeated("[],", kBytes) + "1]",
                                '[' + Repeated("{},", kBytes) + "1]",
                                '[' + Repeated("\"\\\"\",", kBytes) + "1]",
                                '{' + Repeated("\"\":0,", kBytes) + "\"\":0}",
                                Repeated("[", kBytes),
                                Repeated("[[[[,", kBytes),
                                Repeated("{\"\":", kBytes)};
  for (const std::string& body : bodies) {
    Status status;
    const std::size_t peak = PeakOf([&] {
      const Result<Value> value = ParseJson(body);
      status = value.ok() ? Status() : value.status();
    });
    EXPECT_EQ(status.code(), Code::kInvalidArgument);
    EXPECT_NE(status.message().find("more than 4194304"), std::string::npos)
        << body.substr(0, 9) << ": " << status.message();
    EXPECT_LT(peak, kBytes / 8) << body.substr(0, 9);
  }
}

TEST(ParseJson, CountsValuesAndNotWhatTextsHold) {
  std::string numbers = '[' + Repeated("1,", 2 * (kMaxValues - 2));
  EXPECT_FALSE(ParseJson(numbers + "1,1,1,1]").ok());
  numbers.resize(1 + 2 * (kMaxValues - 2));
  const Result<Value> list = ParseJson(numbers + "1]");
  ASSERT_TRUE(list.ok()) << list.status().message();
  EXPECT_EQ(list->as_list()->size(), kMaxValues - 1);

  const std::string text = Repeated(",[{\\\\\\\"", std::size_t{4} * kMaxValues);
  const Result<Value> one = ParseJson("[\"" + text + "\",1]");
  ASSERT_TRUE(one.ok()) << one.status().message();
  EXPECT_EQ(one->as_list()->size(), 2U);
  EXPECT_FALSE(ParseJson('"' + text).ok());
}

}  // namespace
}  // namespace ocellus
