#include "embed/tokenizer.h"

#include <algorithm>

#include "base/utf8.h"

namespace ocellus::embed {
namespace {

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
    if (at > 0 && !part(text.substr(0, at))) return false;
    if (!token(found->id)) return false;
    text.remove_prefix(at + found->content.size());
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
