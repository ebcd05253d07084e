#include "api/embeddings/front.h"

#include <gtest/gtest.h>

#include <atomic>
#include <bit>
#include <cmath>
#include <map>
#include <string>

#include "api/testing/harness.h"
#include "base/base64.h"
#include "base/bytes.h"

namespace ocellus::api::embeddings {
namespace {

using api::testing::At;
using api::testing::BodyOf;
using api::testing::Harness;
using engine::testing::JpegOf;

// A web with a few pictures.
class FakeWeb final : public engine::UrlReader {
 public:
  Result<std::string> Get(const std::string& url, std::size_t max_bytes) override {
    ++calls;
    const auto page = pages.find(url);
    if (page == pages.end()) return Status(Code::kUnavailable, "fetch " + url + ": Timeout");
    if (page->second.size() > max_bytes) {
      return Status(Code::kInvalidArgument, "fetch " + url + ": is larger than the limit");
    }
    return page->second;
  }

  std::map<std::string, std::string> pages;
  std::atomic<int> calls = 0;
};

api::testing::HarnessOptions WithWeb(FakeWeb& web) {
  api::testing::HarnessOptions options;
  options.urls = &web;
  return options;
}

std::string Base64Of(engine::testing::Colour colour) {
  return EncodeBase64(AsBytes(JpegOf(colour)));
}

Response Post(const Harness& harness, const std::string& body) {
  return harness.Call("POST", "/v1/embeddings", body);
}

Response Embed(const Harness& harness, Value input, Value::Map more = {}) {
  more.emplace_back("input", std::move(input));
  return Post(harness, WriteJson(more));
}

struct Bad {
  const char* body;
  const char* message;  // how it starts
};

TEST(Embeddings, RefusesBadBodiesByName) {
  const Harness harness;
  for (const Bad& bad : {
           Bad{"", "body: "},
           Bad{"[]", "body: "},
           Bad{"{", "body: "},
           Bad{"{}", "input: required"},
           Bad{R"({"input":null})", "input: required"},
           Bad{R"({"input":[]})", "input: must not be empty"},
           Bad{R"({"input":""})", "input: must not be empty"},
           Bad{R"({"input":["a"," \n"]})", "input[1]: must not be empty"},
           Bad{R"({"input":[1,2,3]})", "input: token arrays"},
           Bad{R"({"input":7})", "input: token arrays"},
           Bad{R"({"input":[[1,2],[3]]})", "input[0]: token arrays"},
           Bad{R"({"input":["a",[3]]})", "input[1]: token arrays"},
           Bad{R"({"input":["a",null]})", "input[1]: expected a string"},
           Bad{R"({"input":true})", "input: expected a string"},
           Bad{R"({"input":[{}]})", "input[0]: expected an object with either"},
           Bad{R"({"input":[{"text":"a","image":"b"}]})", "input[0]: expected an object"},
           Bad{R"({"input":[{"text":1}]})", "input[0].text: expected a string"},
           Bad{R"({"input":{"image":["a"]}})", "input.image: expected a string"},
           Bad{R"({"input":{"image":""}})", "input.image: must not be empty"},
           Bad{R"({"input":{"image":"/etc/passwd"}})", "input.image: "},
           Bad{R"({"input":{"image":"file:///etc/passwd"}})", "input.image: "},
           Bad{R"({"input":["a",{"image":"AAAA"}]})", "input[1].image: "},
           Bad{R"({"input":"data:image/png,raw"})", "input: expected base64"},
           Bad{R"({"input":"a","encoding_format":"int8"})", "encoding_format: expected"},
           Bad{R"({"input":"a","embedding_type":"ubinary"})", "embedding_type: expected"},
           Bad{R"({"input":"a","encoding_format":1})", "encoding_format: expected"},
           Bad{R"({"input":"a","dimensions":0})", "dimensions: expected"},
           Bad{R"({"input":"a","dimensions":-4})", "dimensions: expected"},
           Bad{R"({"input":"a","dimensions":3})", "dimensions: the model colour makes vectors"},
           Bad{R"({"input":"a","dimensions":"4"})", "dimensions: expected"},
           Bad{R"({"input":"a","model":4})", "model: expected a string"},
       }) {
    const Response response = Post(harness, bad.body);
    EXPECT_EQ(response.status, 400) << bad.body;
    const Value message = At(BodyOf(response), "error.message");
    ASSERT_NE(message.as_string(), nullptr) << response.body;
    EXPECT_TRUE(message.as_string()->starts_with(bad.message)) << *message.as_string();
    EXPECT_EQ(At(BodyOf(response), "error.type"), Value("invalid_request_error"));
  }
}

TEST(Embeddings, HasLimits) {
  const Harness harness;
  const Response many = Embed(harness, Value::List(kMaxInputs + 1, Value("a")));
  EXPECT_EQ(many.status, 400);
  EXPECT_EQ(At(BodyOf(many), "error.param"), Value("input"));
  EXPECT_EQ(Embed(harness, Value::List(kMaxUrls + 1, Value("http://e/1.jpg"))).status, 400);
  EXPECT_EQ(Embed(harness, "a", {{"model", std::string(1000, 'm')}}).status, 400);
  const std::string large = EncodeBase64(AsBytes(std::string((20 << 20) + 1, 'x')));
  const Response response = Embed(harness, Value::Map{{"image", large}});
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(At(BodyOf(response), "error.param"), Value("input.image"));
}

TEST(Embeddings, MixesTextsAndPicturesInOrder) {
  const Harness harness;
  const Response response =
      Embed(harness,
            Value::List{"blue", Value::Map{{"image", Base64Of(engine::testing::kRed)}},
                        Value::Map{{"text", "red"}},
                        "data:image/jpeg;base64," + Base64Of(engine::testing::kGreen)},
            {{"model", "jina-clip-v2"}});
  ASSERT_EQ(response.status, 200) << response.body;
  const Value body = BodyOf(response);
  EXPECT_EQ(At(body, "object"), Value("list"));
  EXPECT_EQ(At(body, "model"), Value("jina-clip-v2"));
  ASSERT_EQ(At(body, "data").as_list()->size(), 4U);
  const int brightest[] = {2, 0, 0, 1};
  for (int i = 0; i < 4; ++i) {
    const Value item = (*At(body, "data").as_list())[static_cast<std::size_t>(i)];
    EXPECT_EQ(At(item, "index"), Value(i));
    EXPECT_EQ(At(item, "object"), Value("embedding"));
    const Value vector = At(item, "embedding");
    ASSERT_EQ(vector.as_list()->size(), 4U);
    double square = 0;
    for (const Value& number : *vector.as_list()) square += number.number() * number.number();
    EXPECT_NEAR(square, 1, 1e-5);
    EXPECT_GT((*vector.as_list())[static_cast<std::size_t>(brightest[i])].number(), 0.9) << i;
  }
  EXPECT_GT(*At(body, "usage.total_tokens").as_int(), 0);
  EXPECT_EQ(At(body, "usage.prompt_tokens"), At(body, "usage.total_tokens"));
}

TEST(Embeddings, Base64IsTheSameFloats) {
  const Harness harness;
  const Value plain = At(BodyOf(Embed(harness, "red")), "data.0.embedding");
  const Response response = Embed(harness, "red", {{"encoding_format", "base64"}});
  const Value encoded = At(BodyOf(response), "data.0.embedding");
  ASSERT_NE(encoded.as_string(), nullptr) << response.body;
  const Result<std::string> bytes = DecodeBase64(*encoded.as_string());
  ASSERT_EQ(bytes->size(), 4 * plain.as_list()->size());
  for (std::size_t i = 0; i < plain.as_list()->size(); ++i) {
    const auto number = std::bit_cast<float>(LoadLe32(AsBytes(*bytes).data() + 4 * i));
    EXPECT_EQ(number, static_cast<float>((*plain.as_list())[i].number()));
  }
  EXPECT_EQ(At(BodyOf(Embed(harness, "red", {{"encoding_format", nullptr}})), "data.0.embedding"),
            plain);
}

TEST(Embeddings, KnowsModelsByName) {
  const Harness harness;
  for (const char* name : {"colour", "jina_ai/colour", "jina-clip-v2", "jina_ai/jina-embeddings-v4",
                           "openai/text-embedding-3-small", "default"}) {
    EXPECT_EQ(Embed(harness, "red", {{"model", name}}).status, 200) << name;
  }
  EXPECT_EQ(At(BodyOf(Embed(harness, "red")), "model"), Value("colour"));
  EXPECT_EQ(Embed(harness, "red", {{"model", "colour"}, {"dimensions", 4}}).status, 200);
  const Response unknown = Embed(harness, "red", {{"model", "colourful"}});
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(At(BodyOf(unknown), "error.code"), Value("model_not_found"));
  EXPECT_NE(unknown.body.find("colour\\\""), std::string::npos) << unknown.body;
}

TEST(Embeddings, FetchesPictures) {
  FakeWeb web;
  web.pages["http://e/red.jpg"] = JpegOf(engine::testing::kRed);
  web.pages["https://e/no.jpg"] = "<html>";
  Harness harness(WithWeb(web));
  const Response plain = Embed(harness, Value::List{"http://e/red.jpg", "green"});
  ASSERT_EQ(plain.status, 200) << plain.body;
  EXPECT_GT(At(BodyOf(plain), "data.0.embedding.0").number(), 0.9);
  EXPECT_EQ(Embed(harness, Value::Map{{"image", "http://e/red.jpg"}}).status, 200);
  // Said to be a text, it is one.
  const int calls = web.calls;
  EXPECT_EQ(Embed(harness, Value::Map{{"text", "http://e/red.jpg"}}).status, 200);
  EXPECT_EQ(web.calls, calls);

  const Response html = Embed(harness, Value::List{"a", "https://e/no.jpg"});
  EXPECT_EQ(html.status, 400);
  EXPECT_EQ(At(BodyOf(html), "error.param"), Value("input[1]"));
  EXPECT_EQ(At(BodyOf(html), "error.code"), Value("invalid_image"));
  const Response gone = Embed(harness, "https://e/gone.jpg");
  EXPECT_EQ(gone.status, 400);
  EXPECT_EQ(At(BodyOf(gone), "error.code"), Value("failed_to_download_image"));
}

TEST(Embeddings, FetchesForThoseWhoMayOnly) {
  FakeWeb web;
  web.pages["http://e/red.jpg"] = JpegOf(engine::testing::kRed);
  Harness harness(WithWeb(web));
  harness.principal = {"reader", Role::kRead, std::nullopt, false};
  const Response response = Embed(harness, "http://e/red.jpg");
  EXPECT_EQ(response.status, 403);
  EXPECT_EQ(At(BodyOf(response), "error.type"), Value("permission_error"));
  EXPECT_EQ(web.calls, 0);
  EXPECT_EQ(Embed(harness, "red").status, 200);
  const Harness off;
  EXPECT_EQ(Embed(off, "http://e/red.jpg").status, 403);
}

TEST(Embeddings, WhatWaitsForOthersIsBounded) {
  FakeWeb web;
  web.pages["http://e/red.jpg"] = JpegOf(engine::testing::kRed);
  api::testing::HarnessOptions options = WithWeb(web);
  options.embeddings.max_waiting_bytes = 1000;
  Harness harness(options);
  const Response many = Embed(harness, Value::List(40, Value("http://e/red.jpg")));
  EXPECT_EQ(many.status, 200) << many.body;  // the slots come round
  const Response large = Embed(harness, Value::List{"http://e/red.jpg", std::string(1000, 'a')});
  EXPECT_EQ(large.status, 503);
  EXPECT_EQ(Embed(harness, std::string(1000, 'a')).status, 200);
  EXPECT_EQ(Embed(harness, "http://e/red.jpg").status, 200);  // what was held is given back

  options.embeddings.fetch_timeout = std::chrono::milliseconds(20);
  Harness hasty(options);
  const auto soon = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  const FetchSlots::Hold one(hasty.fetch_slots, soon);
  const FetchSlots::Hold two(hasty.fetch_slots, soon);
  const Response late = Embed(hasty, "http://e/red.jpg");
  EXPECT_EQ(late.status, 400);
  EXPECT_EQ(At(BodyOf(late), "error.code"), Value("failed_to_download_image"));
}

TEST(Embeddings, FailuresAreTold) {
  const Harness harness;
  harness.embedder->Fail(Code::kUnavailable);
  EXPECT_EQ(Embed(harness, "red").status, 503);
  harness.embedder->Fail(Code::kInternal);
  EXPECT_EQ(Embed(harness, Value::List(50, Value("red"))).status, 500);
}

TEST(Embeddings, HasBothPaths) {
  const Harness harness;
  EXPECT_EQ(harness.Call("POST", "/compatible-mode/v1/embeddings", R"({"input":"red"})").status,
            200);
  const Response wrong = harness.Call("GET", "/v1/embeddings");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_NE(At(BodyOf(wrong), "error.message").as_string(), nullptr);
}

}  // namespace
}  // namespace ocellus::api::embeddings
