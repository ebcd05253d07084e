#include "api/adb/requests.h"

#include <algorithm>
#include <utility>

#include "api/adb/names.h"
#include "api/picture_input.h"

namespace ocellus::api::adb {
namespace {

constexpr std::size_t kMaxLibraryNameBytes = 128;
constexpr std::size_t kMaxKeyBytes = 1024;  // of image_id and of image_uri
constexpr std::size_t kMaxDescriptionBytes = 4096;
// Far beyond what any text tower reads (77 tokens are typical).
constexpr std::size_t kMaxTextBytes = 8192;
constexpr std::size_t kMaxLocationBytes = 4096;
constexpr std::int64_t kDefaultTopK = 10;
// What product tags need a hundred times over; tags are returned with every result.
constexpr std::size_t kMaxTags = 256;
constexpr std::size_t kMaxTagNameBytes = 256;
constexpr std::size_t kMaxTagsBytes = 64 << 10;
// Sides of a picture have 32 bits.
constexpr std::int64_t kMaxPixel = 0xFFFFFFFF;

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

Status CheckBytes(std::string_view name, std::string_view text, std::size_t max_bytes) {
  if (text.size() > max_bytes) {
    return InvalidField(
        name, std::to_string(text.size()) + " bytes, the limit is " + std::to_string(max_bytes));
  }
  if (text.find('\0') != std::string_view::npos) {
    return InvalidField(name, "a NUL character is not allowed");
  }
  return {};
}

Result<std::string> ReadKeyPart(Fields& fields, Names names) {
  OCELLUS_ASSIGN_OR_RETURN(std::string text, fields.String(names));
  if (text.empty()) return InvalidField(names.front(), "must not be empty");
  OCELLUS_RETURN_IF_ERROR(CheckBytes(names.front(), text, kMaxKeyBytes));
  return text;
}

bool IsScalar(const Value& value) {
  return value.as_bool() != nullptr || value.is_number() || value.as_string() != nullptr;
}

// Scalars and lists of them; a null is a tag that is not there.
Result<Value::Map> ReadTags(Fields& fields) {
  OCELLUS_ASSIGN_OR_RETURN(Value::Map sent, fields.Object(kTags));
  Value::Map tags;
  for (auto& member : sent) {  // no structured binding: clang 14 cannot capture one
    std::string& name = member.first;
    Value& value = member.second;
    if (value.is_null()) continue;
    const std::string field = "tags." + name.substr(0, 64);
    if (name.empty()) return InvalidField("tags", "a tag's name must not be empty");
    OCELLUS_RETURN_IF_ERROR(CheckBytes(field, name, kMaxTagNameBytes));
    bool fine = IsScalar(value);
    if (const Value::List* list = value.as_list()) {
      fine = std::all_of(list->begin(), list->end(), IsScalar);
    }
    if (!fine) {
      return InvalidField(
          field, std::string("expected a string, a number, a boolean or a list of "
                             "them, got ") +
                     (value.as_list() != nullptr ? "a list of others" : value.type_name()));
    }
    const auto same =
        std::find_if(tags.begin(), tags.end(), [&](const auto& tag) { return tag.first == name; });
    if (same != tags.end()) {
      same->second = std::move(value);  // the last one counts
    } else {
      tags.emplace_back(std::move(name), std::move(value));
    }
    if (tags.size() > kMaxTags) {
      return InvalidField("tags", "more than " + std::to_string(kMaxTags) + " tags");
    }
  }
  if (WriteJson(tags).size() > kMaxTagsBytes) {
    return InvalidField("tags", "over " + std::to_string(kMaxTagsBytes) + " bytes as JSON");
  }
  return tags;
}

// {"x", "y", "width", "height"} in pixels; other members are what answers have beside them.
Result<std::optional<image::Box>> ReadRegion(Fields& fields) {
  if (fields.Peek(kRegion) == nullptr) return std::optional<image::Box>();
  OCELLUS_ASSIGN_OR_RETURN(Value::Map object, fields.Object(kRegion));
  const Value region(std::move(object));
  const auto number = [&](std::string_view name, std::int64_t min) -> Result<std::uint32_t> {
    const Value* value = region.Find(name);
    const std::int64_t* pixels = value != nullptr ? value->as_int() : nullptr;
    if (pixels != nullptr && *pixels >= min && *pixels <= kMaxPixel) {
      return static_cast<std::uint32_t>(*pixels);
    }
    return InvalidField(
        "region." + std::string(name),
        "expected a number of pixels from " + std::to_string(min) + " on" +
            (value == nullptr ? ", got nothing" : ", got " + WriteJson(*value).substr(0, 64)));
  };
  image::Box box;
  OCELLUS_ASSIGN_OR_RETURN(box.x, number("x", 0));
  OCELLUS_ASSIGN_OR_RETURN(box.y, number("y", 0));
  OCELLUS_ASSIGN_OR_RETURN(box.width, number("width", 1));
  OCELLUS_ASSIGN_OR_RETURN(box.height, number("height", 1));
  return std::optional(box);
}

Result<std::optional<bool>> ReadCrop(Fields& fields) {
  if (fields.Peek(kCrop) == nullptr) return std::optional<bool>();
  OCELLUS_ASSIGN_OR_RETURN(const bool crop, fields.Boolean(kCrop, true));
  return std::optional(crop);
}

// `told`: region or crop says already what the item is.
Result<std::optional<std::size_t>> ReadMaxItems(Fields& fields, bool told) {
  if (fields.Peek(kMaxItems) == nullptr) return std::optional<std::size_t>();
  OCELLUS_ASSIGN_OR_RETURN(const std::int64_t max_items,
                           fields.Integer(kMaxItems, 1, 1, engine::kMaxItems));
  if (max_items > 1 && told) {
    return InvalidField(kMaxItems.front(), "expected 1 where region or crop says what the item is");
  }
  return std::optional(static_cast<std::size_t>(max_items));
}

}  // namespace

Result<std::string> ReadLibraryName(Fields& fields) {
  OCELLUS_ASSIGN_OR_RETURN(std::string name, fields.String(kLibraryName));
  if (name.empty() || name.size() > kMaxLibraryNameBytes ||
      !std::all_of(name.begin(), name.end(), IsNameCharacter)) {
    return InvalidField(kLibraryName.front(),
                        "expected 1 to 128 of the characters A-Z a-z 0-9 _ -");
  }
  return name;
}

Result<CreateLibraryBody> ReadCreateLibrary(Fields& fields) {
  CreateLibraryBody body;
  OCELLUS_ASSIGN_OR_RETURN(body.library, ReadLibraryName(fields));
  OCELLUS_ASSIGN_OR_RETURN(body.mode, fields.String(kMode));
  OCELLUS_ASSIGN_OR_RETURN(body.description, fields.String(kDescription, ""));
  OCELLUS_RETURN_IF_ERROR(CheckBytes(kDescription.front(), body.description, kMaxDescriptionBytes));
  return body;
}

Result<PictureBody> ReadPicture(Fields& fields, bool save_image_otherwise) {
  PictureBody body;
  OCELLUS_ASSIGN_OR_RETURN(body.key.id, ReadKeyPart(fields, kImageId));
  OCELLUS_ASSIGN_OR_RETURN(body.key.uri, ReadKeyPart(fields, kImageUri));
  OCELLUS_ASSIGN_OR_RETURN(body.base64, fields.OptionalString(kImageBase64));
  OCELLUS_ASSIGN_OR_RETURN(body.tags, ReadTags(fields));
  OCELLUS_ASSIGN_OR_RETURN(body.save_image, fields.Boolean(kSaveImage, save_image_otherwise));
  OCELLUS_ASSIGN_OR_RETURN(const std::optional<image::Box> region, ReadRegion(fields));
  OCELLUS_ASSIGN_OR_RETURN(const std::optional<bool> crop, ReadCrop(fields));
  OCELLUS_ASSIGN_OR_RETURN(const std::optional<std::size_t> max_items,
                           ReadMaxItems(fields, region.has_value() || crop == false));
  if (region.has_value()) body.items.boxes = {*region};
  body.items.find = crop.value_or(true);
  body.items.max_items = max_items.value_or(1);
  if (body.items.max_items > 1) body.items_field = kMaxItems.front();
  if (crop == true) body.items_field = kCrop.front();
  if (region.has_value()) body.items_field = kRegion.front();
  return body;
}

Status CheckItems(const PictureBody& body, engine::LibraryMode mode) {
  if (mode == engine::LibraryMode::kMainSubject || body.items_field.empty()) return {};
  return InvalidField(body.items_field, "only libraries of the mode item_search keep items");
}

Result<DeleteImageBody> ReadDeleteImage(Fields& fields) {
  DeleteImageBody body;
  OCELLUS_ASSIGN_OR_RETURN(body.library, ReadLibraryName(fields));
  OCELLUS_ASSIGN_OR_RETURN(body.id, ReadKeyPart(fields, kImageId));
  if (fields.Peek(kImageUri) == nullptr) return body;
  OCELLUS_ASSIGN_OR_RETURN(body.uri, ReadKeyPart(fields, kImageUri));
  return body;
}

Result<QueryPart> ReadQueryPart(Fields& fields, engine::LibraryMode mode) {
  QueryPart part;
  OCELLUS_ASSIGN_OR_RETURN(part.region, ReadRegion(fields));
  OCELLUS_ASSIGN_OR_RETURN(part.crop, ReadCrop(fields));
  OCELLUS_ASSIGN_OR_RETURN(const std::optional<std::size_t> max_items,
                           ReadMaxItems(fields, part.region.has_value() || part.crop == false));
  if (max_items.value_or(1) > 1 && mode != engine::LibraryMode::kMainSubject) {
    return InvalidField(kMaxItems.front(), "only libraries of the mode item_search look for items");
  }
  part.max_items = max_items.value_or(part.max_items);
  const bool faces = mode == engine::LibraryMode::kFaceOrWholePicture;
  if (part.crop == true && faces) {
    return InvalidField(kCrop.front(), "a library of the mode adaptive_search looks for faces");
  }
  OCELLUS_ASSIGN_OR_RETURN(const std::optional<std::string> face, fields.OptionalString(kFace));
  if (!face.has_value()) return part;
  if (!faces) {
    return InvalidField(kFace.front(), "only libraries of the mode adaptive_search look for faces");
  }
  if (*face != "largest" && *face != "all") {
    return InvalidField(kFace.front(),
                        "expected largest or all, got \"" + face->substr(0, 64) + "\"");
  }
  if (*face == "all") part.faces = engine::QueryFaces::kAll;
  return part;
}

PictureFault FaultOf(const Status& status) {
  const bool region = status.message().starts_with("the region");
  return {region ? kRegion.front() : kImageBase64.front(), !region};
}

Result<SearchBody> ReadSearch(Fields& fields, std::uint32_t max_top_k) {
  SearchBody body;
  OCELLUS_ASSIGN_OR_RETURN(body.library, ReadLibraryName(fields));
  OCELLUS_ASSIGN_OR_RETURN(const std::int64_t top_k,
                           fields.Integer(kTopK, kDefaultTopK, 1, max_top_k));
  body.top_k = static_cast<std::uint32_t>(top_k);
  OCELLUS_ASSIGN_OR_RETURN(body.return_frame, fields.Boolean(kReturnFrame, true));
  OCELLUS_ASSIGN_OR_RETURN(body.return_region, fields.Boolean(kReturnRegion, false));
  body.tag_filter = fields.Any(kTagFilter);
  return body;
}

Result<SearchText> ReadSearchText(Fields& fields) {
  SearchText body;
  body.name = fields.NameOf(kText);
  OCELLUS_ASSIGN_OR_RETURN(body.text, fields.String(kText));
  OCELLUS_RETURN_IF_ERROR(CheckBytes(body.name, body.text, kMaxTextBytes));
  if (body.text.find_first_not_of(" \t\r\n") == std::string::npos) {
    return InvalidField(body.name, "must not be empty");
  }
  return body;
}

Result<CreateTaskBody> ReadCreateTask(Fields& fields) {
  CreateTaskBody body;
  OCELLUS_ASSIGN_OR_RETURN(body.library, ReadLibraryName(fields));
  body.location_name = fields.NameOf(kLocation);
  OCELLUS_ASSIGN_OR_RETURN(body.location, fields.String(kLocation));
  OCELLUS_RETURN_IF_ERROR(CheckBytes(body.location_name, body.location, kMaxLocationBytes));
  if (body.location.empty()) return InvalidField(body.location_name, "must not be empty");
  OCELLUS_ASSIGN_OR_RETURN(body.save_image, fields.Boolean(kSaveImage, true));
  return body;
}

Result<std::string> DecodePicture(std::string_view base64, std::size_t max_bytes) {
  return DecodePictureText(kImageBase64.front(), base64, max_bytes);
}

}  // namespace ocellus::api::adb
