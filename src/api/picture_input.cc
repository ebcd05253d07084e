#include "api/picture_input.h"

#include <algorithm>

#include "api/fields.h"
#include "base/base64.h"
#include "engine/sources.h"

namespace ocellus::api {
namespace {

// Schemes are the same in upper case. `prefix` is in lower case.
bool StartsWithScheme(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() &&
         std::equal(prefix.begin(), prefix.end(), text.begin(), [](char wanted, char c) {
           return wanted == (c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
         });
}

}  // namespace

bool IsWebUrl(std::string_view text) {
  return engine::Sources::IsUrl(text) && text.find_first_of(" \t\r\n") == std::string_view::npos;
}

bool IsPictureDataUrl(std::string_view text) {
  return StartsWithScheme(text, "data:image/");
}

Result<std::string> DecodePictureText(std::string_view field, std::string_view text,
                                      std::size_t max_bytes) {
  if (StartsWithScheme(text, "data:")) {
    const std::size_t comma = text.substr(0, 256).find(',');
    if (comma == std::string_view::npos || !text.substr(0, comma).ends_with(";base64")) {
      return InvalidField(field, "expected base64, got a data: URL of another encoding");
    }
    text.remove_prefix(comma + 1);
  }
  if (text.empty()) return InvalidField(field, "must not be empty");
  const auto too_large = [&](std::size_t bytes) {
    return InvalidField(
        field, std::to_string(bytes) + " bytes, the limit is " + std::to_string(max_bytes));
  };
  // Before it is decoded: line breaks take a 38th part at most (76 characters and two).
  if (text.size() / 4 * 3 > max_bytes + max_bytes / 32) return too_large(text.size() / 4 * 3);
  Result<std::string> bytes = DecodeBase64(text);
  if (!bytes.ok()) return std::move(bytes).status().WithContext(std::string(field));
  if (bytes->size() > max_bytes) return too_large(bytes->size());
  if (bytes->empty()) return InvalidField(field, "the picture has 0 bytes");
  return bytes;
}

}  // namespace ocellus::api
