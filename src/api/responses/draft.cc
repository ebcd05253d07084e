#include "api/responses/draft.h"

#include <utility>

#include "base/digest.h"
#include "base/utf8.h"

namespace ocellus::api::responses {
namespace {

// Below the half minute after which common proxies cut a silent connection.
constexpr std::chrono::seconds kSilence{10};

Value TextPart(std::string_view text) {
  return Value::Map{{"type", "output_text"},
                    {"text", text},
                    {"annotations", Value::List()},
                    {"logprobs", Value::List()}};
}

Value MessageItem(const std::string& id, const char* status, Value::List content) {
  return Value::Map{{"id", id},
                    {"type", "message"},
                    {"status", status},
                    {"role", "assistant"},
                    {"content", std::move(content)}};
}

void Set(Value::Map& map, std::string_view name, Value value) {
  for (auto& [key, old] : map) {
    if (key == name) {
      old = std::move(value);
      return;
    }
  }
  map.emplace_back(name, std::move(value));
}

}  // namespace

Draft::Draft(Value::Map head, BodySink* sink)
    : head_(std::move(head)), sink_(sink), sent_(std::chrono::steady_clock::now()) {}

Value Draft::Snapshot(const char* status) const {
  Value::Map response = head_;
  Set(response, "status", status);
  Set(response, "output", output_);
  return response;
}

void Draft::Send(std::string_view type, Value::Map event) {
  const std::int64_t number = sequence_++;
  if (sink_ == nullptr || gone_) return;
  Value::Map whole = {{"type", type}, {"sequence_number", number}};
  for (auto& member : event) whole.push_back(std::move(member));
  std::string text = "event: ";
  text.append(type).append("\ndata: ").append(WriteJson(whole)).append("\n\n");
  gone_ = !sink_->Write(text);
  sent_ = std::chrono::steady_clock::now();
}

void Draft::KeepAlive() {
  if (sink_ == nullptr || gone_) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - sent_ < kSilence) return;
  gone_ = !sink_->Write(": keepalive\n\n");
  sent_ = now;
}

void Draft::Begin() {
  Send("response.created", {{"response", Snapshot("in_progress")}});
  Send("response.in_progress", {{"response", Snapshot("in_progress")}});
}

void Draft::BeginCall(std::string_view tool, std::string_view arguments) {
  EndItems();
  const std::string prefix = tool == "image_search" ? "isc_" : "wsi_";
  call_ = {{"id", prefix + RandomHex(16)},
           {"type", std::string(tool) + "_call"},
           {"status", "in_progress"},
           {"name", tool},
           {"arguments", arguments}};
  std::int64_t before = 0;
  for (const auto& [name, value] : calls_) {
    if (name == tool && value.as_int() != nullptr) before = *value.as_int();
  }
  Set(calls_, tool, before + 1);
  Send("response.output_item.added",
       {{"output_index", static_cast<std::int64_t>(output_.size())}, {"item", call_}});
}

void Draft::EndCall(std::string_view output) {
  if (call_.empty()) return;
  Set(call_, "status", "completed");
  Set(call_, "output", output);
  const auto index = static_cast<std::int64_t>(output_.size());
  output_.emplace_back(std::exchange(call_, {}));
  Send("response.output_item.done", {{"output_index", index}, {"item", output_.back()}});
}

void Draft::Say(std::string_view words) {
  if (words.empty()) return;
  const auto index = static_cast<std::int64_t>(output_.size());
  if (message_id_.empty()) {
    message_id_ = "msg_" + RandomHex(16);
    text_.clear();
    said_anything_ = true;
    Send("response.output_item.added",
         {{"output_index", index}, {"item", MessageItem(message_id_, "in_progress", {})}});
    Send("response.content_part.added", {{"item_id", message_id_},
                                         {"output_index", index},
                                         {"content_index", 0},
                                         {"part", TextPart("")}});
  }
  text_ += words;
  Send("response.output_text.delta", {{"item_id", message_id_},
                                      {"output_index", index},
                                      {"content_index", 0},
                                      {"delta", words},
                                      {"logprobs", Value::List()}});
}

void Draft::EndMessage(bool complete) {
  if (message_id_.empty()) return;
  const auto index = static_cast<std::int64_t>(output_.size());
  const char* status = complete ? "completed" : "incomplete";
  Send("response.output_text.done", {{"item_id", message_id_},
                                     {"output_index", index},
                                     {"content_index", 0},
                                     {"text", text_},
                                     {"logprobs", Value::List()}});
  Send("response.content_part.done", {{"item_id", message_id_},
                                      {"output_index", index},
                                      {"content_index", 0},
                                      {"part", TextPart(text_)}});
  output_.push_back(MessageItem(std::exchange(message_id_, {}), status, {TextPart(text_)}));
  Send("response.output_item.done", {{"output_index", index}, {"item", output_.back()}});
}

void Draft::EndItems() {
  EndCall("[]");
  EndMessage();
}

Value Draft::UsageOf(const Usage& usage) const {
  const std::int64_t total = usage.input_tokens + usage.output_tokens;
  Value::Map tools;
  for (const auto& [name, count] : calls_) tools.emplace_back(name, Value::Map{{"count", count}});
  Value::Map out = {
      {"input_tokens", usage.input_tokens},
      {"input_tokens_details", Value::Map{{"cached_tokens", usage.cached_tokens}}},
      {"output_tokens", usage.output_tokens},
      {"output_tokens_details", Value::Map{{"reasoning_tokens", usage.reasoning_tokens}}},
      {"total_tokens", total}};
  if (!tools.empty()) out.emplace_back("x_tools", std::move(tools));
  out.emplace_back("x_details", Value::List{Value::Map{{"input_tokens", usage.input_tokens},
                                                       {"output_tokens", usage.output_tokens},
                                                       {"total_tokens", total},
                                                       {"x_billing_type", "response_api"}}});
  return out;
}

const Value& Draft::Complete(const Usage& usage) {
  EndItems();
  last_ = Snapshot("completed");
  Set(*last_.as_map(), "usage", UsageOf(usage));
  last_event_ = "response.completed";
  return last_;
}

const Value& Draft::Incomplete(const Usage& usage, const std::string& reason) {
  EndCall("[]");
  EndMessage(false);
  last_ = Snapshot("incomplete");
  Set(*last_.as_map(), "incomplete_details", Value::Map{{"reason", reason}});
  Set(*last_.as_map(), "usage", UsageOf(usage));
  last_event_ = "response.incomplete";
  return last_;
}

const Value& Draft::Fail(const std::string& code, const std::string& message) {
  EndCall("[]");
  EndMessage(false);
  last_ = Snapshot("failed");
  Set(*last_.as_map(), "error", Value::Map{{"code", code}, {"message", ToUtf8(message)}});
  last_event_ = "response.failed";
  return last_;
}

void Draft::SendLast() {
  Send(last_event_, {{"response", last_}});
}

}  // namespace ocellus::api::responses
