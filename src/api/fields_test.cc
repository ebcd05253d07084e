#include "api/fields.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace ocellus::api {
namespace {

constexpr std::array<std::string_view, 2> kName = {"name", "alias"};
constexpr std::array<std::string_view, 1> kCount = {"count"};

std::string MessageOf(const std::string& body) {
  const Result<Fields> fields = Fields::OfBody(body);
  return fields.ok() ? "" : fields.status().message();
}

TEST(Fields, ReadsUnderEveryName) {
  EXPECT_EQ(*Fields::OfBody(R"({"alias":"a"})")->String(kName), "a");
  EXPECT_EQ(*Fields::OfBody(R"({"alias":"a","name":"n"})")->String(kName), "n");
  EXPECT_EQ(*Fields::OfBody(R"({"alias":"a","name":null})")->String(kName), "a");
  EXPECT_EQ(*Fields::OfBody(R"({"name":"1","name":"2"})")->String(kName), "2");
  EXPECT_EQ(*Fields::OfBody(R"({"other":[{}]})")->String(kName, "otherwise"), "otherwise");
  EXPECT_EQ(Fields::OfBody(R"({"alias":"a"})")->NameOf(kName), "alias");
  EXPECT_EQ(Fields::OfBody("{}")->NameOf(kName), "name");
}

TEST(Fields, NamesTheFieldAndBothTypes) {
  const auto string = [](const std::string& body) {
    return Fields::OfBody(body)->String(kName).status().message();
  };
  EXPECT_EQ(string("{}"), "name: required");
  EXPECT_EQ(string(R"({"alias":null})"), "alias: required, got null");
  EXPECT_EQ(string(R"({"alias":true})"), "alias: expected a string, got boolean");
  EXPECT_EQ(string(R"({"name":{}})"), "name: expected a string, got object");
  const auto integer = [](const std::string& value) {
    Result<std::int64_t> read =
        Fields::OfBody(R"({"count":)" + value + "}")->Integer(kCount, 5, 1, 1000);
    return read.ok() ? std::to_string(*read) : read.status().message();
  };
  EXPECT_EQ(integer("null"), "5");
  EXPECT_EQ(integer("1000"), "1000");
  EXPECT_EQ(integer("1e2"), "100");
  EXPECT_EQ(integer("\"7\""), "count: expected an integer from 1 to 1000, got string");
  EXPECT_EQ(integer("1001"), "count: expected an integer from 1 to 1000, got 1001");
  EXPECT_EQ(integer("1e300"), "count: expected an integer from 1 to 1000, got 1e+300");
  EXPECT_EQ(Fields::OfBody(R"({"count":1})")->Boolean(kCount, true).status().message(),
            "count: expected true or false, got 1");
  EXPECT_EQ(Fields::OfBody(R"({"count":1})")->List(kCount).status().message(),
            "count: expected a list, got 1");
  EXPECT_EQ(Fields::OfBody(R"({"count":[]})")->Object(kCount).status().message(),
            "count: expected an object, got array");
}

TEST(Fields, SaysWhereTheTextIsNoUtf8) {
  EXPECT_EQ(MessageOf("{\"a\":\"\xC3\xA9\",\"b\" : \"x\xC3\x28\"}"),
            "b: not valid UTF-8 at byte 18 of the body");
  EXPECT_EQ(MessageOf("{\"a:b\":\"\x80\"}"), "a:b: not valid UTF-8 at byte 8 of the body");
  EXPECT_EQ(MessageOf("\xFF"), "body: not valid UTF-8 at byte 0 of the body");
  EXPECT_EQ(MessageOf("{\"\xFF\":1}"), "body: not valid UTF-8 at byte 2 of the body");
  EXPECT_EQ(MessageOf("\"\xE4\xB8"), "body: not valid UTF-8 at byte 1 of the body");
  for (std::size_t at = 0; at < 40; ++at) {  // every length of what is good before it
    std::string text;
    for (std::size_t i = 0; i < at; ++i) text += i % 3 == 0 ? "\xF0\x9F\x98\x80" : "x";
    const std::size_t bytes = text.size();
    text += "\xC0" + std::string(at, 'y');
    EXPECT_NE(MessageOf(text).find("at byte " + std::to_string(bytes) + " "), std::string::npos);
  }
}

TEST(Fields, RefusesWhatIsNoObject) {
  EXPECT_EQ(MessageOf(""), "body: expected a JSON object, got nothing");
  EXPECT_EQ(MessageOf("[]"), "body: expected a JSON object, got array");
  EXPECT_EQ(MessageOf("null"), "body: expected a JSON object, got null");
  EXPECT_EQ(MessageOf("{").substr(0, 21), "body: not valid JSON:");
}

}  // namespace
}  // namespace ocellus::api
