// UTF-8 checks for text from outside.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ocellus {

// Well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms, at most U+10FFFF).
bool IsUtf8(std::string_view text);

// The longest prefix of at most `max_bytes` that cuts no character. REQUIRES: IsUtf8(text)
std::string_view Utf8Prefix(std::string_view text, std::size_t max_bytes);

// The text with U+FFFD for every byte that is part of no character: for messages that quote what
// came from outside.
std::string ToUtf8(std::string_view text);

}  // namespace ocellus
