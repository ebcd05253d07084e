#include "api/mcp/protocol.h"

#include <algorithm>
#include <utility>

#include "base/base64.h"
#include "base/utf8.h"

namespace ocellus::api::mcp {
namespace {

constexpr std::string_view kMetaVersion = "io.modelcontextprotocol/protocolVersion";
constexpr std::string_view kMetaCapabilities = "io.modelcontextprotocol/clientCapabilities";
constexpr int kBadRequest = 400;
constexpr std::size_t kMaxIdBytes = 256;

bool IsLegacy(std::string_view version) {
  return std::find(kLegacyVersions.begin(), kLegacyVersions.end(), version) !=
         kLegacyVersions.end();
}

Error Invalid(std::string message) {
  return {ErrorCode::kInvalidRequest, std::move(message), {}, kBadRequest};
}

Error Unsupported(std::string_view requested) {
  return {ErrorCode::kUnsupportedVersion, "unsupported protocol version",
          Value::Map{{"supported", SupportedVersions()},
                     {"requested", ToUtf8(requested.substr(0, 64))}},
          kBadRequest};
}

// One header that mirrors a part of the body.
std::optional<Error> CheckMirror(const Request& request, std::string_view header,
                                 std::string_view shown, const Value* wanted) {
  const std::string* sent = request.Header(header);
  const auto mismatch = [&](const std::string& what) {
    return Error{ErrorCode::kHeaderMismatch, std::string(shown) + ": " + what, {}, kBadRequest};
  };
  if (sent == nullptr) return mismatch("the header is missing");
  const std::optional<std::string> value = DecodeHeader(*sent);
  const std::string* text = wanted == nullptr ? nullptr : wanted->as_string();
  if (!value.has_value() || text == nullptr || *value != *text) {
    return mismatch("the header is not what the body says");
  }
  return std::nullopt;
}

// The rules of 2026-07-28.
std::optional<Error> CheckModern(const Request& request, const Value& meta,
                                 const std::string& version, const Message& message) {
  const Value own(version);
  if (auto error = CheckMirror(request, "mcp-protocol-version", "MCP-Protocol-Version", &own)) {
    return error;
  }
  if (version != kModernVersion) return Unsupported(version);
  const Value method(message.method);
  if (auto error = CheckMirror(request, "mcp-method", "Mcp-Method", &method)) return error;
  if (message.method == "tools/call") {
    if (auto error = CheckMirror(request, "mcp-name", "Mcp-Name", message.params.Find("name"))) {
      return error;
    }
  }
  const Value* capabilities = meta.Find(kMetaCapabilities);
  if (capabilities == nullptr || capabilities->as_map() == nullptr) {
    return Error{ErrorCode::kInvalidParams,
                 "params._meta." + std::string(kMetaCapabilities) + ": expected an object",
                 {},
                 kBadRequest};
  }
  return std::nullopt;
}

std::optional<Error> CheckVersion(const Request& request, Message& message) {
  const Value* meta = message.params.Find("_meta");
  const Value* version = meta == nullptr ? nullptr : meta->Find(kMetaVersion);
  const std::string* header = request.Header("mcp-protocol-version");
  if (version != nullptr) {
    if (version->as_string() == nullptr) {
      return Error{ErrorCode::kInvalidParams,
                   "params._meta." + std::string(kMetaVersion) + ": expected a string",
                   {},
                   kBadRequest};
    }
    message.modern = true;
    return CheckModern(request, *meta, *version->as_string(), message);
  }
  if (header == nullptr || IsLegacy(*header)) return std::nullopt;
  // A handshake is where versions are agreed on, whatever the header says.
  if (message.method == "initialize") return std::nullopt;
  if (*header == kModernVersion) {
    message.modern = true;
    return Error{
        ErrorCode::kInvalidParams,
        "params._meta." + std::string(kMetaVersion) + ": required by the revision " + *header,
        {},
        kBadRequest};
  }
  return Unsupported(*header);
}

}  // namespace

std::optional<std::string> DecodeHeader(std::string_view value) {
  constexpr std::string_view kBefore = "=?base64?";
  constexpr std::string_view kAfter = "?=";
  if (!value.starts_with(kBefore) || !value.ends_with(kAfter) ||
      value.size() < kBefore.size() + kAfter.size()) {
    return std::string(value);
  }
  value.remove_prefix(kBefore.size());
  value.remove_suffix(kAfter.size());
  Result<std::string> decoded = DecodeBase64(value);
  if (!decoded.ok() || !IsUtf8(*decoded)) return std::nullopt;
  return *std::move(decoded);
}

std::optional<Error> ReadMessage(const Request& request, Value sent, Message& message) {
  if (sent.as_map() == nullptr) {
    return Invalid(std::string("expected a JSON-RPC message, got ") + sent.type_name());
  }
  const Value* id = sent.Find("id");
  const bool has_id = id != nullptr;
  if (has_id && (id->as_int() != nullptr ||
                 (id->as_string() != nullptr && id->as_string()->size() <= kMaxIdBytes))) {
    message.id = *id;
  }
  const Value* version = sent.Find("jsonrpc");
  if (version == nullptr || *version != Value("2.0")) {
    return Invalid("jsonrpc: expected \"2.0\"");
  }
  if (has_id && message.id.is_null()) {
    return Invalid("id: expected an integer or a string of at most " + std::to_string(kMaxIdBytes) +
                   " bytes");
  }
  const Value* method = sent.Find("method");
  if (method == nullptr && (sent.Find("result") != nullptr || sent.Find("error") != nullptr)) {
    message.kind = Message::Kind::kResponse;
    return std::nullopt;
  }
  if (method == nullptr || method->as_string() == nullptr) {
    return Invalid("method: expected a string");
  }
  message.method = *method->as_string();
  if (const Value* params = sent.Find("params"); params != nullptr && !params->is_null()) {
    if (params->as_map() == nullptr) {
      return Error{ErrorCode::kInvalidParams,
                   std::string("params: expected an object, got ") + params->type_name(),
                   {},
                   kBadRequest};
    }
    message.params = *params;
  }
  if (!has_id) {
    message.kind = Message::Kind::kNotification;
    return std::nullopt;
  }
  return CheckVersion(request, message);
}

std::string_view NegotiateVersion(std::string_view requested) {
  return IsLegacy(requested) ? requested : kLegacyVersions.front();
}

Value::List SupportedVersions() {
  Value::List versions = {kModernVersion};
  versions.insert(versions.end(), kLegacyVersions.begin(), kLegacyVersions.end());
  return versions;
}

Value ResultOf(const Message& message, Value::Map result) {
  return Value::Map{{"jsonrpc", "2.0"}, {"id", message.id}, {"result", std::move(result)}};
}

Value ErrorOf(const Value& id, const Error& error) {
  Value::Map body = {{"code", static_cast<int>(error.code)}, {"message", ToUtf8(error.message)}};
  if (!error.data.is_null()) body.emplace_back("data", error.data);
  return Value::Map{{"jsonrpc", "2.0"}, {"id", id}, {"error", std::move(body)}};
}

Status CheckOrigin(const Request& request) {
  const std::string* origin = request.Header("origin");
  if (origin == nullptr || origin->empty()) return {};
  const std::size_t scheme = origin->find("://");
  const std::string* host = request.Header("host");
  if (scheme != std::string::npos && host != nullptr && origin->substr(scheme + 3) == *host) {
    return {};
  }
  return {Code::kFailedPrecondition, "web pages of other places may not call this server"};
}

}  // namespace ocellus::api::mcp
