#include "base/base64.h"

#include <array>
#include <cstdint>

namespace ocellus {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kBad = 0x80;

constexpr std::array<std::uint8_t, 256> MakeDecodeTable() {
  std::array<std::uint8_t, 256> table{};
  for (auto& entry : table) entry = kBad;
  for (std::uint8_t i = 0; i < 64; ++i) table[static_cast<std::uint8_t>(kAlphabet[i])] = i;
  table['-'] = 62;
  table['_'] = 63;
  return table;
}
constexpr std::array<std::uint8_t, 256> kDecode = MakeDecodeTable();

Status Invalid(const std::string& what) {
  return {Code::kInvalidArgument, "not base64: " + what};
}

}  // namespace

Result<std::string> DecodeBase64(std::string_view text) {
  std::string out;
  out.resize(text.size() / 4 * 3 + 3);
  std::size_t size = 0;
  std::size_t i = 0;
  std::uint32_t group = 0;
  int digits = 0;
  const auto* in = reinterpret_cast<const std::uint8_t*>(text.data());
  for (; i < text.size(); ++i) {
    // Four good digits at a group's start are the common case by far.
    while (digits == 0 && i + 4 <= text.size()) {
      const std::uint8_t a = kDecode[in[i]], b = kDecode[in[i + 1]], c = kDecode[in[i + 2]],
                         d = kDecode[in[i + 3]];
      if (((a | b | c | d) & kBad) != 0) break;
      const std::uint32_t all =
          (std::uint32_t{a} << 18) | (std::uint32_t{b} << 12) | (std::uint32_t{c} << 6) | d;
      out[size] = static_cast<char>(all >> 16);
      out[size + 1] = static_cast<char>(all >> 8);
      out[size + 2] = static_cast<char>(all);
      size += 3;
      i += 4;
    }
    if (i == text.size() || text[i] == '=') break;
    if (text[i] == '\n' || text[i] == '\r') continue;
    if (kDecode[in[i]] == kBad) return Invalid("bad character at position " + std::to_string(i));
    group = (group << 6) | kDecode[in[i]];
    if (++digits == 4) {
      for (int shift = 16; shift >= 0; shift -= 8) out[size++] = static_cast<char>(group >> shift);
      group = 0;
      digits = 0;
    }
  }
  int padding = 0;
  for (; i < text.size(); ++i) {
    if (text[i] == '\n' || text[i] == '\r') continue;
    if (text[i] != '=' || ++padding > 2) {
      return Invalid("text after the padding at position " + std::to_string(i));
    }
  }
  if (digits == 1) return Invalid("the last group has one character");
  if (padding > 0 && digits + padding != 4) return Invalid("wrong padding");
  if (digits > 0) {
    group <<= 6 * (4 - digits);
    for (int k = 0; k + 1 < digits; ++k) out[size++] = static_cast<char>(group >> (16 - 8 * k));
  }
  out.resize(size);
  return out;
}

std::string EncodeBase64(Bytes bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = (group << 8) | (k < count ? bytes[i + k] : std::uint8_t{0});
    }
    for (std::size_t k = 0; k < 4; ++k) {
      out += k <= count ? kAlphabet[(group >> (18 - 6 * k)) & 63] : '=';
    }
  }
  return out;
}

}  // namespace ocellus
