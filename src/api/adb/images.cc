// The calls that put pictures into a library: one, or a file of them in the background.

#include <array>
#include <utility>

#include "api/access.h"
#include "api/adb/envelope.h"
#include "api/adb/front.h"
#include "api/adb/names.h"
#include "api/adb/requests.h"
#include "api/fields.h"
#include "api/json.h"
#include "base/utf8.h"

namespace ocellus::api::adb {
namespace {

// The kind of import jobs and their input: kept on disk, never change.
constexpr char kImportJob[] = "adb.import";
constexpr char kInputLocation[] = "location";
constexpr char kInputSaveImage[] = "save_image";
constexpr char kInputMayFetch[] = "may_fetch";

// Absent (tasks of earlier versions have no may_fetch): true.
bool Flag(const Value& input, std::string_view name) {
  const Value* flag = input.Find(name);
  return flag == nullptr || flag->as_bool() == nullptr || *flag->as_bool();
}

const char* StateName(engine::JobState state) {
  constexpr std::array<const char*, 5> kNames = {"PENDING", "RUNNING", "SUCCEEDED", "PARTIAL",
                                                 "FAILED"};
  return kNames[static_cast<std::size_t>(state)];
}

Value TextOf(const Value::Map& map, std::string_view name) {
  for (const auto& [key, value] : map) {
    if (key == name) return value;
  }
  return nullptr;
}

Value TaskData(const engine::Job& job) {
  Value::List errors;
  for (const engine::JobError& error : job.errors) {
    errors.push_back(Value::Map{{"line", static_cast<std::int64_t>(error.item)},
                                {"image_id", TextOf(error.subject, "image_id")},
                                {"image_uri", TextOf(error.subject, "image_uri")},
                                {"message", error.message}});
  }
  return Value::Map{
      {"task_id", job.id},
      {"library_name", job.table},
      {"status", StateName(job.state)},
      {"message", job.message.empty() ? Value() : Value(job.message)},
      {"total", static_cast<std::int64_t>(job.total)},
      {"success", static_cast<std::int64_t>(job.success)},
      {"failed", static_cast<std::int64_t>(job.failed)},
      {"errors", std::move(errors)},
      {"errors_left_out", static_cast<std::int64_t>(job.errors_left_out)},
      {"create_time", IsoTime(job.create_time_ms)},
      {"finish_time", job.finish_time_ms == 0 ? Value() : Value(IsoTime(job.finish_time_ms))},
  };
}

// What of the key can be read, whatever else is wrong with the line.
Value::Map SubjectOf(const Fields& fields) {
  constexpr std::size_t kMaxBytes = 256;  // names a picture; it may be wrong for being too long
  Value::Map subject;
  for (const Names names : {Names(kImageId), Names(kImageUri)}) {
    const Value* value = fields.Peek(names);
    if (value == nullptr || value->as_string() == nullptr) continue;
    subject.emplace_back(names.front(), Utf8Prefix(*value->as_string(), kMaxBytes));
  }
  return subject;
}

// Whether the next line would fail in the same way: a full disk, a library that is gone.
bool StopsAll(const Status& status) {
  switch (status.code()) {
    case Code::kNotFound:
    case Code::kFailedPrecondition:
    case Code::kResourceExhausted:
    case Code::kUnavailable:
    case Code::kCancelled:
    case Code::kCorruption:
    case Code::kIoError:
      return true;
    default:
      return false;
  }
}

engine::NewPicture PictureOf(PictureBody body, std::string bytes) {
  return {std::move(body.key), std::move(bytes), std::move(body.tags), body.save_image,
          std::move(body.items)};
}

}  // namespace

std::size_t Front::MaxPictureBytes() const {
  return libraries_.engine().options().picture_limits.max_bytes;
}

Response Front::AddImage(const Request& request) {
  Result<Fields> fields = Fields::OfBody(request.body);
  if (!fields.ok()) return Fail(ErrorId::kInvalidParameter, fields.status());
  const Result<std::string> library = ReadLibraryName(*fields);
  if (!library.ok()) return Fail(ErrorId::kInvalidParameter, library.status());
  const Status access = CheckAccess(request.principal, Role::kWrite, *library);
  if (!access.ok()) return Fail(ErrorId::kForbidden, access);
  Result<PictureBody> body = ReadPicture(*fields, true);
  if (!body.ok()) return Fail(ErrorId::kInvalidParameter, body.status());
  if (!body->base64.has_value()) {
    return Fail(ErrorId::kInvalidParameter, InvalidField(kImageBase64.front(), "required"));
  }
  const auto mode = libraries_.FindMode(*library);
  if (!mode.ok()) return FailOfEngine(mode.status());
  if (Status items = CheckItems(*body, *mode); !items.ok()) {
    return Fail(ErrorId::kInvalidParameter, items);
  }
  Result<std::string> bytes = DecodePicture(*body->base64, MaxPictureBytes());
  if (!bytes.ok()) return Fail(ErrorId::kInvalidImage, bytes.status());
  body->base64.reset();

  const Value data(Value::Map{{"image_id", body->key.id}, {"image_uri", body->key.uri}});
  const Status put = libraries_.Put(*library, PictureOf(*std::move(body), *std::move(bytes)));
  if (put.ok()) return Succeed(data);
  if (put.code() == Code::kInvalidArgument) {
    const PictureFault fault = FaultOf(put);
    return Fail(fault.picture ? ErrorId::kInvalidImage : ErrorId::kInvalidParameter,
                InvalidField(fault.field, put.message()));
  }
  return FailOfEngine(put);
}

Response Front::DeleteImage(const Request& request) {
  Result<Fields> fields = Fields::OfBody(request.body);
  if (!fields.ok()) return Fail(ErrorId::kInvalidParameter, fields.status());
  const Result<DeleteImageBody> body = ReadDeleteImage(*fields);
  if (!body.ok()) return Fail(ErrorId::kInvalidParameter, body.status());
  const Status access = CheckAccess(request.principal, Role::kWrite, body->library);
  if (!access.ok()) return Fail(ErrorId::kForbidden, access);
  const Result<std::uint64_t> removed = libraries_.Remove(body->library, body->id, body->uri);
  if (!removed.ok()) return FailOfEngine(removed.status());
  return Succeed(Value::Map{{"deleted", static_cast<std::int64_t>(*removed)}});
}

Response Front::CreateTask(const Request& request) {
  Result<Fields> fields = Fields::OfBody(request.body);
  if (!fields.ok()) return Fail(ErrorId::kInvalidParameter, fields.status());
  const Result<CreateTaskBody> body = ReadCreateTask(*fields);
  if (!body.ok()) return Fail(ErrorId::kInvalidParameter, body.status());
  const Status access = CheckAccess(request.principal, Role::kWrite, body->library);
  if (!access.ok()) return Fail(ErrorId::kForbidden, access);
  const auto mode = libraries_.FindMode(body->library);
  if (!mode.ok()) return FailOfEngine(mode.status());
  const bool may_fetch = CheckFetch(request.principal).ok();
  Status source = sources_.Check(body->location);
  if (source.ok() && engine::Sources::IsUrl(body->location)) source = CheckFetch(request.principal);
  if (!source.ok()) {
    const bool off = source.code() == Code::kFailedPrecondition;
    return Fail(off ? ErrorId::kForbidden : ErrorId::kInvalidParameter,
                InvalidField(body->location_name, source.message()));
  }
  const Result<engine::Job> job = jobs_.Submit(kImportJob, body->library,
                                               Value::Map{{kInputLocation, body->location},
                                                          {kInputSaveImage, body->save_image},
                                                          {kInputMayFetch, may_fetch}});
  if (job.ok()) return Succeed(Value::Map{{"task_id", job->id}});
  const bool busy = job.status().code() == Code::kResourceExhausted;
  return busy ? Fail(ErrorId::kTooManyRequests, job.status()) : FailOfEngine(job.status());
}

Response Front::TaskResults(const Request& request, const PathParameters& parameters) {
  const std::string& id = parameters.at("task_id");
  const Result<engine::Job> job = jobs_.Get(id);
  // A key that may not see the library may not learn of its tasks either.
  const bool known = job.ok() && job->kind == kImportJob &&
                     CheckAccess(request.principal, Role::kRead, job->table).ok();
  if (known) return Succeed(TaskData(*job));
  if (!job.ok() && job.status().code() != Code::kNotFound) return FailOfEngine(job.status());
  return Fail(ErrorId::kTaskNotFound, "task_id: no such task: " + id.substr(0, 64));
}

engine::LineResult Front::ImportLine(const std::string& library, const LineOptions& options,
                                     std::string_view line) {
  engine::LineResult result;
  Result<Fields> fields = Fields::OfBody(line, "line");
  if (!fields.ok()) {
    result.status = fields.status();
    return result;
  }
  result.subject = SubjectOf(*fields);
  Result<PictureBody> body = ReadPicture(*fields, options.save_image);
  if (!body.ok()) {
    result.status = body.status();
    return result;
  }
  const Result<engine::LibraryMode> mode = libraries_.FindMode(library);
  if (!mode.ok()) {
    result.stop_because = mode.status();
    return result;
  }
  if (result.status = CheckItems(*body, *mode); !result.status.ok()) return result;
  const std::string_view source =
      body->base64.has_value() ? kImageBase64.front() : kImageUri.front();
  Result<std::string> bytes = std::string();
  if (body->base64.has_value()) {
    bytes = DecodePicture(*body->base64, MaxPictureBytes());
    if (!bytes.ok()) {
      result.status = bytes.status();
      return result;
    }
  } else if (!options.may_fetch && engine::Sources::IsUrl(body->key.uri)) {
    result.status = InvalidField(
        source,
        "the key that made the task may not have URLs fetched (fetch = true in the keys "
        "file)");
    return result;
  } else {
    bytes = sources_.ReadAll(body->key.uri, MaxPictureBytes());
    if (!bytes.ok()) {
      result.status = InvalidField(source, bytes.status().message());
      return result;
    }
  }
  body->base64.reset();
  const Status put = libraries_.Put(library, PictureOf(*std::move(body), *std::move(bytes)));
  if (StopsAll(put)) {
    result.stop_because = put;
  } else if (put.code() == Code::kInvalidArgument) {
    const PictureFault fault = FaultOf(put);
    result.status = InvalidField(fault.picture ? source : fault.field, put.message());
  } else {
    result.status = put;
  }
  return result;
}

void Front::RegisterJobs() {
  jobs_.Register(kImportJob, [this](engine::JobRun& run) -> Status {
    const Value* location = run.input().Find(kInputLocation);
    if (location == nullptr || location->as_string() == nullptr) {
      return Status(Code::kInternal, "the task's input is damaged");
    }
    const LineOptions options = {.save_image = Flag(run.input(), kInputSaveImage),
                                 .may_fetch = Flag(run.input(), kInputMayFetch)};
    return engine::ImportLines(
        run, sources_, *location->as_string(), options_.import,
        [&](std::string_view line) { return ImportLine(run.table(), options, line); });
  });
}

}  // namespace ocellus::api::adb
