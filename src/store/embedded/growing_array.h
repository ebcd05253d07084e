// An array that grows without moving: one writer, readers without locks.

#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace ocellus::store::embedded {

// Elements start as zero. Blocks double in size (4096 elements the first), so that 21 pointers
// reach every 32-bit position and nothing is ever copied; a block exists once a non-zero element
// was set in it, and its untouched pages cost no memory.
//
// Thread safety: one thread calls Set(), any number read meanwhile. Reads and writes are relaxed:
// who has to see a value gets it through whatever told him of the position.
template <typename T>
requires std::integral<T> || std::is_pointer_v<T>
class GrowingArray {
 public:
  GrowingArray() = default;
  GrowingArray(const GrowingArray&) = delete;
  GrowingArray& operator=(const GrowingArray&) = delete;
  ~GrowingArray() {
    for (auto& block : blocks_) std::free(block.load(std::memory_order_relaxed));
  }

  T Get(std::uint32_t at) const {
    const Place place = PlaceOf(at);
    const T* block = blocks_[place.block].load(std::memory_order_acquire);
    return block == nullptr ? T{} : Load(block[place.offset]);
  }

  void Set(std::uint32_t at, T value) {
    const Place place = PlaceOf(at);
    T* block = blocks_[place.block].load(std::memory_order_relaxed);
    if (block == nullptr) {
      if (value == T{}) return;
      block = static_cast<T*>(std::calloc(BlockSize(place.block), sizeof(T)));
      if (block == nullptr) throw std::bad_alloc();
      blocks_[place.block].store(block, std::memory_order_release);
    }
    std::atomic_ref<T>(block[place.offset]).store(value, std::memory_order_relaxed);
  }

  // visit(first, elements, count) for runs that cover [0, size) in order; elements is null where
  // all are zero. Read them with Load(). Every run starts at a multiple of 4096.
  template <typename Visitor>
  void ForEachRun(std::uint32_t size, Visitor&& visit) const {
    std::uint64_t first = 0;
    for (std::size_t b = 0; first < size; ++b) {
      const std::uint64_t count = std::min<std::uint64_t>(BlockSize(b), size - first);
      const T* block = blocks_[b].load(std::memory_order_acquire);
      visit(static_cast<std::uint32_t>(first), block, static_cast<std::uint32_t>(count));
      first += count;
    }
  }

  static T Load(const T& element) {
    return std::atomic_ref<T>(const_cast<T&>(element)).load(std::memory_order_relaxed);
  }

 private:
  static constexpr std::uint32_t kFirstBits = 12;

  struct Place {
    std::size_t block;
    std::size_t offset;
  };

  static std::size_t BlockSize(std::size_t block) {
    return std::size_t{1} << (kFirstBits + (block == 0 ? 0 : block - 1));
  }
  static Place PlaceOf(std::uint32_t at) {
    const auto block = static_cast<std::size_t>(std::bit_width(at >> kFirstBits));
    return {block, block == 0 ? at : at - BlockSize(block)};
  }

  std::array<std::atomic<T*>, 21> blocks_ = {};  // released after their elements are zero
};

}  // namespace ocellus::store::embedded
