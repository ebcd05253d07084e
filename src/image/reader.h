// Reader: numbers at offsets of untrusted bytes. A read past the end gives 0 and is remembered, so
// that a parser asks once, at its end, instead of after every number.
//
// One owner thread; borrows the bytes.

#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.h"

namespace ocellus::image {

enum class ByteOrder { kBig, kLittle };

class Reader {
 public:
  Reader(Bytes bytes, ByteOrder order) : bytes_(bytes), order_(order) {}

  std::uint64_t size() const { return bytes_.size(); }
  // Whether a read went past the end since construction.
  bool overrun() const { return overrun_; }

  std::uint32_t U8(std::uint64_t at) { return Number(at, 1); }
  std::uint32_t U16(std::uint64_t at) { return Number(at, 2); }
  std::uint32_t U24(std::uint64_t at) { return Number(at, 3); }
  std::uint32_t U32(std::uint64_t at) { return Number(at, 4); }

  // The bytes of [at, at + length); empty and an overrun if they are not all there.
  Bytes Slice(std::uint64_t at, std::uint64_t length) {
    if (at > bytes_.size() || length > bytes_.size() - at) {
      overrun_ = true;
      return {};
    }
    return bytes_.subspan(static_cast<std::size_t>(at), static_cast<std::size_t>(length));
  }

  // Whether `text` stands at `at`; false, and no overrun, past the end.
  bool Matches(std::uint64_t at, std::string_view text) const {
    return at <= bytes_.size() && text.size() <= bytes_.size() - at &&
           AsText(bytes_.subspan(static_cast<std::size_t>(at), text.size())) == text;
  }

 private:
  std::uint32_t Number(std::uint64_t at, unsigned length) {
    if (at > bytes_.size() || length > bytes_.size() - at) {
      overrun_ = true;
      return 0;
    }
    std::uint32_t value = 0;
    for (unsigned i = 0; i < length; ++i) {
      const unsigned from = order_ == ByteOrder::kBig ? i : length - 1 - i;
      value = (value << 8) | bytes_[static_cast<std::size_t>(at) + from];
    }
    return value;
  }

  Bytes bytes_;
  ByteOrder order_;
  bool overrun_ = false;
};

}  // namespace ocellus::image
