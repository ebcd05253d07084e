#include "http/request_parts.h"

#include <gtest/gtest.h>

namespace ocellus::http {
namespace {

TEST(RequestPartsTest, TakesATargetApart) {
  const auto target = ParseTarget("/images/a%20b/%C3%A4?uri=x%2Fy+z&size=16&flag&=v&&");
  ASSERT_TRUE(target.ok()) << target.status().message();
  EXPECT_EQ(target->path, "/images/a b/\u00e4");
  const std::vector<std::pair<std::string, std::string>> wanted = {
      {"uri", "x/y z"}, {"size", "16"}, {"flag", ""}, {"", "v"}};
  EXPECT_EQ(target->query, wanted);
}

TEST(RequestPartsTest, TakesTheAbsoluteForm) {
  EXPECT_EQ(ParseTarget("http://localhost:8000/a?b")->path, "/a");
  EXPECT_EQ(ParseTarget("http://localhost")->path, "/");
}

TEST(RequestPartsTest, RefusesWhatIsNoAddress) {
  for (const char* wrong : {"", "*", "a/b", "/%", "/%4", "/%zz", "/%00", "/%ff", "/a?%c3%28"}) {
    EXPECT_FALSE(ParseTarget(wrong).ok()) << wrong;
  }
}

TEST(RequestPartsTest, RequestIdsAreShortAndPlain) {
  EXPECT_TRUE(IsSaneRequestId("7f3a-11.b_C:/+="));
  EXPECT_FALSE(IsSaneRequestId(""));
  EXPECT_FALSE(IsSaneRequestId("a b"));
  EXPECT_FALSE(IsSaneRequestId("a\nb"));
  EXPECT_FALSE(IsSaneRequestId(std::string(129, 'a')));
}

TEST(RequestPartsTest, HeadersCannotBreakOut) {
  EXPECT_TRUE(IsSaneHeader("ETag", "\"abc\""));
  EXPECT_FALSE(IsSaneHeader("ETag", "a\r\nSet-Cookie: b"));
  EXPECT_FALSE(IsSaneHeader("E Tag", "a"));
  EXPECT_FALSE(IsSaneHeader("", "a"));
}

TEST(RequestPartsTest, ForeignPagesAreKeptOut) {
  EXPECT_TRUE(CheckNotForeignPage("127.0.0.1:8000", "").ok());
  EXPECT_TRUE(CheckNotForeignPage("LocalHost:8000", "").ok());
  EXPECT_TRUE(CheckNotForeignPage("[::1]:8000", "").ok());
  EXPECT_TRUE(CheckNotForeignPage("localhost:8000", "http://localhost:8000").ok());
  EXPECT_FALSE(CheckNotForeignPage("evil.example:8000", "").ok());
  EXPECT_FALSE(CheckNotForeignPage("localhost:8000", "https://evil.example").ok());
  EXPECT_FALSE(CheckNotForeignPage("localhost:8000", "http://localhost:3000").ok());
  EXPECT_FALSE(CheckNotForeignPage("localhost:8000", "null").ok());
  EXPECT_FALSE(CheckNotForeignPage("", "").ok());
}

}  // namespace
}  // namespace ocellus::http
