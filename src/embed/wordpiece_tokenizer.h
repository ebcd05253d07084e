// BERT's uncased (or cased) WordPiece.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "embed/tokenizer.h"

namespace ocellus::embed {

struct StringHash {
  using is_transparent = void;  // NOLINT(readability-identifier-naming): the standard's name
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>{}(text);
  }
};
using Vocabulary = std::unordered_map<std::string, std::int32_t, StringHash, std::equal_to<>>;

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
