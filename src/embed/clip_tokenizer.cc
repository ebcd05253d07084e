#include "embed/clip_tokenizer.h"

#include <cstddef>
#include <utility>

#include "embed/unicode.h"

namespace ocellus::embed {
namespace {

constexpr std::string_view kContractions[] = {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};
constexpr std::string_view kMarks[] = {"<|startoftext|>", "<|endoftext|>"};

enum class Kind { kSpace, kLetter, kNumber, kOther };

Kind KindOf(char32_t c) {
  if (unicode::IsLetter(c)) return Kind::kLetter;
  if (unicode::IsNumber(c)) return Kind::kNumber;
  return unicode::IsSpace(c) ? Kind::kSpace : Kind::kOther;
}

// The end of the run of `kind` that starts at `at`.
std::size_t RunEnd(std::string_view text, std::size_t at, Kind kind) {
  while (at < text.size()) {
    std::size_t next = at;
    if (KindOf(unicode::Next(text, next)) != kind) break;
    at = next;
  }
  return at;
}

std::string NormalizeText(std::string_view text) {
  const std::string composed = unicode::Nfc(text);
  std::string out;
  out.reserve(composed.size());
  for (std::size_t at = 0; at < composed.size();) {
    const char32_t c = unicode::Next(composed, at);
    if (!unicode::IsSpace(c)) {
      unicode::AppendLower(c, out);
    } else if (out.empty() || out.back() != ' ') {
      out += ' ';
    }
  }
  return out;
}

}  // namespace

ClipTokenizer::ClipTokenizer(Frame frame, Model model, bool marks_are_words)
    : Tokenizer(WithNormalizedTokens(std::move(frame), NormalizeText)),
      model_(std::move(model)),
      marks_are_words_(marks_are_words) {}

std::string ClipTokenizer::Normalize(std::string_view text) const {
  return NormalizeText(text);
}

// The pattern  's|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+
bool ClipTokenizer::EncodeWords(std::string_view normalized, IdSink& sink) const {
  std::vector<std::int32_t> ids;
  const auto add = [&](std::string_view word) {
    ids.clear();
    EncodeWord(word, ids);
    return sink.Add(ids);
  };
  for (std::size_t at = 0; at < normalized.size();) {
    const std::string_view rest = normalized.substr(at);
    std::size_t length = 0;
    if (marks_are_words_) {
      for (const std::string_view mark : kMarks) {
        if (!rest.starts_with(mark)) continue;
        // The byte-level step's own pattern takes it apart again.
        if (!add(mark.substr(0, 2)) || !add(mark.substr(2, mark.size() - 4))) return false;
        at += mark.size() - 2;
        length = 2;
        break;
      }
    }
    for (const std::string_view contraction : kContractions) {
      if (length == 0 && rest.starts_with(contraction)) length = contraction.size();
    }
    if (length == 0) {
      std::size_t next = at;
      const Kind kind = KindOf(unicode::Next(normalized, next));
      if (kind == Kind::kSpace) {
        at = next;
        continue;
      }
      length = (kind == Kind::kNumber ? next : RunEnd(normalized, next, kind)) - at;
    }
    if (!add(normalized.substr(at, length))) return false;
    at += length;
  }
  return true;
}

void ClipTokenizer::EncodeWord(std::string_view word, std::vector<std::int32_t>& ids) const {
  std::vector<std::int32_t> symbols(word.size());
  for (std::size_t i = 0; i < word.size(); ++i) {
    const auto byte = static_cast<unsigned char>(word[i]);
    symbols[i] = i + 1 == word.size() ? model_.last_bytes[byte] : model_.bytes[byte];
  }
  model_.merges.Apply(symbols, ids);
}

}  // namespace ocellus::embed
