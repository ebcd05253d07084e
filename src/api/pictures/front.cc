#include "api/pictures/front.h"

#include <charconv>
#include <optional>
#include <string>
#include <utility>

#include "api/access.h"
#include "api/admin/errors.h"
#include "api/errors.h"
#include "api/json.h"

namespace ocellus::api::pictures {
namespace {

using admin::Fail;

constexpr std::uint32_t kMinSide = 16;
constexpr std::uint32_t kMaxSide = 2048;
constexpr int kFound = 302;
constexpr int kNotModified = 304;

// None when it is no number of the allowed range.
std::optional<std::uint32_t> SideOf(std::string_view text) {
  std::uint32_t side = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), side);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return side >= kMinSide && side <= kMaxSide ? std::optional(side) : std::nullopt;
}

// Whether an If-None-Match names the tag. Tags hold no comma or quote of their own.
bool NamesTag(std::string_view header, std::string_view tag) {
  while (!header.empty()) {
    const std::size_t comma = header.find(',');
    std::string_view item = header.substr(0, comma);
    header.remove_prefix(comma == std::string_view::npos ? header.size() : comma + 1);
    item.remove_prefix(std::min(item.find_first_not_of(" \t"), item.size()));
    item = item.substr(0, item.find_last_not_of(" \t") + 1);
    if (item.starts_with("W/")) item.remove_prefix(2);
    if (item == "*" || item == tag) return true;
  }
  return false;
}

Value Operation(const char* id, bool id_in_query) {
  Value::List parameters;
  if (id_in_query) {
    parameters.push_back(
        QueryParameter("image_id", "The picture's image_id.", Value::Map{{"type", "string"}}));
  }
  parameters.push_back(QueryParameter(
      "uri", "The picture's image_uri; the first picture of the image_id when left out.",
      Value::Map{{"type", "string"}}));
  parameters.push_back(QueryParameter(
      "size", "Longest side of a JPEG thumbnail; the bytes as imported when left out.",
      Value::Map{{"type", "integer"},
                 {"minimum", std::int64_t{kMinSide}},
                 {"maximum", std::int64_t{kMaxSide}}}));
  const Value picture(Value::Map{
      {"description", "The picture."},
      {"content",
       Value::Map{{"image/*", Value::Map{{"schema", Value::Map{{"type", "string"},
                                                               {"format", "binary"}}}}}}}});
  return Value::Map{
      {"operationId", id},
      {"summary", "A kept picture, whole or as a thumbnail"},
      {"tags", Value::List{"pictures"}},
      {"parameters", std::move(parameters)},
      {"responses",
       Value::Map{{"200", picture},
                  {"302", Value::Map{{"description", "Kept without its bytes: its URL."}}},
                  {"304", Value::Map{{"description", "It has not changed."}}},
                  {"default", admin::FailureContent()}}}};
}

}  // namespace

Response Front::Get(const Request& request, const std::string& library, const std::string& id) {
  const Status access = CheckAccess(request.principal, Role::kRead, library);
  if (!access.ok()) return Fail(ErrorId::kForbidden, access.message());
  std::uint32_t side = 0;
  if (const std::string* size = request.Query("size")) {
    const std::optional<std::uint32_t> wanted = SideOf(*size);
    if (!wanted.has_value()) {
      return Fail(ErrorId::kInvalidParameter,
                  "size: expected an integer from " + std::to_string(kMinSide) + " to " +
                      std::to_string(kMaxSide) + ", got \"" + size->substr(0, 32) + "\"");
    }
    side = *wanted;
  }
  const auto mode = libraries_.FindReadable(library);
  if (!mode.ok()) {
    const bool unknown = mode.status().code() == Code::kNotFound;
    return Fail(unknown ? ErrorId::kLibraryNotFound : ErrorOf(mode.status()),
                mode.status().message());
  }
  const std::string* uri = request.Query("uri");
  Result<engine::KeptPicture> picture =
      libraries_.Fetch(library, id, uri != nullptr ? std::optional(*uri) : std::nullopt);
  if (!picture.ok()) {
    // Imported without its bytes, from where they still may be.
    const bool elsewhere =
        uri != nullptr && (uri->starts_with("https://") || uri->starts_with("http://"));
    if (elsewhere && libraries_.Has(library, {id, *uri})) {
      Response found;
      found.status = kFound;
      found.headers = {{"Location", *uri}, {"Cache-Control", "private, no-cache"}};
      return found;
    }
    const bool unknown = picture.status().code() == Code::kNotFound;
    return Fail(unknown ? ErrorId::kPictureNotFound : ErrorOf(picture.status()),
                picture.status().message());
  }

  Response response;
  const std::string tag =
      '"' + picture->digest + (side == 0 ? "" : "-" + std::to_string(side)) + '"';
  response.headers = {{"ETag", tag},
                      // The same key may be imported again with another picture: so ask each time.
                      {"Cache-Control", "private, no-cache"},
                      {"X-Content-Type-Options", "nosniff"}};
  const std::string* known = request.Header("if-none-match");
  if (known != nullptr && NamesTag(*known, tag)) {
    response.status = kNotModified;
    response.content_type.clear();
    return response;
  }
  Result<engine::PictureFile> file = libraries_.engine().Render(std::move(picture->bytes), side);
  if (!file.ok()) return Fail(ErrorId::kInternal, file.status().message());
  response.content_type = file->content_type;
  response.body = std::move(file->bytes);
  return response;
}

void Front::AddRoutes(Router& router) {
  router.Add({"GET", "/images/{library}/{image_id*}", Operation("image_get", false),
              [this](const Request& request, const PathParameters& parameters) {
                return Get(request, parameters.at("library"), parameters.at("image_id"));
              },
              false,
              [this](const Request& request, const PathParameters& parameters) {
                return links_.Vouch(request, parameters.at("library"), parameters.at("image_id"));
              }});
  router.Add({"GET", "/images/{library}", Operation("image_get_by_query", true),
              [this](const Request& request, const PathParameters& parameters) {
                const std::string* id = request.Query("image_id");
                if (id == nullptr) return Fail(ErrorId::kInvalidParameter, "image_id: required");
                return Get(request, parameters.at("library"), *id);
              },
              false,
              [this](const Request& request,
                     const PathParameters& parameters) -> std::optional<Principal> {
                const std::string* id = request.Query("image_id");
                if (id == nullptr) return std::nullopt;
                return links_.Vouch(request, parameters.at("library"), *id);
              }});
}

}  // namespace ocellus::api::pictures
