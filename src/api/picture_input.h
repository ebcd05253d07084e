// Pictures as clients name them in one string: a URL, a data URL, or base64.
//
// Failures are InvalidArgument and start with the field's name.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ocellus::api {

// Whether the text is the URL of something on a network: http:// or https://, one word.
bool IsWebUrl(std::string_view text);

// Whether the text is a data URL of a picture: data:image/...
bool IsPictureDataUrl(std::string_view text);

// The bytes of base64, with or without "data:image/...;base64," before it; at most `max_bytes`.
Result<std::string> DecodePictureText(std::string_view field, std::string_view text,
                                      std::size_t max_bytes);

}  // namespace ocellus::api
