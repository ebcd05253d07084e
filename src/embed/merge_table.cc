#include "embed/merge_table.h"

#include <functional>
#include <queue>
#include <tuple>

namespace ocellus::embed {
namespace {

std::uint64_t PairKey(std::int32_t left, std::int32_t right) {
  return (static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32) |
         static_cast<std::uint32_t>(right);
}

}  // namespace

void MergeTable::Add(std::int32_t left, std::int32_t right, std::int32_t merged) {
  merges_[PairKey(left, right)] = {added_++, merged};
}

// Merges the pair of the lowest rank, the leftmost of equals, until none is left. A queue of
// candidates keeps a word of n symbols at n log n; a candidate whose tokens have changed since is
// passed over.
void MergeTable::Apply(std::span<const std::int32_t> symbols_in,
                       std::vector<std::int32_t>& ids) const {
  struct Symbol {
    std::int32_t id;
    std::size_t previous;
    std::size_t next;
  };
  constexpr std::size_t kNone = SIZE_MAX;
  constexpr std::int32_t kGone = -1;
  std::vector<Symbol> symbols(symbols_in.size());
  for (std::size_t i = 0; i < symbols.size(); ++i) {
    symbols[i] = {symbols_in[i], i == 0 ? kNone : i - 1, i + 1 == symbols.size() ? kNone : i + 1};
  }

  struct Candidate {
    std::int32_t rank;
    std::size_t at;
    std::uint64_t pair;
    std::int32_t merged;
    bool operator>(const Candidate& other) const {
      return std::tie(rank, at) > std::tie(other.rank, other.at);
    }
  };
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue;
  const auto consider = [&](std::size_t at) {
    if (at == kNone || symbols[at].next == kNone) return;
    const std::uint64_t pair = PairKey(symbols[at].id, symbols[symbols[at].next].id);
    const auto merge = merges_.find(pair);
    if (merge != merges_.end()) queue.push({merge->second.rank, at, pair, merge->second.id});
  };
  for (std::size_t i = 0; i < symbols.size(); ++i) consider(i);

  while (!queue.empty()) {
    const Candidate best = queue.top();
    queue.pop();
    Symbol& left = symbols[best.at];
    if (left.id == kGone || left.next == kNone) continue;
    Symbol& right = symbols[left.next];
    if (PairKey(left.id, right.id) != best.pair) continue;
    left.id = best.merged;
    left.next = right.next;
    right.id = kGone;
    if (left.next != kNone) symbols[left.next].previous = best.at;
    consider(left.previous);
    consider(best.at);
  }
  for (const Symbol& symbol : symbols) {
    if (symbol.id != kGone) ids.push_back(symbol.id);
  }
}

}  // namespace ocellus::embed
