// Charsmap: SentencePiece's precompiled normalisation, as a tokenizer.json carries it.
//
// A double-array trie (darts-clone's units) from byte strings to places in a blob of texts that end
// with a zero byte.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ocellus::embed {

// Thread-safe: nothing changes after construction.
class Charsmap {
 public:
  // InvalidArgument: not in base64, cut off, or over the limit of 16 MB.
  static Result<Charsmap> Parse(std::string_view base64);

  // The text with every cluster of fewer than six bytes, and else every character, replaced by what
  // the shortest entry that it begins with stands for: as the `tokenizers` library does it.
  // REQUIRES: IsUtf8(text)
  std::string Normalize(std::string_view text) const;

 private:
  Charsmap() = default;

  std::optional<std::string_view> Find(std::string_view key) const;

  std::vector<std::uint32_t> units_;
  std::string texts_;
};

}  // namespace ocellus::embed
