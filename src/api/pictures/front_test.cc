#include "api/pictures/front.h"

#include <gtest/gtest.h>

#include <string>

#include "api/testing/harness.h"
#include "base/digest.h"

namespace ocellus::api::pictures {
namespace {

using engine::testing::JpegOf;
using engine::testing::kBlue;
using engine::testing::kRed;
using testing::Harness;

std::string HeaderOf(const Response& response, const std::string& name) {
  for (const auto& [key, value] : response.headers) {
    if (key == name) return value;
  }
  return "";
}

class Pictures : public ::testing::Test {
 protected:
  Pictures() {
    harness_.CreateLibrary("shoes");
    harness_.AddPicture("shoes", "a", kRed);
    harness_.AddPicture("shoes", "dir/b", kBlue);
    harness_.AddPicture("shoes", "dropped", kBlue, {}, false);
  }
  Harness harness_;
};

TEST_F(Pictures, AreServedAsTheyWereImported) {
  const Response response = harness_.Call("GET", "/images/shoes/a", "", {{"uri", "a.jpg"}});
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.content_type, "image/jpeg");
  EXPECT_EQ(response.body, JpegOf(kRed));
  EXPECT_EQ(HeaderOf(response, "ETag"), '"' + Sha256Hex(AsBytes(JpegOf(kRed))) + '"');
  EXPECT_EQ(HeaderOf(response, "Cache-Control"), "private, no-cache");
  EXPECT_EQ(HeaderOf(response, "X-Content-Type-Options"), "nosniff");
  // Without uri, with slashes, and in the query alone.
  EXPECT_EQ(harness_.Call("GET", "/images/shoes/a").body, JpegOf(kRed));
  EXPECT_EQ(harness_.Call("GET", "/images/shoes/dir/b").body, JpegOf(kBlue));
  EXPECT_EQ(harness_.Call("GET", "/images/shoes", "", {{"image_id", "dir/b"}}).body, JpegOf(kBlue));
  EXPECT_EQ(harness_.Call("HEAD", "/images/shoes/a").status, 200);
}

TEST_F(Pictures, AreMadeSmaller) {
  const Response response = harness_.Call("GET", "/images/shoes/a", "", {{"size", "24"}});
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.content_type, "image/jpeg");
  EXPECT_NE(response.body, JpegOf(kRed));
  EXPECT_TRUE(HeaderOf(response, "ETag").ends_with("-24\""));
  for (const char* size :
       {"0", "15", "2049", "-1", "x", "", "24x", "1e2", "99999999999999999999"}) {
    const Response bad = harness_.Call("GET", "/images/shoes/a", "", {{"size", size}});
    EXPECT_EQ(bad.status, 400) << size;
    EXPECT_NE(bad.body.find("size: expected an integer from 16 to 2048"), std::string::npos);
  }
}

TEST_F(Pictures, AreNotSentAgainWhenTheClientHasThem) {
  const std::string tag = HeaderOf(harness_.Call("GET", "/images/shoes/a"), "ETag");
  for (const std::string& header : {tag, "W/" + tag, "\"x\", " + tag, std::string("*")}) {
    const Response response =
        harness_.Call("GET", "/images/shoes/a", "", {}, {{"if-none-match", header}});
    EXPECT_EQ(response.status, 304) << header;
    EXPECT_TRUE(response.body.empty());
    EXPECT_EQ(HeaderOf(response, "ETag"), tag);
  }
  for (const std::string header : {"\"x\"", ",", "", " "}) {
    EXPECT_EQ(harness_.Call("GET", "/images/shoes/a", "", {}, {{"if-none-match", header}}).status,
              200);
  }
  // Another picture under the same key has another tag.
  harness_.AddPicture("shoes", "a", kBlue);
  EXPECT_EQ(harness_.Call("GET", "/images/shoes/a", "", {}, {{"if-none-match", tag}}).status, 200);
}

TEST_F(Pictures, AreNotFoundWithAReason) {
  const auto expect = [&](const std::string& path, std::map<std::string, std::string> query,
                          const std::string& code) {
    const Response response = harness_.Call("GET", path, "", std::move(query));
    EXPECT_EQ(response.status, 404) << path;
    EXPECT_NE(response.body.find("\"code\":\"" + code), std::string::npos) << response.body;
  };
  expect("/images/hats/a", {}, "library_not_found");
  expect("/images/shoes/none", {}, "picture_not_found");
  expect("/images/shoes/a", {{"uri", "other.jpg"}}, "picture_not_found");
  expect("/images/shoes/dropped", {}, "picture_not_found");
  expect("/images/ocellus.jobs/a", {}, "library_not_found");
  expect(std::string("/images/shoes/a\0", 16), {}, "picture_not_found");
  EXPECT_EQ(harness_.Call("GET", "/images/shoes").status, 400);
  harness_.principal = {"other", Role::kRead, std::vector<std::string>{"hats"}};
  EXPECT_EQ(harness_.Call("GET", "/images/shoes/a").status, 403);
}

}  // namespace
}  // namespace ocellus::api::pictures
