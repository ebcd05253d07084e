#include "cli/manifest.h"

#include <utility>

#include "base/base64.h"

namespace ocellus::cli {
namespace {

// Null is taken as left out.
Status TakeString(const Value& map, const char* name, std::string& out) {
  const Value* field = map.Find(name);
  if (field == nullptr || field->is_null()) return {};
  if (field->as_string() == nullptr) {
    return {Code::kInvalidArgument,
            std::string(name) + " must be a string, not " + field->type_name()};
  }
  out = *field->as_string();
  return {};
}

}  // namespace

Result<ManifestLine> ParseManifestLine(std::string_view line) {
  OCELLUS_ASSIGN_OR_RETURN(const Value value, ParseJson(line));
  if (value.as_map() == nullptr) {
    return Status(Code::kInvalidArgument,
                  std::string("the line must be a JSON object, not ") + value.type_name());
  }
  ManifestLine out;
  std::string base64;
  OCELLUS_RETURN_IF_ERROR(TakeString(value, "image_id", out.image_id));
  OCELLUS_RETURN_IF_ERROR(TakeString(value, "image_uri", out.image_uri));
  OCELLUS_RETURN_IF_ERROR(TakeString(value, "image_base64", base64));
  if (out.image_uri.empty()) return Status(Code::kInvalidArgument, "image_uri is missing");
  if (out.image_id.empty()) out.image_id = StemOf(out.image_uri);
  if (!base64.empty()) {
    Result<std::string> bytes = DecodeBase64(base64);
    if (!bytes.ok()) return std::move(bytes).status().WithContext("image_base64");
    out.bytes = *std::move(bytes);
  }
  if (const Value* tags = value.Find("tags"); tags != nullptr && !tags->is_null()) {
    if (tags->as_map() == nullptr) {
      return Status(Code::kInvalidArgument,
                    std::string("tags must be an object, not ") + tags->type_name());
    }
    out.tags = *tags->as_map();
  }
  if (const Value* save = value.Find("save_image"); save != nullptr && !save->is_null()) {
    if (save->as_bool() == nullptr) {
      return Status(Code::kInvalidArgument,
                    std::string("save_image must be a boolean, not ") + save->type_name());
    }
    out.save_image = *save->as_bool();
  }
  return out;
}

std::string StemOf(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  const std::size_t dot = name.rfind('.');
  if (dot != std::string_view::npos && dot > 0) name = name.substr(0, dot);
  return std::string(name);
}

}  // namespace ocellus::cli
