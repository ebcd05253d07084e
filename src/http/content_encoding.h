// Undoes a request's Content-Encoding.
//
// Thread safety: functions without state.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ocellus::http {

// Whether Content-Encoding names something that Decode() undoes: nothing, identity, gzip, x-gzip or
// deflate, in any case. A list of several is not.
bool IsKnownEncoding(std::string_view content_encoding);

// The body as its sender had it. ResourceExhausted when it would be over `max_bytes`: found out
// without holding more than that. InvalidArgument when it is damaged, cut off, or followed by
// something else. "deflate" is zlib's form, the raw one that some clients send, and JSON that is
// not compressed at all, which others do. REQUIRES: IsKnownEncoding(content_encoding)
Result<std::string> Decode(std::string_view content_encoding, std::string body,
                           std::size_t max_bytes);

}  // namespace ocellus::http
