// Base64 of RFC 4648 section 4.

#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace ocellus {

// The bytes of a base64 text. Padding may be missing and line breaks (CR, LF) stand anywhere, as
// encoders wrap their output; the URL-safe alphabet is accepted too. Anything else is
// InvalidArgument with its position. The result is at most 3/4 of the text's size.
Result<std::string> DecodeBase64(std::string_view text);

std::string EncodeBase64(Bytes bytes);

}  // namespace ocellus
