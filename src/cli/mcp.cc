#include "cli/mcp.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <system_error>

#include "base/base64.h"
#include "cli/http_client.h"
#include "cli/line_reader.h"

namespace ocellus::cli {
namespace {

// A picture in base64 with room; the server has its own limit.
constexpr std::size_t kMaxLineBytes = std::size_t{64} << 20;
constexpr int kInternalError = -32603;
constexpr int kParseError = -32700;
constexpr int kAccepted = 202;

class StandardInput final : public ByteSource {
 public:
  Result<std::size_t> Read(std::span<std::uint8_t> out) override {
    for (;;) {
      const ssize_t count = read(STDIN_FILENO, out.data(), out.size());
      if (count >= 0) {
        position_ += static_cast<std::uint64_t>(count);
        return static_cast<std::size_t>(count);
      }
      if (errno != EINTR) {
        return Status(Code::kIoError, "standard input: " + std::generic_category().message(errno));
      }
    }
  }
  std::uint64_t position() const override { return position_; }

 private:
  std::uint64_t position_ = 0;
};

std::string ErrorLine(const Value& id, int code, const std::string& message) {
  return WriteJson(Value::Map{
      {"jsonrpc", "2.0"}, {"id", id}, {"error", Value::Map{{"code", code}, {"message", message}}}});
}

// What a header can carry as it is; else in base64, marked.
std::string HeaderOf(const std::string& text) {
  const bool plain =
      !text.empty() && text.front() != ' ' && text.back() != ' ' &&
      !text.starts_with("=?base64?") &&
      std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
  return plain ? text : "=?base64?" + EncodeBase64(AsBytes(text)) + "?=";
}

// Ids of the requests in a message: of those that wait for an answer.
std::vector<Value> RequestIds(const Value& message) {
  std::vector<Value> ids;
  const auto add = [&](const Value& each) {
    const Value* id = each.Find("id");
    if (id != nullptr && each.Find("method") != nullptr) ids.push_back(*id);
  };
  if (const Value::List* batch = message.as_list()) {
    std::for_each(batch->begin(), batch->end(), add);
  } else {
    add(message);
  }
  return ids;
}

// The server's answer as one line; an error for each request when it is none.
std::string LinesOf(const Result<HttpAnswer>& answer, const Value& message) {
  std::string problem;
  if (!answer.ok()) {
    problem = answer.status().message();
  } else if (answer->status == kAccepted) {
    return "";
  } else {
    const Result<Value> body = ParseJson(answer->body);
    const bool rpc = body.ok() && (body->as_list() != nullptr || body->Find("jsonrpc") != nullptr);
    if (rpc) {
      // An error before the server could read the id: it is of the one request there is.
      const Value* id = body->Find("id");
      const Value* error = body->Find("error");
      const std::vector<Value> ids = RequestIds(message);
      if (id == nullptr || !id->is_null() || error == nullptr || ids.size() != 1) {
        return ids.empty() ? "" : WriteJson(*body) + "\n";
      }
      const Value* text = error->Find("message");
      problem = text != nullptr && text->as_string() != nullptr ? *text->as_string() : "refused";
    } else {
      problem = "the server answered with HTTP status " + std::to_string(answer->status);
    }
  }
  std::string lines;
  for (const Value& id : RequestIds(message)) {
    lines += ErrorLine(id, kInternalError, problem) + "\n";
  }
  return lines;
}

}  // namespace

std::unique_ptr<ByteSource> OpenStandardInput() {
  return std::make_unique<StandardInput>();
}

std::vector<std::pair<std::string, std::string>> McpHeaders(const Value& message) {
  std::vector<std::pair<std::string, std::string>> headers;
  const Value* params = message.Find("params");
  const Value* meta = params == nullptr ? nullptr : params->Find("_meta");
  const Value* version =
      meta == nullptr ? nullptr : meta->Find("io.modelcontextprotocol/protocolVersion");
  if (version == nullptr) return headers;  // a revision before these headers
  const auto add = [&](const char* name, const Value* value) {
    if (value != nullptr && value->as_string() != nullptr) {
      headers.emplace_back(name, HeaderOf(*value->as_string()));
    }
  };
  add("MCP-Protocol-Version", version);
  add("Mcp-Method", message.Find("method"));
  add("Mcp-Name", params->Find("name"));
  return headers;
}

int RunMcp(const ServerOptions& server, ByteSource& input,
           const std::function<void(std::string_view)>& write) {
  HttpClient http(server.address, server.api_key);
  LineReader lines(input, kMaxLineBytes);
  for (;;) {
    Result<std::optional<LineReader::Line>> line = lines.Next();
    if (!line.ok()) return 2;
    if (!line->has_value()) return 0;  // the assistant is done
    LineReader::Line& text = **line;
    Result<Value> message =
        text.too_long ? Status(Code::kInvalidArgument,
                               "the line is over " + std::to_string(kMaxLineBytes) + " bytes")
                      : ParseJson(text.text);
    if (!message.ok()) {
      write(ErrorLine(nullptr, kParseError, message.status().message()) + "\n");
      continue;
    }
    const std::string answer =
        LinesOf(http.Call("POST", "/mcp", std::move(text.text), McpHeaders(*message)), *message);
    if (!answer.empty()) write(answer);
  }
}

}  // namespace ocellus::cli
