#include "api/admin/errors.h"

#include "api/json.h"
#include "base/utf8.h"

namespace ocellus::api::admin {
namespace {

Response Failure(int http_status, ErrorId id, std::string_view message) {
  return JsonResponse(
      http_status,
      Value::Map{{"error", Value::Map{{"code", InfoOf(id).code}, {"message", ToUtf8(message)}}}});
}

}  // namespace

Response Fail(ErrorId id, std::string_view message) {
  return Failure(InfoOf(id).http_status, id, message);
}

Response WriteError(const Status& status, int http_status) {
  return Failure(http_status, ErrorOfHttpStatus(http_status), status.message());
}

Value FailureContent() {
  const Value error = ObjectSchema({{"code", JsonSchema("string", "Stable, for programs.")},
                                    {"message", JsonSchema("string", "For people.")}});
  return JsonContent("A failure.", ObjectSchema({{"error", error}}));
}

}  // namespace ocellus::api::admin
