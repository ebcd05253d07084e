#include "embed/piece_tokenizer.h"

#include <utility>
#include <vector>

#include "embed/unicode.h"

namespace ocellus::embed {

PieceTokenizer::PieceTokenizer(Frame frame, TextSteps steps, Splitting splitting,
                               std::unique_ptr<const PieceModel> model)
    : Tokenizer(WithNormalizedTokens(std::move(frame),
                                     [&](std::string_view text) { return steps.Apply(text); })),
      steps_(std::move(steps)),
      splitting_(std::move(splitting)),
      model_(std::move(model)) {}

bool PieceTokenizer::EncodeWord(std::string_view word, IdSink& sink) const {
  std::vector<std::int32_t> ids;
  model_->Encode(word, ids);
  return sink.Add(ids);
}

bool PieceTokenizer::EncodePart(std::string_view part, IdSink& sink) const {
  if (splitting_.metaspace.has_value()) {
    const Splitting::Metaspace& settings = *splitting_.metaspace;
    const std::string& mark = settings.mark;
    std::string text;
    for (const char c : part) {
      if (c == ' ') {
        text += mark;
      } else {
        text += c;
      }
    }
    if (settings.prepend && !text.starts_with(mark)) text.insert(0, mark);
    if (!settings.split) return EncodeWord(text, sink);
    const std::string_view view = text;
    for (std::size_t at = 0; at < view.size();) {
      const std::size_t next = std::min(view.find(mark, at + 1), view.size());
      if (!EncodeWord(view.substr(at, next - at), sink)) return false;
      at = next;
    }
    return true;
  }
  if (!splitting_.behind_spaces) return EncodeWord(part, sink);
  while (!part.empty()) {
    const std::size_t space = part.find(' ');
    const std::string_view word =
        part.substr(0, space == std::string_view::npos ? space : space + 1);
    if (!EncodeWord(word, sink)) return false;
    part.remove_prefix(word.size());
  }
  return true;
}

bool PieceTokenizer::EncodeWords(std::string_view normalized, IdSink& sink) const {
  if (!splitting_.at_white_space) return normalized.empty() || EncodePart(normalized, sink);
  std::size_t start = 0;
  for (std::size_t at = 0; at < normalized.size();) {
    const std::size_t here = at;
    if (!unicode::IsSpace(unicode::Next(normalized, at))) continue;
    if (here > start && !EncodePart(normalized.substr(start, here - start), sink)) return false;
    start = at;
  }
  return start == normalized.size() || EncodePart(normalized.substr(start), sink);
}

}  // namespace ocellus::embed
