#include "fetch/hub.h"

#include <curl/curl.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <utility>

#include "base/value.h"

namespace ocellus::fetch {
namespace {

constexpr std::size_t kMaxListBytes = std::size_t{16} << 20;
constexpr std::size_t kMaxFiles = 10'000;
constexpr std::uint64_t kMaxFileBytes = std::uint64_t{1} << 40;
// A transfer slower than this for so long is broken, whatever the connection says.
constexpr long kSlowBytesPerSecond = 100;
constexpr long kSlowSeconds = 60;
constexpr long kConnectSeconds = 20;

// Percent-encoded, but for the slashes.
std::string Escaped(std::string_view path) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : path) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       c == '-' || c == '_' || c == '.' || c == '~' || c == '/';
    const auto byte = static_cast<unsigned char>(c);
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

Status CheckModelName(const std::string& name) {
  const auto good = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_' || c == '.' || c == '/';
  };
  const bool parts = std::count(name.begin(), name.end(), '/') <= 1 && !name.starts_with('/') &&
                     !name.ends_with('/') && name.find("..") == std::string::npos;
  if (!name.empty() && name.size() <= 200 && parts && std::all_of(name.begin(), name.end(), good)) {
    return {};
  }
  return {Code::kInvalidArgument,
          "'" + name + "' is not the name of a model: write it as the hub does, OWNER/NAME"};
}

// A file's path that stays below the folder.
bool IsSafePath(const std::string& path) {
  if (path.empty() || path.size() > 500 || path.front() == '/') return false;
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string part = path.substr(at, end - at);
    if (part.empty() || part == "." || part == "..") return false;
    at = end + 1;
  }
  return std::all_of(path.begin(), path.end(), [](char c) {
    return static_cast<unsigned char>(c) >= ' ' && c != '\\' && c != '\x7f';
  });
}

const std::string* TextOf(const Value& map, std::string_view name) {
  const Value* value = map.Find(name);
  return value == nullptr ? nullptr : value->as_string();
}

Result<HubFile> FileOf(const Value& entry) {
  HubFile file;
  const std::string* path = TextOf(entry, "path");
  const Value* size = entry.Find("size");
  if (path == nullptr || !IsSafePath(*path) || size == nullptr || size->as_int() == nullptr ||
      *size->as_int() < 0 || static_cast<std::uint64_t>(*size->as_int()) > kMaxFileBytes) {
    return Status(Code::kInvalidArgument, "the hub's list of files has an entry that cannot be");
  }
  file.path = *path;
  file.size = static_cast<std::uint64_t>(*size->as_int());
  if (const std::string* oid = TextOf(entry, "oid")) file.git_oid = *oid;
  if (const Value* large = entry.Find("lfs"); large != nullptr && large->as_map() != nullptr) {
    if (const std::string* oid = TextOf(*large, "oid")) {
      constexpr std::string_view kPrefix = "sha256:";
      file.sha256 = oid->starts_with(kPrefix) ? oid->substr(kPrefix.size()) : *oid;
    }
    file.git_oid.clear();  // of the pointer to it
  }
  return file;
}

}  // namespace

// One transfer's state, shared with curl's callbacks.
struct HubClient::Transfer {
  CURL* curl;
  const Receiver& receiver;
  const std::atomic<bool>& stop;
  std::uint64_t offset;
  bool begun = false;
  long http_status = 0;
  Status failure;

  static std::size_t Receive(char* data, std::size_t /*one*/, std::size_t size, void* user) {
    auto& transfer = *static_cast<Transfer*>(user);
    if (!transfer.begun) {
      transfer.begun = true;
      curl_easy_getinfo(transfer.curl, CURLINFO_RESPONSE_CODE, &transfer.http_status);
      if (transfer.http_status == 200 && transfer.offset > 0) {
        transfer.failure = transfer.receiver.restart();
      }
    }
    if (transfer.http_status != 200 && transfer.http_status != 206) return size;  // an error's page
    if (transfer.failure.ok()) {
      transfer.failure = transfer.receiver.sink(AsBytes(std::string_view(data, size)));
    }
    return transfer.failure.ok() ? size : 0;
  }

  static int Progress(void* user, curl_off_t /*total*/, curl_off_t /*now*/, curl_off_t /*up_total*/,
                      curl_off_t /*up*/) {
    return static_cast<Transfer*>(user)->stop.load(std::memory_order_relaxed) ? 1 : 0;
  }
};

HubClient::HubClient(HubOptions options, const std::atomic<bool>& stop)
    : options_(std::move(options)), stop_(stop) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

Status HubClient::Run(const std::string& url, std::uint64_t offset,
                      const Receiver& receiver) const {
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> handle(curl_easy_init(),
                                                                   &curl_easy_cleanup);
  if (handle == nullptr) return {Code::kResourceExhausted, "no memory for a transfer"};
  CURL* curl = handle.get();
  Transfer transfer{curl, receiver, stop_, offset, false, 0, {}};
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);  // large files lie elsewhere
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 10L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, kSlowBytesPerSecond);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, kSlowSeconds);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "ocellus");
  if (!options_.token.empty()) {
    // Sent to the hub alone, not to where it redirects.
    curl_easy_setopt(curl, CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BEARER));
    curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, options_.token.c_str());
  }
  if (offset > 0) {
    curl_easy_setopt(curl, CURLOPT_RESUME_FROM_LARGE, static_cast<curl_off_t>(offset));
  }
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &Transfer::Receive);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &Transfer::Progress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &transfer);
  const CURLcode code = curl_easy_perform(curl);
  if (!transfer.failure.ok()) return transfer.failure;
  if (code == CURLE_ABORTED_BY_CALLBACK) return {Code::kCancelled, "interrupted"};
  long http_status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &http_status);
  // A server that ignores the range gives 200, which curl by itself would not take.
  if (code == CURLE_RANGE_ERROR) {
    OCELLUS_RETURN_IF_ERROR(receiver.restart());
    return Run(url, 0, receiver);
  }
  if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL) {
    return {Code::kInvalidArgument, url + ": " + curl_easy_strerror(code)};
  }
  if (code != CURLE_OK) {
    const bool connected = transfer.begun;
    return {Code::kUnavailable,
            connected ? "the transfer broke off (" + std::string(curl_easy_strerror(code)) + ")"
                      : options_.endpoint + " is not reached (" + curl_easy_strerror(code) + ")"};
  }
  switch (http_status) {
    case 200:
    case 206:
      return {};
    case 401:
    case 403:
      return {Code::kFailedPrecondition,
              options_.token.empty()
                  ? "the hub wants a token for it (or there is no such model): make one there and "
                    "set HF_TOKEN"
                  : "the hub does not admit HF_TOKEN to it: accept the model's terms there, or "
                    "check the token"};
    case 404:
      return {Code::kNotFound, "the hub has nothing at " + url};
    case 416:
      OCELLUS_RETURN_IF_ERROR(receiver.restart());
      return offset > 0 ? Run(url, 0, receiver)
                        : Status(Code::kUnavailable, "the hub answered 416 to " + url);
    default:
      return {
          http_status >= 500 || http_status == 429 ? Code::kUnavailable : Code::kInvalidArgument,
          "the hub answered " + std::to_string(http_status) + " to " + url};
  }
}

Result<std::vector<HubFile>> HubClient::List(const std::string& model) {
  OCELLUS_RETURN_IF_ERROR(CheckModelName(model));
  std::string body;
  const Receiver receiver = {[&](Bytes bytes) -> Status {
                               if (bytes.size() > kMaxListBytes - body.size()) {
                                 return {Code::kInvalidArgument, "the hub's list is too long"};
                               }
                               body += AsText(bytes);
                               return {};
                             },
                             [&]() -> Status {
                               body.clear();
                               return {};
                             }};
  const std::string url = options_.endpoint + "/api/models/" + model + "/tree/" +
                          Escaped(options_.revision) + "?recursive=true";
  OCELLUS_RETURN_IF_ERROR(Run(url, 0, receiver));
  const Result<Value> list = ParseJson(body);
  if (!list.ok() || list->as_list() == nullptr) {
    return Status(Code::kInvalidArgument, "what answers at " + options_.endpoint +
                                              " is no model hub: " + url + " gave no JSON list");
  }
  if (list->as_list()->size() > kMaxFiles) {
    return Status(Code::kInvalidArgument, "the model has too many files");
  }
  std::vector<HubFile> files;
  for (const Value& entry : *list->as_list()) {
    const std::string* type = TextOf(entry, "type");
    if (type == nullptr || *type != "file") continue;
    OCELLUS_ASSIGN_OR_RETURN(HubFile file, FileOf(entry));
    files.push_back(std::move(file));
  }
  return files;
}

Status HubClient::Download(const std::string& model, const HubFile& file, std::uint64_t offset,
                           const Receiver& receiver) {
  OCELLUS_RETURN_IF_ERROR(CheckModelName(model));
  return Run(options_.endpoint + "/" + model + "/resolve/" + Escaped(options_.revision) + "/" +
                 Escaped(file.path),
             offset, receiver);
}

}  // namespace ocellus::fetch
