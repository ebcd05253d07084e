#include "server/keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ocellus::server {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(KeysTest, ReadsAFile) {
  const auto keys = ParseKeys(R"(
[[key]]
name = "uploader"
secret = "0123456789abcdef"
role = "write"
tables = ["shoes", "bags"]

[[key]]
name = "boss"
secret = "fedcba9876543210"
role = "admin"
)");
  ASSERT_TRUE(keys.ok()) << keys.status().message();
  ASSERT_EQ(keys->size(), 2U);
  EXPECT_EQ((*keys)[0].name, "uploader");
  EXPECT_EQ((*keys)[0].role, api::Role::kWrite);
  EXPECT_EQ((*keys)[0].tables, (std::vector<std::string>{"shoes", "bags"}));
  EXPECT_EQ((*keys)[1].role, api::Role::kAdmin);
  EXPECT_FALSE((*keys)[1].tables.has_value());
}

TEST(KeysTest, OnlyTheNamedAndAdminsHaveUrlsFetched) {
  const std::string head = "[[key]]\nname = \"a\"\nsecret = \"0123456789abcdef\"\n";
  const std::pair<const char*, bool> cases[] = {
      {"role = \"read\"", false},
      {"role = \"write\"", false},
      {"role = \"admin\"", true},
      {"role = \"read\"\nfetch = true", true},
      {"role = \"admin\"\nfetch = false", false},
  };
  for (const auto& [text, wanted] : cases) {
    const auto keys = ParseKeys(head + text);
    ASSERT_TRUE(keys.ok()) << keys.status().message();
    EXPECT_EQ(keys->front().may_fetch, wanted) << text;
  }
  EXPECT_THAT(ParseKeys(head + "role = \"read\"\nfetch = 1").status().message(),
              HasSubstr("fetch must be"));
}

TEST(KeysTest, SaysWhatIsWrongWithoutTheSecret) {
  const std::pair<const char*, const char*> cases[] = {
      {"[[key]]\nsecret = \"0123456789abcdef\"\nrole = \"read\"", "name"},
      {"[[key]]\nname = \"a\"\nrole = \"read\"", "secret"},
      {"[[key]]\nname = \"a\"\nsecret = \"short\"\nrole = \"read\"", "openssl"},
      {"[[key]]\nname = \"a\"\nsecret = \"0123456789 abcdef\"\nrole = \"read\"", "spaces"},
      {"[[key]]\nname = \"a\"\nsecret = \"0123456789abcdef\"", "role is missing"},
      {"[[key]]\nname = \"a\"\nsecret = \"0123456789abcdef\"\nrole = \"root\"", "role must be"},
      {"[[key]]\nname = \"a\"\nsecret = \"0123456789abcdef\"\nrole = \"read\"\ntables = 1",
       "tables"},
      {"[[key]]\nname = \"a\"\nsecret = \"0123456789abcdef\"\nrole = \"read\"\ntable = []",
       "'table'"},
      {"[key]\nname = \"a\"", "[[key]]"},
      {"[[keys]]\nname = \"a\"", "[[key]]"},
      {"[[key]]\nname = \"a\"\nsecret = \"0123456789abcdef\"\nrole = \"read\"\n"
       "[[key]]\nname = \"a\"\nsecret = \"0123456789abcdeg\"\nrole = \"read\"",
       "two of that name"},
      {"[[key]]\nname = \"a\"\nsecret = \"0123456789abcdef\"\nrole = \"read\"\n"
       "[[key]]\nname = \"b\"\nsecret = \"0123456789abcdef\"\nrole = \"read\"",
       "same secret"},
      {"[[key]\n", "line 1"},
  };
  for (const auto& [text, wanted] : cases) {
    const auto keys = ParseKeys(text);
    ASSERT_FALSE(keys.ok()) << text;
    EXPECT_EQ(keys.status().code(), Code::kInvalidArgument);
    EXPECT_THAT(keys.status().message(), HasSubstr(wanted)) << text;
    EXPECT_THAT(keys.status().message(), Not(HasSubstr("0123456789"))) << text;
  }
}

TEST(KeysTest, TheEnvironmentGivesAnAdmin) {
  os::PosixFileSystem files;
  EXPECT_TRUE(LoadKeys(files, "", nullptr)->empty());
  EXPECT_TRUE(LoadKeys(files, "", "")->empty());
  const auto keys = LoadKeys(files, "", "0123456789abcdef");
  ASSERT_TRUE(keys.ok());
  EXPECT_EQ(keys->at(0).role, api::Role::kAdmin);
  EXPECT_FALSE(LoadKeys(files, "", "short").ok());
  EXPECT_FALSE(LoadKeys(files, "/no/such/file", nullptr).ok());
  EXPECT_FALSE(LoadKeys(files, "/dev/null", nullptr).ok());
}

TEST(KeysTest, AnOpenServerStaysOnLoopback) {
  for (const char* loopback : {"127.0.0.1", "127.1.2.3", "::1", "localhost"}) {
    EXPECT_TRUE(CheckOpenServer(loopback, false).ok()) << loopback;
  }
  for (const char* reached : {"0.0.0.0", "::", "10.0.0.1", "192.168.1.2"}) {
    EXPECT_TRUE(CheckOpenServer(reached, true).ok()) << reached;
    const Status refused = CheckOpenServer(reached, false);
    EXPECT_EQ(refused.code(), Code::kFailedPrecondition) << reached;
    EXPECT_THAT(refused.message(), HasSubstr("OCELLUS_API_KEY=$(openssl rand -hex 24)"));
  }
}

}  // namespace
}  // namespace ocellus::server
