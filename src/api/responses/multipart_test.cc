#include "api/responses/multipart.h"

#include <gtest/gtest.h>

#include <string>

namespace ocellus::api::responses {
namespace {

constexpr char kType[] = "multipart/form-data; boundary=b";

std::string Part(const std::string& disposition, const std::string& data) {
  return "--b\r\nContent-Disposition: " + disposition + "\r\nContent-Type: image/jpeg\r\n\r\n" +
         data + "\r\n";
}

TEST(Multipart, ReadsPartsInOrder) {
  const std::string bytes("\r\n--\0\r\n--bx", 12);
  const std::string body =
      "preamble\r\n" + Part("form-data; name=\"purpose\"", "vision") +
      Part("form-data; filename=\"C:\\dir/a \\\"b\\\";.jpg\"; name=file", bytes) +
      Part("form-data; name=empty", "") + "--b--\r\nepilogue";
  const auto parts = ParseMultipart("Multipart/Form-Data; charset=x; boundary=\"b\"", body);
  ASSERT_FALSE(parts.ok());  // "--bx" is a boundary with something behind it
  const std::string fine =
      "preamble\r\n" + Part("form-data; name=\"purpose\"", "vision") +
      Part("form-data; filename=\"C:\\dir/a \\\"b\\\";.jpg\"; name=file", "x\r\ny") +
      Part("form-data; name=empty", "") + "--b--\r\nepilogue";
  const auto read = ParseMultipart("Multipart/Form-Data; charset=x; boundary=\"b\"", fine);
  ASSERT_TRUE(read.ok()) << read.status().message();
  ASSERT_EQ(read->size(), 3U);
  EXPECT_EQ((*read)[0].name, "purpose");
  EXPECT_EQ((*read)[0].data, "vision");
  EXPECT_FALSE((*read)[0].filename.has_value());
  EXPECT_EQ((*read)[1].name, "file");
  EXPECT_EQ((*read)[1].filename, "a \"b\";.jpg");
  EXPECT_EQ((*read)[1].data, "x\r\ny");
  EXPECT_EQ((*read)[2].data, "");
}

TEST(Multipart, RefusesWhatItIsNot) {
  const std::string good = Part("form-data; name=a", "1") + "--b--";
  EXPECT_TRUE(ParseMultipart(kType, good).ok());
  EXPECT_TRUE(ParseMultipart(kType, "--b--").ok());
  for (const char* type : {"", "application/json", "multipart/form-data",
                           "multipart/form-data; boundary=", "multipart/form-data; boundary=\"b"}) {
    EXPECT_FALSE(ParseMultipart(type, good).ok()) << type;
  }
  EXPECT_FALSE(ParseMultipart("multipart/form-data; boundary=" + std::string(71, 'b'), good).ok());
  for (const std::string& body :
       {std::string(), std::string("--"), std::string("--b"), std::string("--b\r\n"),
        std::string("--b\r\n\r\n"), std::string("--b\r\n\r\n\r\n--b--"), std::string("--bx\r\n"),
        good.substr(0, good.size() - 6), Part("attachment; name=a", "1") + "--b--",
        Part("form-data", "1") + "--b--", Part("form-data; name=\"a", "1") + "--b--",
        "--b\r\nContent-Disposition: form-data; name=" + std::string(9000, 'a') +
            "\r\n\r\n\r\n--b--"}) {
    EXPECT_FALSE(ParseMultipart(kType, body).ok()) << body.substr(0, 100);
  }
  std::string many;
  for (int i = 0; i < 33; ++i) many += Part("form-data; name=a", "1");
  EXPECT_FALSE(ParseMultipart(kType, many + "--b--").ok());
  // Cut anywhere, it is never read beyond its end.
  for (std::size_t length = 0; length < good.size(); ++length) {
    const std::string cut = good.substr(0, length);
    EXPECT_FALSE(ParseMultipart(kType, cut).ok()) << length;
  }
}

}  // namespace
}  // namespace ocellus::api::responses
