// ChatReader: what a chat completions server answers, put together from its parts: a stream of
// server-sent events, or one JSON object.
//
// The server is configured, but what it says is a model's: everything is bounded and checked.
//
// One owner thread.

#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "api/responses/draft.h"
#include "base/result.h"
#include "base/value.h"

namespace ocellus::api::responses {

struct ChatCall {
  std::string id;
  std::string name;
  std::string arguments;  // JSON, if the model keeps to it
};

class ChatReader {
 public:
  // `on_text` gets the words of the message as they come.
  explicit ChatReader(std::function<void(std::string_view)> on_text)
      : on_text_(std::move(on_text)) {}

  void Begin(int http_status, std::string_view content_type);

  // InvalidArgument: this is not what a chat server sends, or too much of it; Unavailable: the
  // server tells of a failure in its stream.
  Status Feed(std::string_view bytes);
  // The same; and an answer that breaks off.
  Status End();

  int http_status() const { return http_status_; }
  // Of an answer other than 200: what it says, as far as that can be told.
  std::string FailureText() const;

  const std::string& text() const { return text_; }
  const std::vector<ChatCall>& calls() const { return calls_; }
  const std::string& finish_reason() const { return finish_reason_; }
  // False: the server did not tell.
  bool has_usage() const { return has_usage_; }
  const Usage& usage() const { return usage_; }

 private:
  Status ReadLine(std::string_view line);
  Status ReadEvent(const Value& event, const char* part);
  Status ReadCalls(const Value::List& calls);
  void ReadUsage(const Value& usage);

  const std::function<void(std::string_view)> on_text_;
  int http_status_ = 0;
  bool is_stream_ = false;
  bool done_ = false;
  std::string waiting_;  // a line that is not whole, or the whole body
  std::string text_;
  std::vector<ChatCall> calls_;
  std::string finish_reason_;
  bool has_usage_ = false;
  Usage usage_;
};

}  // namespace ocellus::api::responses
