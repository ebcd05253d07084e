#include "embed/text_cleaning.h"

#include "embed/unicode.h"

namespace ocellus::embed {
namespace {

bool IsPunctuation(char32_t c) {
  return c < 0x80 && c > ' ' && c != 0x7F && !(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') &&
         !(c >= 'A' && c <= 'Z');
}

}  // namespace

std::string Cleaned(std::string_view text, TextCleaning cleaning) {
  if (cleaning == TextCleaning::kNone) return std::string(text);
  const bool canonical = cleaning == TextCleaning::kCanonicalize;
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const char32_t c = unicode::Next(text, at);
    if (!canonical) {
      unicode::AppendLower(c, out);
    } else if (c == '_' || unicode::IsSpace(c)) {
      if (!out.empty() && out.back() != ' ') out += ' ';
    } else if (!IsPunctuation(c)) {
      unicode::AppendLower(c, out);
    }
  }
  if (canonical && !out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

}  // namespace ocellus::embed
