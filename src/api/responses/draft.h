// Draft: one response while it comes about, item by item, and the events that tell of it in the
// order that OpenAI's clients insist on.
//
// One owner thread. The sink is borrowed and outlives it.

#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "api/request.h"
#include "base/value.h"

namespace ocellus::api::responses {

struct Usage {
  std::int64_t input_tokens = 0;
  std::int64_t cached_tokens = 0;
  std::int64_t output_tokens = 0;
  std::int64_t reasoning_tokens = 0;
};

class Draft {
 public:
  // `head` has what does not change: id, model and so on. `sink` gets the events as server-sent
  // events; null: nobody waits for them.
  Draft(Value::Map head, BodySink* sink);

  // response.created and response.in_progress.
  void Begin();

  // One call of a tool: the item when it starts, and the same one with what came out. Ends a
  // message under way.
  void BeginCall(std::string_view tool, std::string_view arguments);
  void EndCall(std::string_view output);

  // The next words of the message; the first ones open it.
  void Say(std::string_view words);
  void EndMessage(bool complete = true);
  bool has_message() const { return said_anything_; }

  // The finished response. Items under way are ended. Nothing is sent yet: it may have to be stored
  // before anybody hears of it.
  const Value& Complete(const Usage& usage);
  const Value& Incomplete(const Usage& usage, const std::string& reason);
  const Value& Fail(const std::string& code, const std::string& message);

  // Sends the finished response as the last event.
  void SendLast();

  // A comment, when nothing was sent for a while: proxies and clients give up on silence.
  void KeepAlive();

  // Nobody listens any more.
  bool gone() const { return gone_ || (sink_ != nullptr && sink_->gone()); }

  const Value& response() const { return last_; }

 private:
  Value Snapshot(const char* status) const;
  Value UsageOf(const Usage& usage) const;
  void Send(std::string_view type, Value::Map event);
  void EndItems();

  const Value::Map head_;
  BodySink* const sink_;
  std::int64_t sequence_ = 0;
  bool gone_ = false;
  std::chrono::steady_clock::time_point sent_;

  Value::List output_;      // finished items
  Value::Map calls_;        // how many of each tool
  Value::Map call_;         // under way; empty: none
  std::string message_id_;  // under way; empty: none
  std::string text_;
  bool said_anything_ = false;
  Value last_;
  const char* last_event_ = "";
};

}  // namespace ocellus::api::responses
