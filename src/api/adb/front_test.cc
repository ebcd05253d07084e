#include "api/adb/front.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "api/testing/harness.h"
#include "base/base64.h"

namespace ocellus::api::adb {
namespace {

using engine::testing::JpegOf;
using engine::testing::kBlue;
using engine::testing::kGreen;
using engine::testing::kRed;
using testing::At;
using testing::BodyOf;
using testing::Harness;

std::string Base64Of(const std::string& bytes) {
  return EncodeBase64(AsBytes(bytes));
}

// The answer is a failure in the envelope; its message has every part of `says`.
void ExpectFailure(const Response& response, int http_status, const std::string& status,
                   const std::vector<std::string>& says) {
  SCOPED_TRACE(response.body.substr(0, 500));
  EXPECT_EQ(response.status, http_status);
  EXPECT_EQ(response.content_type, "application/json");
  const Value body = BodyOf(response);
  EXPECT_EQ(At(body, "status"), Value(status));
  ASSERT_NE(body.Find("data"), nullptr);
  EXPECT_TRUE(body.Find("data")->is_null());
  const Value message = At(body, "message");
  ASSERT_NE(message.as_string(), nullptr);
  for (const std::string& part : says) {
    EXPECT_NE(message.as_string()->find(part), std::string::npos) << part;
  }
}

std::vector<std::string> IdsOf(const Response& response) {
  EXPECT_EQ(response.status, 200) << response.body;
  std::vector<std::string> ids;
  const Value results = At(BodyOf(response), "data.results");
  if (results.as_list() == nullptr) return ids;
  for (const Value& result : *results.as_list()) ids.push_back(*At(result, "image_id").as_string());
  return ids;
}

class AdbFront : public ::testing::Test {
 protected:
  // The body of image/add with one member replaced or, with null, left out.
  static Value AddBody(const std::string& name = "", Value value = nullptr) {
    Value::Map body = {{"library_name", "shoes"},
                       {"image_id", "a"},
                       {"image_uri", "a.jpg"},
                       {"image_base64", Base64Of(JpegOf(kRed))}};
    std::erase_if(body, [&](const auto& member) { return member.first == name; });
    if (!name.empty() && !value.is_null()) body.emplace_back(name, std::move(value));
    return body;
  }
  static Value TextBody(const std::string& text, Value filter = nullptr) {
    return Value::Map{{"library_name", "shoes"}, {"text", text}, {"tag_filter", std::move(filter)}};
  }

  Harness harness_;
};

TEST_F(AdbFront, ImportsAndSearchesByPictureAndByText) {
  harness_.CreateLibrary("shoes");
  harness_.AddPicture("shoes", "red", kRed, {{"color", "red"}});
  harness_.AddPicture("shoes", "green", kGreen, {{"color", "green"}, {"price", 59}});
  harness_.AddPicture("shoes", "blue", kBlue, {{"color", "blue"}});

  const Response by_image = harness_.Adb(
      "/search/by-image",
      Value(Value::Map{{"library_name", "shoes"}, {"image_base64", Base64Of(JpegOf(kGreen))}}));
  EXPECT_EQ(IdsOf(by_image)[0], "green");
  EXPECT_EQ(IdsOf(by_image).size(), 3U);
  const Value first = At(BodyOf(by_image), "data.results.0");
  EXPECT_EQ(At(first, "image_uri"), Value("green.jpg"));
  EXPECT_EQ(At(first, "image_base64"), Value(Base64Of(JpegOf(kGreen))));
  EXPECT_EQ(At(first, "tags"), Value(Value::Map{{"color", "green"}, {"price", 59}}));
  EXPECT_GT(At(first, "score").number(), 0.999);
  EXPECT_LE(At(first, "score").number(), 1.0);
  EXPECT_LT(At(BodyOf(by_image), "data.results.1.score").number(), 0.1);
  EXPECT_GE(At(BodyOf(by_image), "data.results.2.score").number(), 0.0);

  EXPECT_EQ(IdsOf(harness_.Adb("/search/by-text", TextBody("something blue")))[0], "blue");
}

TEST_F(AdbFront, EveryAliasOfTheTextFindsIt) {
  harness_.CreateLibrary("shoes");
  harness_.AddPicture("shoes", "red", kRed);
  for (const char* name : {"text", "query_text", "query", "content", "text_query"}) {
    const Value body(Value::Map{{"library_name", "shoes"}, {name, "red"}});
    EXPECT_EQ(IdsOf(harness_.Adb("/search/by-text", body)).size(), 1U) << name;
  }
}

TEST_F(AdbFront, LeavesOutPicturesThatAreNotWantedOrNotKept) {
  harness_.CreateLibrary("shoes");
  harness_.AddPicture("shoes", "kept", kRed);
  harness_.AddPicture("shoes", "dropped", kRed, {}, false);
  Value body = BodyOf(harness_.Adb("/search/by-text", TextBody("red")));
  EXPECT_NE(At(body, "data.results.0.image_base64").as_string(), nullptr);
  EXPECT_TRUE(At(body, "data.results.1.image_base64").is_null());
  EXPECT_NE(At(body, "data.results.1").Find("image_base64"), nullptr);

  body = BodyOf(harness_.Adb(
      "/search/by-text",
      Value(Value::Map{{"library_name", "shoes"}, {"text", "red"}, {"return_frame", false}})));
  EXPECT_TRUE(At(body, "data.results.0.image_base64").is_null());
}

TEST_F(AdbFront, TheSameKeyAgainReplacesTheRow) {
  harness_.CreateLibrary("shoes");
  harness_.AddPicture("shoes", "a", kRed, {{"n", 1}});
  harness_.AddPicture("shoes", "a", kBlue, {{"n", 2}});
  const Value body = BodyOf(harness_.Adb("/search/by-text", TextBody("blue")));
  EXPECT_EQ(At(body, "data.results").as_list()->size(), 1U);
  EXPECT_EQ(At(body, "data.results.0.tags.n"), Value(2));
  EXPECT_GT(At(body, "data.results.0.score").number(), 0.99);
}

TEST_F(AdbFront, AnswersAnAddWithItsKeyAndTakesADataUrl) {
  harness_.CreateLibrary("shoes");
  const Response response = harness_.Adb(
      "/image/add", AddBody("image_base64", "data:image/jpeg;base64," + Base64Of(JpegOf(kRed))));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body,
            R"({"status":"SUCCESS","message":null,"data":{"image_id":"a","image_uri":"a.jpg"}})");
}

TEST_F(AdbFront, FiltersByTags) {
  harness_.CreateLibrary("shoes");
  harness_.AddPicture("shoes", "a", kRed,
                      {{"color", "red"}, {"season", Value::List{"spring", "summer"}}});
  harness_.AddPicture("shoes", "b", kRed, {{"color", "blue"}, {"price", 59.5}});
  harness_.AddPicture("shoes", "c", kRed, {{"color", "green"}, {"new", true}});
  const auto find = [&](const std::string& filter) {
    return IdsOf(harness_.Adb("/search/by-text", TextBody("red", *ParseJson(filter))));
  };
  using Ids = std::vector<std::string>;
  EXPECT_EQ(find("[]"), (Ids{"a", "b", "c"}));
  EXPECT_EQ(find(R"([{"field":"color","op":"in","value":["red","blue"]},
                     {"field":"season","op":"=","value":"summer"}])"),
            (Ids{"a"}));
  EXPECT_EQ(find(R"({"field":"color","op":"!=","value":"red"})"), (Ids{"b", "c"}));
  EXPECT_EQ(find(R"({"field":"price","op":">=","value":59})"), (Ids{"b"}));
  EXPECT_EQ(find(R"({"op":"OR","value":[{"field":"new","op":"=","value":true},
                                        {"field":"color","op":"like","value":"b%"}]})"),
            (Ids{"b", "c"}));
  EXPECT_EQ(find(R"({"not":[{"field":"season","op":"exists"}]})"), (Ids{"b", "c"}));
  ExpectFailure(harness_.Adb("/search/by-text", TextBody("red", *ParseJson(R"([{"field":"a"}])"))),
                400, "INVALID_TAG_FILTER", {"tag_filter[0].op: required"});
}

TEST_F(AdbFront, ManagesLibraries) {
  EXPECT_EQ(harness_.Call("GET", "/api/v1/operators/image-search/library/list").body,
            R"({"status":"SUCCESS","message":null,"data":{"libraries":[]}})");
  const Response created =
      harness_.Adb("/library/create",
                   R"({"library_name":"shoes","mode":"general_search","description":"of a shop"})");
  EXPECT_EQ(created.status, 200);
  EXPECT_EQ(At(BodyOf(created), "data.library_name"), Value("shoes"));
  EXPECT_EQ(At(BodyOf(created), "data.mode"), Value("general_search"));
  const std::string time = *At(BodyOf(created), "data.create_time").as_string();
  EXPECT_EQ(time.size(), 20U);
  EXPECT_TRUE(time.ends_with('Z'));

  harness_.AddPicture("shoes", "a", kRed);
  const Value listed = BodyOf(harness_.Call("GET", "/api/v1/operators/image-search/library/list"));
  EXPECT_EQ(At(listed, "data.libraries.0.image_count"), Value(1));
  EXPECT_EQ(At(listed, "data.libraries.0.create_time"), Value(time));
  EXPECT_EQ(At(listed, "data.libraries.0.description"), Value("of a shop"));

  EXPECT_EQ(harness_.Adb("/library/delete", R"({"library_name":"shoes"})").body,
            R"({"status":"SUCCESS","message":null,"data":null})");
  ExpectFailure(harness_.Adb("/library/delete", R"({"library_name":"shoes"})"), 404,
                "LIBRARY_NOT_FOUND", {"no such library: shoes"});
}

TEST_F(AdbFront, EveryAliasOfModeAndPathsWorks) {
  const std::string prefix = "/api/v1/operators/image-search";
  for (const char* mode :
       {"mode", "search_mode", "work_mode", "working_mode", "library_mode", "search_type"}) {
    const Value body(Value::Map{{"library_name", "l"}, {mode, "general_search"}});
    EXPECT_EQ(harness_.Adb("/library/create", body).status, 200) << mode;
    EXPECT_EQ(harness_.Adb("/library/delete", R"({"library_name":"l"})").status, 200);
  }
  const std::string create = R"({"library_name":"l","mode":"general_search"})";
  for (const std::string path : {"/library", "/libraries", "/image-library", "/lib"}) {
    EXPECT_EQ(harness_.Adb(path + "/create", create).status, 200) << path;
    EXPECT_EQ(harness_.Call("GET", prefix + path + "/list").status, 200) << path;
    EXPECT_EQ(harness_.Adb(path + "/delete", R"({"library_name":"l"})").status, 200) << path;
  }
  EXPECT_EQ(harness_.Adb("/libraries", create).status, 200);
  EXPECT_EQ(At(BodyOf(harness_.Call("GET", prefix + "/libraries")), "data.libraries.0.mode"),
            Value("general_search"));
}

TEST_F(AdbFront, RefusesLibrariesThatCannotBe) {
  const auto create = [&](const std::string& name, const std::string& mode) {
    return harness_.Adb("/library/create",
                        Value(Value::Map{{"library_name", name}, {"mode", mode}}));
  };
  ExpectFailure(create("l", "adaptive_search"), 400, "UNSUPPORTED_MODE",
                {"mode: adaptive_search is not available: no face model is installed"});
  ExpectFailure(create("l", "best_search"), 400, "UNSUPPORTED_MODE",
                {"mode: expected general_search", "best_search"});
  ExpectFailure(harness_.Adb("/library/create", R"({"library_name":"l"})"), 400,
                "INVALID_PARAMETER", {"mode: required"});
  for (const std::string& name :
       {std::string(), std::string("a b"), std::string("a/b"), std::string("a.b"),
        std::string(129, 'a'), std::string("a\0b", 3)}) {
    ExpectFailure(create(name, "general_search"), 400, "INVALID_PARAMETER", {"library_name: "});
  }
  harness_.CreateLibrary(std::string(128, 'a'));
  for (const char* name : {"b", "c", "d", "E_-9"}) harness_.CreateLibrary(name);
  ExpectFailure(create("sixth", "general_search"), 403, "LIBRARY_LIMIT_EXCEEDED", {"limit is 5"});
  ExpectFailure(create("b", "general_search"), 409, "LIBRARY_ALREADY_EXISTS", {"library_name: "});
}

TEST_F(AdbFront, TheLimitHoldsWhenManyCreateAtOnce) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 12; ++i) {
    threads.emplace_back([&, i] {
      (void)harness_.Adb("/library/create", Value(Value::Map{{"library_name", std::to_string(i)},
                                                             {"mode", "general_search"}}));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(harness_.libraries->List()->size(), 5U);
}

TEST_F(AdbFront, RefusesBadBodies) {
  harness_.CreateLibrary("shoes");
  for (const char* path : {"/library/create", "/library/delete", "/image/add",
                           "/image/tasks/create", "/search/by-image", "/search/by-text"}) {
    ExpectFailure(harness_.Adb(path, std::string("{\"a\":")), 400, "INVALID_PARAMETER",
                  {"body: not valid JSON"});
    ExpectFailure(harness_.Adb(path, std::string()), 400, "INVALID_PARAMETER", {"body: "});
    ExpectFailure(harness_.Adb(path, std::string("[1]")), 400, "INVALID_PARAMETER",
                  {"body: expected a JSON object, got array"});
    ExpectFailure(harness_.Adb(path, std::string("{}")), 400, "INVALID_PARAMETER",
                  {"library_name: required"});
    ExpectFailure(harness_.Adb(path, std::string(R"({"library_name":7})")), 400,
                  "INVALID_PARAMETER", {"library_name: expected a string, got 7"});
    ExpectFailure(harness_.Adb(path, "{\"library_name\" : \"a\xFF\"}"), 400, "INVALID_PARAMETER",
                  {"library_name: not valid UTF-8 at byte 20"});
    ExpectFailure(harness_.Adb(path, std::string(R"({"library_name":"a\u0000b"})")), 400,
                  "INVALID_PARAMETER", {"library_name: "});
  }
  for (const char* field : {"library_name", "image_id", "image_uri", "image_base64"}) {
    ExpectFailure(harness_.Adb("/image/add", AddBody(field)), 400, "INVALID_PARAMETER",
                  {std::string(field) + ": required"});
    ExpectFailure(harness_.Adb("/image/add", AddBody(field, 1)), 400, "INVALID_PARAMETER",
                  {std::string(field) + ": expected a string, got 1"});
  }
  for (const char* field : {"image_id", "image_uri"}) {
    const std::string name = field;
    ExpectFailure(harness_.Adb("/image/add", AddBody(field, std::string(10240, 'x'))), 400,
                  "INVALID_PARAMETER", {name + ": 10240 bytes, the limit is 1024"});
    ExpectFailure(harness_.Adb("/image/add", AddBody(field, "")), 400, "INVALID_PARAMETER",
                  {name + ": must not be empty"});
    ExpectFailure(harness_.Adb("/image/add", AddBody(field, std::string("a\0", 2))), 400,
                  "INVALID_PARAMETER", {name + ": a NUL character"});
  }
  EXPECT_EQ(harness_.Adb("/image/add", AddBody("image_id", std::string(1024, 'x'))).status, 200);
  ExpectFailure(harness_.Adb("/image/add", AddBody("save_image", "yes")), 400, "INVALID_PARAMETER",
                {"save_image: expected true or false, got string"});
  ExpectFailure(harness_.Adb("/image/add", AddBody("tags", Value::List{})), 400,
                "INVALID_PARAMETER", {"tags: expected an object, got array"});
  ExpectFailure(
      harness_.Adb("/image/add", AddBody("tags", Value::Map{{"size", Value::Map{{"eu", 42}}}})),
      400, "INVALID_PARAMETER", {"tags.size: expected a string", "got object"});
}

TEST_F(AdbFront, RefusesWhatIsNoPicture) {
  testing::HarnessOptions options;
  EXPECT_EQ(options.engine.picture_limits.max_bytes, 20U << 20);
  options.engine.picture_limits.max_bytes = 100'000;
  const Harness harness(std::move(options));
  harness.CreateLibrary("shoes");
  const std::string jpeg = JpegOf(kRed, 640, 480);
  const struct {
    std::string base64;
    std::string says;
  } cases[] = {
      {"", "must not be empty"},
      {"data:image/png;base64,", "must not be empty"},
      {"data:text/plain,hello", "another encoding"},
      {"!!!!", "image_base64: "},
      {"=", "image_base64: "},
      {Base64Of("this is a text, whatever its name says"), "image_base64: "},
      {Base64Of(jpeg.substr(0, jpeg.size() / 2)), "image_base64: "},
      {Base64Of(engine::testing::PngHeaderOf(60000, 60000)), "image_base64: "},
      {Base64Of(std::string(100'001, 'x')), "100001 bytes, the limit is 100000"},
      {std::string(200'000, 'A'), "the limit is 100000"},
  };
  for (const auto& bad : cases) {
    const Value add = AddBody("image_base64", bad.base64);
    ExpectFailure(harness.Adb("/image/add", add), 400, "INVALID_IMAGE",
                  {"image_base64: ", bad.says});
    ExpectFailure(harness.Adb("/search/by-image", add), 400, "INVALID_IMAGE",
                  {"image_base64: ", bad.says});
  }
  EXPECT_EQ(harness.embedder->calls(), 0);
}

TEST_F(AdbFront, RefusesBadSearches) {
  harness_.CreateLibrary("shoes");
  const auto search = [&](const char* name, Value value) {
    Value::Map body = {{"library_name", "shoes"}, {"text", "red"}};
    std::erase_if(body, [&](const auto& member) { return member.first == name; });
    body.emplace_back(name, std::move(value));
    return harness_.Adb("/search/by-text", Value(body));
  };
  const std::string expected = "top_k: expected an integer from 1 to 1000, got ";
  ExpectFailure(search("top_k", 0), 400, "INVALID_PARAMETER", {expected + "0"});
  ExpectFailure(search("top_k", 1'000'000'000), 400, "INVALID_PARAMETER",
                {expected + "1000000000"});
  ExpectFailure(search("top_k", -1), 400, "INVALID_PARAMETER", {expected + "-1"});
  ExpectFailure(search("top_k", 1.5), 400, "INVALID_PARAMETER", {expected + "1.5"});
  ExpectFailure(search("top_k", "10"), 400, "INVALID_PARAMETER", {expected + "string"});
  EXPECT_EQ(search("top_k", 10.0).status, 200);
  EXPECT_EQ(search("top_k", nullptr).status, 200);
  EXPECT_EQ(search("top_k", 1000).status, 200);
  ExpectFailure(search("return_frame", 1), 400, "INVALID_PARAMETER", {"return_frame: "});
  ExpectFailure(search("library_name", "none"), 404, "LIBRARY_NOT_FOUND",
                {"no such library: none"});
  ExpectFailure(search("text", nullptr), 400, "INVALID_PARAMETER", {"text: required, got null"});
  ExpectFailure(search("text", "  "), 400, "INVALID_PARAMETER", {"text: must not be empty"});
  ExpectFailure(search("text", std::string(9000, 'a')), 400, "INVALID_PARAMETER", {"text: 9000"});
  ExpectFailure(search("tag_filter", "color=red"), 400, "INVALID_TAG_FILTER",
                {"tag_filter: expected a list of conditions or a condition, got string"});
  ExpectFailure(harness_.Adb("/search/by-image", std::string(R"({"library_name":"shoes"})")), 400,
                "INVALID_PARAMETER", {"image_base64: required"});
}

TEST_F(AdbFront, AnswersUnknownPathsAndWrongMethodsInItsEnvelope) {
  const std::string prefix = "/api/v1/operators/image-search";
  ExpectFailure(harness_.Call("POST", prefix + "/search/by-sound"), 404, "NOT_FOUND",
                {"no such path: " + prefix + "/search/by-sound"});
  ExpectFailure(harness_.Call("GET", prefix + "/librar\xB4y"), 404, "NOT_FOUND",
                {"/librar\xEF\xBF\xBDy"});
  const Response wrong = harness_.Call("GET", prefix + "/image/add");
  ExpectFailure(wrong, 405, "METHOD_NOT_ALLOWED", {"use POST"});
  EXPECT_EQ(wrong.headers.at(0), (std::pair<std::string, std::string>("Allow", "POST")));
  ExpectFailure(
      harness_.router.Error(prefix + "/image/add", Status(Code::kResourceExhausted, "big"), 413),
      413, "PAYLOAD_TOO_LARGE", {"big"});
}

TEST_F(AdbFront, ReportsFailuresOfTheServerAsSuch) {
  harness_.CreateLibrary("shoes");
  harness_.embedder->Fail(Code::kInternal);
  ExpectFailure(harness_.Adb("/image/add", AddBody()), 500, "INTERNAL_ERROR", {"embedder fails"});
  harness_.embedder->Fail(Code::kOk);
  harness_.store.FailWrites(Status(Code::kResourceExhausted, "the disk is full"));
  ExpectFailure(harness_.Adb("/image/add", AddBody()), 500, "INTERNAL_ERROR", {"disk is full"});
  harness_.store.FailWrites(Status(Code::kUnavailable, "stopping"));
  ExpectFailure(harness_.Adb("/image/add", AddBody()), 503, "UNAVAILABLE", {"stopping"});
}

TEST_F(AdbFront, BoundsThePicturesOfAnAnswer) {
  testing::HarnessOptions options;
  options.adb.max_answer_picture_bytes = 1;
  const Harness small(std::move(options));
  small.CreateLibrary("shoes");
  small.AddPicture("shoes", "a", kRed);
  ExpectFailure(small.Adb("/search/by-text", TextBody("red")), 400, "INVALID_PARAMETER",
                {"return_frame: "});
}

TEST_F(AdbFront, ChecksWhatTheKeyMayDo) {
  harness_.CreateLibrary("shoes");
  harness_.CreateLibrary("hats");
  harness_.AddPicture("shoes", "a", kRed);
  const std::string create = R"({"library_name":"new","mode":"general_search"})";
  const std::string drop = R"({"library_name":"shoes"})";
  const std::string list = "/api/v1/operators/image-search/library/list";

  harness_.principal = {"reader", Role::kRead, std::nullopt};
  EXPECT_EQ(harness_.Adb("/search/by-text", TextBody("red")).status, 200);
  ExpectFailure(harness_.Adb("/image/add", AddBody()), 403, "FORBIDDEN", {"role write", "reader"});
  ExpectFailure(harness_.Adb("/library/create", create), 403, "FORBIDDEN", {"role admin"});
  ExpectFailure(harness_.Adb("/library/delete", drop), 403, "FORBIDDEN", {"role admin"});

  harness_.principal = {"writer", Role::kWrite, std::vector<std::string>{"hats"}};
  ExpectFailure(harness_.Adb("/image/add", AddBody()), 403, "FORBIDDEN", {"not for shoes"});
  ExpectFailure(harness_.Adb("/search/by-text", TextBody("red")), 403, "FORBIDDEN", {"not for"});
  const Value listed = BodyOf(harness_.Call("GET", list));
  EXPECT_EQ(At(listed, "data.libraries").as_list()->size(), 1U);
  EXPECT_EQ(At(listed, "data.libraries.0.library_name"), Value("hats"));

  harness_.principal = {"admin", Role::kAdmin, std::vector<std::string>{"new"}};
  EXPECT_EQ(harness_.Adb("/library/create", create).status, 200);
  ExpectFailure(harness_.Adb("/library/delete", drop), 403, "FORBIDDEN", {"not for shoes"});
}

TEST(AdbPaths, AConfiguredPathWorksBesideTheDocumentedOne) {
  testing::HarnessOptions options;
  options.adb.paths = {{"library_list", "/true/path/list"},
                       {"task_results", "/true/path/results/{task_id}"}};
  const Harness harness(std::move(options));
  EXPECT_EQ(harness.Call("GET", "/true/path/list").status, 200);
  EXPECT_EQ(harness.Call("GET", "/api/v1/operators/image-search/library/list").status, 200);
  ExpectFailure(harness.Call("GET", "/true/path/results/x"), 404, "TASK_NOT_FOUND", {"x"});
  ExpectFailure(harness.Call("GET", "/true/path/results/a/b"), 404, "NOT_FOUND", {});
}

TEST(AdbPaths, RefusesAPathThatCannotBe) {
  const Harness harness;
  for (const auto& [name, path] :
       std::map<std::string, std::string>{{"library_lisst", "/x"},
                                          {"library_list", "x"},
                                          {"task_results", "/x"},
                                          {"image_add", "/x/{task_id}"}}) {
    Front front(*harness.libraries, *harness.jobs, *harness.sources, {{{name, path}}, 1, {}});
    Router router;
    EXPECT_EQ(front.AddRoutes(router).code(), Code::kInvalidArgument) << name << " " << path;
  }
}

}  // namespace
}  // namespace ocellus::api::adb
