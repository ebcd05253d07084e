#include "api/responses/model_answerer.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "api/responses/chat_reader.h"
#include "api/responses/chat_request.h"

namespace ocellus::api::responses {
namespace {

using Clock = std::chrono::steady_clock;

OpenAiFailure Upstream(const std::string& what) {
  return {ErrorId::kUpstreamFailed, "the configured model: " + what, "server_error"};
}

// The listener watches the deadline itself; the call's own time-out is for when it is not asked.
constexpr std::chrono::seconds kSlack{1};

// One call to the chat server: feeds the reader, keeps the client's connection alive.
class Listener final : public ChatListener {
 public:
  Listener(ChatReader& reader, Draft& draft, const Caller& caller, Clock::time_point deadline)
      : reader_(reader), draft_(draft), caller_(caller), deadline_(deadline) {}

  void OnHead(int http_status, std::string_view content_type) override {
    reader_.Begin(http_status, content_type);
  }
  bool OnBytes(std::string_view bytes) override {
    fed_ = reader_.Feed(bytes);
    return fed_.ok() && !caller_.gone();
  }
  bool OnTick() override {
    draft_.KeepAlive();
    return !caller_.gone() && Clock::now() < deadline_;
  }

  const Status& fed() const { return fed_; }

 private:
  ChatReader& reader_;
  Draft& draft_;
  const Caller& caller_;
  const Clock::time_point deadline_;
  Status fed_;
};

}  // namespace

// One answer: its rounds and what they have used up. One owner thread.
class ModelAnswerer::Run {
 public:
  Run(ModelAnswerer& answerer, Session& session, Draft& draft, const Caller& caller)
      : search_(answerer.search_),
        server_(answerer.server_),
        options_(answerer.options_),
        session_(session),
        draft_(draft),
        caller_(caller),
        deadline_(Clock::now() + options_.timeout) {}

  Answered Answer() {
    messages_ = ChatMessages(session_, search_.libraries().engine(), options_.instructions,
                             options_.sees_pictures);
    tools_ = ChatTools(session_);
    for (std::uint32_t round = 1; round <= options_.max_rounds; ++round) {
      if (!Round(round)) return std::move(answered_);
    }
    // It had its last round without tools, and called them all the same.
    if (!draft_.has_message()) {
      answered_.failure =
          Upstream("it went on calling tools for " + std::to_string(options_.max_rounds) +
                   " rounds and wrote no answer");
    }
    return std::move(answered_);
  }

 private:
  // False: the answer is over.
  bool Round(std::uint32_t round) {
    ChatReader reader([this](std::string_view words) { draft_.Say(words); });
    if (!Ask(round, reader)) return false;
    Count(reader);
    if (reader.calls().empty()) return End(reader);
    if (Total() >= options_.max_tokens) {
      answered_.failure = Upstream("it used up the limit of " +
                                   std::to_string(options_.max_tokens) + " tokens for one answer");
      return false;
    }
    std::vector<ChatCall> calls = reader.calls();
    for (std::size_t i = 0; i < calls.size(); ++i) {
      if (calls[i].id.empty()) {
        calls[i].id = "call_" + std::to_string(round) + "_" + std::to_string(i);
      }
    }
    draft_.EndMessage();
    std::vector<ChatCall> repeated = calls;
    for (ChatCall& call : repeated) {
      // Servers refuse a conversation with arguments that are no JSON.
      if (!ParseJson(call.arguments).ok()) call.arguments = "{}";
    }
    messages_.push_back(AssistantMessage(reader.text(), repeated));
    Value::List pictures;
    for (const ChatCall& call : calls) {
      if (caller_.gone()) return false;
      if (Clock::now() >= deadline_) return TooSlow();
      messages_.push_back(ToolMessage(call.id, Carry(call, pictures)));
      if (answered_.failure) return false;
    }
    for (Value& picture : pictures) messages_.push_back(std::move(picture));
    return true;
  }

  bool Ask(std::uint32_t round, ChatReader& reader) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - Clock::now());
    if (left.count() <= 0) return TooSlow();
    Listener listener(reader, draft_, caller_, deadline_);
    const std::string body = Body(round);
    Status called = server_.Complete(body, left + kSlack, listener);
    if (caller_.gone()) return false;
    if (called.ok()) called = reader.End();
    if (!listener.fed().ok()) called = listener.fed();
    if (!called.ok()) {
      if (Clock::now() >= deadline_) return TooSlow();
      answered_.failure = Upstream(called.message());
      return false;
    }
    if (reader.http_status() == 200) return true;
    answered_.failure = Upstream("its server answered " + std::to_string(reader.http_status()) +
                                 (reader.FailureText().empty() ? "" : ": " + reader.FailureText()));
    if (reader.http_status() == InfoOf(ErrorId::kTooManyRequests).http_status) {
      answered_.failure->id = ErrorId::kTooManyRequests;
      answered_.failure->code = "rate_limit_exceeded";
    }
    return false;
  }

  std::string Body(std::uint32_t round) const {
    const CreateBody& asked = session_.body();
    Value::Map body = {{"model", options_.model.empty() ? asked.model : options_.model},
                       {"messages", messages_},
                       {"stream", true},
                       {"stream_options", Value::Map{{"include_usage", true}}},
                       {"max_tokens", OutputLeft()}};
    if (asked.temperature.has_value()) body.emplace_back("temperature", *asked.temperature);
    if (asked.top_p.has_value()) body.emplace_back("top_p", *asked.top_p);
    if (!tools_.empty()) {
      body.emplace_back("tools", tools_);
      if (round == options_.max_rounds || calls_ >= options_.max_calls) {
        body.emplace_back("tool_choice", "none");
      } else if (round == 1 && asked.choice == ToolChoice::kRequired) {
        body.emplace_back(
            "tool_choice",
            asked.forced_tool.empty()
                ? Value("required")
                : Value(Value::Map{{"type", "function"},
                                   {"function", Value::Map{{"name", asked.forced_tool}}}}));
      }
    }
    return WriteJson(body);
  }

  std::int64_t OutputLeft() const {
    const auto most = session_.body().max_output_tokens;
    if (!most.has_value()) return options_.max_output_tokens;
    return std::clamp<std::int64_t>(*most - answered_.usage.output_tokens, 1,
                                    options_.max_output_tokens);
  }

  std::int64_t Total() const {
    return answered_.usage.input_tokens + answered_.usage.output_tokens;
  }

  void Count(const ChatReader& reader) {
    Usage used = reader.usage();
    if (!reader.has_usage()) {  // a server that does not tell: counted with our own tokenizer
      const engine::Engine& engine = search_.libraries().engine();
      for (const Value& message : messages_) {
        const Value* content = message.Find("content");
        if (content == nullptr || content->as_string() == nullptr) continue;
        used.input_tokens += static_cast<std::int64_t>(engine.CountTokens(*content->as_string()));
      }
      used.output_tokens = static_cast<std::int64_t>(engine.CountTokens(reader.text()));
    }
    Usage& all = answered_.usage;
    all.input_tokens += used.input_tokens;
    all.cached_tokens += used.cached_tokens;
    all.output_tokens += used.output_tokens;
    all.reasoning_tokens += used.reasoning_tokens;
  }

  bool End(const ChatReader& reader) {
    if (reader.finish_reason() == "length") {
      answered_.incomplete = "max_output_tokens";
    } else if (reader.finish_reason() == "content_filter") {
      answered_.incomplete = "content_filter";
    } else if (!draft_.has_message()) {
      answered_.failure = Upstream("it answered nothing");
    }
    return false;
  }

  bool TooSlow() {
    answered_.failure =
        Upstream("no answer within " + std::to_string(options_.timeout.count()) + " ms");
    return false;
  }

  // Makes one call; what the model is told of it.
  std::string Carry(const ChatCall& call, Value::List& pictures) {
    if (++calls_ > options_.max_calls) return "error: no more searches; answer with what you have";
    const Tool* tool = session_.Allowed(call.name);
    if (tool == nullptr) {
      return "error: there is no tool \"" + call.name.substr(0, 64) + "\"";
    }
    std::vector<Found> found;
    Status status;
    if (call.name == kImageSearch) {
      status = ByPicture(*tool, call, found);
    } else {
      status = ByWords(*tool, call, found);
    }
    if (!status.ok()) {
      draft_.EndCall("[]");
      // What the model can do nothing about is nobody's search.
      if (status.code() != Code::kInvalidArgument && status.code() != Code::kNotFound &&
          status.code() != Code::kFailedPrecondition) {
        answered_.failure = FailureOf(status);
      }
      return "error: " + status.message();
    }
    std::string output = OutputOf(found);
    draft_.EndCall(output);
    if (options_.sees_pictures) {
      Value shown = ResultPictures(found, search_.libraries());
      if (!shown.is_null()) pictures.push_back(std::move(shown));
    }
    return output;
  }

  Status ByPicture(const Tool& tool, const ChatCall& call, std::vector<Found>& found) {
    if (session_.picture_count() == 0) {
      return Status(Code::kInvalidArgument, "the user has sent no picture");
    }
    OCELLUS_ASSIGN_OR_RETURN(const PictureArguments arguments,
                             ReadPictureArguments(call.arguments, session_.picture_count()));
    if (const auto gone = session_.Load(arguments.picture)) {
      return Status(Code::kInvalidArgument, gone->message);
    }
    draft_.BeginCall(call.name, arguments.json);
    const Bytes bytes = AsBytes(session_.Bytes(arguments.picture));
    OCELLUS_ASSIGN_OR_RETURN(const engine::PictureInfo picture,
                             search_.libraries().engine().Measure(bytes));
    OCELLUS_ASSIGN_OR_RETURN(found, search_.ByPicture(session_.searcher(), tool,
                                                      {bytes, BoxOf(arguments.part, picture)}));
    return {};
  }

  Status ByWords(const Tool& tool, const ChatCall& call, std::vector<Found>& found) {
    OCELLUS_ASSIGN_OR_RETURN(const WordsArguments arguments, ReadWordsArguments(call.arguments));
    draft_.BeginCall(call.name, arguments.json);
    for (const std::string& query : arguments.queries) {
      OCELLUS_ASSIGN_OR_RETURN(std::vector<Found> more,
                               search_.ByWords(session_.searcher(), tool, query));
      for (Found& one : more) {
        const bool there = std::any_of(found.begin(), found.end(), [&](const Found& other) {
          return other.url == one.url ||
                 (other.library == one.library && other.key.id == one.key.id &&
                  other.key.uri == one.key.uri);
        });
        if (!there && found.size() < tool.max_results) found.push_back(std::move(one));
      }
    }
    return {};
  }

  PictureSearch& search_;
  ChatServer& server_;
  const ModelOptions& options_;
  Session& session_;
  Draft& draft_;
  const Caller& caller_;
  const Clock::time_point deadline_;
  Value::List messages_;
  Value::List tools_;
  std::uint32_t calls_ = 0;
  Answered answered_;
};

Answered ModelAnswerer::Answer(Session& session, Draft& draft, const Caller& caller) {
  return Run(*this, session, draft, caller).Answer();
}

}  // namespace ocellus::api::responses
