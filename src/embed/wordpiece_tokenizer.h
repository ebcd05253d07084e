// BERT's uncased (or cased) WordPiece.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "embed/tokenizer.h"
#include "embed/vocabulary.h"

namespace ocellus::embed {

// Thread-safe.
class WordPieceTokenizer final : public Tokenizer {
 public:
  struct Options {
    // BertNormalizer's
    bool clean_text = true;
    bool handle_chinese_chars = true;
    bool strip_accents = true;
    bool lowercase = true;
    // the model's
    std::int32_t unknown_id = 0;
    std::size_t max_characters_per_word = 100;  // a longer word is unknown
  };

  // `starts`: pieces that begin a word; `continuations`: the others, without their prefix.
  WordPieceTokenizer(Frame frame, Options options, Vocabulary starts, Vocabulary continuations);

 private:
  std::string Normalize(std::string_view text) const override;
  bool EncodeWords(std::string_view normalized, IdSink& sink) const override;

  void EncodeWord(std::string_view word, std::vector<std::int32_t>& ids) const;

  const Options options_;
  const Vocabulary starts_;
  const Vocabulary continuations_;
};

}  // namespace ocellus::embed
