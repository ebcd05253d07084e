#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "cli/http_client.h"
#include "cli/import.h"
#include "cli/picture_finder.h"
#include "cli/progress.h"
#include "cli/search.h"

namespace ocellus::cli {
namespace {

using testing::HasSubstr;

TEST(ServerUrlTest, TakesAddressesApart) {
  const std::pair<const char*, const char*> cases[] = {
      {"http://127.0.0.1:8000", "http://127.0.0.1:8000"},
      {"http://127.0.0.1:8000/", "http://127.0.0.1:8000"},
      {"localhost:9000", "http://localhost:9000"},
      {"images.example", "http://images.example:8000"},
      {"http://[::1]:80/behind/proxy/", "http://[::1]:80/behind/proxy"},
  };
  for (const auto& [url, wanted] : cases) {
    const auto address = ParseServerUrl(url);
    ASSERT_TRUE(address.ok()) << address.status().message();
    EXPECT_EQ(address->Url(), wanted);
  }
  for (const char* wrong : {"", "https://a", "ftp://a", "http://", "http://a:x", "http://a:0",
                            "http://a:70000", "http://[::1", "http://[::1]x", "http://a b"}) {
    EXPECT_FALSE(ParseServerUrl(wrong).ok()) << wrong;
  }
}

TEST(TagsTest, AKeyGivenTwiceIsAList) {
  const auto tags =
      ParseTags({"color=red", "season=spring", "season=summer", "season=a=b", "empty="});
  ASSERT_TRUE(tags.ok());
  EXPECT_EQ(WriteJson(Value(*tags)),
            R"({"color":"red","season":["spring","summer","a=b"],"empty":""})");
  EXPECT_FALSE(ParseTags({"color"}).ok());
  EXPECT_FALSE(ParseTags({"=red"}).ok());
}

TEST(FilterTest, TagsForShortOrTheWholeGrammar) {
  EXPECT_EQ(
      WriteJson(*ParseFilter(R"({"color":"red","size":[1,2]})")),
      R"([{"field":"color","op":"=","value":"red"},{"field":"size","op":"in","value":[1,2]}])");
  for (const char* whole :
       {R"([{"field":"a","op":"=","value":1}])", R"({"field":"a","op":"=","value":1})",
        R"({"or":[]})", R"({"logic":"and","conditions":[]})"}) {
    EXPECT_EQ(WriteJson(*ParseFilter(whole)), whole);
  }
  EXPECT_THAT(ParseFilter("color=red").status().message(), HasSubstr("--filter"));
}

TEST(TableTest, ColumnsAreAsWideAsTheirContent) {
  EXPECT_EQ(FormatTable({"n", "name"}, {{"1", "a"}, {"10", "\u00e4\u00e4"}}, {true, false}),
            " n  name\n 1  a\n10  \u00e4\u00e4\n");
}

TEST(ProgressTest, ALineSaysHowFarAndHowFast) {
  using std::chrono::seconds;
  EXPECT_EQ(
      ProgressLine({.imported = 100, .skipped = 0, .refused = 0, .weight = 500}, 1000, seconds(10)),
      "[############............]  50%  100 pictures  10/s  0:10 left");
  EXPECT_EQ(ProgressLine({.imported = 5, .skipped = 3, .refused = 2, .weight = 1000}, 1000,
                         seconds(4000)),
            "[########################] 100%  10 pictures  0/s  (3 already there)  (2 refused)");
  EXPECT_THAT(
      ProgressLine({.imported = 1, .skipped = 0, .refused = 0, .weight = 20}, 1000, seconds(100)),
      HasSubstr("1:21:40 left"));
  EXPECT_THAT(ProgressLine({}, 0, seconds(0)), HasSubstr("0 pictures"));
}

TEST(LooksLikePictureTest, KnowsPicturesByContentAndByName) {
  EXPECT_TRUE(LooksLikePicture("\xff\xd8\xff\xe0..."));
  EXPECT_TRUE(LooksLikePicture(std::string_view("RIFF\1\2\3\4WEBPVP8 ", 16)));
  EXPECT_TRUE(
      LooksLikePicture(std::string_view("\0\0\0\x18"
                                        "ftypheic",
                                        12)));
  EXPECT_FALSE(
      LooksLikePicture(std::string_view("\0\0\0\x18"
                                        "ftypmp42",
                                        12)));
  EXPECT_FALSE(LooksLikePicture("Dear diary"));
  EXPECT_FALSE(LooksLikePicture(""));
  EXPECT_TRUE(IsCalledLikePicture("a/B.JPG"));
  EXPECT_TRUE(IsCalledLikePicture("x.avif"));
  EXPECT_FALSE(IsCalledLikePicture("notes.txt"));
}

}  // namespace
}  // namespace ocellus::cli
