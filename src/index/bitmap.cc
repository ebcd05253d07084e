#include "index/bitmap.h"

#include <algorithm>

namespace ocellus::index {
namespace {

std::size_t WordsFor(std::uint32_t size) {
  return (std::size_t{size} + 63) / 64;
}

}  // namespace

Bitmap::Bitmap(std::uint32_t size) : size_(size), words_(WordsFor(size)) {}

void Bitmap::Resize(std::uint32_t size) {
  size_ = size;
  words_.resize(WordsFor(size));
  ClearUnusedBits();
}

void Bitmap::SetAll() noexcept {
  std::fill(words_.begin(), words_.end(), ~std::uint64_t{0});
  ClearUnusedBits();
}

void Bitmap::Flip() noexcept {
  for (std::uint64_t& word : words_) word = ~word;
  ClearUnusedBits();
}

void Bitmap::And(const Bitmap& other) noexcept {
  const std::size_t common = std::min(words_.size(), other.words_.size());
  for (std::size_t w = 0; w < common; ++w) words_[w] &= other.words_[w];
  std::fill(words_.begin() + static_cast<std::ptrdiff_t>(common), words_.end(), 0);
}

void Bitmap::AndNot(const Bitmap& other) noexcept {
  const std::size_t common = std::min(words_.size(), other.words_.size());
  for (std::size_t w = 0; w < common; ++w) words_[w] &= ~other.words_[w];
}

void Bitmap::Or(const Bitmap& other) {
  if (other.size_ > size_) Resize(other.size_);
  for (std::size_t w = 0; w < other.words_.size(); ++w) words_[w] |= other.words_[w];
}

std::uint32_t Bitmap::Count() const noexcept {
  std::uint32_t count = 0;
  for (const std::uint64_t word : words_) count += static_cast<std::uint32_t>(std::popcount(word));
  return count;
}

bool Bitmap::None() const noexcept {
  return std::all_of(words_.begin(), words_.end(), [](std::uint64_t word) { return word == 0; });
}

void Bitmap::ClearUnusedBits() noexcept {
  if (size_ % 64 != 0) words_.back() &= (std::uint64_t{1} << (size_ % 64)) - 1;
}

}  // namespace ocellus::index
