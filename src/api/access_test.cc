#include "api/access.h"

#include <gtest/gtest.h>

#include <string>

#include "base/base64.h"

namespace ocellus::api {
namespace {

std::optional<Principal> Ask(const KeyRing& keys, const std::string& header) {
  return keys.Authenticate(&header);
}

TEST(KeyRing, WithoutKeysEverybodyIsAdmin) {
  const KeyRing keys({});
  EXPECT_TRUE(keys.open());
  ASSERT_TRUE(keys.Authenticate(nullptr).has_value());
  EXPECT_EQ(keys.Authenticate(nullptr)->role, Role::kAdmin);
}

TEST(KeyRing, FindsTheKeyOfAHeader) {
  const KeyRing keys({{"reader", "secret-1", Role::kRead, {{"shoes"}}},
                      {"admin", "s:with:colons", Role::kAdmin, std::nullopt},
                      {"broken", "", Role::kAdmin, std::nullopt}});
  const auto basic = [](const std::string& pair) { return "Basic " + EncodeBase64(AsBytes(pair)); };
  EXPECT_EQ(Ask(keys, "Bearer secret-1")->name, "reader");
  EXPECT_EQ(Ask(keys, "bearer   secret-1 ")->name, "reader");
  EXPECT_EQ(Ask(keys, "Bearer secret-1")->tables->at(0), "shoes");
  EXPECT_EQ(Ask(keys, basic("anyone:secret-1"))->name, "reader");
  EXPECT_EQ(Ask(keys, basic(":s:with:colons"))->role, Role::kAdmin);
  for (const std::string& wrong :
       {std::string(), std::string("Bearer"), std::string("Bearer "),
        std::string("Bearer secret-2"), std::string("Bearer secret-11"),
        std::string("Token secret-1"), std::string("secret-1"), std::string("Basic secret-1"),
        std::string("Basic !"), basic("secret-1"), basic("x:"), std::string("Bearersecret-1")}) {
    EXPECT_FALSE(Ask(keys, wrong).has_value()) << wrong;
  }
  EXPECT_FALSE(keys.Authenticate(nullptr).has_value());
}

TEST(Access, FollowsRoleAndTables) {
  const Principal reader = {"r", Role::kRead, std::nullopt};
  const Principal confined = {"c", Role::kAdmin, std::vector<std::string>{"shoes"}};
  EXPECT_TRUE(CheckAccess(reader, Role::kRead, "shoes").ok());
  EXPECT_TRUE(CheckAccess(reader, Role::kRead, "").ok());
  EXPECT_EQ(CheckAccess(reader, Role::kWrite, "shoes").message(),
            "this needs a key with the role write; the role of \"r\" is read");
  EXPECT_TRUE(CheckAccess(confined, Role::kAdmin, "shoes").ok());
  EXPECT_FALSE(CheckAccess(confined, Role::kRead, "hats").ok());
  EXPECT_TRUE(CheckAccess(confined, Role::kRead, "").ok());
  EXPECT_FALSE(CheckAccess(confined, Role::kWrite, "").ok());
}

}  // namespace
}  // namespace ocellus::api
