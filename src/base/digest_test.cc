#include "base/digest.h"

#include <gtest/gtest.h>

#include "base/utf8.h"

namespace ocellus {
namespace {

// FIPS 180-4 example.
TEST(Digest, Sha256OfAbc) {
  EXPECT_EQ(Sha256Hex(AsBytes("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

// RFC 4231, test case 2.
TEST(Digest, HmacOfAKeyAndAText) {
  EXPECT_EQ(HmacSha256Hex("Jefe", "what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(Digest, ComparesSecrets) {
  EXPECT_TRUE(EqualSecrets("key", "key"));
  EXPECT_FALSE(EqualSecrets("key", "kez"));
  EXPECT_FALSE(EqualSecrets("key", "keykey"));
}

TEST(Digest, RandomIdentifiersDiffer) {
  EXPECT_EQ(RandomHex(16).size(), 32U);
  EXPECT_NE(RandomHex(16), RandomHex(16));
}

TEST(Utf8, KnowsWellFormedText) {
  EXPECT_TRUE(IsUtf8("plain, \xC3\xA9, \xE5\x9B\xBE, \xF0\x9F\x90\xB1"));
  for (const char* bad : {"\xFF", "\xC0\x80", "\xED\xA0\x80", "\xF5\x80\x80\x80", "\xE5\x9B"}) {
    EXPECT_FALSE(IsUtf8(bad));
  }
}

TEST(Utf8, ReplacesWhatIsNone) {
  EXPECT_EQ(ToUtf8(""), "");
  EXPECT_EQ(ToUtf8("a\xC3\xA9\xF0\x9F\x98\x80"), "a\xC3\xA9\xF0\x9F\x98\x80");
  EXPECT_EQ(ToUtf8("a\xFFz"), "a\xEF\xBF\xBDz");
  EXPECT_EQ(ToUtf8("\xC3\xA9\xC3"), "\xC3\xA9\xEF\xBF\xBD");
  EXPECT_EQ(ToUtf8("\xED\xA0\x80").size(), 9U);  // a surrogate
}

TEST(Utf8, PrefixCutsNoCharacter) {
  const std::string_view text = "a\xC3\xA9\xE5\x9B\xBE";
  EXPECT_EQ(Utf8Prefix(text, 100), text);
  EXPECT_EQ(Utf8Prefix(text, 5), "a\xC3\xA9");
  EXPECT_EQ(Utf8Prefix(text, 2), "a");
  EXPECT_EQ(Utf8Prefix(text, 0), "");
}

TEST(DigestTest, GitNamesAFileSo) {
  // printf 'hello\n' | git hash-object --stdin
  EXPECT_EQ(GitBlobHex(AsBytes("hello\n")), "ce013625030ba8dba906f756967f9e9ca394464a");
}

}  // namespace
}  // namespace ocellus
