#include "query/like.h"

#include <cstddef>

namespace ocellus::query {
namespace {

// Bytes of the character at `at`. Tolerant of bad UTF-8: at least 1, never past the end.
std::size_t CharacterBytes(std::string_view text, std::size_t at) {
  std::size_t end = at + 1;
  while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
  return end - at;
}

}  // namespace

bool Like(std::string_view text, std::string_view pattern) {
  // Only the last % has to be reconsidered: what an earlier one took can be taken by the last one
  // as well. This keeps the search quadratic.
  std::size_t t = 0;
  std::size_t p = 0;
  std::size_t after_percent = std::string_view::npos;  // in the pattern; npos: none seen
  std::size_t resume = 0;                              // in the text, where its run ends
  for (;;) {
    if (p < pattern.size() && pattern[p] == '%') {
      after_percent = ++p;
      resume = t;
      continue;
    }
    if (p == pattern.size() && t == text.size()) return true;
    if (p < pattern.size() && t < text.size()) {
      if (pattern[p] == '_') {
        t += CharacterBytes(text, t);
        ++p;
        continue;
      }
      // A backslash at the very end stands for itself.
      const std::size_t literal = pattern[p] == '\\' && p + 1 < pattern.size() ? p + 1 : p;
      if (pattern[literal] == text[t]) {
        ++t;
        p = literal + 1;
        continue;
      }
    }
    if (after_percent == std::string_view::npos || resume == text.size()) return false;
    resume += CharacterBytes(text, resume);
    t = resume;
    p = after_percent;
  }
}

}  // namespace ocellus::query
