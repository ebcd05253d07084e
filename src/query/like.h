// SQL LIKE on UTF-8 text.

#pragma once

#include <string_view>

namespace ocellus::query {

// Whether the whole of `text` fits `pattern`: % stands for any run of characters, _ for one
// character (a code point), \ makes the character after it stand for itself. Case matters. Takes
// at most text.size() * pattern.size() steps. REQUIRES: both are UTF-8
bool Like(std::string_view text, std::string_view pattern);

}  // namespace ocellus::query
