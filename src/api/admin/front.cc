#include "api/admin/front.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "api/access.h"
#include "api/admin/errors.h"
#include "api/errors.h"
#include "api/fields.h"
#include "api/json.h"
#include "base/utf8.h"

namespace ocellus::api::admin {
namespace {

constexpr std::array<std::string_view, 1> kDigests = {"digests"};
constexpr std::size_t kMaxDigests = 1000;
constexpr std::size_t kDigestDigits = 64;  // SHA-256

bool IsDigest(const Value& value) {
  const std::string* text = value.as_string();
  return text != nullptr && text->size() == kDigestDigits &&
         text->find_first_not_of("0123456789abcdef") == std::string::npos;
}

Value Operation(const char* id, const char* summary, const char* answer, Value schema) {
  return Value::Map{{"operationId", id},
                    {"summary", summary},
                    {"tags", Value::List{"admin"}},
                    {"responses", Value::Map{{"200", JsonContent(answer, std::move(schema))},
                                             {"default", FailureContent()}}}};
}

Value TextOperation(const char* id, const char* summary) {
  return Value::Map{
      {"operationId", id},
      {"summary", summary},
      {"tags", Value::List{"admin"}},
      {"responses",
       Value::Map{{"200", Value::Map{{"description", "Prometheus text format."},
                                     {"content", Value::Map{{"text/plain", Value::Map()}}}}},
                  {"default", FailureContent()}}}};
}

Value KnownOperation() {
  Value digests(Value::Map{{"type", "array"},
                           {"maxItems", static_cast<std::int64_t>(kMaxDigests)},
                           {"items", JsonSchema("string", "SHA-256, 64 hexadecimal digits.")}});
  Value operation = Operation("library_known", "Which pictures a library has, by content",
                              "Those that are there.", ObjectSchema({{"known", digests}}));
  Value::Map body = *JsonContent("", ObjectSchema({{"digests", digests}}, {"digests"})).as_map();
  body.front() = {"required", true};
  operation.as_map()->emplace_back("requestBody", std::move(body));
  return operation;
}

}  // namespace

Response Front::Home() {
  return JsonResponse(Value::Map{{"name", "ocellus"},
                                 {"version", version_},
                                 {"openapi", "/openapi.json"},
                                 {"health", "/healthz"},
                                 {"metrics", "/metrics"}});
}

Response Front::Healthz() {
  const Status status = health_.Check();
  Response response =
      status.ok()
          ? JsonResponse(Value::Map{{"status", "ok"}})
          : JsonResponse(InfoOf(ErrorId::kUnavailable).http_status,
                         Value::Map{{"status", "unhealthy"}, {"reason", ToUtf8(status.message())}});
  response.headers.emplace_back("Cache-Control", "no-store");
  return response;
}

Response Front::Metrics(const Request& request) {
  const Status access = CheckAccess(request.principal, Role::kRead, "");
  if (!access.ok()) return Fail(ErrorId::kForbidden, access.message());
  Response response;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  response.body = metrics_.Expose();
  return response;
}

Response Front::Known(const Request& request, const std::string& library) {
  const Status access = CheckAccess(request.principal, Role::kRead, library);
  if (!access.ok()) return Fail(ErrorId::kForbidden, access.message());
  Result<Fields> fields = Fields::OfBody(request.body);
  if (!fields.ok()) return Fail(ErrorId::kInvalidParameter, fields.status().message());
  Result<Value::List> digests = fields->List(kDigests);
  if (!digests.ok()) return Fail(ErrorId::kInvalidParameter, digests.status().message());
  if (digests->size() > kMaxDigests) {
    return Fail(ErrorId::kInvalidParameter, "digests: " + std::to_string(digests->size()) +
                                                " of them, the limit is " +
                                                std::to_string(kMaxDigests));
  }
  for (std::size_t i = 0; i < digests->size(); ++i) {
    if (IsDigest((*digests)[i])) continue;
    return Fail(ErrorId::kInvalidParameter,
                "digests[" + std::to_string(i) +
                    "]: expected a SHA-256 digest in 64 lower-case hexadecimal digits");
  }
  const Result<std::vector<std::string>> known = libraries_.Known(library, *std::move(digests));
  if (!known.ok()) {
    const bool unknown = known.status().code() == Code::kNotFound;
    return Fail(unknown ? ErrorId::kLibraryNotFound : ErrorOf(known.status()),
                known.status().message());
  }
  return JsonResponse(Value::Map{{"known", Value::List(known->begin(), known->end())}});
}

void Front::AddRoutes(Router& router) {
  const Value any = JsonSchema("object", "See docs/api/admin.md.");
  router.Add({"GET", "/", Operation("home", "Where things are", "Paths.", any),
              [this](const auto&, const auto&) { return Home(); }, true});
  router.Add({"GET", "/healthz",
              Operation("healthz", "Whether a search works from end to end",
                        "It does; 503 when it does not.", any),
              [this](const auto&, const auto&) { return Healthz(); }, true});
  router.Add({"GET", "/metrics", TextOperation("metrics", "Counters and histograms"),
              [this](const Request& request, const auto&) { return Metrics(request); }});
  router.Add(
      {"GET", "/openapi.json", Operation("openapi", "This document", "OpenAPI 3.1.", any),
       [this, &router](const auto&, const auto&) { return JsonResponse(router.OpenApi(version_)); },
       true});
  router.Add({"POST", "/api/v1/admin/libraries/{library}/known", KnownOperation(),
              [this](const Request& request, const PathParameters& parameters) {
                return Known(request, parameters.at("library"));
              }});
  router.SetErrorWriter("", WriteError);
}

}  // namespace ocellus::api::admin
