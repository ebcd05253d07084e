// PieceModel: how a SentencePiece model takes a word apart.

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "embed/byte_trie.h"
#include "embed/merge_table.h"
#include "embed/vocabulary.h"

namespace ocellus::embed {

// Thread-safe: nothing changes after construction.
class PieceModel {
 public:
  virtual ~PieceModel() = default;

  // Appends the ids of one word. REQUIRES: IsUtf8(word)
  virtual void Encode(std::string_view word, std::vector<std::int32_t>& ids) const = 0;
};

// The tokens "<0x00>" to "<0xFF>", where a vocabulary has all of them.
using ByteIds = std::array<std::int32_t, 256>;

// The way through the word whose pieces' scores add up to the most.
class UnigramModel final : public PieceModel {
 public:
  struct Options {
    std::optional<std::int32_t> unknown_id;
    std::optional<ByteIds> bytes;  // for what the vocabulary has not, in place of the unknown
  };

  // The pieces and their scores (finite), by id. REQUIRES: unknown_id is one of them
  UnigramModel(const std::vector<std::pair<std::string, double>>& pieces, const Options& options);

  void Encode(std::string_view word, std::vector<std::int32_t>& ids) const override;

 private:
  const Options options_;
  const ByteTrie trie_;
  Vocabulary ids_;
  std::vector<double> scores_;
  double unknown_score_ = 0;
};

// Characters, merged in the order of the merges.
class PieceMergeModel final : public PieceModel {
 public:
  struct Options {
    std::optional<std::int32_t> unknown_id;
    std::optional<ByteIds> bytes;
    bool fuse_unknown = false;       // several in a row become one
    bool whole_words_first = false;  // a word that is in the vocabulary is not taken apart
  };

  PieceMergeModel(Vocabulary vocabulary, MergeTable merges, const Options& options);

  void Encode(std::string_view word, std::vector<std::int32_t>& ids) const override;

 private:
  const Options options_;
  const Vocabulary vocabulary_;
  const MergeTable merges_;
};

}  // namespace ocellus::embed
