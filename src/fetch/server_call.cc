#include "fetch/server_call.h"

#include <curl/curl.h>

#include <memory>
#include <mutex>

namespace ocellus::fetch {
namespace {

using Clock = std::chrono::steady_clock;

// How soon a caller that goes away is noticed.
constexpr std::chrono::milliseconds kTick{100};

struct Call {
  CURL* curl;
  ServerCallListener& listener;
  std::size_t max_bytes;
  std::size_t bytes = 0;
  bool begun = false;
  bool too_large = false;
  bool ended = false;  // by the listener
  Clock::time_point last_byte = Clock::now();
};

void Begin(Call& call) {
  if (call.begun) return;
  call.begun = true;
  long status = 0;
  const char* type = nullptr;
  curl_easy_getinfo(call.curl, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(call.curl, CURLINFO_CONTENT_TYPE, &type);
  call.listener.OnHead(static_cast<int>(status), type == nullptr ? "" : type);
}

std::size_t Receive(char* data, std::size_t /*one*/, std::size_t size, void* user) {
  auto& call = *static_cast<Call*>(user);
  Begin(call);
  call.last_byte = Clock::now();
  call.bytes += size;
  call.too_large = call.bytes > call.max_bytes;
  if (!call.too_large) call.ended = !call.listener.OnBytes({data, size});
  return call.too_large || call.ended ? 0 : size;  // fewer than came end the transfer
}

struct Handles {
  CURLM* multi;
  CURL* easy;
  ~Handles() {
    curl_multi_remove_handle(multi, easy);
    curl_easy_cleanup(easy);
    curl_multi_cleanup(multi);
  }
};

Status Cancelled() {
  return Status(Code::kCancelled, "the call was given up");
}

}  // namespace

Status PostJson(const ServerCallOptions& options, std::string_view body,
                ServerCallListener& listener) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  const Handles handles{curl_multi_init(), curl_easy_init()};
  CURL* const curl = handles.easy;
  if (handles.multi == nullptr || curl == nullptr) {
    return Status(Code::kResourceExhausted, "no memory for a call");
  }
  curl_slist* list = curl_slist_append(nullptr, "Content-Type: application/json");
  list = curl_slist_append(list, "Expect:");  // no wait before the body
  for (const std::string& header : options.headers) list = curl_slist_append(list, header.c_str());
  const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers(list,
                                                                            &curl_slist_free_all);
  Call call{curl, listener, options.max_bytes};
  curl_easy_setopt(curl, CURLOPT_URL, options.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.data());  // borrowed
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(options.connect_timeout.count()));
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(options.timeout.count()));
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);  // signals and threads do not mix
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "ocellus");
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &Receive);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &call);
  curl_multi_add_handle(handles.multi, curl);

  Clock::time_point ticked = Clock::now();
  int running = 1;
  while (running > 0) {
    if (curl_multi_perform(handles.multi, &running) != CURLM_OK) {
      return Status(Code::kInternal, "the call cannot go on");
    }
    const Clock::time_point now = Clock::now();
    if (running > 0 && now - call.last_byte > options.idle_timeout) {
      return Status(Code::kUnavailable,
                    "it sent nothing for " + std::to_string(options.idle_timeout.count()) + " ms");
    }
    if (now - ticked >= kTick) {
      ticked = now;
      if (!listener.OnTick()) return Cancelled();
    }
    if (running > 0) {
      curl_multi_poll(handles.multi, nullptr, 0, static_cast<int>(kTick.count()), nullptr);
    }
  }
  if (call.ended) return Cancelled();
  if (call.too_large) {
    return Status(Code::kInvalidArgument,
                  "it sent more than " + std::to_string(options.max_bytes) + " bytes");
  }
  int left = 0;
  const CURLMsg* message = curl_multi_info_read(handles.multi, &left);
  const CURLcode code = message == nullptr ? CURLE_RECV_ERROR : message->data.result;
  if (code == CURLE_OK) {
    Begin(call);
    return {};
  }
  const bool url = code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL;
  return Status(url ? Code::kInvalidArgument : Code::kUnavailable, curl_easy_strerror(code));
}

}  // namespace ocellus::fetch
