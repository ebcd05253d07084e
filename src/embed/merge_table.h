// MergeTable: the merges of a BPE model.

#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

namespace ocellus::embed {

// Thread safety: const methods may be called concurrently.
class MergeTable {
 public:
  // Tokens `left` and `right`, side by side, become `merged`. Of two merges the one that was added
  // first goes first; of one pair that is added twice the last counts.
  void Add(std::int32_t left, std::int32_t right, std::int32_t merged);

  // Appends what the tokens `symbols` of one word become when no pair of them can be merged any
  // more.
  void Apply(std::span<const std::int32_t> symbols, std::vector<std::int32_t>& ids) const;

 private:
  struct Merge {
    std::int32_t rank = 0;  // lower goes first
    std::int32_t id = 0;    // of the merged token
  };

  std::int32_t added_ = 0;
  std::unordered_map<std::uint64_t, Merge> merges_;  // by both ids
};

}  // namespace ocellus::embed
