#include "image/bmp.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "image/reader.h"

namespace ocellus::image {
namespace {

constexpr std::uint32_t kRgb = 0;
constexpr std::uint32_t kRle8 = 1;
constexpr std::uint32_t kRle4 = 2;
constexpr std::uint32_t kBitfields = 3;
constexpr std::uint32_t kAlphaBitfields = 6;
constexpr std::uint64_t kFileHeaderBytes = 14;
constexpr std::uint32_t kCoreHeaderBytes = 12;  // OS/2's, with sizes of 16 bits
constexpr std::uint32_t kInfoHeaderBytes = 40;
constexpr std::uint32_t kV5HeaderBytes = 124;

using Colour = std::array<std::uint8_t, 3>;

Status Damaged(const char* why) {
  return Status(Code::kInvalidArgument, std::string("damaged BMP: ") + why);
}

std::uint64_t RowBytes(const BmpLayout& layout) {
  return (std::uint64_t{layout.width} * layout.bits + 31) / 32 * 4;
}

// The 8-bit value of the part of `pixel` under `mask`.
std::uint8_t Under(std::uint32_t pixel, std::uint32_t mask) {
  if (mask == 0) return 0;
  const std::uint64_t most = mask >> std::countr_zero(mask);
  const std::uint64_t value = (pixel & mask) >> std::countr_zero(mask);
  return static_cast<std::uint8_t>((value * 255 + most / 2) / most);
}

void ReadMasks(Reader& reader, std::uint32_t header_size, BmpLayout& layout) {
  if (layout.compression == kBitfields || layout.compression == kAlphaBitfields) {
    // They stand right behind the 40 bytes, inside or outside of the header.
    const bool alpha = header_size >= 56 || layout.compression == kAlphaBitfields;
    for (std::uint64_t i = 0; i < (alpha ? 4U : 3U); ++i) {
      layout.masks[i] = reader.U32(kFileHeaderBytes + kInfoHeaderBytes + 4 * i);
    }
    layout.compression = kBitfields;
  } else if (layout.bits == 16) {
    layout.masks[0] = 0x7C00;
    layout.masks[1] = 0x03E0;
    layout.masks[2] = 0x001F;
  } else if (layout.bits == 32) {
    // Without masks the fourth byte is padding by the book, and few writers mean alpha by it.
    layout.masks[0] = 0x00FF0000;
    layout.masks[1] = 0x0000FF00;
    layout.masks[2] = 0x000000FF;
  }
}

bool IsKnownKind(const BmpLayout& layout) {
  switch (layout.compression) {
    case kRgb:
      return layout.bits == 1 || layout.bits == 4 || layout.bits == 8 || layout.bits == 16 ||
             layout.bits == 24 || layout.bits == 32;
    case kRle8:
      return layout.bits == 8 && !layout.top_down;
    case kRle4:
      return layout.bits == 4 && !layout.top_down;
    case kBitfields:
      return layout.bits == 16 || layout.bits == 32;
    default:
      return false;
  }
}

std::vector<Colour> ReadPalette(Bytes bytes, const BmpLayout& layout) {
  // As many as an index can name: a wrong index is black, not a read past the end.
  std::vector<Colour> palette(256, Colour{});
  Reader reader(bytes, ByteOrder::kLittle);
  for (std::uint32_t i = 0; i < layout.palette_entries; ++i) {
    const std::uint32_t bgr =
        reader.U24(layout.palette_at + std::uint64_t{layout.palette_entry_bytes} * i);
    palette[i] = {static_cast<std::uint8_t>(bgr >> 16), static_cast<std::uint8_t>(bgr >> 8),
                  static_cast<std::uint8_t>(bgr)};
  }
  return palette;
}

// Indices of a run-length encoded picture, upper row first. Pixels that are skipped are index 0.
Result<std::vector<std::uint8_t>> UnpackRuns(Bytes bytes, const BmpLayout& layout) {
  Reader reader(bytes, ByteOrder::kLittle);
  std::vector<std::uint8_t> indices(std::size_t{layout.width} * layout.height);
  const bool nibbles = layout.compression == kRle4;
  std::uint64_t x = 0;
  std::uint64_t y = 0;
  const auto put = [&](std::uint32_t index) {
    if (x < layout.width && y < layout.height) {
      indices[static_cast<std::size_t>((layout.height - 1 - y) * layout.width + x)] =
          static_cast<std::uint8_t>(index);
    }
    ++x;
  };
  for (std::uint64_t at = layout.pixels_at; y < layout.height;) {
    const std::uint32_t count = reader.U8(at);
    const std::uint32_t value = reader.U8(at + 1);
    at += 2;
    if (reader.overrun()) {
      return Status(Code::kInvalidArgument, "truncated BMP: its runs end early");
    }
    if (count > 0) {  // a run
      for (std::uint32_t i = 0; i < count; ++i) {
        put(!nibbles ? value : i % 2 == 0 ? value >> 4 : value & 15U);
      }
    } else if (value == 0) {  // end of the row
      x = 0;
      ++y;
    } else if (value == 1) {  // end of the picture
      break;
    } else if (value == 2) {  // a jump
      x += reader.U8(at);
      y += reader.U8(at + 1);
      at += 2;
    } else {  // literal pixels, padded to 16 bits
      for (std::uint32_t i = 0; i < value; ++i) {
        const std::uint32_t byte = reader.U8(at + (nibbles ? i / 2 : i));
        put(!nibbles ? byte : i % 2 == 0 ? byte >> 4 : byte & 15U);
      }
      const std::uint32_t length = nibbles ? (value + 1) / 2 : value;
      at += length + (length & 1U);
    }
  }
  return indices;
}

// One row of an uncompressed picture as RGB.
void UnpackRow(const std::uint8_t* from, const BmpLayout& layout,
               const std::vector<Colour>& palette, std::uint8_t* to) {
  for (std::uint32_t x = 0; x < layout.width; ++x, to += 3) {
    switch (layout.bits) {
      case 24:
        to[0] = from[3 * std::size_t{x} + 2];
        to[1] = from[3 * std::size_t{x} + 1];
        to[2] = from[3 * std::size_t{x}];
        break;
      case 16:
      case 32: {
        const std::size_t bytes = layout.bits / 8;
        std::uint32_t pixel = 0;
        for (std::size_t i = bytes; i-- > 0;) pixel = (pixel << 8) | from[bytes * x + i];
        const unsigned alpha = layout.masks[3] == 0 ? 255U : Under(pixel, layout.masks[3]);
        for (std::size_t c = 0; c < 3; ++c) {
          const unsigned value = Under(pixel, layout.masks[c]);
          to[c] = static_cast<std::uint8_t>((value * alpha + 255U * (255U - alpha) + 127U) / 255U);
        }
        break;
      }
      default: {  // 1, 4 or 8: indices, the leftmost in the highest bits
        const std::size_t bit = std::size_t{x} * layout.bits;
        const unsigned shift = 8U - layout.bits - static_cast<unsigned>(bit % 8);
        const Colour& colour = palette[(from[bit / 8] >> shift) & ((1U << layout.bits) - 1U)];
        std::copy(colour.begin(), colour.end(), to);
      }
    }
  }
}

}  // namespace

bool IsBmpHeaderSize(std::uint32_t size) {
  return size == kCoreHeaderBytes || size == kInfoHeaderBytes || size == 52 || size == 56 ||
         size == 64 || size == 108 || size == kV5HeaderBytes;
}

Result<BmpLayout> ReadBmpLayout(Bytes bytes) {
  Reader reader(bytes, ByteOrder::kLittle);
  BmpLayout layout;
  layout.pixels_at = reader.U32(10);
  const std::uint32_t header_size = reader.U32(14);
  const bool core = header_size == kCoreHeaderBytes;
  std::uint32_t planes = 0;
  std::uint32_t colours = 0;
  if (core) {
    layout.width = reader.U16(18);
    layout.height = reader.U16(20);
    planes = reader.U16(22);
    layout.bits = reader.U16(24);
    layout.palette_entry_bytes = 3;
  } else {
    layout.width = reader.U32(18);
    const std::uint32_t height = reader.U32(22);
    layout.top_down = (height >> 31) != 0;
    layout.height = layout.top_down ? ~height + 1U : height;
    planes = reader.U16(26);
    layout.bits = reader.U16(28);
    layout.compression = reader.U32(30);
    colours = reader.U32(46);
    ReadMasks(reader, header_size, layout);
  }
  if (reader.overrun()) {
    return Status(Code::kInvalidArgument, "truncated BMP: the file ends in its header");
  }
  if (planes != 1 || layout.width > 0x7FFFFFFFU || !IsKnownKind(layout)) {
    return Damaged("not a kind of bitmap there is");
  }
  layout.palette_at = kFileHeaderBytes + header_size;
  if (layout.bits <= 8) {
    const std::uint32_t most = 1U << layout.bits;
    layout.palette_entries = colours == 0 ? most : std::min(colours, most);
  }
  if (header_size == kV5HeaderBytes && reader.U32(kFileHeaderBytes + 56) == 0x4D424544) {  // 'MBED'
    const std::uint64_t at = kFileHeaderBytes + reader.U32(kFileHeaderBytes + 112);
    layout.icc = reader.Slice(at, reader.U32(kFileHeaderBytes + 116));
  }
  if (layout.compression == kRgb || layout.compression == kBitfields) {
    layout.truncated = layout.pixels_at + RowBytes(layout) * layout.height > bytes.size();
  }
  return layout;
}

Result<Raster> DecodeBmp(Bytes bytes, std::uint32_t target_side) {
  OCELLUS_ASSIGN_OR_RETURN(const BmpLayout layout, ReadBmpLayout(bytes));
  if (layout.truncated) {
    return Status(Code::kInvalidArgument, "truncated BMP: its rows end early");
  }
  const std::vector<Colour> palette = ReadPalette(bytes, layout);
  const bool runs = layout.compression == kRle8 || layout.compression == kRle4;
  std::vector<std::uint8_t> indices;
  if (runs) {
    OCELLUS_ASSIGN_OR_RETURN(indices, UnpackRuns(bytes, layout));
  }
  BmpLayout rows = layout;
  if (runs) rows.bits = 8;
  BoxShrinker shrinker(
      {.width = layout.width,
       .height = layout.height,
       .channels = 3,
       .factor = BoxShrinker::FactorFor(layout.width, layout.height, target_side)});
  std::vector<std::uint8_t> row(std::size_t{layout.width} * 3);
  for (std::uint32_t y = 0; y < layout.height; ++y) {
    const std::uint64_t from = layout.top_down ? y : layout.height - 1 - y;
    const std::uint8_t* packed =
        runs ? indices.data() + std::size_t{layout.width} * y
             : bytes.data() + static_cast<std::size_t>(layout.pixels_at + RowBytes(layout) * from);
    UnpackRow(packed, rows, palette, row.data());
    shrinker.AddRow(row.data());
  }
  Raster raster;
  raster.width = shrinker.width();
  raster.height = shrinker.height();
  raster.samples = std::move(shrinker).Take();
  raster.icc.assign(layout.icc.begin(), layout.icc.end());
  return raster;
}

}  // namespace ocellus::image
