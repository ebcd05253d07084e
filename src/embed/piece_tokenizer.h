// SentencePiece's tokenizers, whose pieces carry the space before them: Unigram and BPE.

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "embed/json_fields.h"
#include "embed/piece_model.h"
#include "embed/text_steps.h"
#include "embed/tokenizer.h"

namespace ocellus::embed {

// Thread-safe.
class PieceTokenizer final : public Tokenizer {
 public:
  // How a normalised text is cut into words.
  struct Splitting {
    struct Metaspace {
      std::string mark = "\u2581";  // what stands for a space
      bool prepend = true;          // at the beginning of every part that has none there
      bool split = true;            // before every mark
    };
    bool at_white_space = false;         // first; it goes
    std::optional<Metaspace> metaspace;  // then
    bool behind_spaces = false;          // else; they stay
  };

  PieceTokenizer(Frame frame, TextSteps steps, Splitting splitting,
                 std::unique_ptr<const PieceModel> model);

 private:
  std::string Normalize(std::string_view text) const override { return steps_.Apply(text); }
  bool EncodeWords(std::string_view normalized, IdSink& sink) const override;

  bool EncodePart(std::string_view part, IdSink& sink) const;
  bool EncodeWord(std::string_view word, IdSink& sink) const;

  const TextSteps steps_;
  const Splitting splitting_;
  const std::unique_ptr<const PieceModel> model_;
};

// Of a tokenizer.json with a Unigram model or a BPE without a mark at a word's end.
Result<std::unique_ptr<Tokenizer>> ReadPieceTokenizer(const JsonFields& root,
                                                      const JsonFields& model,
                                                      Tokenizer::Frame frame);

}  // namespace ocellus::embed
