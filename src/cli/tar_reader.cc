#include "cli/tar_reader.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <string_view>
#include <utility>

namespace ocellus::cli {
namespace {

constexpr std::size_t kBlock = 512;
using Block = std::array<std::uint8_t, kBlock>;

// Offsets and lengths of POSIX.1-1988's header.
constexpr std::size_t kNameLength = 100;
constexpr std::size_t kSizeAt = 124;
constexpr std::size_t kSizeLength = 12;
constexpr std::size_t kChecksumAt = 148;
constexpr std::size_t kChecksumLength = 8;
constexpr std::size_t kTypeAt = 156;
constexpr std::size_t kMagicAt = 257;
constexpr std::size_t kPrefixAt = 345;
constexpr std::size_t kPrefixLength = 155;

// A file of more has no place in any archive, and sums with it overflow nowhere.
constexpr std::uint64_t kMaxSize = std::uint64_t{1} << 50;

std::string_view Field(const Block& block, std::size_t at, std::size_t length) {
  const std::string_view field = AsText(Bytes(block).subspan(at, length));
  return field.substr(0, field.find('\0'));
}

// Octal digits with spaces around, or GNU's base 256 for what they cannot say.
std::optional<std::uint64_t> Number(const Block& block, std::size_t at, std::size_t length) {
  const Bytes raw = Bytes(block).subspan(at, length);
  std::uint64_t value = 0;
  if ((raw[0] & 0x80) != 0) {
    if (raw[0] != 0x80) return std::nullopt;  // negative, or beyond 88 bits
    for (std::size_t i = 1; i < length; ++i) {
      if (value > (std::numeric_limits<std::uint64_t>::max() >> 8)) return std::nullopt;
      value = (value << 8) | raw[i];
    }
    return value;
  }
  std::string_view text = Field(block, at, length);
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  if (text.empty()) return 0;
  for (const char c : text) {
    if (c < '0' || c > '7') return std::nullopt;
    value = value * 8 + static_cast<std::uint64_t>(c - '0');  // 12 digits at most: no overflow
  }
  return value;
}

bool ChecksumHolds(const Block& block) {
  const auto wanted = Number(block, kChecksumAt, kChecksumLength);
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < kBlock; ++i) {
    const bool own = i >= kChecksumAt && i < kChecksumAt + kChecksumLength;
    sum += own ? std::uint64_t{' '} : block[i];
  }
  return wanted.has_value() && *wanted == sum;
}

std::uint64_t PaddingOf(std::uint64_t size) {
  return (kBlock - size % kBlock) % kBlock;
}

Status Damaged(const std::string& what) {
  return {Code::kInvalidArgument, "the tar archive is damaged: " + what};
}

Status CutOff() {
  return {Code::kInvalidArgument, "the tar archive is cut off"};
}

}  // namespace

Result<std::optional<TarMember>> TarReader::Next() {
  OCELLUS_RETURN_IF_ERROR(Skip(content_left_ + padding_));
  content_left_ = padding_ = 0;
  for (;;) {
    Block block{};
    OCELLUS_ASSIGN_OR_RETURN(const std::size_t got, ReadFully(source_, block));
    if (got == 0 && !first_) return std::optional<TarMember>();  // some writers leave the end out
    if (got < kBlock) return first_ ? Damaged("it is too short to be one") : CutOff();
    if (std::all_of(block.begin(), block.end(), [](std::uint8_t b) { return b == 0; })) {
      return std::optional<TarMember>();
    }
    if (!ChecksumHolds(block)) {
      return Damaged(first_ ? "it does not begin like one" : "a header's checksum is wrong");
    }
    first_ = false;
    std::optional<std::uint64_t> size = Number(block, kSizeAt, kSizeLength);
    if (!size || *size > kMaxSize) return Damaged("a member's size is no number");
    const char type = static_cast<char>(block[kTypeAt]);
    if (type == 'x') {
      OCELLUS_ASSIGN_OR_RETURN(const std::string records, ReadHeaderData(*size));
      OCELLUS_RETURN_IF_ERROR(ApplyPax(records));
      continue;
    }
    if (type == 'L') {
      OCELLUS_ASSIGN_OR_RETURN(std::string name, ReadHeaderData(*size));
      next_name_ = name.substr(0, name.find('\0'));
      continue;
    }
    if (type == 'g' || type == 'K') {  // for all members, or for a link's target
      OCELLUS_RETURN_IF_ERROR(Skip(*size + PaddingOf(*size)));
      continue;
    }
    TarMember member;
    member.size = next_size_.value_or(*size);
    if (next_name_) {
      member.name = *std::move(next_name_);
    } else {
      // GNU's own format has times where POSIX has the prefix.
      const std::string_view prefix = Field(block, kMagicAt, 6) == "ustar"
                                          ? Field(block, kPrefixAt, kPrefixLength)
                                          : std::string_view();
      member.name = std::string(prefix) + (prefix.empty() ? "" : "/") +
                    std::string(Field(block, 0, kNameLength));
    }
    next_name_.reset();
    next_size_.reset();
    if (member.name.size() > limits_.max_name_bytes) {
      return Damaged("a name is longer than " + std::to_string(limits_.max_name_bytes) + " bytes");
    }
    // Links and folders carry no content, whatever their size says.
    const bool has_content = type != '1' && type != '2' && type != '5';
    if (type == '0' || type == '\0' || type == '7') {
      content_left_ = member.size;
      padding_ = PaddingOf(member.size);
      return std::optional<TarMember>(std::move(member));
    }
    if (has_content) OCELLUS_RETURN_IF_ERROR(Skip(member.size + PaddingOf(member.size)));
  }
}

Result<std::string> TarReader::ReadContent() {
  // Taken as it comes: a size that an archive only claims is not allocated.
  constexpr std::size_t kStep = 1 << 20;
  std::string content;
  while (content_left_ > 0) {
    const std::size_t before = content.size();
    const auto step = static_cast<std::size_t>(std::min<std::uint64_t>(kStep, content_left_));
    content.resize(before + step);
    OCELLUS_ASSIGN_OR_RETURN(
        const std::size_t got,
        ReadFully(source_, {reinterpret_cast<std::uint8_t*>(content.data()) + before, step}));
    if (got < step) return CutOff();
    content_left_ -= step;
  }
  return content;
}

Result<std::string> TarReader::ReadHeaderData(std::uint64_t size) {
  if (size > limits_.max_header_bytes) return Damaged("an extended header is too long");
  std::string data(static_cast<std::size_t>(size), '\0');
  OCELLUS_ASSIGN_OR_RETURN(
      const std::size_t got,
      ReadFully(source_, {reinterpret_cast<std::uint8_t*>(data.data()), data.size()}));
  if (got < data.size()) return CutOff();
  OCELLUS_RETURN_IF_ERROR(Skip(PaddingOf(size)));
  return data;
}

Status TarReader::Skip(std::uint64_t bytes) {
  std::array<std::uint8_t, 64 << 10> waste;
  while (bytes > 0) {
    const auto step = static_cast<std::size_t>(std::min<std::uint64_t>(waste.size(), bytes));
    OCELLUS_ASSIGN_OR_RETURN(const std::size_t got,
                             ReadFully(source_, std::span(waste).first(step)));
    if (got < step) return CutOff();
    bytes -= got;
  }
  return {};
}

// Records of "<length> <keyword>=<value>\n", the length counting itself.
Status TarReader::ApplyPax(const std::string& records) {
  std::string_view rest = records;
  while (!rest.empty()) {
    if (rest.front() == '\0') break;  // padding that some writers count in
    std::size_t length = 0;
    const auto parsed = std::from_chars(rest.data(), rest.data() + rest.size(), length);
    const auto digits = static_cast<std::size_t>(parsed.ptr - rest.data());
    if (parsed.ec != std::errc() || length > rest.size() || length < digits + 3 ||
        rest[digits] != ' ' || rest[length - 1] != '\n') {
      return Damaged("a pax header is malformed");
    }
    const std::string_view record = rest.substr(digits + 1, length - digits - 2);
    rest.remove_prefix(length);
    const std::size_t equals = record.find('=');
    if (equals == std::string_view::npos) return Damaged("a pax header is malformed");
    const std::string_view value = record.substr(equals + 1);
    if (record.substr(0, equals) == "path") {
      next_name_ = std::string(value);
    } else if (record.substr(0, equals) == "size") {
      std::uint64_t size = 0;
      const auto number = std::from_chars(value.data(), value.data() + value.size(), size);
      if (number.ec != std::errc() || number.ptr != value.data() + value.size() ||
          size > kMaxSize) {
        return Damaged("a member's size is no number");
      }
      next_size_ = size;
    }
  }
  return {};
}

}  // namespace ocellus::cli
