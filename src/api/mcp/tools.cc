#include "api/mcp/tools.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <optional>
#include <utility>

#include "api/adb/tag_filter.h"
#include "api/json.h"
#include "api/mcp/tool_schemas.h"
#include "api/picture_input.h"
#include "base/base64.h"
#include "base/bytes.h"
#include "base/utf8.h"
#include "engine/contact_sheet.h"

namespace ocellus::api::mcp {
namespace {

using One = std::array<std::string_view, 1>;
constexpr One kText = {"text"};
constexpr One kImage = {"image"};
constexpr One kLike = {"like"};
constexpr One kLibraries = {"libraries"};
constexpr One kLibrary = {"library"};
constexpr One kImageId = {"image_id"};
constexpr One kImageUri = {"image_uri"};
constexpr One kTopK = {"top_k"};
constexpr One kFilters = {"filters"};
constexpr One kThreshold = {"score_threshold"};
constexpr One kContactSheet = {"contact_sheet"};
constexpr One kMaxSide = {"max_side"};

constexpr std::size_t kMaxTextBytes = 8192;
constexpr std::size_t kMaxNamedLibraries = 100;
// Results go into a model's context: what is larger would crowd out everything else.
constexpr std::size_t kMaxTagsBytes = 1024;
constexpr std::uint32_t kTileSide = 192;
constexpr std::chrono::seconds kLongestWait{30};  // for its turn to fetch

Value::Map TextContent(std::string text) {
  return {{"type", "text"}, {"text", std::move(text)}};
}

Value::Map ImageContent(const engine::PictureFile& file) {
  return {{"type", "image"},
          {"data", EncodeBase64(AsBytes(file.bytes))},
          {"mimeType", file.content_type}};
}

// Clients from before structured content read the same as text.
Value::Map Structured(Value content) {
  Value::List blocks = {TextContent(WriteJson(content))};
  return {{"content", std::move(blocks)}, {"structuredContent", std::move(content)}};
}

void AddContent(Value::Map& result, Value block) {
  result.front().second.as_list()->push_back(std::move(block));
}

Value::Map Failure(const Status& status) {
  return {{"content", Value::List{TextContent(ToUtf8(status.message()))}}, {"isError", true}};
}

const char* ModeName(engine::LibraryMode mode) {
  constexpr std::array<const char*, 3> kNames = {"general_search", "item_search",
                                                 "adaptive_search"};
  return kNames[static_cast<std::size_t>(mode)];
}

double Rounded(double score) {
  return std::round(score * 1e4) / 1e4;
}

Result<double> ReadThreshold(Fields& fields) {
  const Value value = fields.Any(kThreshold);
  if (value.is_null()) return 0.0;
  if (!value.is_number() || value.number() < 0 || value.number() > 1) {
    return InvalidField(kThreshold.front(), "expected a number from 0 to 1");
  }
  return value.number();
}

// The filter's own messages start with the name that another front has for it.
Result<query::Filter> ReadFilter(Fields& fields) {
  constexpr std::string_view kTheirs = "tag_filter";
  Result<query::Filter> filter =
      adb::ParseTagFilter(fields.Any(kFilters), engine::kLibraryTagsColumn);
  if (filter.ok() || !filter.status().message().starts_with(kTheirs)) return filter;
  return Status(filter.status().code(),
                std::string(kFilters.front()) + filter.status().message().substr(kTheirs.size()));
}

}  // namespace

struct Tools::Picture {
  std::string library;
  std::string id;
  std::optional<std::string> uri;

  static Result<Picture> Read(Fields& fields) {
    Picture picture;
    OCELLUS_ASSIGN_OR_RETURN(picture.library, fields.String(kLibrary));
    OCELLUS_ASSIGN_OR_RETURN(picture.id, fields.String(kImageId));
    OCELLUS_ASSIGN_OR_RETURN(picture.uri, fields.OptionalString(kImageUri));
    return picture;
  }
};

struct Tools::SearchArguments {
  std::vector<std::string> libraries;
  std::uint32_t top_k = 0;
  query::Filter filter;
  double threshold = 0;
  bool contact_sheet = false;
};

Result<Tools::SearchArguments> Tools::ReadSearch(const Principal& principal, Fields& fields,
                                                 bool text) const {
  SearchArguments arguments;
  const auto limit = std::min<std::int64_t>(kMaxResults, libraries_.engine().options().max_top_k);
  OCELLUS_ASSIGN_OR_RETURN(
      const std::int64_t top_k,
      fields.Integer(kTopK, std::min<std::int64_t>(kDefaultResults, limit), 1, limit));
  arguments.top_k = static_cast<std::uint32_t>(top_k);
  OCELLUS_ASSIGN_OR_RETURN(arguments.contact_sheet, fields.Boolean(kContactSheet, false));
  OCELLUS_ASSIGN_OR_RETURN(arguments.threshold, ReadThreshold(fields));
  OCELLUS_ASSIGN_OR_RETURN(arguments.filter, ReadFilter(fields));

  if (fields.Peek(kLibraries) != nullptr) {
    OCELLUS_ASSIGN_OR_RETURN(const Value::List names, fields.List(kLibraries));
    if (names.empty() || names.size() > kMaxNamedLibraries) {
      return InvalidField(kLibraries.front(),
                          "expected 1 to " + std::to_string(kMaxNamedLibraries) + " names");
    }
    for (const Value& name : names) {
      if (name.as_string() == nullptr) {
        return InvalidField(kLibraries.front(),
                            std::string("expected names, got ") + name.type_name());
      }
      OCELLUS_RETURN_IF_ERROR(CheckAccess(principal, Role::kRead, *name.as_string()));
      OCELLUS_ASSIGN_OR_RETURN(const engine::LibraryMode mode,
                               libraries_.FindMode(*name.as_string()));
      if (text && mode != engine::LibraryMode::kWholePicture) {
        return InvalidField(kLibraries.front(), *name.as_string() + " has the mode " +
                                                    ModeName(mode) +
                                                    " and is searched by picture only");
      }
      arguments.libraries.push_back(*name.as_string());
    }
    return arguments;
  }
  OCELLUS_ASSIGN_OR_RETURN(const auto all, libraries_.Modes());
  for (const auto& [name, mode] : all) {
    if (!CheckAccess(principal, Role::kRead, name).ok()) continue;
    if (!text || mode == engine::LibraryMode::kWholePicture) arguments.libraries.push_back(name);
  }
  return arguments;
}

Value Tools::ResultOf(const User& user, std::size_t index,
                      const engine::FoundPicture& found) const {
  const engine::PictureKey& key = found.hit.key;
  Value::Map result = {{"index", static_cast<std::int64_t>(index)},
                       {"library", found.library},
                       {"image_id", key.id},
                       {"image_uri", key.uri},
                       {"score", Rounded(found.hit.score)},
                       {"url", links_.LinkTo(user.link_base, found.library, key.id, key.uri)}};
  if (WriteJson(found.hit.tags).size() <= kMaxTagsBytes) {
    result.emplace_back("tags", found.hit.tags);
  } else {
    result.emplace_back("tags_left_out", true);
  }
  return result;
}

Result<Value> Tools::SheetOf(const std::vector<engine::FoundPicture>& found) const {
  std::vector<std::optional<std::string>> pictures;
  for (const engine::FoundPicture& each : found) {
    Result<engine::KeptPicture> picture =
        libraries_.Fetch(each.library, each.hit.key.id, each.hit.key.uri);
    if (picture.ok()) {
      pictures.emplace_back(std::move(picture->bytes));
    } else {
      pictures.emplace_back();
    }
  }
  OCELLUS_ASSIGN_OR_RETURN(
      const engine::PictureFile sheet,
      engine::MakeContactSheet(libraries_.engine(), std::move(pictures), kTileSide));
  return Value(ImageContent(sheet));
}

Result<Value::Map> Tools::Search(const User& user, const SearchArguments& arguments,
                                 engine::Query query) const {
  std::vector<engine::FoundPicture> found;
  if (!arguments.libraries.empty()) {
    OCELLUS_ASSIGN_OR_RETURN(
        found, libraries_.SearchAll(arguments.libraries,
                                    {{}, std::move(query), arguments.top_k, arguments.filter}));
  }
  std::erase_if(found, [&](const engine::FoundPicture& each) {
    return Rounded(each.hit.score) < arguments.threshold;
  });
  Value::List results;
  for (const engine::FoundPicture& each : found) {
    results.push_back(ResultOf(user, results.size() + 1, each));
  }
  Value::Map result = Structured(Value::Map{{"results", std::move(results)}});
  if (arguments.contact_sheet && !found.empty()) {
    OCELLUS_ASSIGN_OR_RETURN(Value sheet, SheetOf(found));
    AddContent(result, std::move(sheet));
  }
  return result;
}

Result<Value::Map> Tools::SearchByText(const User& user, Fields& fields) const {
  OCELLUS_ASSIGN_OR_RETURN(const std::string text, fields.String(kText));
  if (text.find_first_not_of(" \t\r\n") == std::string::npos) {
    return InvalidField(kText.front(), "must not be empty");
  }
  if (text.size() > kMaxTextBytes) {
    return InvalidField(kText.front(), std::to_string(text.size()) + " bytes, the limit is " +
                                           std::to_string(kMaxTextBytes));
  }
  OCELLUS_ASSIGN_OR_RETURN(const SearchArguments arguments,
                           ReadSearch(user.principal, fields, true));
  return Search(user, arguments, engine::TextQuery{text});
}

Result<engine::KeptPicture> Tools::Fetch(const Principal& principal, const Picture& picture) const {
  OCELLUS_RETURN_IF_ERROR(CheckAccess(principal, Role::kRead, picture.library));
  const Result<engine::LibraryMode> library = libraries_.FindMode(picture.library);
  if (!library.ok()) return library.status();
  return libraries_.Fetch(picture.library, picture.id, picture.uri);
}

Result<std::string> Tools::ReadImage(const Principal& principal, Fields& fields) const {
  const std::size_t max_bytes = libraries_.engine().options().picture_limits.max_bytes;
  OCELLUS_ASSIGN_OR_RETURN(const std::optional<std::string> image, fields.OptionalString(kImage));
  const bool like = fields.Peek(kLike) != nullptr;
  if (image.has_value() == like) {
    return InvalidField(kImage.front(), "expected either \"image\" or \"like\"");
  }
  if (like) {
    OCELLUS_ASSIGN_OR_RETURN(Value::Map object, fields.Object(kLike));
    Fields names{Value(std::move(object))};
    OCELLUS_ASSIGN_OR_RETURN(const Picture picture, Picture::Read(names));
    OCELLUS_ASSIGN_OR_RETURN(engine::KeptPicture kept, Fetch(principal, picture));
    return std::move(kept.bytes);
  }
  if (!IsWebUrl(*image)) return DecodePictureText(kImage.front(), *image, max_bytes);
  OCELLUS_RETURN_IF_ERROR(CheckFetch(principal));
  return sources_.ReadAll(*image, max_bytes);
}

Result<Value::Map> Tools::SearchByImage(const User& user, Fields& fields) const {
  OCELLUS_ASSIGN_OR_RETURN(const SearchArguments arguments,
                           ReadSearch(user.principal, fields, false));
  const Value* image = fields.Peek(kImage);
  const bool fetches =
      image != nullptr && image->as_string() != nullptr && IsWebUrl(*image->as_string());
  std::optional<FetchSlots::Hold> slot;
  if (fetches) {
    slot.emplace(slots_, std::chrono::steady_clock::now() + kLongestWait);
    if (!slot->taken()) {
      return Status(Code::kUnavailable, "too many pictures are being fetched; try again later");
    }
  }
  OCELLUS_ASSIGN_OR_RETURN(const std::string bytes, ReadImage(user.principal, fields));
  return Search(user, arguments, engine::PictureQuery{AsBytes(bytes)});
}

Result<Value::Map> Tools::GetImage(const Principal& principal, Fields& fields) const {
  OCELLUS_ASSIGN_OR_RETURN(const Picture picture, Picture::Read(fields));
  OCELLUS_ASSIGN_OR_RETURN(const std::int64_t side,
                           fields.Integer(kMaxSide, kDefaultSide, kSmallestSide, kLargestSide));
  OCELLUS_ASSIGN_OR_RETURN(engine::KeptPicture kept, Fetch(principal, picture));
  OCELLUS_ASSIGN_OR_RETURN(
      const engine::PictureFile file,
      libraries_.engine().Render(std::move(kept.bytes), static_cast<std::uint32_t>(side)));
  return Value::Map{{"content", Value::List{ImageContent(file)}}};
}

Result<Value::Map> Tools::ListLibraries(const Principal& principal) const {
  OCELLUS_ASSIGN_OR_RETURN(const std::vector<engine::Library> all, libraries_.List());
  Value::List listed;
  for (const engine::Library& library : all) {
    if (!CheckAccess(principal, Role::kRead, library.name).ok()) continue;
    listed.push_back(Value::Map{{"name", library.name},
                                {"pictures", static_cast<std::int64_t>(library.pictures)},
                                {"mode", ModeName(library.mode)},
                                {"description", library.description}});
  }
  return Structured(Value::Map{{"libraries", std::move(listed)}});
}

bool Tools::Fetches(std::string_view name, const Value& arguments) {
  if (name != kSearchByImage) return false;
  const Value* image = arguments.Find(kImage.front());
  return image != nullptr && image->as_string() != nullptr && IsWebUrl(*image->as_string());
}

Value::Map Tools::Call(const User& user, std::string_view name, Value arguments) const {
  Fields fields(std::move(arguments));
  const Status access = CheckAccess(user.principal, Role::kRead, "");
  if (!access.ok()) return Failure(access);
  Result<Value::Map> result = [&] {
    if (name == kListLibraries) return ListLibraries(user.principal);
    if (name == kSearchByText) return SearchByText(user, fields);
    if (name == kSearchByImage) return SearchByImage(user, fields);
    return GetImage(user.principal, fields);
  }();
  return result.ok() ? *std::move(result) : Failure(result.status());
}

}  // namespace ocellus::api::mcp
