#include "embed/charsmap.h"

#include <gtest/gtest.h>

#include <string>

#include "base/base64.h"
#include "base/bytes.h"
#include "base/value.h"
#include "embed/testing/files.h"
#include "embed/unicode.h"

namespace ocellus::embed {
namespace {

// The map in a tokenizer that testdata has.
std::string RealMap() {
  const auto document =
      ParseJson(testing::ReadFile("testdata/families/jina_clip_v2/tokenizer.json").value_or(""));
  if (!document.ok()) return "";
  const Value* normalizer = document->Find("normalizer");
  const Value* map = normalizer == nullptr ? nullptr : normalizer->Find("precompiled_charsmap");
  return map == nullptr ? "" : *map->as_string();
}

std::string WithHeader(std::uint32_t trie_bytes, const std::string& rest) {
  std::string bytes(4, '\0');
  for (std::size_t i = 0; i < 4; ++i) bytes[i] = static_cast<char>(trie_bytes >> (8 * i));
  return EncodeBase64(AsBytes(bytes + rest));
}

TEST(Charsmap, ReplacesCharactersAndShortClusters) {
  ASSERT_TRUE(unicode::Check().ok());
  const auto map = Charsmap::Parse(RealMap());
  ASSERT_TRUE(map.ok()) << map.status().message();
  EXPECT_EQ(map->Normalize("\uFB01sh \u2167"), "fish VIII");
  EXPECT_EQ(map->Normalize("e\u0301a"), "\u00e9a");
  EXPECT_EQ(map->Normalize("a\r\nb\tc"), "a b c");
  EXPECT_EQ(map->Normalize("\u72ac plain"), "\u72ac plain");
  EXPECT_EQ(map->Normalize(""), "");
}

TEST(Charsmap, DamagedOnesAreRefused) {
  EXPECT_FALSE(Charsmap::Parse("").ok());
  EXPECT_FALSE(Charsmap::Parse("*").ok());
  EXPECT_FALSE(Charsmap::Parse(WithHeader(8, "1234")).ok());
  EXPECT_FALSE(Charsmap::Parse(WithHeader(3, "123")).ok());
  EXPECT_FALSE(Charsmap::Parse(WithHeader(0, "")).ok());
  EXPECT_FALSE(Charsmap::Parse(WithHeader(0xFFFFFFFC, "1234")).ok());
  EXPECT_FALSE(Charsmap::Parse(WithHeader(4, "1234\xff")).ok());
  EXPECT_FALSE(Charsmap::Parse(std::string((std::size_t{16} << 20) * 2, 'A')).ok());
}

TEST(Charsmap, NoUnitLeadsOutOfIt) {
  ASSERT_TRUE(unicode::Check().ok());
  std::string bytes = *DecodeBase64(RealMap());
  for (std::size_t at = 4; at < 4096 && at < bytes.size(); at += 3) {
    const char before = bytes[at];
    bytes[at] = static_cast<char>(~before);
    const auto map = Charsmap::Parse(EncodeBase64(AsBytes(bytes)));
    if (map.ok()) (void)map->Normalize("fish \uFB01 e\u0301 \u2167 text\r\n\u200b");
    bytes[at] = before;
  }
}

}  // namespace
}  // namespace ocellus::embed
