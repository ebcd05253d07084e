#include "cli/server_client.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>
#include <utility>

namespace ocellus::cli {
namespace {

using std::chrono::milliseconds;

constexpr char kPrefix[] = "/api/v1/operators/image-search";
// A busy or restarting server gets about a minute in all.
constexpr int kTries = 10;
constexpr milliseconds kFirstPause{100};
constexpr milliseconds kLongestPause{10'000};

Code CodeOf(int http_status) {
  switch (http_status) {
    case 401:
    case 403:
      return Code::kFailedPrecondition;
    case 404:
      return Code::kNotFound;
    case 409:
      return Code::kAlreadyExists;
    case 503:
      return Code::kUnavailable;
    default:
      return http_status >= 500 ? Code::kInternal : Code::kInvalidArgument;
  }
}

// The server's words about a failure: {"message": ...} or {"error": {"message": ...}}.
std::string MessageOf(const Result<Value>& body, int http_status) {
  if (body.ok()) {
    const Value* error = body->Find("error");
    const Value* message = (error == nullptr ? *body : *error).Find("message");
    if (message != nullptr && message->as_string() != nullptr) return *message->as_string();
  }
  return "the server answered with HTTP status " + std::to_string(http_status);
}

void Pause(milliseconds pause, const std::atomic<bool>& stop) {
  const auto until = std::chrono::steady_clock::now() + pause;
  while (!stop.load(std::memory_order_relaxed) && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(std::min(pause, milliseconds(50)));
  }
}

std::string TextOf(const Value& map, std::string_view name) {
  const Value* value = map.Find(name);
  if (value == nullptr) return "";
  if (value->as_string() != nullptr) return *value->as_string();
  return value->is_null() ? "" : WriteJson(*value);
}

}  // namespace

ServerClient::ServerClient(ServerOptions options, const std::atomic<bool>& stop)
    : http_(std::move(options.address), std::move(options.api_key)),
      connected_(options.patient),
      stop_(stop) {}

Result<Value> ServerClient::Call(const std::string& method, const std::string& path,
                                 const Value* body) {
  const std::string text = body == nullptr ? "" : WriteJson(*body);
  milliseconds pause = kFirstPause;
  for (int tries = 1;; ++tries) {
    const Result<HttpAnswer> answer = http_.Call(method, path, text);
    connected_ = connected_ || answer.ok();
    const bool last = tries == kTries || stop_.load(std::memory_order_relaxed);
    if (answer.ok() && (answer->status != 503 || last)) {
      Result<Value> json = ParseJson(answer->body);
      if (answer->status / 100 == 2 && json.ok()) return json;
      if (answer->status / 100 == 2) {
        return Status(Code::kInternal, "what answers at " + http_.address().Url() +
                                           " is no Ocellus server: its answer is not JSON");
      }
      return Status(CodeOf(answer->status), MessageOf(json, answer->status));
    }
    // With nobody listening at the very first call, waiting would only puzzle.
    if (!answer.ok() && (last || !connected_)) return answer.status();
    Pause(std::max<milliseconds>(pause, answer.ok() ? answer->retry_after : milliseconds(0)),
          stop_);
    pause = std::min(pause * 2, kLongestPause);
  }
}

Result<Value> ServerClient::ListLibraries() {
  OCELLUS_ASSIGN_OR_RETURN(const Value answer,
                           Call("GET", std::string(kPrefix) + "/library/list", nullptr));
  const Value* data = answer.Find("data");
  if (data == nullptr) return Status(Code::kInternal, "the server's answer lacks 'data'");
  return *data;
}

Result<Value> ServerClient::CreateLibrary(const std::string& name, const std::string& mode,
                                          const std::string& description) {
  const Value body(
      Value::Map{{"library_name", name}, {"mode", mode}, {"description", description}});
  OCELLUS_ASSIGN_OR_RETURN(const Value answer,
                           Call("POST", std::string(kPrefix) + "/library/create", &body));
  const Value* data = answer.Find("data");
  return data == nullptr ? Value() : *data;
}

Status ServerClient::DeleteLibrary(const std::string& name) {
  const Value body(Value::Map{{"library_name", name}});
  const auto answer = Call("POST", std::string(kPrefix) + "/library/delete", &body);
  return answer.ok() ? Status() : answer.status();
}

Result<Value> ServerClient::Search(const std::string& kind, Value::Map fields) {
  const Value body(std::move(fields));
  OCELLUS_ASSIGN_OR_RETURN(const Value answer,
                           Call("POST", std::string(kPrefix) + "/search/" + kind, &body));
  const Value* data = answer.Find("data");
  if (data == nullptr) return Status(Code::kInternal, "the server's answer lacks 'data'");
  return *data;
}

Status ServerClient::AddImage(Value::Map fields) {
  const Value body(std::move(fields));
  const auto answer = Call("POST", std::string(kPrefix) + "/image/add", &body);
  return answer.ok() ? Status() : answer.status();
}

Result<std::vector<std::string>> ServerClient::Known(const std::string& library,
                                                     const std::vector<std::string>& digests) {
  const Value body(Value::Map{{"digests", Value::List(digests.begin(), digests.end())}});
  OCELLUS_ASSIGN_OR_RETURN(
      const Value answer,
      Call("POST", "/api/v1/admin/libraries/" + PercentEncode(library) + "/known", &body));
  const Value* known = answer.Find("known");
  if (known == nullptr || known->as_list() == nullptr) {
    return Status(Code::kInternal, "the server's answer lacks 'known'");
  }
  std::vector<std::string> out;
  for (const Value& digest : *known->as_list()) {
    if (digest.as_string() != nullptr) out.push_back(*digest.as_string());
  }
  return out;
}

Result<Value> ServerClient::UseBundle(const std::string& library, const std::string& bundle,
                                      bool leave_behind) {
  const Value body(Value::Map{{"bundle", bundle}, {"leave_behind", leave_behind}});
  return Call("POST", "/api/v1/admin/libraries/" + PercentEncode(library) + "/bundle", &body);
}

Result<Value> ServerClient::Job(const std::string& id) {
  return Call("GET", "/api/v1/admin/jobs/" + PercentEncode(id), nullptr);
}

Result<std::vector<LibraryInfo>> LibrariesOf(const Value& list_data) {
  const Value* list = list_data.Find("libraries");
  if (list == nullptr || list->as_list() == nullptr) {
    return Status(Code::kInternal, "the server's answer lacks 'libraries'");
  }
  std::vector<LibraryInfo> out;
  for (const Value& library : *list->as_list()) {
    LibraryInfo info;
    info.name = TextOf(library, "library_name");
    info.mode = TextOf(library, "mode");
    info.created = TextOf(library, "create_time");
    const Value* count = library.Find("image_count");
    if (count != nullptr && count->as_int() != nullptr) info.pictures = *count->as_int();
    out.push_back(std::move(info));
  }
  return out;
}

std::string PercentEncode(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

}  // namespace ocellus::cli
