// ChatServer: the configured chat completions endpoint, as this front sees it. The server room
// connects it to the network.

#pragma once

#include <chrono>
#include <string_view>

#include "base/result.h"

namespace ocellus::api::responses {

// Hears of one answer while it comes. One owner thread.
class ChatListener {
 public:
  virtual ~ChatListener() = default;
  virtual void OnHead(int http_status, std::string_view content_type) = 0;
  virtual bool OnBytes(std::string_view bytes) = 0;  // false ends the call
  virtual bool OnTick() = 0;                         // a few times a second; false ends the call
};

// Thread-safe.
class ChatServer {
 public:
  virtual ~ChatServer() = default;

  // POSTs a chat completions request. Cancelled: the listener ended it. Unavailable: no connection,
  // too slow, longer than `timeout`. InvalidArgument: the answer is too large.
  virtual Status Complete(std::string_view body, std::chrono::milliseconds timeout,
                          ChatListener& listener) = 0;
};

}  // namespace ocellus::api::responses
