// A dense set of slots: which rows are live, which rows a filter lets through.
//
// Thread safety: thread-compatible. A search borrows one as const; whoever changes the live set
// changes a copy and publishes that.

#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <vector>

namespace ocellus::index {

// Bits past size() do not exist: they read as clear, and every word's unused bits are zero.
class Bitmap {
 public:
  Bitmap() = default;
  explicit Bitmap(std::uint32_t size);  // all clear

  std::uint32_t size() const noexcept { return size_; }

  // Bit i of word w is slot 64 * w + i.
  std::span<const std::uint64_t> words() const noexcept { return words_; }

  // New bits are clear; bits past a smaller size are lost.
  void Resize(std::uint32_t size);

  bool Test(std::uint32_t slot) const noexcept {
    return slot < size_ && ((words_[slot / 64] >> (slot % 64)) & 1) != 0;
  }

  // REQUIRES: slot < size()
  void Set(std::uint32_t slot) noexcept { words_[slot / 64] |= std::uint64_t{1} << (slot % 64); }
  void Clear(std::uint32_t slot) noexcept {
    words_[slot / 64] &= ~(std::uint64_t{1} << (slot % 64));
  }

  // Slots 64 * word to 64 * word + 63 at once. REQUIRES: 64 * word < size(), bits past size() zero
  void SetWord(std::uint32_t word, std::uint64_t bits) noexcept { words_[word] = bits; }

  void SetAll() noexcept;
  void Flip() noexcept;  // every slot below size()

  // The sizes may differ. Only Or() can grow this one.
  void And(const Bitmap& other) noexcept;
  void AndNot(const Bitmap& other) noexcept;
  void Or(const Bitmap& other);

  std::uint32_t Count() const noexcept;
  bool None() const noexcept;

  // visit(slot) for every set slot, ascending.
  template <typename Visitor>
  void ForEach(Visitor&& visit) const {
    for (std::size_t w = 0; w < words_.size(); ++w) {
      for (std::uint64_t word = words_[w]; word != 0; word &= word - 1) {
        visit(static_cast<std::uint32_t>(w * 64) +
              static_cast<std::uint32_t>(std::countr_zero(word)));
      }
    }
  }

  friend bool operator==(const Bitmap&, const Bitmap&) = default;

 private:
  void ClearUnusedBits() noexcept;

  std::uint32_t size_ = 0;
  std::vector<std::uint64_t> words_;
};

}  // namespace ocellus::index
