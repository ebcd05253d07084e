#include "api/vector/envelope.h"

#include <utility>

#include "api/json.h"
#include "base/utf8.h"

namespace ocellus::api::vector {
namespace {

Failure OfHttp(const Status& status, int http_status) {
  return {ErrorOfHttpStatus(http_status), status.message()};
}

Value::Map CodeAndMessage(const Failure& failure) {
  return {{"errorCode", InfoOf(failure.id).vector_code}, {"errorMsg", ToUtf8(failure.message)}};
}

Response PushFailure(int http_status, const std::vector<Failure>& failures) {
  Value::List errors;
  for (const Failure& failure : failures) {
    errors.push_back(
        Value::Map{{"code", InfoOf(failure.id).vector_code}, {"message", ToUtf8(failure.message)}});
  }
  Value::Map body = {{"status", "FAIL"}, {"errors", std::move(errors)}};
  for (auto& member : CodeAndMessage(failures.front())) body.push_back(std::move(member));
  return JsonResponse(http_status, std::move(body));
}

Response TableFailure(std::string_view request_id, int http_status, const Failure& failure) {
  return JsonResponse(http_status, Value::Map{{"requestId", request_id},
                                              {"code", InfoOf(failure.id).table_code},
                                              {"message", ToUtf8(failure.message)}});
}

}  // namespace

Failure OfEngine(const Status& status) {
  switch (status.code()) {
    case Code::kNotFound:
      return {ErrorId::kTableNotFound, status.message()};
    case Code::kAlreadyExists:
      return {ErrorId::kTableAlreadyExists, status.message()};
    case Code::kFailedPrecondition:
      return {ErrorId::kModelFailure, status.message()};
    default:
      return {ErrorOf(status), status.message()};
  }
}

Value FailureBody(const Failure& failure) {
  Value::Map body = CodeAndMessage(failure);
  body.emplace_back("result", Value::List());
  body.emplace_back("totalCount", 0);
  return body;
}

Response AnswerData(Outcome<std::string> json) {
  if (json.ok()) {
    Response response;
    response.body = *std::move(json);
    return response;
  }
  const Failure& failure = json.failure();
  return JsonResponse(failure.id == ErrorId::kForbidden ? InfoOf(failure.id).http_status : 200,
                      FailureBody(failure));
}

Response PushDone() {
  return JsonResponse(Value::Map{{"status", "OK"}, {"code", 200}});
}

Response PushFailed(const std::vector<Failure>& failures) {
  const ErrorId id = failures.front().id;
  return PushFailure(id == ErrorId::kForbidden ? InfoOf(id).http_status : 200, failures);
}

Response AnswerTables(const Request& request, const Outcome<Value>& outcome) {
  if (outcome.ok()) {
    return JsonResponse(Value::Map{{"requestId", request.id}, {"result", *outcome}});
  }
  const Failure& failure = outcome.failure();
  return TableFailure(request.id, InfoOf(failure.id).http_status, failure);
}

Response WriteDataError(const Status& status, int http_status) {
  return JsonResponse(http_status, FailureBody(OfHttp(status, http_status)));
}

Response WritePushError(const Status& status, int http_status) {
  return PushFailure(http_status, {OfHttp(status, http_status)});
}

Response WriteTableError(const Status& status, int http_status) {
  return TableFailure("", http_status, OfHttp(status, http_status));
}

}  // namespace ocellus::api::vector
