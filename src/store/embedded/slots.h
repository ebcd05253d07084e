// Which slots of a table are free to be given to new rows.

#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <vector>

namespace ocellus::store::embedded {

// Slots are numbered densely from 0. A slot that a commit freed is given out again only when no
// snapshot older than that commit lives, because a search may still be reading its vector.
//
// Thread safety: one owner thread.
class SlotAllocator {
 public:
  static constexpr std::uint32_t kMaxSlots = std::numeric_limits<std::uint32_t>::max() - 1;

  SlotAllocator() = default;

  // Slots at and above are untouched; those in `free` may be given out.
  SlotAllocator(std::uint32_t high_water, std::vector<std::uint32_t> free)
      : high_water_(high_water), free_(std::move(free)) {}

  // Empty when there are no more.
  std::optional<std::uint32_t> Take() {
    if (!free_.empty()) {
      const std::uint32_t slot = free_.back();
      free_.pop_back();
      return slot;
    }
    if (high_water_ == kMaxSlots) return std::nullopt;
    return high_water_++;
  }

  // One that Take() gave and that no snapshot ever had. Given back in the reverse order, what a
  // failed batch took leaves the allocator as it was.
  void GiveBack(std::uint32_t slot) {
    if (slot + 1 == high_water_) {
      --high_water_;
    } else {
      free_.push_back(slot);
    }
  }

  // One that the commit with this sequence took from a row. Sequences must not decrease.
  void Retire(std::uint32_t slot, std::uint64_t sequence) { retired_.push_back({slot, sequence}); }

  // `oldest`: the sequence of the oldest snapshot alive.
  void Reclaim(std::uint64_t oldest) {
    while (!retired_.empty() && retired_.front().sequence <= oldest) {
      free_.push_back(retired_.front().slot);
      retired_.pop_front();
    }
  }

  std::uint32_t high_water() const { return high_water_; }

 private:
  struct Retired {
    std::uint32_t slot;
    std::uint64_t sequence;
  };

  std::uint32_t high_water_ = 0;
  std::vector<std::uint32_t> free_;
  std::deque<Retired> retired_;
};

}  // namespace ocellus::store::embedded
