// A call to a server that the operator of this one named: its address is trusted, its answers are
// not. (What a caller names goes through the Fetcher.)

#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ocellus::fetch {

struct ServerCallOptions {
  std::string url = {};
  std::vector<std::string> headers = {};  // "Name: value"
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds idle_timeout{60'000};  // without a byte
  std::chrono::milliseconds timeout{120'000};      // of the whole
  std::size_t max_bytes = std::size_t{8} << 20;    // of the answer's body
};

// Hears of an answer while it comes. One owner thread: the caller's.
class ServerCallListener {
 public:
  virtual ~ServerCallListener() = default;

  // Before the first byte.
  virtual void OnHead(int http_status, std::string_view content_type) = 0;
  // False ends the call.
  virtual bool OnBytes(std::string_view bytes) = 0;
  // A few times a second, whatever comes. False ends the call.
  virtual bool OnTick() = 0;
};

// POSTs a JSON text and returns when the answer has ended, whatever its status; redirects are not
// followed. Cancelled: the listener ended it. Unavailable: no connection, too slow.
// InvalidArgument: the URL, or more than `max_bytes`. Thread-safe.
Status PostJson(const ServerCallOptions& options, std::string_view body,
                ServerCallListener& listener);

}  // namespace ocellus::fetch
