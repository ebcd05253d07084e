#include "api/admin/front.h"

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <thread>

#include "api/errors.h"
#include "api/testing/harness.h"
#include "base/digest.h"

namespace ocellus::api::admin {
namespace {

using engine::testing::JpegOf;
using engine::testing::kBlue;
using engine::testing::kRed;
using testing::At;
using testing::BodyOf;
using testing::Harness;

constexpr char kKnown[] = "/api/v1/admin/libraries/shoes/known";

TEST(Admin, SaysWhereThingsAre) {
  const Harness harness;
  const Value home = BodyOf(harness.Call("GET", "/"));
  EXPECT_EQ(At(home, "version"), Value("0.0.0-test"));
  for (const char* member : {"openapi", "health"}) {
    EXPECT_EQ(harness.Call("GET", *At(home, member).as_string()).status, 200);
    EXPECT_TRUE(harness.router.IsPublic("GET", *At(home, member).as_string()));
  }
  EXPECT_FALSE(harness.router.IsPublic("GET", "/metrics"));
}

TEST(Admin, IsHealthyWhenSearchesWork) {
  const Harness harness;
  EXPECT_EQ(harness.Call("GET", "/healthz").body, R"({"status":"ok"})");
  harness.embedder->Fail(Code::kUnavailable);
  EXPECT_EQ(harness.Call("GET", "/healthz").status, 200);  // kept for a second
  std::this_thread::sleep_for(std::chrono::milliseconds(1050));
  const Response response = harness.Call("GET", "/healthz");
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(At(BodyOf(response), "reason"), Value("embed: the embedder fails"));
  // Not a library, and in no list.
  EXPECT_EQ(At(BodyOf(harness.Call("GET", "/api/v1/operators/image-search/library/list")),
               "data.libraries"),
            Value(Value::List()));
}

TEST(Admin, KnowsPicturesByContent) {
  Harness harness;
  harness.CreateLibrary("shoes");
  harness.AddPicture("shoes", "a", kRed);
  harness.AddPicture("shoes", "b", kRed);
  harness.AddPicture("shoes", "c", kBlue, {}, false);
  const std::string red = Sha256Hex(AsBytes(JpegOf(kRed)));
  const std::string blue = Sha256Hex(AsBytes(JpegOf(kBlue)));
  const std::string other = Sha256Hex(AsBytes("other"));
  const auto ask = [&](Value digests) {
    return harness.Call("POST", kKnown, WriteJson(Value::Map{{"digests", std::move(digests)}}));
  };
  const Value body = BodyOf(ask(Value::List{red, other, blue, red}));
  std::set<std::string> known;
  const Value list = At(body, "known");
  for (const Value& digest : *list.as_list()) known.insert(*digest.as_string());
  EXPECT_EQ(known, (std::set<std::string>{red, blue}));
  EXPECT_EQ(At(body, "known").as_list()->size(), 2U);
  EXPECT_EQ(ask(Value::List()).body, R"({"known":[]})");

  EXPECT_NE(ask(nullptr).body.find("digests: required, got null"), std::string::npos);
  EXPECT_NE(ask("x").body.find("digests: expected a list, got string"), std::string::npos);
  EXPECT_NE(ask(Value::List{red, "x"}).body.find("digests[1]: expected"), std::string::npos);
  EXPECT_NE(ask(Value::List(1001, red)).body.find("the limit is 1000"), std::string::npos);
  EXPECT_EQ(harness.Call("POST", "/api/v1/admin/libraries/hats/known", R"({"digests":[]})").status,
            404);
  harness.principal = {"other", Role::kRead, std::vector<std::string>{"hats"}};
  EXPECT_EQ(ask(Value::List{red}).status, 403);
}

TEST(Admin, CountsTheTimeOfEveryStage) {
  const Harness harness;
  harness.CreateLibrary("shoes");
  harness.AddPicture("shoes", "a", kRed);
  (void)harness.Adb("/search/by-text", R"({"library_name":"shoes","text":"red"})");
  const Response response = harness.Call("GET", "/metrics");
  EXPECT_TRUE(response.content_type.starts_with("text/plain"));
  for (const char* stage : {"decode", "embed", "search", "store"}) {
    EXPECT_NE(response.body.find("ocellus_stage_seconds_count{stage=\"" + std::string(stage)),
              std::string::npos);
  }
}

TEST(Admin, DescribesEveryRoute) {
  const Harness harness;
  const Value document = BodyOf(harness.Call("GET", "/openapi.json"));
  EXPECT_EQ(At(document, "openapi"), Value("3.1.0"));
  const Value* paths = document.Find("paths");
  ASSERT_NE(paths, nullptr);
  std::size_t operations = 0;
  std::set<std::string> ids;
  for (const auto& [path, item] : *paths->as_map()) {
    EXPECT_TRUE(path.starts_with('/'));
    EXPECT_EQ(path.find('*'), std::string::npos);
    for (const auto& [method, operation] : *item.as_map()) {
      ++operations;
      EXPECT_TRUE(ids.insert(*At(operation, "operationId").as_string()).second) << path;
      EXPECT_NE(operation.Find("responses"), nullptr);
      EXPECT_NE(operation.Find("security"), nullptr);
      EXPECT_EQ(method == "post" || method == "put", operation.Find("requestBody") != nullptr)
          << path;
    }
  }
  EXPECT_EQ(operations, harness.router.routes().size());
  EXPECT_EQ(At(document, "paths").Find("/images/{library}/{image_id}") != nullptr, true);
}

TEST(Admin, AnswersUnknownPathsInItsWords) {
  const Harness harness;
  const Response response = harness.Call("GET", "/nowhere");
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.body, R"({"error":{"code":"not_found","message":"no such path: /nowhere"}})");
  EXPECT_EQ(harness.Call("POST", "/healthz").status, 405);
}

std::string FileOf(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// Tests run in src/api.
TEST(Documents, ListEveryErrorAndHaveExamplesThatParse) {
  const std::string adb = FileOf("../../docs/api/adb.md");
  const std::string admin = FileOf("../../docs/api/admin.md");
  const std::string vector = FileOf("../../docs/api/vector.md");
  for (const ErrorInfo& error : AllErrors()) {
    const std::string status = "| " + std::to_string(error.http_status) + " | `";
    const std::string meaning = std::string("` | ") + error.meaning + " |";
    if (*error.adb_status != '\0') {
      EXPECT_NE(adb.find(status + error.adb_status + meaning), std::string::npos)
          << error.adb_status;
    }
    if (*error.code != '\0') {
      EXPECT_NE(admin.find(status + error.code + meaning), std::string::npos) << error.code;
    }
    if (error.vector_code != 0) {
      const std::string row = "| " + std::to_string(error.vector_code) + " | `" + error.table_code +
                              "` | " + std::to_string(error.http_status) + " | " + error.meaning +
                              " |";
      EXPECT_NE(vector.find(row), std::string::npos) << row;
    }
  }
  const std::string responses = FileOf("../../docs/api/responses.md");
  for (const std::string& document : {adb, admin, responses, vector}) {
    int examples = 0;
    constexpr std::string_view kFence = "```json\n";
    for (std::size_t at = document.find(kFence); at != std::string::npos;
         at = document.find(kFence, at + 1)) {
      const std::size_t start = at + kFence.size();
      const std::string example = document.substr(start, document.find("```", start) - start);
      std::istringstream lines(example);
      // One JSON text, or one a line.
      if (!ParseJson(example).ok()) {
        for (std::string line; std::getline(lines, line);) {
          EXPECT_TRUE(ParseJson(line).ok()) << line;
        }
      }
      ++examples;
    }
    EXPECT_GT(examples, 3);
  }
}

}  // namespace
}  // namespace ocellus::api::admin
