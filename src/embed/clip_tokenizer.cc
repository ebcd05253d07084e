#include "embed/clip_tokenizer.h"

#include <cstddef>
#include <queue>
#include <tuple>
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

// Merges the pair of the lowest rank, the leftmost of equals, until none is left. A queue of
// candidates keeps a word of n bytes at n log n; a candidate whose tokens have changed since is
// passed over.
void ClipTokenizer::EncodeWord(std::string_view word, std::vector<std::int32_t>& ids) const {
  struct Symbol {
    std::int32_t id;
    std::size_t previous;
    std::size_t next;
  };
  constexpr std::size_t kNone = SIZE_MAX;
  constexpr std::int32_t kGone = -1;
  std::vector<Symbol> symbols(word.size());
  for (std::size_t i = 0; i < word.size(); ++i) {
    const auto byte = static_cast<unsigned char>(word[i]);
    const bool last = i + 1 == word.size();
    symbols[i] = {last ? model_.last_bytes[byte] : model_.bytes[byte], i == 0 ? kNone : i - 1,
                  last ? kNone : i + 1};
  }

  struct Candidate {
    std::int32_t rank;
    std::size_t at;
    std::uint64_t pair;
    std::int32_t merged;
    bool operator>(const Candidate& other) const {
      return std::tie(rank, at) > std::tie(other.rank, other.at);
    }
  };
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue;
  const auto consider = [&](std::size_t at) {
    if (at == kNone || symbols[at].next == kNone) return;
    const std::uint64_t pair = PairKey(symbols[at].id, symbols[symbols[at].next].id);
    const auto merge = model_.merges.find(pair);
    if (merge != model_.merges.end()) {
      queue.push({merge->second.rank, at, pair, merge->second.id});
    }
  };
  for (std::size_t i = 0; i < symbols.size(); ++i) consider(i);

  while (!queue.empty()) {
    const Candidate best = queue.top();
    queue.pop();
    Symbol& left = symbols[best.at];
    if (left.id == kGone || left.next == kNone) continue;
    Symbol& right = symbols[left.next];
    if (PairKey(left.id, right.id) != best.pair) continue;
    left.id = best.merged;
    left.next = right.next;
    right.id = kGone;
    if (left.next != kNone) symbols[left.next].previous = best.at;
    consider(left.previous);
    consider(best.at);
  }
  for (const Symbol& symbol : symbols) {
    if (symbol.id != kGone) ids.push_back(symbol.id);
  }
}

}  // namespace ocellus::embed
