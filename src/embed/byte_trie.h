// ByteTrie: all entries of a vocabulary that a text begins with, in one walk.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ocellus::embed {

// Thread-safe: nothing changes after construction.
class ByteTrie {
 public:
  // Of an entry that stands twice, the last value counts; empty ones are left out.
  // REQUIRES: values >= 0
  explicit ByteTrie(std::vector<std::pair<std::string, std::int32_t>> entries);

  // Calls visit(length, value) for every entry that `text` begins with, the shortest first.
  template <typename Visit>
  void ForEachPrefix(std::string_view text, const Visit& visit) const {
    std::uint32_t node = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      node = Child(node, static_cast<unsigned char>(text[i]));
      if (node == 0) return;
      if (nodes_[node].value >= 0) visit(i + 1, nodes_[node].value);
    }
  }

 private:
  struct Node {
    std::uint32_t first_child = 0;
    std::uint16_t children = 0;
    std::uint8_t label = 0;
    std::int32_t value = -1;
  };

  // 0: none.
  std::uint32_t Child(std::uint32_t node, std::uint8_t label) const;

  std::vector<Node> nodes_;  // 0 is the root; the children of one stand together, by label
};

}  // namespace ocellus::embed
