#include "api/adb/envelope.h"

#include "api/json.h"
#include "base/utf8.h"

namespace ocellus::api::adb {
namespace {

Response Failure(int http_status, ErrorId id, std::string_view message) {
  return JsonResponse(http_status, Value::Map{{"status", InfoOf(id).adb_status},
                                              {"message", ToUtf8(message)},
                                              {"data", nullptr}});
}

}  // namespace

Response Succeed(const Value& data) {
  return SucceedWithJson(WriteJson(data));
}

Response SucceedWithJson(std::string_view data) {
  Response response;
  response.body.reserve(data.size() + 64);
  response.body = R"({"status":"SUCCESS","message":null,"data":)";
  response.body += data;
  response.body += '}';
  return response;
}

Response Fail(ErrorId id, std::string_view message) {
  return Failure(InfoOf(id).http_status, id, message);
}

Response Fail(ErrorId id, const Status& status) {
  return Fail(id, status.message());
}

Response WriteError(const Status& status, int http_status) {
  return Failure(http_status, ErrorOfHttpStatus(http_status), status.message());
}

Response FailOfEngine(const Status& status) {
  const ErrorId id = ErrorOf(status);
  return Fail(id == ErrorId::kNotFound ? ErrorId::kLibraryNotFound : id, status);
}

}  // namespace ocellus::api::adb
