#include <algorithm>
#include <cstdint>
#include <string>

#include "image/header.h"
#include "image/reader.h"

namespace ocellus::image {
namespace {

// TIFF 6.0's numbers of the tags that decide what decoding costs.
enum Tag : std::uint32_t {
  kWidth = 256,
  kHeight = 257,
  kBitsPerSample = 258,
  kStripOffsets = 273,
  kOrientation = 274,
  kSamplesPerPixel = 277,
  kStripByteCounts = 279,
  kTileWidth = 322,
  kTileHeight = 323,
  kTileOffsets = 324,
  kTileByteCounts = 325,
  kIccProfile = 34675,
};

// Five is CMYK with alpha; more are measurements, not pictures.
constexpr std::uint32_t kMaxSamples = 5;
constexpr std::uint32_t kMaxBits = 64;  // a double

struct Field {
  std::uint32_t type = 0;
  std::uint32_t count = 0;
  std::uint64_t at = 0;  // of its first value
};

std::uint64_t BytesOfType(std::uint32_t type) {
  switch (type) {
    case 1:  // BYTE
      return 1;
    case 3:  // SHORT
      return 2;
    case 4:  // LONG
      return 4;
    default:
      return 0;
  }
}

std::uint32_t Value(Reader& reader, const Field& field, std::uint32_t index) {
  switch (BytesOfType(field.type)) {
    case 1:
      return reader.U8(field.at + index);
    case 2:
      return reader.U16(field.at + std::uint64_t{2} * index);
    case 4:
      return reader.U32(field.at + std::uint64_t{4} * index);
    default:
      return 0;
  }
}

// Whether every strip or tile lies inside the file.
bool AllInside(Reader& reader, const Field& offsets, const Field& counts) {
  const std::uint32_t count = std::min(offsets.count, counts.count);
  for (std::uint32_t i = 0; i < count && !reader.overrun(); ++i) {
    if (std::uint64_t{Value(reader, offsets, i)} + Value(reader, counts, i) > reader.size()) {
      return false;
    }
  }
  return !reader.overrun();
}

}  // namespace

Result<Header> ReadTiffHeader(Bytes bytes, const Limits& limits) {
  const bool little = !bytes.empty() && bytes[0] == 'I';
  Reader reader(bytes, little ? ByteOrder::kLittle : ByteOrder::kBig);
  Header header{.format = Format::kTiff};
  std::uint32_t samples = 1;
  std::uint32_t bits = 1;
  std::uint32_t tile_width = 0;
  std::uint32_t tile_height = 0;
  Field offsets;
  Field counts;
  // The first directory alone: the first page. What it points to is checked, never followed on.
  const std::uint64_t directory = reader.U32(4);
  const std::uint32_t entries = reader.U16(directory);
  for (std::uint32_t i = 0; i < entries && !reader.overrun(); ++i) {
    const std::uint64_t entry = directory + 2 + std::uint64_t{12} * i;
    Field field{.type = reader.U16(entry + 2), .count = reader.U32(entry + 4), .at = entry + 8};
    if (BytesOfType(field.type) * field.count > 4) field.at = reader.U32(entry + 8);
    if (field.count == 0) continue;
    if (reader.U16(entry) == kIccProfile) reader.Slice(reader.U32(entry + 8), field.count);
    switch (reader.U16(entry)) {
      case kWidth:
        header.width = Value(reader, field, 0);
        break;
      case kHeight:
        header.height = Value(reader, field, 0);
        break;
      case kBitsPerSample:
        for (std::uint32_t s = 0; s < std::min(field.count, kMaxSamples); ++s) {
          bits = std::max(bits, Value(reader, field, s));
        }
        break;
      case kSamplesPerPixel:
        samples = Value(reader, field, 0);
        break;
      case kOrientation: {
        const std::uint32_t value = Value(reader, field, 0);
        if (value >= 1 && value <= 8) header.orientation = static_cast<std::uint8_t>(value);
        break;
      }
      case kTileWidth:
        tile_width = Value(reader, field, 0);
        break;
      case kTileHeight:
        tile_height = Value(reader, field, 0);
        break;
      case kStripOffsets:
      case kTileOffsets:
        offsets = field;
        break;
      case kStripByteCounts:
      case kTileByteCounts:
        counts = field;
        break;
      default:
        break;
    }
  }
  if (reader.overrun()) {
    return Status(Code::kInvalidArgument, "truncated TIFF: the file ends in its directory");
  }
  if (samples == 0 || samples > kMaxSamples || bits > kMaxBits) {
    return Status(Code::kInvalidArgument, "a TIFF of " + std::to_string(samples) + " samples of " +
                                              std::to_string(bits) +
                                              " bits is not a picture we read");
  }
  if (tile_width != 0 || tile_height != 0) {
    OCELLUS_RETURN_IF_ERROR(CheckSize("tile of the TIFF", tile_width, tile_height, limits));
  }
  header.truncated = !AllInside(reader, offsets, counts);
  return header;
}

}  // namespace ocellus::image
