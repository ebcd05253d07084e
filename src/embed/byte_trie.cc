#include "embed/byte_trie.h"

#include <algorithm>
#include <deque>

namespace ocellus::embed {

ByteTrie::ByteTrie(std::vector<std::pair<std::string, std::int32_t>> entries) {
  std::stable_sort(entries.begin(), entries.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  struct Range {
    std::uint32_t node;
    std::size_t begin;
    std::size_t end;
    std::size_t depth;
  };
  nodes_.emplace_back();
  std::deque<Range> left = {{0, 0, entries.size(), 0}};
  const auto byte_of = [&](std::size_t entry, std::size_t depth) {
    return static_cast<std::uint8_t>(entries[entry].first[depth]);
  };
  while (!left.empty()) {
    Range range = left.front();
    left.pop_front();
    // Those that end here come first.
    for (; range.begin < range.end && entries[range.begin].first.size() == range.depth;
         ++range.begin) {
      if (range.depth > 0) nodes_[range.node].value = entries[range.begin].second;
    }
    nodes_[range.node].first_child = static_cast<std::uint32_t>(nodes_.size());
    while (range.begin < range.end) {
      const std::uint8_t label = byte_of(range.begin, range.depth);
      std::size_t end = range.begin;
      while (end < range.end && byte_of(end, range.depth) == label) ++end;
      left.push_back(
          {static_cast<std::uint32_t>(nodes_.size()), range.begin, end, range.depth + 1});
      nodes_.emplace_back().label = label;
      ++nodes_[range.node].children;
      range.begin = end;
    }
  }
}

std::uint32_t ByteTrie::Child(std::uint32_t node, std::uint8_t label) const {
  const auto first = nodes_.begin() + nodes_[node].first_child;
  const auto last = first + nodes_[node].children;
  const auto found =
      std::lower_bound(first, last, label,
                       [](const Node& child, std::uint8_t wanted) { return child.label < wanted; });
  if (found == last || found->label != label) return 0;
  return static_cast<std::uint32_t>(found - nodes_.begin());
}

}  // namespace ocellus::embed
