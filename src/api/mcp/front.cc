#include "api/mcp/front.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "api/errors.h"
#include "api/json.h"

namespace ocellus::api::mcp {
namespace {

constexpr char kPath[] = "/mcp";
constexpr std::size_t kMaxBatch = 32;
constexpr int kBadRequest = 400;
constexpr int kAccepted = 202;
constexpr int kForbidden = 403;
constexpr int kNotFound = 404;
// The list of tools changes with the server's version only.
constexpr std::int64_t kToolsLifetimeMs = 300'000;

constexpr char kInstructions[] =
    "Searches the user's own pictures. list_libraries tells what there is; search_by_text finds "
    "pictures by what they show, search_by_image by what they look like; get_image shows one. Ask "
    "for a contact_sheet to see all results of a search at once.";

Response Refuse(const Value& id, const Error& error) {
  return JsonResponse(error.http_status, ErrorOf(id, error));
}

Response WriteError(const Status& status, int http_status) {
  return Refuse(nullptr, {ErrorCode::kInvalidRequest, status.message(), {}, http_status});
}

std::string_view NameOf(const Message& message) {
  const Value* name = message.params.Find("name");
  return name == nullptr || name->as_string() == nullptr ? std::string_view() : *name->as_string();
}

Value::Map Capabilities() {
  return {{"tools", Value::Map{{"listChanged", false}}}};
}

Value Operation() {
  const Value any = JsonSchema("object", "A JSON-RPC 2.0 message. See docs/api/mcp.md.");
  Value::Map body = *JsonContent("", any).as_map();
  body.front() = {"required", true};
  return Value::Map{
      {"operationId", "mcp"},
      {"summary", "The Model Context Protocol: the libraries as an assistant's tools"},
      {"tags", Value::List{"mcp"}},
      {"requestBody", std::move(body)},
      {"responses", Value::Map{{"200", JsonContent("The answer to a request.", any)},
                               {"202", Value::Map{{"description", "A notification was taken."}}},
                               {"default", JsonContent("A JSON-RPC error.", any)}}}};
}

}  // namespace

struct Front::Exchange {
  struct Item {
    Message message;
    std::optional<Error> error;
  };
  std::vector<Item> items;
  bool batch = false;
  User user;
};

Value Front::ServerInfo() const {
  return Value::Map{{"name", "ocellus"}, {"title", "Ocellus"}, {"version", version_}};
}

Result<Value::Map> Front::Call(const User& user, const Message& message, Error& error) const {
  const std::string& method = message.method;
  if (method == "ping" && !message.modern) return Value::Map();
  if (method == "initialize" && !message.modern) {
    const Value* wanted = message.params.Find("protocolVersion");
    if (wanted == nullptr || wanted->as_string() == nullptr) {
      error = {ErrorCode::kInvalidParams, "params.protocolVersion: expected a string", {}, 200};
      return Status(Code::kInvalidArgument, error.message);
    }
    return Value::Map{{"protocolVersion", NegotiateVersion(*wanted->as_string())},
                      {"capabilities", Capabilities()},
                      {"serverInfo", ServerInfo()},
                      {"instructions", kInstructions}};
  }
  if (method == "server/discover" && message.modern) {
    return Value::Map{{"supportedVersions", SupportedVersions()},
                      {"capabilities", Capabilities()},
                      {"instructions", kInstructions},
                      {"ttlMs", kToolsLifetimeMs},
                      {"cacheScope", "private"}};
  }
  if (method == "tools/list") {
    if (const Value* cursor = message.params.Find("cursor");
        cursor != nullptr && !cursor->is_null()) {
      error = {ErrorCode::kInvalidParams, "params.cursor: there is one page only", {}, 200};
      return Status(Code::kInvalidArgument, error.message);
    }
    Value::Map result = {{"tools", Tools::Describe()}};
    if (message.modern) {
      result.emplace_back("ttlMs", kToolsLifetimeMs);
      result.emplace_back("cacheScope", "private");
    }
    return result;
  }
  if (method == "tools/call") {
    const std::string_view name = NameOf(message);
    if (!Tools::Has(name)) {
      error = {ErrorCode::kInvalidParams,
               "params.name: there is no tool \"" + std::string(name.substr(0, 64)) + "\"",
               {},
               200};
      return Status(Code::kInvalidArgument, error.message);
    }
    const Value* arguments = message.params.Find("arguments");
    const bool absent = arguments == nullptr || arguments->is_null();
    if (!absent && arguments->as_map() == nullptr) {
      error = {ErrorCode::kInvalidParams, "params.arguments: expected an object", {}, 200};
      return Status(Code::kInvalidArgument, error.message);
    }
    return tools_.Call(user, name, absent ? Value(Value::Map()) : *arguments);
  }
  error = {ErrorCode::kMethodNotFound,
           "there is no method \"" + method.substr(0, 64) + "\" here",
           {},
           message.modern ? kNotFound : 200};
  return Status(Code::kNotFound, error.message);
}

Value Front::AnswerMessage(const User& user, const Message& message, int& http_status) const {
  Error error;
  Result<Value::Map> result = Call(user, message, error);
  if (!result.ok()) {
    http_status = error.http_status;
    return ErrorOf(message.id, error);
  }
  if (message.modern) {
    result->emplace_back("resultType", "complete");
    result->emplace_back("_meta", Value::Map{{"io.modelcontextprotocol/serverInfo", ServerInfo()}});
  }
  return ResultOf(message, *std::move(result));
}

Response Front::Answer(const Exchange& exchange) const {
  Value::List answers;
  int http_status = 200;
  for (const Exchange::Item& item : exchange.items) {
    if (item.error.has_value()) {
      answers.push_back(ErrorOf(item.message.id, *item.error));
      http_status = item.error->http_status;
    } else if (item.message.kind == Message::Kind::kRequest) {
      answers.push_back(AnswerMessage(exchange.user, item.message, http_status));
    }
  }
  if (answers.empty()) {
    Response response;
    response.status = kAccepted;
    response.content_type.clear();
    return response;
  }
  if (exchange.batch) return JsonResponse(answers);
  return JsonResponse(http_status, answers.front());
}

Response Front::Post(const Request& request) const {
  const Status origin = CheckOrigin(request);
  if (!origin.ok()) {
    return Refuse(nullptr, {ErrorCode::kInvalidRequest, origin.message(), {}, kForbidden});
  }
  const auto refuse = [](ErrorCode code, std::string message) {
    return Refuse(nullptr, {code, std::move(message), {}, kBadRequest});
  };
  Result<Value> body = ParseJson(request.body);
  if (!body.ok()) return refuse(ErrorCode::kParse, "body: " + body.status().message());

  Exchange exchange;
  exchange.user = {request.principal, links_.BaseOf(request)};
  const auto add = [&](Value sent) {
    Exchange::Item item;
    item.error = ReadMessage(request, std::move(sent), item.message);
    exchange.items.push_back(std::move(item));
  };
  if (Value::List* list = body->as_list()) {
    const std::string* version = request.Header("mcp-protocol-version");
    if (version != nullptr && *version != kBatchVersion) {
      return refuse(ErrorCode::kInvalidRequest,
                    "the revision " + version->substr(0, 64) + " has one message a request");
    }
    if (list->empty() || list->size() > kMaxBatch) {
      return refuse(ErrorCode::kInvalidRequest,
                    "expected 1 to " + std::to_string(kMaxBatch) + " messages");
    }
    exchange.batch = true;
    for (Value& each : *list) add(std::move(each));
  } else {
    add(*std::move(body));
  }

  const bool fetches =
      std::any_of(exchange.items.begin(), exchange.items.end(), [](const Exchange::Item& item) {
        const Value* arguments = item.message.params.Find("arguments");
        return item.message.method == "tools/call" && arguments != nullptr &&
               Tools::Fetches(NameOf(item.message), *arguments);
      });
  if (!fetches) return Answer(exchange);
  // Another server may be slow: no worker waits for it.
  Response response;
  response.later = [this, shared = std::make_shared<const Exchange>(std::move(exchange))](
                       const Caller& /*caller*/) { return Answer(*shared); };
  return response;
}

void Front::AddRoutes(Router& router) {
  router.Add({"POST", kPath, Operation(),
              [this](const Request& request, const auto&) { return Post(request); }});
  router.SetErrorWriter(kPath, WriteError);
}

}  // namespace ocellus::api::mcp
