#include "api/admin/bundles.h"

#include <array>
#include <utility>

#include "api/access.h"
#include "api/admin/errors.h"
#include "api/errors.h"
#include "api/fields.h"
#include "api/json.h"

namespace ocellus::api::admin {
namespace {

constexpr std::array<std::string_view, 1> kBundle = {"bundle"};
constexpr std::array<std::string_view, 1> kLeaveBehind = {"leave_behind"};
constexpr std::array<const char*, 5> kStateWords = {"waiting", "running", "succeeded", "partial",
                                                    "failed"};

Value Count(std::uint64_t number) {
  return static_cast<std::int64_t>(number);
}

Value JobJson(const engine::Job& job) {
  Value::List errors;
  for (const engine::JobError& error : job.errors) {
    Value::Map entry = error.subject;
    entry.emplace_back("message", error.message);
    errors.emplace_back(std::move(entry));
  }
  const Value* bundle = job.input.Find("bundle");
  return Value::Map{{"id", job.id},
                    {"library", job.table},
                    {"bundle", bundle == nullptr ? Value() : *bundle},
                    {"state", kStateWords[static_cast<std::size_t>(job.state)]},
                    {"total", Count(job.total)},
                    {"success", Count(job.success)},
                    {"failed", Count(job.failed)},
                    {"errors", std::move(errors)},
                    {"errors_left_out", Count(job.errors_left_out)},
                    {"message", job.message},
                    {"created_ms", job.create_time_ms},
                    {"finished_ms", job.finish_time_ms}};
}

Value Operation(const char* id, const char* summary, const char* answer) {
  return Value::Map{
      {"operationId", id},
      {"summary", summary},
      {"tags", Value::List{"admin"}},
      {"responses",
       Value::Map{{"200", JsonContent(answer, JsonSchema("object", "See docs/api/admin.md."))},
                  {"default", FailureContent()}}}};
}

Value UseOperation() {
  Value operation = Operation("library_use_bundle", "Gives a library the vectors of another bundle",
                              "The job that does it.");
  const Value body = ObjectSchema(
      {{"bundle", JsonSchema("string", "Name of a loaded bundle.")},
       {"leave_behind", JsonSchema("boolean", "Change over also when pictures cannot follow.")}},
      {"bundle"});
  Value::Map content = *JsonContent("", body).as_map();
  content.front() = {"required", true};
  operation.as_map()->emplace_back("requestBody", std::move(content));
  return operation;
}

}  // namespace

Response BundleCalls::List(const Request& request) {
  const Status access = CheckAccess(request.principal, Role::kRead, "");
  if (!access.ok()) return Fail(ErrorId::kForbidden, access.message());
  Value::List bundles;
  for (const engine::LoadedBundle& bundle : reembedding_.Bundles()) {
    bundles.emplace_back(Value::Map{{"name", bundle.name},
                                    {"digest", bundle.digest},
                                    {"dimension", bundle.dimension},
                                    {"text", bundle.embeds_text},
                                    {"calibrated", bundle.has_scores}});
  }
  return JsonResponse(Value::Map{{"bundles", std::move(bundles)}});
}

Response BundleCalls::Use(const Request& request, const std::string& library) {
  const Status access = CheckAccess(request.principal, Role::kAdmin, library);
  if (!access.ok()) return Fail(ErrorId::kForbidden, access.message());
  Result<Fields> fields = Fields::OfBody(request.body);
  if (!fields.ok()) return Fail(ErrorId::kInvalidParameter, fields.status().message());
  Result<std::string> bundle = fields->String(kBundle);
  if (!bundle.ok()) return Fail(ErrorId::kInvalidParameter, bundle.status().message());
  const Result<bool> leave = fields->Boolean(kLeaveBehind, false);
  if (!leave.ok()) return Fail(ErrorId::kInvalidParameter, leave.status().message());
  const Result<engine::Job> job = reembedding_.Start({library, *std::move(bundle), *leave});
  if (job.ok()) return JsonResponse(JobJson(*job));
  const std::string& message = job.status().message();
  switch (job.status().code()) {
    case Code::kNotFound:
      return message.starts_with("there is no bundle")
                 ? Fail(ErrorId::kInvalidParameter, "bundle: " + message)
                 : Fail(ErrorId::kLibraryNotFound, message);
    case Code::kFailedPrecondition:
      return Fail(ErrorId::kInvalidParameter, message);
    case Code::kResourceExhausted:
      return Fail(ErrorId::kTooManyRequests, message);
    default:
      return Fail(ErrorOf(job.status()), message);
  }
}

Response BundleCalls::Progress(const Request& request, const std::string& id) {
  const Result<engine::Job> job = jobs_.Get(id);
  // Jobs of a front are asked for through that front.
  if (!job.ok() || job->kind != engine::Reembedding::kKind ||
      !CheckAccess(request.principal, Role::kRead, job->table).ok()) {
    return Fail(ErrorId::kTaskNotFound, "no such job: " + id);
  }
  return JsonResponse(JobJson(*job));
}

void BundleCalls::AddRoutes(Router& router) {
  router.Add({"GET", "/api/v1/admin/bundles",
              Operation("bundles", "The model bundles that are loaded", "Them."),
              [this](const Request& request, const auto&) { return List(request); }});
  router.Add({"POST", "/api/v1/admin/libraries/{library}/bundle", UseOperation(),
              [this](const Request& request, const PathParameters& parameters) {
                return Use(request, parameters.at("library"));
              }});
  router.Add({"GET", "/api/v1/admin/jobs/{id}",
              Operation("job", "How far a change of a library's bundle is", "The job."),
              [this](const Request& request, const PathParameters& parameters) {
                return Progress(request, parameters.at("id"));
              }});
}

}  // namespace ocellus::api::admin
