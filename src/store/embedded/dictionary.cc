#include "store/embedded/dictionary.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <functional>
#include <utility>

#include "base/bytes.h"

namespace ocellus::store::embedded {
namespace {

constexpr std::size_t kBlockBytes = 16 * 1024;
constexpr std::size_t kLengthBytes = 4;

// On disk; never change.
constexpr char kFalse = 'f';
constexpr char kTrue = 't';
constexpr char kInteger = 'i';  // 8 bytes, little-endian
constexpr char kDouble = 'd';   // 8 bytes, IEEE 754, little-endian
constexpr char kString = 's';   // the rest is UTF-8
constexpr char kList = 'l';     // elements: 4 bytes of length and an encoding each; null is empty

void Append32(std::uint32_t value, std::string& out) {
  std::uint8_t bytes[4];
  StoreLe32(value, bytes);
  out += AsText(bytes);
}

void Append64(std::uint64_t value, std::string& out) {
  std::uint8_t bytes[8];
  StoreLe64(value, bytes);
  out += AsText(bytes);
}

std::string Encoded(const Value& value) {
  std::string encoded;
  EncodeValue(value, encoded);
  return encoded;
}

std::uint32_t HashOf(std::string_view encoded) {
  return static_cast<std::uint32_t>(std::hash<std::string_view>()(encoded));
}

std::string_view Entry(const char* entry) {
  std::uint32_t length = 0;
  std::memcpy(&length, entry, kLengthBytes);
  return {entry + kLengthBytes, length};
}

}  // namespace

void EncodeValue(const Value& value, std::string& out) {
  if (const bool* boolean = value.as_bool()) {
    out += *boolean ? kTrue : kFalse;
  } else if (const std::int64_t* integer = value.as_int()) {
    out += kInteger;
    Append64(static_cast<std::uint64_t>(*integer), out);
  } else if (const double* number = value.as_double()) {
    out += kDouble;
    Append64(std::bit_cast<std::uint64_t>(*number == 0 ? 0.0 : *number), out);
  } else if (const std::string* text = value.as_string()) {
    out += kString;
    out += *text;
  } else if (const Value::List* list = value.as_list()) {
    out += kList;
    for (const Value& element : *list) {
      const std::size_t start = out.size();
      Append32(0, out);
      EncodeValue(element, out);
      const std::size_t length = out.size() - start - kLengthBytes;
      StoreLe32(static_cast<std::uint32_t>(length),
                reinterpret_cast<std::uint8_t*>(out.data() + start));
    }
  }
}

bool DecodeValue(std::string_view encoded, Value& value) {
  value = Value();
  if (encoded.empty()) return true;
  const std::string_view content = encoded.substr(1);
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(content.data());
  switch (encoded.front()) {
    case kFalse:
    case kTrue:
      value = Value(encoded.front() == kTrue);
      return content.empty();
    case kInteger:
      if (content.size() != 8) return false;
      value = Value(static_cast<std::int64_t>(LoadLe64(bytes)));
      return true;
    case kDouble:
      if (content.size() != 8) return false;
      value = Value(std::bit_cast<double>(LoadLe64(bytes)));
      return true;
    case kString:
      value = Value(content);
      return true;
    case kList: {
      Value::List list;
      for (std::size_t at = 0; at < content.size();) {
        if (content.size() - at < kLengthBytes) return false;
        const std::size_t length = LoadLe32(bytes + at);
        at += kLengthBytes;
        // Lists do not nest: this also bounds the recursion.
        if (length > content.size() - at || (length > 0 && content[at] == kList)) return false;
        if (!DecodeValue(content.substr(at, length), list.emplace_back())) return false;
        at += length;
      }
      value = Value(std::move(list));
      return true;
    }
    default:
      return false;
  }
}

std::uint32_t Dictionary::Intern(const Value& value) {
  return InternEncoded(Encoded(value));
}

std::uint32_t Dictionary::InternEncoded(std::string_view encoded) {
  MutexLock lock(mutex_);
  const std::uint32_t known = size_.load(std::memory_order_relaxed);
  if (table_.size() < std::size_t{2} * (known + 1)) Grow();
  const std::uint32_t hash = HashOf(encoded);
  const std::size_t place = Probe(encoded, hash);
  if (table_[place].id != 0) return table_[place].id;
  const std::uint32_t id = known + 1;
  entries_.Set(id - 1, Keep(encoded));
  if (!encoded.empty() && encoded.front() == kList) {
    const std::uint32_t lists = list_count_.load(std::memory_order_relaxed);
    lists_.Set(lists, id);
    list_count_.store(lists + 1, std::memory_order_release);
  }
  size_.store(id, std::memory_order_release);
  table_[place] = {id, hash};
  return id;
}

std::uint32_t Dictionary::Find(const Value& value) const {
  const std::string encoded = Encoded(value);
  MutexLock lock(mutex_);
  return table_.empty() ? 0 : table_[Probe(encoded, HashOf(encoded))].id;
}

Value Dictionary::At(std::uint32_t id) const {
  Value value;
  // Only valid encodings were interned.
  [[maybe_unused]] const bool valid = DecodeValue(EncodedAt(id), value);
  return value;
}

std::string_view Dictionary::EncodedAt(std::uint32_t id) const {
  return Entry(entries_.Get(id - 1));
}

std::size_t Dictionary::Probe(std::string_view encoded, std::uint32_t hash) const {
  const std::size_t mask = table_.size() - 1;
  std::size_t at = hash & mask;
  while (table_[at].id != 0 && (table_[at].hash != hash || EncodedAt(table_[at].id) != encoded)) {
    at = (at + 1) & mask;
  }
  return at;
}

void Dictionary::Grow() {
  constexpr std::size_t kFirst = 16;
  std::vector<Place> grown(std::max(kFirst, table_.size() * 2));
  const std::size_t mask = grown.size() - 1;
  for (const Place& place : table_) {
    if (place.id == 0) continue;
    std::size_t at = place.hash & mask;
    while (grown[at].id != 0) at = (at + 1) & mask;
    grown[at] = place;
  }
  table_ = std::move(grown);
}

const char* Dictionary::Keep(std::string_view encoded) {
  const std::size_t bytes = kLengthBytes + encoded.size();
  if (bytes > free_bytes_) {
    const std::size_t block = std::max(bytes, kBlockBytes);
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(block));
    free_ = blocks_.back().get();
    free_bytes_ = block;
  }
  char* entry = free_;
  const auto length = static_cast<std::uint32_t>(encoded.size());
  std::memcpy(entry, &length, kLengthBytes);
  std::memcpy(entry + kLengthBytes, encoded.data(), encoded.size());
  free_ += bytes;
  free_bytes_ -= bytes;
  return entry;
}

}  // namespace ocellus::store::embedded
