#include "api/responses/front.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "api/testing/harness.h"
#include "base/base64.h"

namespace ocellus::api::responses {
namespace {

using api::testing::At;
using api::testing::BodyOf;
using api::testing::Harness;
using engine::testing::JpegOf;
using engine::testing::kBlue;
using engine::testing::kRed;
using ::testing::HasSubstr;

Value PictureOf(engine::testing::Colour colour) {
  return Value::Map{
      {"type", "input_image"},
      {"image_url", "data:image/jpeg;base64," + EncodeBase64(AsBytes(JpegOf(colour)))}};
}

Value Asking(Value::List content, Value::Map more = {}) {
  Value::Map body = {
      {"model", "any"},
      {"input", Value::List{Value::Map{{"role", "user"}, {"content", std::move(content)}}}},
      {"tools", Value::List{Value::Map{{"type", "image_search"}}}}};
  for (auto& member : more) body.push_back(std::move(member));
  return body;
}

class ResponsesFront : public ::testing::Test {
 protected:
  ResponsesFront() {
    harness_.CreateLibrary("shoes");
    harness_.AddPicture("shoes", "red", kRed);
    harness_.AddPicture("shoes", "blue", kBlue);
  }
  Response Ask(const Value& body,
               std::map<std::string, std::string> headers = {{"host", "pictures.test:8000"}}) {
    return harness_.Call("POST", "/v1/responses", WriteJson(body), {}, std::move(headers));
  }
  static Value FirstFound(const Response& response) {
    const Value output = At(BodyOf(response), "output.0.output");
    const Result<Value> found = ParseJson(*output.as_string());
    return At(*found, "0");
  }
  Harness harness_;
};

TEST_F(ResponsesFront, FindsAndTells) {
  const Response response = Ask(Asking({PictureOf(kRed)}));
  ASSERT_EQ(response.status, 200) << response.body;
  const Value first = FirstFound(response);
  EXPECT_EQ(At(first, "title"), Value("red"));
  EXPECT_EQ(At(first, "url"), Value("http://pictures.test:8000/images/shoes/red?uri=red.jpg"));
  EXPECT_EQ(At(first, "library"), Value("shoes"));
  EXPECT_THAT(*At(BodyOf(response), "output.1.content.0.text").as_string(), HasSubstr("red"));
}

TEST_F(ResponsesFront, LinksNeedAHostThatIsOne) {
  for (const char* host : {"evil.test/x?", "a b", "", "x\"y"}) {
    const Value first = FirstFound(Ask(Asking({PictureOf(kRed)}), {{"host", host}}));
    EXPECT_EQ(At(first, "url"), Value("/images/shoes/red?uri=red.jpg")) << host;
  }
}

TEST_F(ResponsesFront, AStreamIsTheSameAnswerInParts) {
  const Response plain = Ask(Asking({PictureOf(kRed)}));
  const Response stream = Ask(Asking({PictureOf(kRed)}, {{"stream", true}}));
  EXPECT_EQ(stream.content_type, "text/event-stream");
  EXPECT_TRUE(stream.body.starts_with("event: response.created\ndata: {"));
  const std::size_t last = stream.body.rfind("event: response.completed\ndata: ");
  ASSERT_NE(last, std::string::npos);
  const std::string data = stream.body.substr(stream.body.find("data: ", last) + 6);
  const Result<Value> event = ParseJson(data.substr(0, data.find('\n')));
  ASSERT_TRUE(event.ok());
  EXPECT_EQ(At(*event, "response.output.0.output"), At(BodyOf(plain), "output.0.output"));
  EXPECT_EQ(At(*event, "response.usage"), At(BodyOf(plain), "usage"));
}

TEST_F(ResponsesFront, WhatOneStoresIsNotAnothers) {
  const std::string id = *At(BodyOf(Ask(Asking({PictureOf(kRed)}))), "id").as_string();
  EXPECT_EQ(harness_.Call("GET", "/v1/responses/" + id).status, 200);
  harness_.principal.name = "other";
  EXPECT_EQ(harness_.Call("GET", "/v1/responses/" + id).status, 404);
  EXPECT_EQ(Ask(Asking({PictureOf(kRed)}, {{"previous_response_id", id}})).status, 404);
  EXPECT_EQ(harness_.Call("DELETE", "/v1/responses/" + id).status, 404);
}

TEST_F(ResponsesFront, SearchesOnlyWhatTheKeyMayRead) {
  harness_.principal.tables = std::vector<std::string>{"hats"};
  EXPECT_EQ(At(BodyOf(Ask(Asking({PictureOf(kRed)}))), "output.0.output"), Value("[]"));
  const Value named = Value::Map{{"type", "image_search"}, {"libraries", Value::List{"shoes"}}};
  Value body = Asking({PictureOf(kRed)});
  body.as_map()->back().second = Value::List{named};
  EXPECT_EQ(Ask(body).status, 403);
}

TEST_F(ResponsesFront, UrlsWantTheRightAndTheSwitch) {
  const Value url = Value::Map{{"type", "input_image"}, {"image_url", "http://127.0.0.1:1/a.jpg"}};
  EXPECT_THAT(Ask(Asking({url})).body, HasSubstr("fetching URLs is off"));
  harness_.principal.may_fetch = false;
  EXPECT_THAT(Ask(Asking({url})).body, HasSubstr("may not have URLs fetched"));
}

TEST_F(ResponsesFront, BoundsThePicturesThatAreHeld) {
  const std::size_t bytes = JpegOf(kRed).size();
  PictureBudget budget(3 * bytes);
  const auto session = [&](bool store) {
    CreateBody body;
    body.store = store;
    const std::string url = "data:image/jpeg;base64," + EncodeBase64(AsBytes(JpegOf(kRed)));
    body.messages = {{"user", {Part{"", PictureRef{url, "", "input"}}}}};
    return std::make_unique<Session>(
        std::move(body), std::vector<Message>(), Searcher{harness_.principal, ""},
        PictureSources{*harness_.engine, nullptr, *harness_.uploads, *harness_.libraries, budget},
        SessionLimits());
  };
  auto first = session(false);
  EXPECT_FALSE(first->Check().has_value());
  EXPECT_FALSE(first->LoadNew().has_value());
  EXPECT_EQ(session(false)->Check()->id, ErrorId::kUnavailable);
  first.reset();
  const auto second = session(true);
  EXPECT_FALSE(second->Check().has_value());
  EXPECT_EQ(second->LoadNew()->id, ErrorId::kUnavailable);
}

TEST_F(ResponsesFront, ManyConversationTurns) {
  std::string id;
  for (int turn = 0; turn < 3; ++turn) {
    Value::Map more;
    if (!id.empty()) more.emplace_back("previous_response_id", id);
    const Response response = Ask(Asking({PictureOf(turn % 2 == 0 ? kRed : kBlue)}, more));
    ASSERT_EQ(response.status, 200) << response.body;
    id = *At(BodyOf(response), "id").as_string();
    EXPECT_EQ(At(FirstFound(response), "title"), Value(turn % 2 == 0 ? "red" : "blue"));
    EXPECT_THAT(*At(BodyOf(response), "output.0.arguments").as_string(),
                HasSubstr("\"img_idx\":" + std::to_string(turn)));
  }
}

// Tests run in src/api.
TEST_F(ResponsesFront, EveryCallIsDocumented) {
  std::stringstream text;
  text << std::ifstream("../../docs/api/responses.md").rdbuf();
  std::size_t calls = 0;
  for (const Route& route : harness_.router.routes()) {
    for (const std::string prefix : {"/v1", "/compatible-mode/v1"}) {
      if (!route.pattern.starts_with(prefix + "/")) continue;
      std::string path = route.pattern.substr(prefix.size());
      if (const std::size_t star = path.find("*}"); star != std::string::npos) path.erase(star, 1);
      EXPECT_THAT(text.str(), HasSubstr("`" + route.method + " " + path + "`"));
      ++calls;
    }
  }
  EXPECT_GE(calls, 22U);
}

TEST(PictureLinksTest, AreGoodForOnePictureAndATime) {
  const PictureLinks links({"https://p.test", "secret", std::chrono::seconds(60)});
  const PictureLinks late({"https://p.test", "secret", std::chrono::seconds(-1)});
  const PictureLinks other({"https://p.test", "another", std::chrono::seconds(60)});
  const PictureLinks open({"https://p.test", "", std::chrono::seconds(60)});
  // The request that a client makes of a link.
  const auto request = [](const std::string& link, const std::string& uri) {
    Request made;
    made.query.emplace_back("uri", uri);
    for (const char* name : {"expires", "signature"}) {
      const std::size_t at = link.find(std::string(name) + "=");
      if (at == std::string::npos) continue;
      const std::size_t start = link.find('=', at) + 1;
      made.query.emplace_back(name, link.substr(start, link.find('&', start) - start));
    }
    return made;
  };
  const std::string link = links.LinkTo("https://p.test", "shoes", "a/b c", "u&.jpg");
  EXPECT_THAT(link, ::testing::StartsWith("https://p.test/images/shoes/a/b%20c?uri=u%26.jpg&exp"));
  const auto vouched = links.Vouch(request(link, "u&.jpg"), "shoes", "a/b c");
  ASSERT_TRUE(vouched.has_value());
  EXPECT_EQ(vouched->role, Role::kRead);
  EXPECT_EQ(vouched->tables, (std::vector<std::string>{"shoes"}));
  EXPECT_FALSE(links.Vouch(request(link, "u&.jpg"), "hats", "a/b c"));
  EXPECT_FALSE(links.Vouch(request(link, "u&.jpg"), "shoes", "a/b"));
  EXPECT_FALSE(links.Vouch(request(link, "other"), "shoes", "a/b c"));
  EXPECT_FALSE(other.Vouch(request(link, "u&.jpg"), "shoes", "a/b c"));
  EXPECT_FALSE(open.Vouch(request(link, "u&.jpg"), "shoes", "a/b c"));
  const auto read = PictureLinks::Read("https://p.test", link);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->library, "shoes");
  EXPECT_EQ(read->image_id, "a/b c");
  EXPECT_EQ(read->image_uri, "u&.jpg");
  EXPECT_EQ(PictureLinks::Read("x", open.LinkTo("x", "l", "..", "%2"))->image_id, "..");
  for (const char* bad : {"", "x", "x/images/", "x/images/l", "x/images/l/", "x/images//a",
                          "x/images/%zz/a", "x/images/l/a%2", "y/images/l/a", "x/images/l?uri=u"}) {
    EXPECT_FALSE(PictureLinks::Read("x", bad).has_value()) << bad;
  }
  const std::string old = late.LinkTo("https://p.test", "shoes", "a", "u");
  EXPECT_FALSE(late.Vouch(request(old, "u"), "shoes", "a"));
  EXPECT_EQ(open.LinkTo("", "l", "..", "u"), "/images/l?image_id=..&uri=u");
  EXPECT_EQ(open.LinkTo("", "l", "a//b", "u"), "/images/l?image_id=a%2F%2Fb&uri=u");
}

}  // namespace
}  // namespace ocellus::api::responses
