#include "api/responses/front.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "api/access.h"
#include "api/json.h"
#include "api/openai_errors.h"
#include "api/responses/pages.h"
#include "base/digest.h"

namespace ocellus::api::responses {
namespace {

constexpr std::size_t kDefaultPage = 20;  // as OpenAI has them
constexpr std::size_t kMaxPage = 100;

std::int64_t NowSeconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

Value TextOrNull(const std::string& text) {
  return text.empty() ? Value() : Value(text);
}

// What of a response is known before it is made.
Value::Map HeadOf(const std::string& id, const CreateBody& body) {
  return {{"id", id},
          {"object", "response"},
          {"created_at", NowSeconds()},
          {"status", "in_progress"},
          {"background", false},
          {"error", nullptr},
          {"incomplete_details", nullptr},
          {"instructions", TextOrNull(body.instructions)},
          {"max_output_tokens",
           body.max_output_tokens.has_value() ? Value(*body.max_output_tokens) : Value()},
          {"model", body.model},
          {"output", Value::List()},
          {"parallel_tool_calls", false},
          {"previous_response_id", TextOrNull(body.previous_response_id)},
          {"store", body.store},
          {"temperature", body.temperature.value_or(1.0)},
          {"text", Value::Map{{"format", Value::Map{{"type", "text"}}}}},
          {"tool_choice", body.choice_sent},
          {"tools", body.tools_sent},
          {"top_p", body.top_p.value_or(1.0)},
          {"usage", nullptr},
          {"metadata", body.metadata}};
}

// The words of a failure inside a response.
std::string CodeInside(const OpenAiFailure& failure) {
  if (!failure.code.empty()) return failure.code;
  return failure.id == ErrorId::kTooManyRequests ? "rate_limit_exceeded" : "server_error";
}

class NobodyWaits final : public Caller {
 public:
  bool gone() const override { return false; }
};

Value Operation(const char* id, const char* summary, const std::string& prefix,
                bool has_body = false) {
  Value::Map operation = {
      {"operationId", std::string(id) + (prefix == "/v1" ? "" : "_compatible")},
      {"summary", summary},
      {"tags", Value::List{"responses"}},
      {"responses",
       Value::Map{{"200", JsonContent("Done.", JsonSchema("object", "See docs/api/responses.md."))},
                  {"default", OpenAiFailureContent()}}}};
  if (has_body) {
    Value::Map body = *JsonContent("", JsonSchema("object", "See docs/api/responses.md.")).as_map();
    body.front() = {"required", true};
    operation.emplace_back("requestBody", std::move(body));
  }
  return operation;
}

}  // namespace

// Shared by the handler and what it leaves behind to answer later.
struct Front::Asked {
  Asked(CreateBody body, std::vector<Message> earlier, const Searcher& searcher,
        const PictureSources& sources, const SessionLimits& limits, Value::Map the_head,
        std::string the_request_id)
      : session(std::move(body), std::move(earlier), searcher, sources, limits),
        head(std::move(the_head)),
        request_id(std::move(the_request_id)) {}

  Session session;
  const Value::Map head;
  const std::string request_id;
  std::optional<OpenAiFailure> failure;  // why there is no answer
};

Front::Front(FrontParts parts, FrontOptions options)
    : parts_(parts),
      options_(std::move(options)),
      limits_{.max_results = std::min<std::uint32_t>(100, parts.engine.options().max_top_k)},
      budget_(options_.max_picture_bytes),
      started_(NowSeconds()) {}

Response Front::Create(const Request& request) {
  const auto fail = [&](const OpenAiFailure& failure) { return Fail(failure, request.id); };
  Result<Fields> fields = Fields::OfBody(request.body);
  if (!fields.ok()) return fail(InvalidRequest(fields.status()));
  Result<CreateBody> body = ReadCreate(*fields, limits_);
  if (!body.ok()) return fail(InvalidRequest(body.status()));

  const Searcher searcher{request.principal, parts_.links.BaseOf(request)};
  for (std::size_t i = 0; i < body->tools.size(); ++i) {
    const Status status = parts_.search.Check(searcher, body->tools[i]);
    if (status.ok()) continue;
    const ErrorId id = status.code() == Code::kNotFound             ? ErrorId::kLibraryNotFound
                       : status.code() == Code::kFailedPrecondition ? ErrorId::kForbidden
                                                                    : ErrorOf(status);
    return fail({id, "tools: " + status.message(), {}, "tools"});
  }
  std::vector<Message> earlier;
  if (!body->previous_response_id.empty()) {
    Result<std::vector<Message>> conversation =
        parts_.stored.Conversation(body->previous_response_id, request.principal.name, limits_);
    if (!conversation.ok()) {
      if (conversation.status().code() != Code::kNotFound) {
        return fail(conversation.status().code() == Code::kInvalidArgument
                        ? InvalidRequest(conversation.status())
                        : FailureOf(conversation.status()));
      }
      return fail({ErrorId::kResponseNotFound,
                   "previous_response_id: there is no stored response " +
                       body->previous_response_id + ", or one before it is no longer kept",
                   "previous_response_not_found", "previous_response_id"});
    }
    earlier = *std::move(conversation);
  }
  const bool stream = body->stream;
  Value::Map head = HeadOf("resp_" + RandomHex(24), *body);
  if (!body->store) body->items.clear();
  auto asked = std::make_shared<Asked>(
      *std::move(body), std::move(earlier), searcher,
      PictureSources{parts_.engine, parts_.urls, parts_.files, parts_.search.libraries(), budget_},
      options_.session, std::move(head), request.id);
  if (const std::optional<OpenAiFailure> failure = asked->session.Check()) return fail(*failure);

  Response response;
  if (stream) {
    response.content_type = "text/event-stream";
    response.headers = {{"Cache-Control", "no-cache"}, {"X-Accel-Buffering", "no"}};
    response.stream = [this, asked](BodySink& sink) {
      Draft draft(asked->head, &sink);
      Run(*asked, draft, sink);
    };
    return response;
  }
  if (!parts_.answerer.IsSlow() && !asked->session.HasUrls()) {
    return Whole(*asked, NobodyWaits());
  }
  response.later = [this, asked](const Caller& caller) { return Whole(*asked, caller); };
  return response;
}

void Front::Run(Asked& asked, Draft& draft, const Caller& caller) {
  draft.Begin();
  Session& session = asked.session;
  Answered answered;
  answered.failure = session.LoadNew();
  if (!answered.failure) answered = parts_.answerer.Answer(session, draft, caller);
  if (caller.gone()) return;  // nobody will ever ask for it
  if (answered.failure) {
    draft.Fail(CodeInside(*answered.failure), answered.failure->message);
  } else if (!answered.incomplete.empty()) {
    draft.Incomplete(answered.usage, answered.incomplete);
  } else {
    draft.Complete(answered.usage);
  }
  asked.failure = std::move(answered.failure);
  if (session.body().store) {
    // Before anybody hears that it is there.
    const Status stored = parts_.stored.Put(session.searcher().principal.name, draft.response(),
                                            session.body().items);
    if (!stored.ok() && !asked.failure) {
      asked.failure = FailureOf(stored);
      draft.Fail("server_error", stored.message());
    }
  }
  draft.SendLast();
}

Response Front::Whole(Asked& asked, const Caller& caller) {
  Draft draft(asked.head, nullptr);
  Run(asked, draft, caller);
  if (!asked.failure) return JsonResponse(draft.response());
  Response response = Fail(*asked.failure, asked.request_id);
  // The clients' own retries would ask the model again, each time for as long.
  if (asked.failure->id == ErrorId::kUpstreamFailed) {
    response.headers.emplace_back("x-should-retry", "false");
  }
  return response;
}

Response Front::Get(const Request& request, const std::string& id) {
  const Result<StoredResponse> stored = parts_.stored.Get(id, request.principal.name);
  if (stored.ok()) return JsonResponse(stored->response);
  if (stored.status().code() != Code::kNotFound) {
    return Fail(FailureOf(stored.status()), request.id);
  }
  return Fail({ErrorId::kResponseNotFound, "no such response: " + id, {}, "response_id"},
              request.id);
}

Response Front::Delete(const Request& request, const std::string& id) {
  const Status deleted = parts_.stored.Delete(id, request.principal.name);
  if (deleted.ok()) {
    return JsonResponse(Value::Map{{"id", id}, {"object", "response"}, {"deleted", true}});
  }
  if (deleted.code() != Code::kNotFound) return Fail(FailureOf(deleted), request.id);
  return Fail({ErrorId::kResponseNotFound, "no such response: " + id, {}, "response_id"},
              request.id);
}

Response Front::InputItems(const Request& request, const std::string& id) {
  Result<StoredResponse> stored = parts_.stored.Get(id, request.principal.name);
  if (!stored.ok()) {
    if (stored.status().code() != Code::kNotFound) {
      return Fail(FailureOf(stored.status()), request.id);
    }
    return Fail({ErrorId::kResponseNotFound, "no such response: " + id, {}, "response_id"},
                request.id);
  }
  const Result<Value> page = PageOf(request, std::move(stored->input), kDefaultPage, kMaxPage);
  if (!page.ok()) return Fail(InvalidRequest(page.status()), request.id);
  return JsonResponse(*page);
}

Response Front::Models() const {
  Value::List models;
  for (const std::string& model : options_.models) {
    models.push_back(Value::Map{
        {"id", model}, {"object", "model"}, {"created", started_}, {"owned_by", "ocellus"}});
  }
  return JsonResponse(Value::Map{{"object", "list"}, {"data", std::move(models)}});
}

Response Front::Model(const Request& request, const std::string& id) const {
  if (std::find(options_.models.begin(), options_.models.end(), id) == options_.models.end()) {
    return Fail({ErrorId::kModelNotFound, "no such model: " + id, {}, "model"}, request.id);
  }
  return JsonResponse(
      Value::Map{{"id", id}, {"object", "model"}, {"created", started_}, {"owned_by", "ocellus"}});
}

void Front::AddRoutesUnder(Router& router, const std::string& prefix) {
  const std::string one = prefix + "/responses/{response_id}";
  router.Add({"POST", prefix + "/responses",
              Operation("response_create", "Search with a picture or words, and say what was found",
                        prefix, true),
              [this](const Request& request, const auto&) { return Create(request); }});
  router.Add({"GET", one, Operation("response_get", "A stored response", prefix),
              [this](const Request& request, const PathParameters& parameters) {
                return Get(request, parameters.at("response_id"));
              }});
  router.Add({"DELETE", one, Operation("response_delete", "Delete a stored response", prefix),
              [this](const Request& request, const PathParameters& parameters) {
                return Delete(request, parameters.at("response_id"));
              }});
  router.Add({"GET", one + "/input_items",
              Operation("response_input_items", "What a stored response answered", prefix),
              [this](const Request& request, const PathParameters& parameters) {
                return InputItems(request, parameters.at("response_id"));
              }});
  router.Add({"GET", prefix + "/models", Operation("model_list", "Who answers here", prefix),
              [this](const auto&, const auto&) { return Models(); }});
  router.Add({"GET", prefix + "/models/{model*}", Operation("model_get", "About a model", prefix),
              [this](const Request& request, const PathParameters& parameters) {
                return Model(request, parameters.at("model"));
              }});
  parts_.files.AddRoutes(router, prefix);
  router.SetErrorWriter(prefix, WriteOpenAiError);
}

void Front::AddRoutes(Router& router) {
  AddRoutesUnder(router, "/v1");
  AddRoutesUnder(router, "/compatible-mode/v1");
}

}  // namespace ocellus::api::responses
