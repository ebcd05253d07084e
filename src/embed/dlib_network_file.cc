#include "embed/dlib_network_file.h"

#include <algorithm>
#include <bit>
#include <string>

namespace ocellus::embed {

void DlibNetworkFile::Next(std::string_view kind) {
  // A string is its length, as an integer of one byte, and its characters.
  const std::string marker = std::string({1, static_cast<char>(kind.size())}).append(kind);
  const Bytes wanted = AsBytes(marker);
  const auto found = std::search(rest_.begin(), rest_.end(), wanted.begin(), wanted.end());
  ok_ = ok_ && found != rest_.end();
  if (!ok_) return;
  rest_ = rest_.subspan(static_cast<std::size_t>(found - rest_.begin()) + wanted.size());
}

std::int64_t DlibNetworkFile::Integer() {
  // How many bytes follow, least significant first, and in the highest bit whether it is negative.
  constexpr std::uint8_t kNegative = 0x80;
  const std::size_t size = rest_.empty() ? 0 : rest_[0] & 0x0FU;
  ok_ = ok_ && size >= 1 && size <= 7 && rest_.size() > size && (rest_[0] & kNegative) == 0;
  if (!ok_) return 0;
  std::int64_t value = 0;
  for (std::size_t i = size; i > 0; --i) value = (value << 8) | rest_[i];
  rest_ = rest_.subspan(1 + size);
  return value;
}

std::vector<float> DlibNetworkFile::Tensor(std::size_t size) {
  constexpr std::int64_t kVersion = 2;
  ok_ = Integer() == kVersion && ok_;
  std::uint64_t count = 1;
  for (int side = 0; side < 4; ++side) {
    count = std::min<std::uint64_t>(count, size + 1) *
            std::min<std::uint64_t>(static_cast<std::uint64_t>(Integer()), size + 1);
  }
  ok_ = ok_ && count == size && rest_.size() / sizeof(float) >= size;
  if (!ok_) return {};
  std::vector<float> numbers(size);
  for (std::size_t i = 0; i < size; ++i) {
    numbers[i] = std::bit_cast<float>(LoadLe32(&rest_[i * sizeof(float)]));
  }
  rest_ = rest_.subspan(size * sizeof(float));
  return numbers;
}

void DlibNetworkFile::SkipShape() {
  for (int number = 0; number < 5; ++number) Integer();  // a version and four sides
}

}  // namespace ocellus::embed
