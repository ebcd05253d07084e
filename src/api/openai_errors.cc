#include "api/openai_errors.h"

#include "api/json.h"
#include "base/utf8.h"

namespace ocellus::api {
namespace {

const char* TypeOf(ErrorId id) {
  const int status = InfoOf(id).http_status;
  if (status >= 500) return "server_error";
  if (id == ErrorId::kForbidden) return "permission_error";
  if (id == ErrorId::kTooManyRequests) return "rate_limit_error";
  return "invalid_request_error";
}

Value Body(const OpenAiFailure& failure) {
  const std::string code = failure.code.empty() ? InfoOf(failure.id).code : failure.code;
  return Value::Map{
      {"error",
       Value::Map{{"message", ToUtf8(failure.message)},
                  {"type", TypeOf(failure.id)},
                  {"param", failure.param.empty() ? Value() : Value(ToUtf8(failure.param))},
                  {"code", code}}}};
}

}  // namespace

OpenAiFailure InvalidRequest(const Status& status) {
  const std::size_t colon = status.message().find(": ");
  std::string param = status.message().substr(0, colon == std::string::npos ? 0 : colon);
  if (param.find(' ') != std::string::npos) param.clear();  // words, not a field
  return {ErrorId::kInvalidParameter, status.message(), {}, std::move(param)};
}

OpenAiFailure FailureOf(const Status& status) {
  return {ErrorOf(status), status.message()};
}

Response Fail(const OpenAiFailure& failure, std::string_view request_id) {
  Value body = Body(failure);
  if (!request_id.empty()) body.as_map()->emplace_back("request_id", request_id);
  return JsonResponse(InfoOf(failure.id).http_status, body);
}

Response WriteOpenAiError(const Status& status, int http_status) {
  OpenAiFailure failure{ErrorOfHttpStatus(http_status), status.message()};
  if (failure.id == ErrorId::kUnauthorized) {
    failure.code = "invalid_api_key";
    failure.message = "Incorrect API key provided: " + failure.message;  // what clients look for
  }
  return JsonResponse(http_status, Body(failure));
}

Value OpenAiFailureContent() {
  const Value error = ObjectSchema({{"message", JsonSchema("string", "For people.")},
                                    {"type", JsonSchema("string", "The kind of failure.")},
                                    {"param", JsonSchema("string", "The field; null: none.")},
                                    {"code", JsonSchema("string", "Stable, for programs.")}});
  return JsonContent("A failure.", ObjectSchema({{"error", error}}));
}

}  // namespace ocellus::api
