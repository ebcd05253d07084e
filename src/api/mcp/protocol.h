// The Model Context Protocol's envelope: JSON-RPC 2.0 over one HTTP path, without sessions. Two
// eras are spoken: revisions up to 2025-11-25, which begin with `initialize`, and 2026-07-28, where
// every request says its version itself.
//
// Plain functions and values.

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "api/request.h"
#include "base/result.h"
#include "base/value.h"

namespace ocellus::api::mcp {

inline constexpr std::string_view kModernVersion = "2026-07-28";
// The newest first.
inline constexpr std::array<std::string_view, 4> kLegacyVersions = {"2025-11-25", "2025-06-18",
                                                                    "2025-03-26", "2024-11-05"};
// The only revision with several messages in one body; what is spoken where nothing is said.
inline constexpr std::string_view kBatchVersion = "2025-03-26";

// JSON-RPC's codes, and the protocol's own.
enum class ErrorCode : std::int32_t {
  kParse = -32700,
  kInvalidRequest = -32600,
  kMethodNotFound = -32601,
  kInvalidParams = -32602,
  kInternal = -32603,
  kHeaderMismatch = -32020,
  kUnsupportedVersion = -32022,
};

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;
  Value data = {};        // null: none
  int http_status = 200;  // of an answer to this alone
};

struct Message {
  enum class Kind : std::uint8_t { kRequest, kNotification, kResponse };
  Kind kind = Kind::kRequest;
  Value id;  // of a request: a string or an integer
  std::string method;
  Value params = Value::Map();  // an object
  bool modern = false;
};

// One message, checked against the envelope and the headers that mirror it. On failure `id` is the
// message's own where it could be read.
std::optional<Error> ReadMessage(const Request& request, Value sent, Message& message);

// The revision to answer `initialize` with: what was asked for if it is spoken, else the newest.
std::string_view NegotiateVersion(std::string_view requested);

// Every revision that is spoken, the newest first.
Value::List SupportedVersions();

Value ResultOf(const Message& message, Value::Map result);
Value ErrorOf(const Value& id, const Error& error);

// A header's value, undone of the form for what headers cannot carry: =?base64?...?=. None when it
// is malformed.
std::optional<std::string> DecodeHeader(std::string_view value);

// FailedPrecondition when the request comes from a web page of another place than this server.
Status CheckOrigin(const Request& request);

}  // namespace ocellus::api::mcp
