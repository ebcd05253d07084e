#include "api/responses/files.h"

#include <charconv>
#include <optional>
#include <utility>

#include "api/access.h"
#include "api/json.h"
#include "api/openai_errors.h"
#include "api/responses/multipart.h"
#include "api/responses/pages.h"
#include "base/digest.h"
#include "base/utf8.h"

namespace ocellus::api::responses {
namespace {

constexpr std::size_t kMaxPurpose = 64;
constexpr std::size_t kMaxPage = 10'000;
constexpr std::int64_t kLeastExpiry = 3600;  // as OpenAI has them
constexpr std::int64_t kMostExpiry = 2'592'000;

std::string TextOf(const Value& object, std::string_view name) {
  const Value* value = object.Find(name);
  return value != nullptr && value->as_string() != nullptr ? *value->as_string() : std::string();
}

Value FileObject(const engine::Record& record, std::uint64_t bytes) {
  return Value::Map{
      {"id", record.id},
      {"object", "file"},
      {"bytes", static_cast<std::int64_t>(bytes)},
      {"created_at", record.created_ms / 1000},
      {"expires_at", record.expires_ms == 0 ? Value() : Value(record.expires_ms / 1000)},
      {"filename", TextOf(record.details, "filename")},
      {"purpose", TextOf(record.details, "purpose")},
      {"status", "processed"},
      {"status_details", nullptr}};
}

Response NoSuchFile(const Request& request, const std::string& id) {
  return Fail({ErrorId::kFileNotFound, "no such file: " + id, {}, "file_id"}, request.id);
}

Value Operation(const char* id, const char* summary, const std::string& prefix,
                bool uploads = false) {
  Value::Map operation = {
      {"operationId", std::string(id) + (prefix == "/v1" ? "" : "_compatible")},
      {"summary", summary},
      {"tags", Value::List{"files"}},
      {"responses",
       Value::Map{{"200", JsonContent("Done.", JsonSchema("object", "See docs/api/responses.md."))},
                  {"default", OpenAiFailureContent()}}}};
  if (uploads) {
    Value file(Value::Map{{"type", "string"}, {"format", "binary"}});
    const Value schema = ObjectSchema(
        {{"file", std::move(file)}, {"purpose", JsonSchema("string", "\"vision\", say.")}},
        {"file", "purpose"});
    const Value::Map content = {{"multipart/form-data", Value::Map{{"schema", schema}}}};
    operation.emplace_back("requestBody", Value::Map{{"required", true}, {"content", content}});
  }
  return operation;
}

struct Form {
  std::string filename;
  std::string_view bytes;
  std::string purpose;
  std::int64_t expires_s = 0;
  bool has_file = false;
};

Result<Form> ReadForm(const Request& request) {
  const std::string* type = request.Header("content-type");
  OCELLUS_ASSIGN_OR_RETURN(const std::vector<FormPart> parts,
                           ParseMultipart(type == nullptr ? "" : *type, request.body));
  Form form;
  for (const FormPart& part : parts) {
    if (part.name == "file") {
      form.has_file = true;
      form.bytes = part.data;
      form.filename = part.filename.value_or("");
    } else if (part.name == "purpose") {
      form.purpose = part.data;
    } else if (part.name == "expires_after[seconds]") {
      const char* end = part.data.data() + part.data.size();
      const auto [stop, error] = std::from_chars(part.data.data(), end, form.expires_s);
      if (error != std::errc() || stop != end || form.expires_s < kLeastExpiry ||
          form.expires_s > kMostExpiry) {
        return Status(Code::kInvalidArgument,
                      "expires_after[seconds]: expected an integer from 3600 to 2592000");
      }
    }
  }
  if (!form.has_file) return Status(Code::kInvalidArgument, "file: required");
  if (form.purpose.empty()) return Status(Code::kInvalidArgument, "purpose: required");
  if (form.purpose.size() > kMaxPurpose || !IsUtf8(form.purpose)) {
    return Status(Code::kInvalidArgument, "purpose: expected at most 64 bytes of text");
  }
  return form;
}

}  // namespace

Result<std::string> Files::Read(const std::string& id, const std::string& owner) {
  OCELLUS_ASSIGN_OR_RETURN(engine::Record record, records_.Get(id, owner));
  return std::move(record.bytes);
}

Response Files::Upload(const Request& request) {
  const Status access =
      CheckAccess(request.principal, Role::kWrite,
                  request.principal.tables.has_value() && !request.principal.tables->empty()
                      ? request.principal.tables->front()
                      : std::string());
  if (!access.ok()) return Fail({ErrorId::kForbidden, access.message()}, request.id);
  const Result<Form> form = ReadForm(request);
  if (!form.ok()) return Fail(InvalidRequest(form.status()), request.id);
  const auto info = engine_.Measure(AsBytes(form->bytes));
  if (!info.ok()) {
    return Fail({ErrorId::kInvalidImage, "file: " + info.status().message(),
                 form->bytes.empty() ? "empty_image_file" : "invalid_image", "file"},
                request.id);
  }
  engine::Record record;
  record.id = "file-" + RandomHex(16);
  record.owner = request.principal.name;
  record.created_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                          std::chrono::system_clock::now().time_since_epoch())
                          .count();
  if (form->expires_s != 0) record.expires_ms = record.created_ms + form->expires_s * 1000;
  record.details = Value::Map{{"filename", form->filename},
                              {"purpose", form->purpose},
                              {"content_type", info->content_type}};
  record.bytes = std::string(form->bytes);
  const Value answer = FileObject(record, record.bytes.size());
  const Status put = records_.Put(std::move(record));
  if (put.code() == Code::kResourceExhausted && put.message().starts_with("there are ")) {
    return Fail({ErrorId::kStorageLimitExceeded,
                 "no room for another file: " + put.message() + "; delete some"},
                request.id);
  }
  if (!put.ok()) return Fail(FailureOf(put), request.id);
  return JsonResponse(answer);
}

Response Files::List(const Request& request) {
  auto records = records_.List(request.principal.name);
  if (!records.ok()) return Fail(FailureOf(records.status()), request.id);
  const std::string* purpose = request.Query("purpose");
  Value::List items;
  for (const auto& [record, bytes] : *records) {
    if (purpose != nullptr && TextOf(record.details, "purpose") != *purpose) continue;
    items.push_back(FileObject(record, bytes));
  }
  const Result<Value> page = PageOf(request, std::move(items), kMaxPage, kMaxPage);
  if (!page.ok()) return Fail(InvalidRequest(page.status()), request.id);
  return JsonResponse(*page);
}

Response Files::Get(const Request& request, const std::string& id) {
  const Result<engine::Record> record = records_.Get(id, request.principal.name);
  if (record.ok()) return JsonResponse(FileObject(*record, record->bytes.size()));
  if (record.status().code() == Code::kNotFound) return NoSuchFile(request, id);
  return Fail(FailureOf(record.status()), request.id);
}

Response Files::Content(const Request& request, const std::string& id) {
  Result<engine::Record> record = records_.Get(id, request.principal.name);
  if (!record.ok()) {
    if (record.status().code() == Code::kNotFound) return NoSuchFile(request, id);
    return Fail(FailureOf(record.status()), request.id);
  }
  Response response;
  const std::string type = TextOf(record->details, "content_type");
  response.content_type = type.empty() ? "application/octet-stream" : type;
  response.body = std::move(record->bytes);
  return response;
}

Response Files::Delete(const Request& request, const std::string& id) {
  const Status deleted = records_.Delete(id, request.principal.name);
  if (deleted.code() == Code::kNotFound) return NoSuchFile(request, id);
  if (!deleted.ok()) return Fail(FailureOf(deleted), request.id);
  return JsonResponse(Value::Map{{"id", id}, {"object", "file"}, {"deleted", true}});
}

void Files::AddRoutes(Router& router, const std::string& prefix) {
  router.Add({"POST", prefix + "/files", Operation("file_create", "Upload a picture", prefix, true),
              [this](const Request& request, const auto&) { return Upload(request); }});
  router.Add({"GET", prefix + "/files", Operation("file_list", "Uploaded files", prefix),
              [this](const Request& request, const auto&) { return List(request); }});
  router.Add({"GET", prefix + "/files/{file_id}", Operation("file_get", "About a file", prefix),
              [this](const Request& request, const PathParameters& parameters) {
                return Get(request, parameters.at("file_id"));
              }});
  router.Add({"GET", prefix + "/files/{file_id}/content",
              Operation("file_content", "A file's bytes", prefix),
              [this](const Request& request, const PathParameters& parameters) {
                return Content(request, parameters.at("file_id"));
              }});
  router.Add({"DELETE", prefix + "/files/{file_id}",
              Operation("file_delete", "Delete a file", prefix),
              [this](const Request& request, const PathParameters& parameters) {
                return Delete(request, parameters.at("file_id"));
              }});
}

}  // namespace ocellus::api::responses
