#include "api/picture_input.h"

#include <gtest/gtest.h>

namespace ocellus::api {
namespace {

constexpr std::size_t kMaxBytes = 10;

TEST(DecodePictureText, RefusesTheRestWithTheFieldsName) {
  for (const std::string& text :
       {std::string(), std::string("not base64"), std::string("data:image/png,raw"),
        std::string("data:image/png;base64"), std::string("data:image/png;base64,"),
        std::string("data:") + std::string(300, 'x') + ";base64,AAAA", std::string("="),
        std::string("AAAAAAAAAAAAAAAA"), std::string(1 << 20, 'A'), std::string("AA\0A", 4)}) {
    const auto bytes = DecodePictureText("input[2].image", text, kMaxBytes);
    ASSERT_FALSE(bytes.ok()) << text.substr(0, 40);
    EXPECT_EQ(bytes.status().code(), Code::kInvalidArgument);
    EXPECT_TRUE(bytes.status().message().starts_with("input[2].image: "))
        << bytes.status().message();
  }
}

TEST(DecodePictureText, TakesBothForms) {
  EXPECT_EQ(*DecodePictureText("image", "Ynl0ZXM=", kMaxBytes), "bytes");
  EXPECT_EQ(*DecodePictureText("image", "data:image/jpeg;base64,Ynl0ZXM=", kMaxBytes), "bytes");
  EXPECT_EQ(*DecodePictureText("image", "DATA:image/jpeg;base64,Ynl0ZXM=", kMaxBytes), "bytes");
}

TEST(IsWebUrl, KnowsAUrlFromWords) {
  for (const char* url : {"http://a/b.jpg", "https://a", "HTTPS://a/%20"}) {
    EXPECT_TRUE(IsWebUrl(url)) << url;
  }
  for (const char* text : {"", "http", "http:/a", "ftp://a", "file:///etc/passwd", " http://a",
                           "http://a is a page", "a dog", "data:image/png;base64,AAAA"}) {
    EXPECT_FALSE(IsWebUrl(text)) << text;
  }
}

TEST(IsPictureDataUrl, KnowsPicturesOnly) {
  EXPECT_TRUE(IsPictureDataUrl("data:image/png;base64,AAAA"));
  EXPECT_TRUE(IsPictureDataUrl("Data:Image/png;base64,AAAA"));
  EXPECT_FALSE(IsPictureDataUrl("data:text/plain;base64,AAAA"));
  EXPECT_FALSE(IsPictureDataUrl("data: a word"));
}

}  // namespace
}  // namespace ocellus::api
