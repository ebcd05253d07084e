#include "api/responses/chat_reader.h"

#include <algorithm>
#include <utility>

#include "base/utf8.h"

namespace ocellus::api::responses {
namespace {

// A line holds one delta; a model that repeats itself for a megabyte has lost its way.
constexpr std::size_t kMaxLine = 1 << 20;
constexpr std::size_t kMaxText = 1 << 20;
constexpr std::size_t kMaxArguments = 64 << 10;
constexpr std::size_t kMaxCalls = 32;
constexpr std::size_t kMaxFailureText = 300;

Status NotChat(const std::string& what) {
  return Status(Code::kInvalidArgument, what);
}

const std::string* TextOf(const Value& object, std::string_view name) {
  const Value* value = object.Find(name);
  return value != nullptr ? value->as_string() : nullptr;
}

std::int64_t CountOf(const Value* object, std::string_view name) {
  const Value* value = object != nullptr ? object->Find(name) : nullptr;
  if (value == nullptr || !value->is_number()) return 0;
  const double number = value->number();
  return number > 0 && number < 1e12 ? static_cast<std::int64_t>(number) : 0;
}

}  // namespace

void ChatReader::Begin(int http_status, std::string_view content_type) {
  http_status_ = http_status;
  is_stream_ = http_status == 200 && content_type.starts_with("text/event-stream");
}

Status ChatReader::Feed(std::string_view bytes) {
  if (!is_stream_) {
    if (http_status_ != 200 && waiting_.size() >= kMaxFailureText * 4) return {};
    waiting_ += bytes;
    return waiting_.size() <= kMaxText * 2 ? Status() : NotChat("it sent too much");
  }
  while (!bytes.empty() && !done_) {
    const std::size_t end = bytes.find('\n');
    waiting_ += bytes.substr(0, end);
    if (waiting_.size() > kMaxLine) return NotChat("it sent a line of over a megabyte");
    if (end == std::string_view::npos) return {};
    bytes.remove_prefix(end + 1);
    OCELLUS_RETURN_IF_ERROR(ReadLine(waiting_));
    waiting_.clear();
  }
  return {};
}

Status ChatReader::End() {
  if (http_status_ != 200) return {};
  if (is_stream_) {
    if (!waiting_.empty() && !done_) OCELLUS_RETURN_IF_ERROR(ReadLine(std::exchange(waiting_, {})));
    if (done_ || !finish_reason_.empty()) return {};
    return NotChat("its stream breaks off");
  }
  if (!IsUtf8(waiting_)) return NotChat("its answer is not UTF-8");
  const Result<Value> answer = ParseJson(waiting_);
  if (!answer.ok()) return NotChat("its answer is not JSON");
  return ReadEvent(*answer, "message");
}

Status ChatReader::ReadLine(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (!line.starts_with("data:")) return {};  // comments, names and ids of events
  line.remove_prefix(5);
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  if (line == "[DONE]") {
    done_ = true;
    return {};
  }
  if (line.empty()) return {};
  if (!IsUtf8(line)) return NotChat("its stream is not UTF-8");
  const Result<Value> event = ParseJson(line);
  if (!event.ok()) return NotChat("an event of its stream is not JSON");
  return ReadEvent(*event, "delta");
}

Status ChatReader::ReadEvent(const Value& event, const char* part) {
  if (event.as_map() == nullptr) return NotChat("it sent something other than a JSON object");
  if (const Value* error = event.Find("error"); error != nullptr && !error->is_null()) {
    const std::string* message =
        error->as_string() != nullptr ? error->as_string() : TextOf(*error, "message");
    return Status(
        Code::kUnavailable,
        "it failed: " + std::string(Utf8Prefix(message == nullptr ? "no reason given" : *message,
                                               kMaxFailureText)));
  }
  if (const Value* usage = event.Find("usage"); usage != nullptr && usage->as_map() != nullptr) {
    ReadUsage(*usage);
  }
  const Value* choices = event.Find("choices");
  if (choices == nullptr || choices->as_list() == nullptr) {
    return part == std::string_view("message") ? NotChat("its answer has no choices") : Status();
  }
  if (choices->as_list()->empty()) return {};
  const Value& choice = choices->as_list()->front();
  if (const std::string* reason = TextOf(choice, "finish_reason")) finish_reason_ = *reason;
  const Value* delta = choice.Find(part);
  if (delta == nullptr || delta->as_map() == nullptr) return {};
  if (const std::string* words = TextOf(*delta, "content"); words != nullptr && !words->empty()) {
    if (text_.size() + words->size() > kMaxText) return NotChat("its message does not end");
    text_ += *words;
    on_text_(*words);
  }
  const Value* calls = delta->Find("tool_calls");
  if (calls == nullptr || calls->as_list() == nullptr) return {};
  return ReadCalls(*calls->as_list());
}

Status ChatReader::ReadCalls(const Value::List& calls) {
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const Value& sent = calls[i];
    // A stream numbers its calls; a whole answer has them in order.
    std::size_t at = i;
    if (const Value* index = sent.Find("index"); index != nullptr && index->as_int() != nullptr) {
      if (*index->as_int() < 0 || *index->as_int() >= static_cast<std::int64_t>(kMaxCalls)) {
        return NotChat("it makes more than 32 calls at a time");
      }
      at = static_cast<std::size_t>(*index->as_int());
    }
    if (at >= kMaxCalls) return NotChat("it makes more than 32 calls at a time");
    if (at >= calls_.size()) calls_.resize(at + 1);
    ChatCall& call = calls_[at];
    if (const std::string* id = TextOf(sent, "id"); id != nullptr && !id->empty()) call.id = *id;
    const Value* function = sent.Find("function");
    if (function == nullptr) continue;
    // Some servers send the name with every part.
    if (const std::string* name = TextOf(*function, "name"); name != nullptr && !name->empty()) {
      call.name = *name;
    }
    if (const std::string* more = TextOf(*function, "arguments")) call.arguments += *more;
    if (call.id.size() > 256 || call.name.size() > 256 || call.arguments.size() > kMaxArguments) {
      return NotChat("a call of it is too long");
    }
  }
  return {};
}

void ChatReader::ReadUsage(const Value& usage) {
  has_usage_ = true;
  usage_.input_tokens = CountOf(&usage, "prompt_tokens");
  usage_.output_tokens = CountOf(&usage, "completion_tokens");
  usage_.cached_tokens = CountOf(usage.Find("prompt_tokens_details"), "cached_tokens");
  usage_.reasoning_tokens = CountOf(usage.Find("completion_tokens_details"), "reasoning_tokens");
}

std::string ChatReader::FailureText() const {
  const std::string text = ToUtf8(waiting_);
  if (const Result<Value> body = ParseJson(text); body.ok()) {
    const Value* error = body->Find("error");
    const std::string* message = error != nullptr && error->as_string() == nullptr
                                     ? TextOf(*error, "message")
                                     : TextOf(*body, error != nullptr ? "error" : "message");
    if (message != nullptr) return std::string(Utf8Prefix(*message, kMaxFailureText));
  }
  return std::string(Utf8Prefix(text, kMaxFailureText));
}

}  // namespace ocellus::api::responses
