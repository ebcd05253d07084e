#include "api/responses/stored.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "api/fields.h"

namespace ocellus::api::responses {
namespace {

// A conversation that is longer says so, rather than being read for minutes.
constexpr std::size_t kMaxTurns = 100;
constexpr std::size_t kMaxConversationBytes = std::size_t{128} << 20;

std::string TextOf(const Value& object, std::string_view name) {
  const Value* value = object.Find(name);
  return value != nullptr && value->as_string() != nullptr ? *value->as_string() : std::string();
}

Result<StoredResponse> Read(const engine::Record& record) {
  // Two lines of JSON: the response, its input.
  const std::size_t line = record.bytes.find('\n');
  Result<Value> response = ParseJson(std::string_view(record.bytes).substr(0, line));
  Result<Value> input = line == std::string::npos
                            ? Result<Value>(Value(Value::List()))
                            : ParseJson(std::string_view(record.bytes).substr(line + 1));
  if (!response.ok() || !input.ok() || input->as_list() == nullptr) {
    return Status(Code::kCorruption, "the stored response " + record.id + " cannot be read");
  }
  return StoredResponse{*std::move(response), std::move(*input->as_list())};
}

}  // namespace

Status StoredResponses::Put(const std::string& owner, const Value& response,
                            const Value::List& input) {
  engine::Record record;
  record.id = TextOf(response, "id");
  record.owner = owner;
  record.created_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                          std::chrono::system_clock::now().time_since_epoch())
                          .count();
  record.expires_ms =
      record.created_ms + std::chrono::duration_cast<std::chrono::milliseconds>(kept_).count();
  record.bytes = WriteJson(response) + "\n" + WriteJson(input);
  return records_.Put(std::move(record)).WithContext("store the response");
}

Result<StoredResponse> StoredResponses::Get(const std::string& id, const std::string& owner) {
  OCELLUS_ASSIGN_OR_RETURN(const engine::Record record, records_.Get(id, owner));
  return Read(record);
}

Status StoredResponses::Delete(const std::string& id, const std::string& owner) {
  return records_.Delete(id, owner);
}

Result<std::vector<Message>> StoredResponses::Conversation(const std::string& id,
                                                           const std::string& owner,
                                                           const BodyLimits& limits) {
  std::vector<std::vector<Message>> turns;  // the newest first
  std::size_t bytes = 0;
  std::string next = id;
  while (!next.empty()) {
    OCELLUS_ASSIGN_OR_RETURN(const engine::Record record, records_.Get(next, owner));
    bytes += record.bytes.size();
    if (turns.size() >= kMaxTurns || bytes > kMaxConversationBytes) {
      return InvalidField("previous_response_id",
                          "the conversation is too long: the limit is " +
                              std::to_string(kMaxTurns) + " responses and " +
                              std::to_string(kMaxConversationBytes) + " bytes");
    }
    OCELLUS_ASSIGN_OR_RETURN(StoredResponse stored, Read(record));
    OCELLUS_ASSIGN_OR_RETURN(std::vector<Message> turn, ReadItems(stored.input, "input", limits));
    const Value* output = stored.response.Find("output");
    if (output != nullptr && output->as_list() != nullptr) {
      OCELLUS_ASSIGN_OR_RETURN(std::vector<Message> answer,
                               ReadItems(*output->as_list(), "output", limits));
      std::move(answer.begin(), answer.end(), std::back_inserter(turn));
    }
    turns.push_back(std::move(turn));
    next = TextOf(stored.response, "previous_response_id");
  }
  std::vector<Message> messages;
  for (auto turn = turns.rbegin(); turn != turns.rend(); ++turn) {
    std::move(turn->begin(), turn->end(), std::back_inserter(messages));
  }
  return messages;
}

}  // namespace ocellus::api::responses
