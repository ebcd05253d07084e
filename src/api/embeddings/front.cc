#include "api/embeddings/front.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <charconv>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "api/access.h"
#include "api/errors.h"
#include "api/json.h"
#include "api/openai_errors.h"
#include "api/picture_input.h"
#include "base/base64.h"
#include "base/bytes.h"
#include "base/parallel.h"

namespace ocellus::api::embeddings {
namespace {

using Embedding = engine::Embeddings::Embedding;
using Clock = std::chrono::steady_clock;

// Pictures that one request fetches at one time: politeness towards the other server.
constexpr std::size_t kFetchesAtOnce = 8;

constexpr std::array<std::string_view, 2> kPrefixes = {"/v1", "/compatible-mode/v1"};

std::string LittleEndian(const std::vector<float>& vector) {
  std::vector<std::uint8_t> bytes(vector.size() * sizeof(float));
  for (std::size_t i = 0; i < vector.size(); ++i) {
    StoreLe32(std::bit_cast<std::uint32_t>(vector[i]), bytes.data() + i * sizeof(float));
  }
  return EncodeBase64(bytes);
}

// The shortest numbers that read back as the same floats: half the size of doubles.
void AppendNumbers(const std::vector<float>& vector, std::string& out) {
  std::array<char, 32> digits{};
  out += '[';
  for (std::size_t i = 0; i < vector.size(); ++i) {
    if (i != 0) out += ',';
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), vector[i]);
    out.append(digits.data(), end.ptr);
  }
  out += ']';
}

std::string WriteAnswer(const Body& body, const std::string& model,
                        const std::vector<Embedding>& embeddings) {
  std::string out = R"({"object":"list","data":[)";
  std::size_t tokens = 0;
  for (std::size_t i = 0; i < embeddings.size(); ++i) {
    tokens += embeddings[i].tokens;
    out += i == 0 ? "" : ",";
    out += R"({"object":"embedding","index":)" + std::to_string(i) + R"(,"embedding":)";
    if (body.base64) {
      out += '"' + LittleEndian(embeddings[i].vector) + '"';
    } else {
      AppendNumbers(embeddings[i].vector, out);
    }
    out += '}';
  }
  const std::string count = std::to_string(tokens);
  out += R"(],"model":)" + WriteJson(model) + R"(,"usage":{"prompt_tokens":)" + count +
         R"(,"total_tokens":)" + count + "}}";
  return out;
}

// `status` names the input's field.
OpenAiFailure FailureOfInput(const Status& status, const Input& input) {
  const bool text = input.kind == Input::Kind::kText;
  OpenAiFailure failure = FailureOf(status);
  failure.param = input.field;
  if (status.code() == Code::kInvalidArgument) {
    failure.id = text ? ErrorId::kInvalidParameter : ErrorId::kInvalidImage;
  } else if (status.code() == Code::kFailedPrecondition) {
    // A model without texts; a server that fetches nothing.
    failure.id = text ? ErrorId::kInvalidParameter : ErrorId::kForbidden;
  } else if (status.code() == Code::kUnavailable && input.kind == Input::Kind::kPictureUrl) {
    // Not 503: the client would try again at once, and the other server is no quicker then.
    failure.id = ErrorId::kInvalidImage;
    failure.code = "failed_to_download_image";
  }
  return failure;
}

Value Operation(const char* id) {
  const Value item(Value::Map{
      {"oneOf",
       Value::List{JsonSchema("string", "A text; a URL or data URL of a picture is the picture."),
                   ObjectSchema({{"text", JsonSchema("string", "A text.")}}, {"text"}),
                   ObjectSchema({{"image", JsonSchema("string", "URL, data URL or base64.")}},
                                {"image"})}}});
  const Value list(Value::Map{{"type", "array"},
                              {"minItems", 1},
                              {"maxItems", static_cast<std::int64_t>(kMaxInputs)},
                              {"items", item}});
  Value::Map body =
      *JsonContent(
           "",
           ObjectSchema({{"model", JsonSchema("string", "A bundle, or a well-known name.")},
                         {"input", Value::Map{{"oneOf", Value::List{item, list}}}},
                         {"encoding_format",
                          Value::Map{{"type", "string"}, {"enum", Value::List{"float", "base64"}}}},
                         {"dimensions", JsonSchema("integer", "The bundle's, if given.")}},
                        {"input"}))
           .as_map();
  body.front() = {"required", true};
  const Value answer = ObjectSchema(
      {{"object", JsonSchema("string", "list")},
       {"data", Value::Map{{"type", "array"},
                           {"items", ObjectSchema({{"object", JsonSchema("string", "embedding")},
                                                   {"index", JsonSchema("integer", "As sent.")},
                                                   {"embedding", Value::Map{}}})}}},
       {"model", JsonSchema("string", "As sent.")},
       {"usage", ObjectSchema({{"prompt_tokens", JsonSchema("integer", "Of the texts.")},
                               {"total_tokens", JsonSchema("integer", "The same.")}})}});
  return Value::Map{{"operationId", id},
                    {"summary", "Vectors of texts and pictures"},
                    {"tags", Value::List{"embeddings"}},
                    {"requestBody", std::move(body)},
                    {"responses", Value::Map{{"200", JsonContent("Vectors, as sent.", answer)},
                                             {"default", OpenAiFailureContent()}}}};
}

}  // namespace

struct Front::Call {
  Call() = default;
  ~Call() {
    if (budget != nullptr) budget->Give(held);
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  Body body;
  std::string model;     // of the bundle
  std::string answered;  // the name in the answer
  std::string request_id;
  Clock::time_point deadline;  // for starting another fetch
  PictureBudget* budget = nullptr;
  std::size_t held = 0;  // of the budget
};

Result<Embedding> Front::Embed(const Call& call, const Input& input) const {
  if (input.kind == Input::Kind::kText) {
    return embeddings_.Embed(call.model, engine::TextQuery{input.text});
  }
  if (input.kind == Input::Kind::kPicture) {
    OCELLUS_ASSIGN_OR_RETURN(
        const std::string bytes,
        DecodePictureText(input.field, input.text, options_.max_picture_bytes));
    return embeddings_.Embed(call.model, engine::PictureQuery{AsBytes(bytes)});
  }
  const FetchSlots::Hold slot(slots_, call.deadline);
  if (!slot.taken() || Clock::now() > call.deadline) {
    return Status(Code::kUnavailable, "other pictures took all the time for fetching");
  }
  OCELLUS_ASSIGN_OR_RETURN(const std::string bytes,
                           sources_.ReadAll(input.text, options_.max_picture_bytes));
  return embeddings_.Embed(call.model, engine::PictureQuery{AsBytes(bytes)});
}

Response Front::Answer(const Call& call, const Caller* caller) const {
  const std::vector<Input>& inputs = call.body.inputs;
  std::vector<Embedding> embeddings(inputs.size());
  std::vector<std::optional<Status>> failures(inputs.size());
  std::atomic<bool> failed = false;  // relaxed: only spares work
  const std::size_t cores = std::max(2U, std::thread::hardware_concurrency());
  ForEach(inputs.size(), call.body.has_urls ? kFetchesAtOnce : cores, [&](std::size_t i) {
    if (failed.load(std::memory_order_relaxed) || (caller != nullptr && caller->gone())) {
      failures[i] = Status(Code::kCancelled, "not begun");
      failed.store(true, std::memory_order_relaxed);
      return;
    }
    Result<Embedding> embedding = Embed(call, inputs[i]);
    if (embedding.ok()) {
      embeddings[i] = *std::move(embedding);
    } else {
      failures[i] = std::move(embedding).status();
      failed.store(true, std::memory_order_relaxed);
    }
  });
  if (!failed.load(std::memory_order_relaxed)) {
    Response response;
    response.body = WriteAnswer(call.body, call.answered, embeddings);
    return response;
  }
  // The first real failure; what was not begun because of it says nothing.
  std::size_t at = inputs.size();
  for (std::size_t i = 0; i < inputs.size() && at == inputs.size(); ++i) {
    if (failures[i].has_value() && failures[i]->code() != Code::kCancelled) at = i;
  }
  if (at == inputs.size()) {
    return Fail({ErrorId::kUnavailable, "the client has gone"}, call.request_id);
  }
  Status status = *std::move(failures[at]);
  if (!status.message().starts_with(inputs[at].field + ": ")) {
    status = std::move(status).WithContext(inputs[at].field);
  }
  return Fail(FailureOfInput(status, inputs[at]), call.request_id);
}

Response Front::Create(const Request& request) {
  const Status access = CheckAccess(request.principal, Role::kRead, "");
  if (!access.ok()) return Fail({ErrorId::kForbidden, access.message()}, request.id);
  Result<Fields> fields = Fields::OfBody(request.body);
  if (!fields.ok()) return Fail(InvalidRequest(fields.status()), request.id);
  Result<Body> body = ReadBody(*fields);
  if (!body.ok()) return Fail(InvalidRequest(body.status()), request.id);

  Result<engine::Embeddings::Model> model = embeddings_.Find(body->model);
  if (!model.ok()) model = embeddings_.Find(WithoutProvider(body->model));
  if (!model.ok() && IsWellKnownModel(body->model)) model = embeddings_.Find("");
  if (!model.ok()) {
    return Fail(
        {ErrorId::kNotFound, "model: " + model.status().message(), "model_not_found", "model"},
        request.id);
  }
  if (body->dimensions != 0 && body->dimensions != model->dimension) {
    return Fail({ErrorId::kInvalidParameter,
                 "dimensions: the model " + model->name + " makes vectors of " +
                     std::to_string(model->dimension) + " numbers and no others, got " +
                     std::to_string(body->dimensions),
                 {},
                 "dimensions"},
                request.id);
  }
  if (body->has_urls) {
    const auto url = std::find_if(body->inputs.begin(), body->inputs.end(), [](const Input& input) {
      return input.kind == Input::Kind::kPictureUrl;
    });
    Status allowed = CheckFetch(request.principal);
    if (allowed.ok()) allowed = sources_.Check(url->text);
    if (!allowed.ok()) {
      return Fail({ErrorId::kForbidden, url->field + ": " + allowed.message(), {}, url->field},
                  request.id);
    }
  }

  auto call = std::make_shared<Call>();
  call->model = model->name;
  call->answered = body->model.empty() ? model->name : body->model;
  call->body = *std::move(body);
  call->request_id = request.id;
  call->deadline = Clock::now() + options_.fetch_timeout;
  if (!call->body.has_urls) return Answer(*call, nullptr);
  // Another server may be slow: no worker waits for it.
  std::size_t bytes = 0;
  for (const Input& input : call->body.inputs) bytes += input.text.size();
  if (!waiting_.Take(bytes)) {
    return Fail({ErrorId::kUnavailable, "too many large requests wait for other servers"},
                request.id);
  }
  call->budget = &waiting_;
  call->held = bytes;
  Response response;
  response.later = [this, call](const Caller& caller) { return Answer(*call, &caller); };
  return response;
}

void Front::AddRoutes(Router& router) {
  const char* id = "embeddings_create";
  for (const std::string_view prefix : kPrefixes) {
    router.Add({"POST", std::string(prefix) + "/embeddings", Operation(id),
                [this](const Request& request, const auto&) { return Create(request); }});
    router.SetErrorWriter(std::string(prefix) + "/", WriteOpenAiError);
    id = "embeddings_create_compatible";
  }
}

}  // namespace ocellus::api::embeddings
