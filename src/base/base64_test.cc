#include "base/base64.h"

#include <gtest/gtest.h>

#include <random>

namespace ocellus {
namespace {

TEST(Base64, KnowsTheVectorsOfRfc4648) {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : vectors) {
    EXPECT_EQ(EncodeBase64(AsBytes(plain)), encoded);
    EXPECT_EQ(*DecodeBase64(encoded), plain);
  }
}

TEST(Base64, AcceptsWhatEncodersWrite) {
  EXPECT_EQ(*DecodeBase64("Zm9v\r\nYmFy\n"), "foobar");
  EXPECT_EQ(*DecodeBase64("Zg"), "f");               // no padding
  EXPECT_EQ(*DecodeBase64("__-_"), "\xFF\xFF\xBF");  // URL-safe alphabet
  EXPECT_EQ(*DecodeBase64("Zm\n9v"), "foo");         // a break inside a group
}

TEST(Base64, RefusesTheRestAndSaysWhere) {
  for (const char* bad :
       {"Zm9v!", "Z", "Zg=", "Zg===", "Zg==Zg==", "=", "Zm9v YmFy", "Zm9vYg==x"}) {
    const auto decoded = DecodeBase64(bad);
    ASSERT_FALSE(decoded.ok()) << bad;
    EXPECT_EQ(decoded.status().code(), Code::kInvalidArgument);
  }
  EXPECT_NE(DecodeBase64("Zm9v!").status().message().find("position 4"), std::string::npos);
}

TEST(Base64, ReadsBackRandomBytesOfEveryLength) {
  std::mt19937 random(1);
  for (std::size_t size = 0; size < 300; ++size) {
    std::string bytes(size, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    EXPECT_EQ(*DecodeBase64(EncodeBase64(AsBytes(bytes))), bytes);
  }
}

}  // namespace
}  // namespace ocellus
