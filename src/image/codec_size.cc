#include "image/codec_size.h"

#include <algorithm>
#include <cstddef>
#include <optional>

#include "image/reader.h"

namespace ocellus::image {
namespace {

constexpr std::uint32_t kSequenceParameterSet = 33;  // HEVC's NAL unit type
constexpr std::uint32_t kSequenceHeader = 1;         // AV1's unit type
// A sequence parameter set's sizes stand within its first bytes: 7 sub-layers take 96 of them.
constexpr std::size_t kMaxParameterBytes = 160;

// Bits from the highest of the first byte on; zeros and an overrun past the end.
class BitReader {
 public:
  explicit BitReader(Bytes bytes) : bytes_(bytes) {}

  bool overrun() const { return overrun_; }

  std::uint32_t Bits(unsigned count) {
    std::uint32_t value = 0;
    for (unsigned i = 0; i < count; ++i) value = (value << 1) | Bit();
    return value;
  }
  void Skip(std::size_t count) { at_ += count; }

  // Exponential Golomb, as HEVC's ue(v) and AV1's uvlc().
  std::uint32_t Golomb() {
    unsigned zeros = 0;
    while (zeros < 32 && !overrun_ && Bit() == 0) ++zeros;
    if (zeros >= 32) return 0xFFFFFFFFU;
    return Bits(zeros) + ((std::uint32_t{1} << zeros) - 1);
  }

 private:
  std::uint32_t Bit() {
    if (at_ / 8 >= bytes_.size()) {
      overrun_ = true;
      return 0;
    }
    const std::uint32_t bit = (std::uint32_t{bytes_[at_ / 8]} >> (7 - at_ % 8)) & 1U;
    ++at_;
    return bit;
  }

  Bytes bytes_;
  std::size_t at_ = 0;
  bool overrun_ = false;
};

// The payload of a NAL unit without the 3s that keep start codes out of it.
std::vector<std::uint8_t> Unescape(Bytes unit) {
  std::vector<std::uint8_t> payload;
  const std::size_t length = std::min(unit.size(), kMaxParameterBytes);
  for (std::size_t i = 0; i < length; ++i) {
    if (i >= 2 && unit[i] == 3 && unit[i - 1] == 0 && unit[i - 2] == 0) continue;
    payload.push_back(unit[i]);
  }
  return payload;
}

// ITU-T H.265, 7.3.2.2.1, up to the size.
std::optional<PixelSize> SizeInParameterSet(Bytes unit) {
  if (unit.size() < 2 || ((unit[0] >> 1) & 0x3FU) != kSequenceParameterSet) return std::nullopt;
  const std::vector<std::uint8_t> payload = Unescape(unit);
  constexpr std::size_t kProfileBits = 88;
  constexpr std::size_t kLevelBits = 8;
  BitReader bits(payload);
  bits.Skip(16);  // the unit's header
  bits.Skip(4);
  const std::uint32_t sub_layers = bits.Bits(3);
  bits.Skip(1 + kProfileBits + kLevelBits);
  std::size_t skip = 0;
  for (std::uint32_t i = 0; i < sub_layers; ++i) {
    if (bits.Bits(1) != 0) skip += kProfileBits;
    if (bits.Bits(1) != 0) skip += kLevelBits;
  }
  if (sub_layers > 0) skip += std::size_t{2} * (8 - sub_layers);
  bits.Skip(skip);
  bits.Golomb();  // the set's id
  constexpr std::uint32_t kFullChroma = 3;
  if (bits.Golomb() == kFullChroma) bits.Skip(1);
  PixelSize size;
  size.width = bits.Golomb();
  size.height = bits.Golomb();
  if (bits.overrun()) return std::nullopt;
  return size;
}

// AV1 specification, 5.5.1, up to the size.
std::optional<PixelSize> SizeInSequenceHeader(Bytes unit) {
  BitReader bits(unit);
  bits.Skip(3 + 1);
  const bool reduced = bits.Bits(1) != 0;
  if (reduced) {
    bits.Skip(5);
  } else {
    bool decoder_model = false;
    std::uint32_t delay_bits = 0;
    if (bits.Bits(1) != 0) {  // timing
      bits.Skip(64);
      if (bits.Bits(1) != 0) bits.Golomb();
      decoder_model = bits.Bits(1) != 0;
      if (decoder_model) {
        delay_bits = bits.Bits(5) + 1;
        bits.Skip(32 + 5 + 5);
      }
    }
    const bool display_delay = bits.Bits(1) != 0;
    const std::uint32_t points = bits.Bits(5) + 1;
    for (std::uint32_t i = 0; i < points; ++i) {
      bits.Skip(12);
      constexpr std::uint32_t kLastLevelWithoutTier = 7;
      if (bits.Bits(5) > kLastLevelWithoutTier) bits.Skip(1);
      if (decoder_model && bits.Bits(1) != 0) bits.Skip(std::size_t{2} * delay_bits + 1);
      if (display_delay && bits.Bits(1) != 0) bits.Skip(4);
    }
  }
  const std::uint32_t width_bits = bits.Bits(4) + 1;
  const std::uint32_t height_bits = bits.Bits(4) + 1;
  PixelSize size;
  size.width = bits.Bits(width_bits) + 1;
  size.height = bits.Bits(height_bits) + 1;
  if (bits.overrun()) return std::nullopt;
  return size;
}

}  // namespace

std::vector<PixelSize> SizesInHevcRecord(Bytes record) {
  std::vector<PixelSize> sizes;
  Reader reader(record, ByteOrder::kBig);
  constexpr std::uint64_t kArraysAt = 22;
  const std::uint32_t arrays = reader.U8(kArraysAt);
  std::uint64_t at = kArraysAt + 1;
  for (std::uint32_t a = 0; a < arrays && !reader.overrun(); ++a) {
    const std::uint32_t units = reader.U16(at + 1);
    at += 3;
    for (std::uint32_t u = 0; u < units && !reader.overrun(); ++u) {
      const std::uint32_t length = reader.U16(at);
      if (const auto size = SizeInParameterSet(reader.Slice(at + 2, length)))
        sizes.push_back(*size);
      at += std::uint64_t{2} + length;
    }
  }
  return sizes;
}

std::vector<PixelSize> SizesInHevcData(Bytes data) {
  std::vector<PixelSize> sizes;
  Reader reader(data, ByteOrder::kBig);
  for (std::uint64_t at = 0; at + 4 <= data.size() && !reader.overrun();) {
    const std::uint32_t length = reader.U32(at);
    if (const auto size = SizeInParameterSet(reader.Slice(at + 4, length))) sizes.push_back(*size);
    at += std::uint64_t{4} + length;
  }
  return sizes;
}

std::vector<PixelSize> SizesInAv1Data(Bytes data) {
  std::vector<PixelSize> sizes;
  Reader reader(data, ByteOrder::kBig);
  for (std::uint64_t at = 0; at < data.size() && !reader.overrun();) {
    const std::uint32_t head = reader.U8(at++);
    if ((head & 4U) != 0) ++at;  // the extension
    std::uint64_t length = data.size() - std::min<std::uint64_t>(at, data.size());
    if ((head & 2U) != 0) {  // its own length, 7 bits a byte
      length = 0;
      for (unsigned i = 0; i < 8; ++i) {
        const std::uint32_t byte = reader.U8(at++);
        length |= std::uint64_t{byte & 0x7FU} << (7 * i);
        if ((byte & 0x80U) == 0) break;
      }
    }
    if (((head >> 3) & 15U) == kSequenceHeader) {
      if (const auto size = SizeInSequenceHeader(reader.Slice(at, length))) sizes.push_back(*size);
    }
    at += length;
  }
  return sizes;
}

}  // namespace ocellus::image
