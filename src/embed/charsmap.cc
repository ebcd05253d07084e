#include "embed/charsmap.h"

#include <algorithm>

#include "base/base64.h"
#include "base/bytes.h"
#include "base/utf8.h"
#include "embed/unicode.h"

namespace ocellus::embed {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{16} << 20;  // XLM-R's has 316 KB
constexpr std::size_t kMaxClusterBytes = 6;

Status Wrong(const std::string& what) {
  return {Code::kInvalidArgument, "the character map " + what};
}

// A unit of the double array.
bool HasLeaf(std::uint32_t unit) {
  return ((unit >> 8) & 1) == 1;
}
std::uint32_t Value(std::uint32_t unit) {
  return unit & 0x7FFFFFFFU;
}
std::uint32_t Label(std::uint32_t unit) {
  return unit & 0x800000FFU;
}
std::uint32_t Offset(std::uint32_t unit) {
  return (unit >> 10) << ((unit & (1U << 9)) >> 6);
}

}  // namespace

Result<Charsmap> Charsmap::Parse(std::string_view base64) {
  if (base64.size() > kMaxBytes / 3 * 4) return Wrong("has more than 16 MB");
  OCELLUS_ASSIGN_OR_RETURN(const std::string bytes, DecodeBase64(base64));
  constexpr std::size_t kHeader = sizeof(std::uint32_t);
  if (bytes.size() < kHeader) return Wrong("is cut off");
  const std::uint8_t* from = AsBytes(bytes).data();
  const std::size_t trie_bytes = LoadLe32(from);
  if (trie_bytes % sizeof(std::uint32_t) != 0 || trie_bytes == 0 ||
      trie_bytes > bytes.size() - kHeader) {
    return Wrong("is cut off");
  }
  Charsmap map;
  map.units_.reserve(trie_bytes / sizeof(std::uint32_t));
  for (std::size_t at = 0; at < trie_bytes; at += sizeof(std::uint32_t)) {
    map.units_.push_back(LoadLe32(from + kHeader + at));
  }
  map.texts_ = bytes.substr(kHeader + trie_bytes);
  if (!IsUtf8(map.texts_)) return Wrong("has texts that are not UTF-8");
  return map;
}

std::optional<std::string_view> Charsmap::Find(std::string_view key) const {
  std::size_t at = Offset(units_[0]);
  for (const char c : key) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte == 0) return std::nullopt;
    at ^= byte;
    if (at >= units_.size() || Label(units_[at]) != byte) return std::nullopt;
    const std::uint32_t unit = units_[at];
    at ^= Offset(unit);
    if (!HasLeaf(unit)) continue;
    if (at >= units_.size()) return std::nullopt;
    const std::size_t start = Value(units_[at]);
    // One that begins inside a character is of a damaged file.
    if (start > texts_.size()) return std::nullopt;
    const std::string_view text = std::string_view(texts_).substr(start);
    const std::string_view found = text.substr(0, text.find('\0'));
    return IsUtf8(found) ? std::optional(found) : std::nullopt;
  }
  return std::nullopt;
}

std::string Charsmap::Normalize(std::string_view text) const {
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  const auto add = [&](std::string_view part) { out += Find(part).value_or(part); };
  const auto add_cluster = [&](std::string_view cluster) {
    if (cluster.size() < kMaxClusterBytes) {
      if (const auto found = Find(cluster)) {
        out += *found;
        return;
      }
    }
    for (std::size_t at = 0; at < cluster.size();) {
      const std::size_t start = at;
      unicode::Next(cluster, at);
      add(cluster.substr(start, at - start));
    }
  };
  // Of ASCII only a carriage return before a line feed makes a cluster of two.
  const bool simple = std::all_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x80 && c != '\r';
  });
  if (!simple) {
    unicode::ForEachGrapheme(text, add_cluster);
  } else {
    for (std::size_t at = 0; at < text.size(); ++at) add(text.substr(at, 1));
  }
  return out;
}

}  // namespace ocellus::embed
