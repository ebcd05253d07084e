#include "embed/wordpiece_tokenizer.h"

#include <utility>
#include <vector>

#include "embed/unicode.h"

namespace ocellus::embed {
namespace {

std::string NormalizeText(std::string_view text, const WordPieceTokenizer::Options& options) {
  std::string out;
  out.reserve(text.size() + 16);
  for (std::size_t at = 0; at < text.size();) {
    const char32_t c = unicode::Next(text, at);
    if (options.clean_text) {
      if (c == 0 || c == 0xFFFD || unicode::IsBertControl(c)) continue;
      if (unicode::IsSpace(c)) {
        out += ' ';
        continue;
      }
    }
    const bool apart = options.handle_chinese_chars && unicode::IsBertIdeograph(c);
    if (apart) out += ' ';
    unicode::Append(c, out);
    if (apart) out += ' ';
  }
  if (options.strip_accents) {
    const std::string decomposed = unicode::Nfd(out);
    out.clear();
    for (std::size_t at = 0; at < decomposed.size();) {
      const char32_t c = unicode::Next(decomposed, at);
      if (!unicode::IsBertAccent(c)) unicode::Append(c, out);
    }
  }
  if (options.lowercase) {
    std::string lower;
    lower.reserve(out.size());
    for (std::size_t at = 0; at < out.size();) unicode::AppendLower(unicode::Next(out, at), lower);
    out = std::move(lower);
  }
  return out;
}

}  // namespace

WordPieceTokenizer::WordPieceTokenizer(Frame frame, Options options, Vocabulary starts,
                                       Vocabulary continuations)
    : Tokenizer(WithNormalizedTokens(
          std::move(frame), [&](std::string_view text) { return NormalizeText(text, options); })),
      options_(options),
      starts_(std::move(starts)),
      continuations_(std::move(continuations)) {}

std::string WordPieceTokenizer::Normalize(std::string_view text) const {
  return NormalizeText(text, options_);
}

bool WordPieceTokenizer::EncodeWords(std::string_view normalized, IdSink& sink) const {
  std::vector<std::int32_t> ids;
  std::size_t start = 0;  // of the word that is being collected
  const auto flush = [&](std::size_t end) {
    ids.clear();
    if (end > start) EncodeWord(normalized.substr(start, end - start), ids);
    return sink.Add(ids);
  };
  for (std::size_t at = 0; at < normalized.size();) {
    const std::size_t here = at;
    const char32_t c = unicode::Next(normalized, at);
    const bool space = unicode::IsSpace(c);
    if (!space && !unicode::IsBertPunctuation(c)) continue;
    if (!flush(here)) return false;
    start = space ? at : here;
    if (!space && !flush(at)) return false;
    start = at;
  }
  return flush(normalized.size());
}

// Greedy: the longest piece that the vocabulary has, again and again; a word with a part that it
// has not is unknown as a whole.
void WordPieceTokenizer::EncodeWord(std::string_view word, std::vector<std::int32_t>& ids) const {
  std::vector<std::size_t> ends;  // of each character
  for (std::size_t at = 0; at < word.size();) {
    unicode::Next(word, at);
    ends.push_back(at);
  }
  if (ends.size() > options_.max_characters_per_word) {
    ids.push_back(options_.unknown_id);
    return;
  }
  std::size_t from = 0;   // bytes
  std::size_t first = 0;  // characters
  while (first < ends.size()) {
    const Vocabulary& pieces = first == 0 ? starts_ : continuations_;
    std::size_t last = ends.size();
    auto piece = pieces.end();
    for (; last > first; --last) {
      piece = pieces.find(word.substr(from, ends[last - 1] - from));
      if (piece != pieces.end()) break;
    }
    if (last == first) {
      ids.assign(1, options_.unknown_id);
      return;
    }
    ids.push_back(piece->second);
    first = last;
    from = ends[last - 1];
  }
}

}  // namespace ocellus::embed
