// Little-endian numbers in byte strings, and the checksum of everything persisted. On-disk formats
// are written through these only, never as a struct's memory.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace ocellus {

using Bytes = std::span<const std::uint8_t>;

inline Bytes AsBytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view AsText(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline void StoreLe32(std::uint32_t value, std::uint8_t* to) {
  for (int i = 0; i < 4; ++i) to[i] = static_cast<std::uint8_t>(value >> (8 * i));
}
inline void StoreLe64(std::uint64_t value, std::uint8_t* to) {
  for (int i = 0; i < 8; ++i) to[i] = static_cast<std::uint8_t>(value >> (8 * i));
}
inline std::uint32_t LoadLe32(const std::uint8_t* from) {
  std::uint32_t value = 0;
  for (int i = 3; i >= 0; --i) value = (value << 8) | from[i];
  return value;
}
inline std::uint64_t LoadLe64(const std::uint8_t* from) {
  std::uint64_t value = 0;
  for (int i = 7; i >= 0; --i) value = (value << 8) | from[i];
  return value;
}

// CRC-32C (Castagnoli, RFC 3720 appendix B.4) of `bytes`, going on from `crc`, the value of the
// bytes before them. Uses the CPU's instruction where there is one.
std::uint32_t Crc32c(Bytes bytes, std::uint32_t crc = 0);

}  // namespace ocellus
