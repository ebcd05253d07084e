#include "api/mcp/front.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "api/testing/harness.h"
#include "base/base64.h"
#include "base/bytes.h"

namespace ocellus::api::mcp {
namespace {

using api::testing::At;
using api::testing::BodyOf;
using api::testing::Harness;
using engine::testing::JpegOf;
using engine::testing::kBlue;
using engine::testing::kGreen;
using engine::testing::kRed;
using Headers = std::map<std::string, std::string>;

Response Post(const Harness& harness, const std::string& body, const Headers& headers = {}) {
  return harness.Call("POST", "/mcp", body, {}, headers);
}

Value Request(const char* method, Value::Map params = {}) {
  return Value::Map{
      {"jsonrpc", "2.0"}, {"id", 7}, {"method", method}, {"params", std::move(params)}};
}

// A request of 2026-07-28 and its headers.
struct Modern {
  explicit Modern(const char* method, Value::Map params = {}) {
    params.emplace_back("_meta",
                        Value::Map{{"io.modelcontextprotocol/protocolVersion", kModernVersion},
                                   {"io.modelcontextprotocol/clientCapabilities", Value::Map()}});
    headers = {{"mcp-protocol-version", std::string(kModernVersion)}, {"mcp-method", method}};
    body = Request(method, std::move(params));
    const Value name = At(body, "params.name");
    if (name.as_string() != nullptr) headers["mcp-name"] = *name.as_string();
  }

  Value body;
  Headers headers;
};

Value CallTool(const Harness& harness, const char* name, Value::Map arguments) {
  const Response response =
      Post(harness, WriteJson(Request("tools/call", {{"name", name}, {"arguments", arguments}})));
  EXPECT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(At(BodyOf(response), "id"), Value(7));
  return At(BodyOf(response), "result");
}

std::string TextOf(const Value& result) {
  const Value text = At(result, "content.0.text");
  return text.as_string() == nullptr ? std::string() : *text.as_string();
}

struct Bad {
  std::string body;
  int status;
  int code;
};

TEST(Protocol, RefusesWhatIsNoMessage) {
  const Harness harness;
  for (const Bad& bad : {
           Bad{"", 400, -32700},
           Bad{"{", 400, -32700},
           Bad{"\xff", 400, -32700},
           Bad{std::string(200, '[') + std::string(200, ']'), 400, -32700},
           Bad{"7", 400, -32600},
           Bad{"null", 400, -32600},
           Bad{"[]", 400, -32600},
           Bad{"{}", 400, -32600},
           Bad{R"({"jsonrpc":"1.0","id":1,"method":"ping"})", 400, -32600},
           Bad{R"({"jsonrpc":2.0,"id":1,"method":"ping"})", 400, -32600},
           Bad{R"({"jsonrpc":"2.0","id":1})", 400, -32600},
           Bad{R"({"jsonrpc":"2.0","id":null,"method":"ping"})", 400, -32600},
           Bad{R"({"jsonrpc":"2.0","id":1.5,"method":"ping"})", 400, -32600},
           Bad{R"({"jsonrpc":"2.0","id":{},"method":"ping"})", 400, -32600},
           Bad{R"({"jsonrpc":"2.0","id":")" + std::string(1000, 'i') + R"(","method":"ping"})", 400,
               -32600},
           Bad{R"({"jsonrpc":"2.0","id":1,"method":7})", 400, -32600},
           Bad{R"({"jsonrpc":"2.0","id":1,"method":"ping","params":[1]})", 400, -32602},
           Bad{R"({"jsonrpc":"2.0","id":1,"method":"no/such"})", 200, -32601},
           Bad{R"({"jsonrpc":"2.0","id":1,"method":")" + std::string(5000, 'm') + R"("})", 200,
               -32601},
           Bad{R"({"jsonrpc":"2.0","id":1,"method":"initialize"})", 200, -32602},
           Bad{R"({"jsonrpc":"2.0","id":1,"method":"tools/call"})", 200, -32602},
           Bad{R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"rm"}})", 200,
               -32602},
           Bad{R"({"jsonrpc":"2.0","id":1,"method":"tools/call",
                   "params":{"name":"get_image","arguments":[]}})",
               200, -32602},
           Bad{R"({"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":"x"}})", 200,
               -32602},
       }) {
    const Response response = Post(harness, bad.body);
    EXPECT_EQ(response.status, bad.status) << bad.body.substr(0, 80);
    EXPECT_EQ(At(BodyOf(response), "error.code"), Value(bad.code)) << response.body;
    EXPECT_LT(response.body.size(), 1000U);
  }
}

TEST(Protocol, AgreesOnAVersion) {
  const Harness harness;
  for (const auto& [asked, given] :
       std::map<std::string, std::string>{{"2025-06-18", "2025-06-18"},
                                          {"2024-11-05", "2024-11-05"},
                                          {"2025-11-25", "2025-11-25"},
                                          {"2026-07-28", "2025-11-25"},  // has no initialize
                                          {"1999-01-01", "2025-11-25"}}) {
    const Response response = Post(
        harness, WriteJson(Request("initialize",
                                   {{"protocolVersion", asked}, {"capabilities", Value::Map()}})));
    EXPECT_EQ(At(BodyOf(response), "result.protocolVersion"), Value(given)) << response.body;
    EXPECT_EQ(At(BodyOf(response), "result.serverInfo.name"), Value("ocellus"));
  }
  const Response notified =
      Post(harness, R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
  EXPECT_EQ(notified.status, 202);
  EXPECT_EQ(notified.body, "");
  EXPECT_EQ(At(BodyOf(Post(harness, WriteJson(Request("ping")))), "result"), Value(Value::Map()));
}

TEST(Protocol, LooksAtTheVersionHeader) {
  const Harness harness;
  const std::string list = WriteJson(Request("tools/list"));
  EXPECT_EQ(Post(harness, list, {{"mcp-protocol-version", "2025-06-18"}}).status, 200);
  const Response unknown = Post(harness, list, {{"mcp-protocol-version", "2031-01-01"}});
  EXPECT_EQ(unknown.status, 400);
  EXPECT_EQ(At(BodyOf(unknown), "error.code"), Value(-32022));
  EXPECT_EQ(At(BodyOf(unknown), "error.data.supported.0"), Value(kModernVersion));
  const Response bare = Post(harness, list, {{"mcp-protocol-version", "2026-07-28"}});
  EXPECT_EQ(bare.status, 400);
  EXPECT_EQ(At(BodyOf(bare), "error.code"), Value(-32602));
}

TEST(Protocol, SpeaksWithoutAHandshake) {
  const Harness harness;
  const Modern discover("server/discover");
  const Response response = Post(harness, WriteJson(discover.body), discover.headers);
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(At(BodyOf(response), "result.resultType"), Value("complete"));
  EXPECT_EQ(At(BodyOf(response), "result.supportedVersions.0"), Value(kModernVersion));
  EXPECT_EQ(
      At(*At(BodyOf(response), "result._meta").Find("io.modelcontextprotocol/serverInfo"), "name"),
      Value("ocellus"));

  const Modern call("tools/call", {{"name", "list_libraries"}});
  EXPECT_EQ(Post(harness, WriteJson(call.body), call.headers).status, 200);
  const Modern ping("ping");  // gone from this revision
  EXPECT_EQ(Post(harness, WriteJson(ping.body), ping.headers).status, 404);
}

TEST(Protocol, HeadersMustSayWhatTheBodySays) {
  const Harness harness;
  const Modern call("tools/call", {{"name", "list_libraries"}});
  const auto code_with = [&](const char* header, const char* value) {
    Headers headers = call.headers;
    if (value == nullptr) {
      headers.erase(header);
    } else {
      headers[header] = value;
    }
    const Response response = Post(harness, WriteJson(call.body), headers);
    return response.status == 200 ? Value() : At(BodyOf(response), "error.code");
  };
  EXPECT_EQ(code_with("mcp-name", "bGlz"), Value(-32020));
  EXPECT_EQ(code_with("mcp-name", nullptr), Value(-32020));
  EXPECT_EQ(code_with("mcp-name", "=?base64?****?="), Value(-32020));
  EXPECT_EQ(code_with("mcp-name", "=?base64?bGlzdF9saWJyYXJpZXM=?="), Value());
  EXPECT_EQ(code_with("mcp-method", "tools/list"), Value(-32020));
  EXPECT_EQ(code_with("mcp-method", nullptr), Value(-32020));
  EXPECT_EQ(code_with("mcp-protocol-version", "2025-11-25"), Value(-32020));
  EXPECT_EQ(code_with("mcp-protocol-version", nullptr), Value(-32020));
}

TEST(Protocol, TakesBatchesOfTheRevisionThatHasThem) {
  const Harness harness;
  const std::string batch = R"([{"jsonrpc":"2.0","id":1,"method":"ping"},
      {"jsonrpc":"2.0","method":"notifications/initialized"}, 7,
      {"jsonrpc":"2.0","id":"b","method":"tools/list"}])";
  const Response response = Post(harness, batch);
  ASSERT_EQ(response.status, 200) << response.body;
  ASSERT_EQ(BodyOf(response).as_list()->size(), 3U);
  EXPECT_EQ(At(BodyOf(response), "1.error.code"), Value(-32600));
  EXPECT_EQ(At(BodyOf(response), "2.id"), Value("b"));
  EXPECT_EQ(Post(harness, batch, {{"mcp-protocol-version", "2025-06-18"}}).status, 400);
  EXPECT_EQ(Post(harness, WriteJson(Value::List(33, Request("ping")))).status, 400);
  EXPECT_EQ(Post(harness, R"([{"jsonrpc":"2.0","method":"notifications/x"}])").status, 202);
}

TEST(Protocol, ForeignPagesAreRefused) {
  const Harness harness;
  const std::string ping = WriteJson(Request("ping"));
  for (const char* origin : {"http://evil.example", "null", "https://127.0.0.1:9999", "x"}) {
    const Response response = Post(harness, ping, {{"origin", origin}, {"host", "127.0.0.1:8000"}});
    EXPECT_EQ(response.status, 403) << origin;
    EXPECT_EQ(At(BodyOf(response), "error.code"), Value(-32600));
  }
  EXPECT_EQ(
      Post(harness, ping, {{"origin", "http://127.0.0.1:8000"}, {"host", "127.0.0.1:8000"}}).status,
      200);
}

TEST(Protocol, OffersNoStreamAndNoSession) {
  const Harness harness;
  for (const char* method : {"GET", "DELETE", "PUT"}) {
    const Response response = harness.Call(method, "/mcp");
    EXPECT_EQ(response.status, 405);
    EXPECT_NE(At(BodyOf(response), "error.code").as_int(), nullptr) << response.body;
  }
  const Response response =
      Post(harness, WriteJson(Request("ping")), {{"mcp-session-id", "of another server"}});
  EXPECT_EQ(response.status, 200);
  for (const auto& [name, value] : response.headers) EXPECT_NE(name, "Mcp-Session-Id") << value;
}

TEST(Protocol, AResponseIsTaken) {
  const Harness harness;
  EXPECT_EQ(Post(harness, R"({"jsonrpc":"2.0","id":1,"result":{}})").status, 202);
}

class ToolsTest : public ::testing::Test {
 protected:
  ToolsTest() {
    harness_.CreateLibrary("shoes");
    harness_.CreateLibrary("bags");
    harness_.AddPicture("shoes", "red", kRed, {{"kind", "boot"}});
    harness_.AddPicture("shoes", "green", kGreen, {{"kind", "sandal"}});
    harness_.AddPicture("bags", "blue", kBlue);
    harness_.AddPicture("bags", "bytes-not-kept", kRed, {}, false);
  }

  std::string FailureOf(const char* name, Value::Map arguments) const {
    const Value result = CallTool(harness_, name, std::move(arguments));
    EXPECT_EQ(At(result, "isError"), Value(true)) << WriteJson(result);
    return TextOf(result);
  }

  Harness harness_;
};

TEST_F(ToolsTest, BadArgumentsAreToldToTheModel) {
  const std::string red = EncodeBase64(AsBytes(JpegOf(kRed)));
  struct Case {
    const char* tool;
    Value::Map arguments;
    const char* message;
  };
  for (const Case& each : {
           Case{"search_by_text", {}, "text: required"},
           Case{"search_by_text", {{"text", " "}}, "text: must not be empty"},
           Case{"search_by_text", {{"text", 7}}, "text: expected a string"},
           Case{"search_by_text", {{"text", std::string(9000, 'a')}}, "text: 9000 bytes"},
           Case{"search_by_text", {{"text", "a"}, {"top_k", 51}}, "top_k: expected"},
           Case{"search_by_text", {{"text", "a"}, {"top_k", 0}}, "top_k: expected"},
           Case{"search_by_text", {{"text", "a"}, {"libraries", "shoes"}}, "libraries: expected"},
           Case{"search_by_text", {{"text", "a"}, {"libraries", Value::List()}}, "libraries: "},
           Case{"search_by_text", {{"text", "a"}, {"libraries", Value::List{1}}}, "libraries: "},
           Case{"search_by_text", {{"text", "a"}, {"libraries", Value::List{"hats"}}}, "no "},
           Case{"search_by_text", {{"text", "a"}, {"score_threshold", 2}}, "score_threshold: "},
           Case{"search_by_text",
                {{"text", "a"},
                 {"filters", Value::List{Value::Map{{"field", "x"}, {"op", "??"}, {"value", 1}}}}},
                "filters[0].op: "},
           Case{"search_by_image", {}, "image: expected either"},
           Case{"search_by_image", {{"image", ""}}, "image: must not be empty"},
           Case{"search_by_image", {{"image", "no base64!"}}, "image: "},
           Case{"search_by_image", {{"image", "/etc/passwd"}}, "not a picture"},
           Case{"search_by_image", {{"image", "file:///etc/passwd"}}, "image: "},
           Case{"search_by_image", {{"image", red}, {"like", Value::Map()}}, "image: expected"},
           Case{"search_by_image", {{"like", Value::Map()}}, "library: required"},
           Case{"search_by_image", {{"like", 7}}, "like: expected"},
           Case{"get_image", {}, "library: required"},
           Case{"get_image", {{"library", "shoes"}}, "image_id: required"},
           Case{"get_image",
                {{"library", "shoes"}, {"image_id", "red"}, {"max_side", 1}},
                "max_side: "},
       }) {
    const std::string message = FailureOf(each.tool, each.arguments);
    EXPECT_TRUE(message.find(each.message) != std::string::npos) << each.tool << ": " << message;
  }
  EXPECT_NE(FailureOf("get_image", {{"library", "shoes"}, {"image_id", "x"}}), "");
  EXPECT_NE(FailureOf("get_image", {{"library", "hats"}, {"image_id", "red"}}), "");
  EXPECT_NE(FailureOf("get_image", {{"library", "bags"}, {"image_id", "bytes-not-kept"}}), "");
}

TEST_F(ToolsTest, AreDescribed) {
  const Value tools = At(BodyOf(Post(harness_, WriteJson(Request("tools/list")))), "result.tools");
  ASSERT_EQ(tools.as_list()->size(), 4U);
  for (const Value& tool : *tools.as_list()) {
    EXPECT_EQ(At(tool, "inputSchema.type"), Value("object"));
    EXPECT_EQ(At(tool, "annotations.readOnlyHint"), Value(true));
  }
}

TEST_F(ToolsTest, SearchAllLibrariesTogether) {
  const Value result = CallTool(harness_, "search_by_text", {{"text", "blue"}, {"top_k", 2}});
  const Value results = At(result, "structuredContent.results");
  ASSERT_EQ(results.as_list()->size(), 2U) << WriteJson(result);
  EXPECT_EQ(At(results, "0.library"), Value("bags"));
  EXPECT_EQ(At(results, "0.image_id"), Value("blue"));
  EXPECT_EQ(At(results, "0.index"), Value(1));
  EXPECT_GT(At(results, "0.score").number(), 0.9);
  EXPECT_EQ(ParseJson(TextOf(result)).ok(), true);
  EXPECT_EQ(*ParseJson(TextOf(result)), At(result, "structuredContent"));
}

TEST_F(ToolsTest, SearchNarrowly) {
  const Value by_tag = CallTool(
      harness_, "search_by_text",
      {{"text", "red"},
       {"libraries", Value::List{"shoes"}},
       {"filters", Value::List{Value::Map{{"field", "kind"}, {"op", "="}, {"value", "sandal"}}}}});
  ASSERT_EQ(At(by_tag, "structuredContent.results").as_list()->size(), 1U) << WriteJson(by_tag);
  EXPECT_EQ(At(by_tag, "structuredContent.results.0.image_id"), Value("green"));
  EXPECT_EQ(At(by_tag, "structuredContent.results.0.tags.kind"), Value("sandal"));
  const Value near =
      CallTool(harness_, "search_by_text", {{"text", "red"}, {"score_threshold", 0.8}});
  EXPECT_EQ(At(near, "structuredContent.results").as_list()->size(), 2U) << WriteJson(near);
}

TEST_F(ToolsTest, SearchByPictureInEveryForm) {
  const std::string green = EncodeBase64(AsBytes(JpegOf(kGreen, 64, 64)));
  for (const Value::Map& arguments :
       {Value::Map{{"image", green}}, Value::Map{{"image", "data:image/jpeg;base64," + green}},
        Value::Map{{"like", Value::Map{{"library", "shoes"}, {"image_id", "green"}}}}}) {
    const Value result = CallTool(harness_, "search_by_image", arguments);
    EXPECT_EQ(At(result, "structuredContent.results.0.image_id"), Value("green"))
        << WriteJson(result);
  }
}

TEST_F(ToolsTest, ShowPictures) {
  const Value one = CallTool(harness_, "get_image",
                             {{"library", "shoes"}, {"image_id", "red"}, {"max_side", 16}});
  EXPECT_EQ(At(one, "content.0.type"), Value("image")) << WriteJson(one);
  EXPECT_EQ(At(one, "content.0.mimeType"), Value("image/jpeg"));
  EXPECT_TRUE(DecodeBase64(*At(one, "content.0.data").as_string()).ok());
  const Value sheet =
      CallTool(harness_, "search_by_text", {{"text", "red"}, {"contact_sheet", true}});
  ASSERT_EQ(At(sheet, "content").as_list()->size(), 2U) << WriteJson(sheet);
  EXPECT_EQ(At(sheet, "content.1.mimeType"), Value("image/jpeg"));
}

TEST_F(ToolsTest, AKeySeesItsLibrariesOnly) {
  harness_.principal = {"bags only", Role::kRead, {}, false};
  harness_.principal.tables.emplace(1, "bags");
  const Value listed = CallTool(harness_, "list_libraries", {});
  ASSERT_EQ(At(listed, "structuredContent.libraries").as_list()->size(), 1U);
  EXPECT_EQ(At(listed, "structuredContent.libraries.0.name"), Value("bags"));
  const Value found = CallTool(harness_, "search_by_text", {{"text", "green"}});
  const Value results = At(found, "structuredContent.results");
  ASSERT_FALSE(results.as_list()->empty());
  for (const Value& result : *results.as_list()) {
    EXPECT_EQ(At(result, "library"), Value("bags"));
  }
  const Value::List shoes = {"shoes"};
  EXPECT_NE(
      FailureOf("search_by_text", {{"text", "a"}, {"libraries", shoes}}).find("not for shoes"),
      std::string::npos);
  EXPECT_NE(FailureOf("get_image", {{"library", "shoes"}, {"image_id", "red"}}).find("not for"),
            std::string::npos);
  EXPECT_NE(FailureOf("search_by_image",
                      {{"like", Value::Map{{"library", "shoes"}, {"image_id", "red"}}}})
                .find("not for"),
            std::string::npos);
  EXPECT_NE(FailureOf("search_by_image", {{"image", "http://e/1.jpg"}}).find("may not have URLs"),
            std::string::npos);
}

}  // namespace
}  // namespace ocellus::api::mcp
