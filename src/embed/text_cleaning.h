// What some bundles do with a text before their tokenizer sees it.
//
// Thread safety: functions may be called concurrently.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ocellus::embed {

enum class TextCleaning : std::uint8_t {
  kNone,
  kLowercase,
  // SigLIP's: '_' is a space, ASCII punctuation goes, lower case, runs of white space are one
  // space.
  kCanonicalize,
};

// REQUIRES: IsUtf8(text), unicode::Check() was ok
std::string Cleaned(std::string_view text, TextCleaning cleaning);

}  // namespace ocellus::embed
