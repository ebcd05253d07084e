#include "cli/mcp.h"

#include <gtest/gtest.h>

#include <string>

namespace ocellus::cli {
namespace {

// Nobody listens there: port 1 of loopback.
ServerOptions Nobody() {
  ServerOptions options;
  options.address.port = 1;
  return options;
}

std::string Answers(const std::string& input) {
  const auto source = MakeMemorySource(AsBytes(input));
  std::string output;
  EXPECT_EQ(RunMcp(Nobody(), *source, [&](std::string_view line) { output += line; }), 0);
  return output;
}

TEST(Mcp, EndsWithItsInput) {
  EXPECT_EQ(Answers(""), "");
  EXPECT_EQ(Answers("\n\n  \n"), "");
}

TEST(Mcp, TellsTheAssistantWhatIsWrong) {
  const std::string broken = Answers("{nonsense\n\xff\n");
  EXPECT_NE(broken.find("-32700"), std::string::npos) << broken;
  const std::string answer = Answers(R"({"jsonrpc":"2.0","id":"a","method":"ping"})"
                                     "\n");
  const Result<Value> parsed = ParseJson(answer);
  ASSERT_TRUE(parsed.ok()) << answer;
  EXPECT_EQ(*parsed->Find("id"), Value("a"));
  EXPECT_NE(answer.find("no server at"), std::string::npos) << answer;
  EXPECT_EQ(answer.back(), '\n');
}

TEST(Mcp, NeverAnswersWhatIsNoRequest) {
  EXPECT_EQ(Answers(R"({"jsonrpc":"2.0","method":"notifications/initialized"})"), "");
  EXPECT_EQ(Answers(R"({"jsonrpc":"2.0","id":1,"result":{}})"), "");
  EXPECT_EQ(Answers("7\n\"text\"\n"), "");
}

TEST(Mcp, AnswersEveryRequestOfABatch) {
  const std::string answer = Answers(
      R"([{"jsonrpc":"2.0","id":1,"method":"a"},{"jsonrpc":"2.0","method":"b"},{"jsonrpc":"2.0","id":2,"method":"c"}])");
  EXPECT_NE(answer.find(R"("id":1)"), std::string::npos) << answer;
  EXPECT_NE(answer.find(R"("id":2)"), std::string::npos) << answer;
}

TEST(Mcp, MirrorsTheMessageInItsHeaders) {
  const auto message = [](const std::string& name) {
    return Value(Value::Map{
        {"method", "tools/call"},
        {"params", Value::Map{{"name", name},
                              {"_meta", Value::Map{{"io.modelcontextprotocol/protocolVersion",
                                                    "2026-07-28"}}}}}});
  };
  const auto headers = McpHeaders(message("get_image"));
  ASSERT_EQ(headers.size(), 3U);
  EXPECT_EQ(headers[0].second, "2026-07-28");
  EXPECT_EQ(headers[1].second, "tools/call");
  EXPECT_EQ(headers[2].second, "get_image");
  EXPECT_EQ(McpHeaders(message("a\r\nX: y"))[2].second, "=?base64?YQ0KWDogeQ==?=");
  EXPECT_EQ(McpHeaders(message(" a"))[2].second, "=?base64?IGE=?=");
  EXPECT_TRUE(McpHeaders(Value(Value::Map{{"method", "ping"}})).empty());
  EXPECT_TRUE(McpHeaders(Value(7)).empty());
}

}  // namespace
}  // namespace ocellus::cli
