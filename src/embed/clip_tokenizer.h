// CLIP's byte-level BPE.

#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "embed/merge_table.h"
#include "embed/tokenizer.h"

namespace ocellus::embed {

// Thread-safe.
class ClipTokenizer final : public Tokenizer {
 public:
  struct Model {
    // The token of each byte inside a word, and of each byte that ends one ("</w>").
    std::array<std::int32_t, 256> bytes{};
    std::array<std::int32_t, 256> last_bytes{};
    MergeTable merges;
  };

  // `marks_are_words`: the spelled-out "<|startoftext|>" and "<|endoftext|>" end the word before
  // and after them, as in the pattern that newer exports have. Older ones lack it.
  ClipTokenizer(Frame frame, Model model, bool marks_are_words);

 private:
  std::string Normalize(std::string_view text) const override;
  bool EncodeWords(std::string_view normalized, IdSink& sink) const override;

  void EncodeWord(std::string_view word, std::vector<std::int32_t>& ids) const;

  const Model model_;
  const bool marks_are_words_;
};

}  // namespace ocellus::embed
