// The calls on libraries.

#include <algorithm>
#include <utility>

#include "api/access.h"
#include "api/adb/envelope.h"
#include "api/adb/front.h"
#include "api/adb/names.h"
#include "api/adb/requests.h"
#include "api/json.h"

namespace ocellus::api::adb {
namespace {

const ModeName* FindMode(std::string_view name) {
  const auto* found = std::find_if(kModes.begin(), kModes.end(),
                                   [&](const ModeName& mode) { return mode.name == name; });
  return found == kModes.end() ? nullptr : found;
}

std::string_view NameOf(engine::LibraryMode mode) {
  return std::find_if(kModes.begin(), kModes.end(),
                      [&](const ModeName& row) { return row.mode == mode; })
      ->name;
}

}  // namespace

Response Front::CreateLibrary(const Request& request) {
  Result<Fields> fields = Fields::OfBody(request.body);
  if (!fields.ok()) return Fail(ErrorId::kInvalidParameter, fields.status());
  const std::string mode_field(fields->NameOf(kMode));
  const Result<CreateLibraryBody> body = ReadCreateLibrary(*fields);
  if (!body.ok()) return Fail(ErrorId::kInvalidParameter, body.status());
  const Status access = CheckAccess(request.principal, Role::kAdmin, body->library);
  if (!access.ok()) return Fail(ErrorId::kForbidden, access);

  const ModeName* mode = FindMode(body->mode);
  if (mode == nullptr) {
    return Fail(ErrorId::kUnsupportedMode,
                mode_field + ": expected general_search, item_search or adaptive_search, got \"" +
                    body->mode.substr(0, 64) + "\"");
  }
  const Result<engine::Library> library =
      libraries_.Create(body->library, mode->mode, body->description);
  if (library.ok()) {
    return Succeed(Value::Map{{"library_name", library->name},
                              {"mode", mode->name},
                              {"create_time", IsoTime(library->create_time_ms)}});
  }
  switch (library.status().code()) {
    case Code::kAlreadyExists:
      return Fail(ErrorId::kLibraryAlreadyExists, "library_name: " + library.status().message());
    case Code::kFailedPrecondition:
      return Fail(
          ErrorId::kUnsupportedMode,
          mode_field + ": " + body->mode + " is not available: " + library.status().message());
    case Code::kResourceExhausted:
      return Fail(ErrorId::kLibraryLimitExceeded, library.status());
    default:
      return FailOfEngine(library.status());
  }
}

Response Front::ListLibraries(const Request& request) {
  const Status access = CheckAccess(request.principal, Role::kRead, "");
  if (!access.ok()) return Fail(ErrorId::kForbidden, access);
  const Result<std::vector<engine::Library>> libraries = libraries_.List();
  if (!libraries.ok()) return FailOfEngine(libraries.status());
  Value::List list;
  for (const engine::Library& library : *libraries) {
    if (!CheckAccess(request.principal, Role::kRead, library.name).ok()) continue;
    list.push_back(Value::Map{{"library_name", library.name},
                              {"mode", NameOf(library.mode)},
                              {"image_count", static_cast<std::int64_t>(library.pictures)},
                              {"create_time", IsoTime(library.create_time_ms)},
                              {"description", library.description}});
  }
  return Succeed(Value::Map{{"libraries", std::move(list)}});
}

Response Front::DeleteLibrary(const Request& request) {
  Result<Fields> fields = Fields::OfBody(request.body);
  if (!fields.ok()) return Fail(ErrorId::kInvalidParameter, fields.status());
  const Result<std::string> library = ReadLibraryName(*fields);
  if (!library.ok()) return Fail(ErrorId::kInvalidParameter, library.status());
  const Status access = CheckAccess(request.principal, Role::kAdmin, *library);
  if (!access.ok()) return Fail(ErrorId::kForbidden, access);
  const Status dropped = libraries_.Drop(*library);
  return dropped.ok() ? Succeed(nullptr) : FailOfEngine(dropped);
}

}  // namespace ocellus::api::adb
