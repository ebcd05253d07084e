#include "api/responses/chat_reader.h"

#include <gtest/gtest.h>

#include <string>

#include "api/responses/chat_request.h"

namespace ocellus::api::responses {
namespace {

struct Read {
  std::string words;
  ChatReader reader{[this](std::string_view more) { words += more; }};
  Status status;

  // Fed `step` bytes at a time.
  explicit Read(std::string_view stream, std::size_t step = 1,
                std::string_view type = "text/event-stream; charset=utf-8", int http_status = 200) {
    reader.Begin(http_status, type);
    while (!stream.empty() && status.ok()) {
      status = reader.Feed(stream.substr(0, step));
      stream.remove_prefix(std::min(step, stream.size()));
    }
    if (status.ok()) status = reader.End();
  }
};

constexpr char kStream[] =
    ": comment\r\n\r\n"
    "event: x\r\ndata: "
    "{\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\r\n\r\n"
    "data:{\"choices\":[{\"delta\":{\"content\":\"sh\xC3\xB6n\"}}]}\n\n"
    "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":1,\"id\":\"b\",\"function\":"
    "{\"name\":\"g\",\"arguments\":\"{}\"}}]}}]}\n\n"
    "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":"
    "{\"name\":\"f\",\"arguments\":\"{\\\"x\"}}]}}]}\n\n"
    "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"name\":\"\","
    "\"arguments\":\"\\\":1}\"}}]},\"finish_reason\":\"tool_calls\"}]}\n\n"
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":7,"
    "\"prompt_tokens_details\":{\"cached_tokens\":3},"
    "\"completion_tokens_details\":{\"reasoning_tokens\":2}}}\n\n"
    "data: [DONE]\n\ndata: {rubbish after the end\n\n";

TEST(ChatReader, PutsAStreamTogetherHoweverItIsCut) {
  for (const std::size_t step : {1U, 7U, 1000U, 100000U}) {
    const Read read(kStream, step);
    ASSERT_TRUE(read.status.ok()) << read.status.message();
    EXPECT_EQ(read.words, "sh\xC3\xB6n");
    ASSERT_EQ(read.reader.calls().size(), 2U);
    EXPECT_EQ(read.reader.calls()[0].name, "f");
    EXPECT_EQ(read.reader.calls()[0].arguments, "{\"x\":1}");
    EXPECT_EQ(read.reader.calls()[1].id, "b");
    EXPECT_EQ(read.reader.finish_reason(), "tool_calls");
    EXPECT_EQ(read.reader.usage().input_tokens, 5);
    EXPECT_EQ(read.reader.usage().cached_tokens, 3);
    EXPECT_EQ(read.reader.usage().reasoning_tokens, 2);
  }
}

TEST(ChatReader, BoundsWhatAModelSends) {
  const std::string line(2 << 20, 'x');
  EXPECT_FALSE(Read("data: " + line, 4096).status.ok());
  std::string many;
  for (int i = 0; i < 40; ++i) {
    many += "data: {\"choices\":[{\"delta\":{\"content\":\"" + std::string(32 << 10, 'w') +
            "\"}}]}\n\n";
  }
  EXPECT_FALSE(Read(many, 4096).status.ok());
  std::string arguments;
  for (int i = 0; i < 20; ++i) {
    arguments +=
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":"
        "{\"arguments\":\"" +
        std::string(4096, 'a') + "\"}}]}}]}\n\n";
  }
  EXPECT_FALSE(Read(arguments, 4096).status.ok());
  EXPECT_FALSE(Read(line + line, 4096, "application/json").status.ok());
  const Read failure(line, 4096, "text/html", 500);
  EXPECT_TRUE(failure.status.ok());
  EXPECT_LE(failure.reader.FailureText().size(), 300U);
}

TEST(ChatArguments, AreCheckedForAPicture) {
  const auto read = ReadPictureArguments(R"({"img_idx": 1.0, "bbox": [0, 10.4, 500, 1000]})", 2);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->picture, 1U);
  EXPECT_EQ(read->part.top, 10U);
  EXPECT_EQ(read->part.right, 500U);
  EXPECT_EQ(read->json, R"({"img_idx":1,"bbox":[0,10,500,1000]})");
  EXPECT_TRUE(ReadPictureArguments("", 1).ok());
  EXPECT_TRUE(ReadPictureArguments(R"({"img_idx":null,"bbox":null})", 1).ok());
  for (const char* bad :
       {"[]", "{", "1", R"({"img_idx":-1})", R"({"img_idx":2})", R"({"img_idx":0.5})",
        R"({"img_idx":"0"})", R"({"img_idx":1e300})", R"({"bbox":[0,0,0,0]})",
        R"({"bbox":[0,0,1001,1]})", R"({"bbox":[0,0,"1",1]})", R"({"bbox":[5,0,5,1]})"}) {
    EXPECT_FALSE(ReadPictureArguments(bad, 2).ok()) << bad;
  }
}

TEST(ChatArguments, AreCheckedForWords) {
  EXPECT_EQ(ReadWordsArguments(R"({"queries":["a"," ",3,"b"]})")->queries.size(), 2U);
  EXPECT_EQ(ReadWordsArguments(R"({"query":"a"})")->queries.size(), 1U);
  EXPECT_EQ(ReadWordsArguments(R"({"queries":["1","2","3","4","5","6"]})")->queries.size(), 5U);
  for (const char* bad :
       {"", "[]", R"({"queries":[]})", R"({"queries":[""]})", R"({"queries":1})"}) {
    EXPECT_FALSE(ReadWordsArguments(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace ocellus::api::responses
