#include "embed/tokenizer.h"

#include <algorithm>

#include "base/utf8.h"
#include "embed/unicode.h"

namespace ocellus::embed {
namespace {

std::string_view WithoutSpaceBefore(std::string_view text) {
  std::size_t end = 0;
  for (std::size_t at = 0; at < text.size();) {
    if (!unicode::IsSpace(unicode::Next(text, at))) end = at;
  }
  return text.substr(0, end);
}

std::size_t LeadingSpace(std::string_view text) {
  std::size_t end = 0;
  for (std::size_t at = 0; at < text.size(); end = at) {
    if (!unicode::IsSpace(unicode::Next(text, at))) break;
  }
  return end;
}

// Calls part(text between tokens) and token(id) in the order of the text, for the added tokens that
// are looked for in text of this kind: the leftmost, of two at one place the longest. Stops and
// returns false when one of them does.
template <typename Part, typename Token>
bool SplitAtTokens(std::string_view text, std::span<const Tokenizer::AddedToken> tokens,
                   bool normalized, const Part& part, const Token& token) {
  while (!text.empty()) {
    const Tokenizer::AddedToken* found = nullptr;
    std::size_t at = std::string_view::npos;
    for (const Tokenizer::AddedToken& candidate : tokens) {
      if (candidate.normalized != normalized || candidate.content.empty()) continue;
      const std::size_t place = text.find(candidate.content);
      if (place == std::string_view::npos) continue;
      if (found == nullptr || place < at ||
          (place == at && candidate.content.size() > found->content.size())) {
        found = &candidate;
        at = place;
      }
    }
    if (found == nullptr) return part(text);
    std::string_view before = text.substr(0, at);
    if (found->strip_left) before = WithoutSpaceBefore(before);
    if (!before.empty() && !part(before)) return false;
    if (!token(found->id)) return false;
    text.remove_prefix(at + found->content.size());
    if (found->strip_right) text.remove_prefix(LeadingSpace(text));
  }
  return true;
}

}  // namespace

bool IdSink::Add(std::span<const std::int32_t> word) {
  const std::size_t room = capacity_ - taken_;
  const bool fits = word.size() <= room;
  if (!fits && taken_ > 0) return false;
  const auto part = word.first(std::min(word.size(), room));
  ids_.insert(ids_.end(), part.begin(), part.end());
  taken_ += part.size();
  return fits;
}

std::optional<std::int32_t> Tokenizer::IdOfAdded(std::string_view content) const {
  for (const AddedToken& token : frame_.added) {
    if (token.content == content) return token.id;
  }
  return std::nullopt;
}

Result<std::vector<std::int32_t>> Tokenizer::Encode(std::string_view text,
                                                    std::size_t max_tokens) const {
  assert(max_tokens > special_tokens());
  if (!IsUtf8(text)) return Status(Code::kInvalidArgument, "the text is not valid UTF-8");
  std::vector<std::int32_t> ids = frame_.before;
  IdSink sink(max_tokens - special_tokens(), ids);
  SplitAtTokens(
      Utf8Prefix(text, kMaxTextBytes), frame_.added, false,
      [&](std::string_view part) { return EncodePart(part, sink); },
      [&](std::int32_t id) {
        return sink.Add({&id, 1});
      });
  ids.insert(ids.end(), frame_.after.begin(), frame_.after.end());
  return ids;
}

bool Tokenizer::EncodePart(std::string_view part, IdSink& sink) const {
  return SplitAtTokens(
      Normalize(part), frame_.added, true,
      [&](std::string_view words) { return EncodeWords(words, sink); },
      [&](std::int32_t id) {
        return sink.Add({&id, 1});
      });
}

}  // namespace ocellus::embed
