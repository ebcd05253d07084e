#include "image/gif.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>
#include <vector>

#include "image/reader.h"

namespace ocellus::image {
namespace {

constexpr std::uint64_t kScreenBytes = 13;  // signature and logical screen descriptor
constexpr std::uint32_t kExtension = 0x21;
constexpr std::uint32_t kGraphicControl = 0xF9;
constexpr std::uint32_t kImage = 0x2C;

std::uint64_t PaletteBytes(std::uint32_t flags) {
  return (flags & 0x80U) != 0 ? std::uint64_t{3} << ((flags & 7U) + 1) : 0;
}

// Codes of up to 12 bits out of the blocks of compressed data.
class CodeReader {
 public:
  CodeReader(Bytes bytes, std::uint64_t at) : reader_(bytes, ByteOrder::kLittle), at_(at) {}

  // False at the end of the data.
  bool Next(unsigned bits, std::uint32_t& code) {
    while (held_bits_ < bits) {
      if (left_ == 0) left_ = reader_.U8(at_++);
      if (left_ == 0) return false;  // the last block, or the end of the file
      held_ |= reader_.U8(at_++) << held_bits_;
      held_bits_ += 8;
      --left_;
    }
    code = held_ & ((1U << bits) - 1U);
    held_ >>= bits;
    held_bits_ -= bits;
    return !reader_.overrun();
  }

 private:
  Reader reader_;
  std::uint64_t at_;
  std::uint32_t left_ = 0;  // of the block
  std::uint32_t held_ = 0;
  unsigned held_bits_ = 0;
};

// LZW as GIF has it. Returns how many of `pixels` it filled: all, or the data ended or made no
// sense.
class Unpacker {
 public:
  explicit Unpacker(std::uint32_t code_bits) : code_bits_(code_bits), clear_(1U << code_bits) {
    for (std::uint32_t i = 0; i < clear_; ++i) {
      strings_[i] = {.length = 1,
                     .prefix = 0,
                     .last = static_cast<std::uint8_t>(i),
                     .first = static_cast<std::uint8_t>(i)};
    }
  }

  std::size_t Fill(CodeReader codes, std::vector<std::uint8_t>& pixels) {
    std::size_t done = 0;
    std::uint32_t next = clear_ + 2;
    unsigned bits = code_bits_ + 1;
    bool fresh = true;  // no code since the last clear
    std::uint32_t previous = 0;
    for (std::uint32_t code = 0; done < pixels.size() && codes.Next(bits, code);) {
      if (code == clear_) {
        next = clear_ + 2;
        bits = code_bits_ + 1;
        fresh = true;
        continue;
      }
      if (code == clear_ + 1 || code > next || (fresh && code > clear_)) break;
      if (!fresh && next < kMaxCodes) {
        const std::uint8_t last = strings_[code == next ? previous : code].first;
        strings_[next] = {.length = strings_[previous].length + 1,
                          .prefix = static_cast<std::uint16_t>(previous),
                          .last = last,
                          .first = strings_[previous].first};
        ++next;
        if (next == (1U << bits) && bits < kMaxCodeBits) ++bits;
      } else if (code >= next) {
        break;
      }
      done = Emit(code, done, pixels);
      previous = code;
      fresh = false;
    }
    return done;
  }

 private:
  static constexpr std::uint32_t kMaxCodeBits = 12;
  static constexpr std::uint32_t kMaxCodes = 1U << kMaxCodeBits;

  struct String {
    std::uint32_t length = 0;
    std::uint16_t prefix = 0;  // the string without its last pixel
    std::uint8_t last = 0;
    std::uint8_t first = 0;
  };

  // From its last pixel back, passing over what is behind the picture's end.
  std::size_t Emit(std::uint32_t code, std::size_t done, std::vector<std::uint8_t>& pixels) const {
    const std::size_t end = done + strings_[code].length;
    for (std::size_t at = end; at-- > done; code = strings_[code].prefix) {
      if (at < pixels.size()) pixels[at] = strings_[code].last;
    }
    return std::min(end, pixels.size());
  }

  std::uint32_t code_bits_;
  std::uint32_t clear_;
  std::array<String, kMaxCodes> strings_{};
};

// Which row of the stored data is row y of the frame.
std::uint32_t StoredRow(const GifLayout& layout, std::uint32_t y) {
  if (!layout.interlaced) return y;
  const std::uint32_t height = layout.frame.height;
  const std::uint32_t eighths = (height + 7) / 8;   // rows 0, 8, 16 ...
  const std::uint32_t quarters = (height + 3) / 8;  // rows 4, 12 ...
  const std::uint32_t halves = (height + 1) / 4;    // rows 2, 6 ...
  if (y % 8 == 0) return y / 8;
  if (y % 8 == 4) return eighths + y / 8;
  if (y % 4 == 2) return eighths + quarters + y / 4;
  return eighths + quarters + halves + y / 2;
}

}  // namespace

Result<GifLayout> ReadGifLayout(Bytes bytes) {
  Reader reader(bytes, ByteOrder::kLittle);
  GifLayout layout;
  layout.width = reader.U16(6);
  layout.height = reader.U16(8);
  std::uint64_t palette_bytes = PaletteBytes(reader.U8(10));
  layout.palette = reader.Slice(kScreenBytes, palette_bytes);
  std::uint64_t at = kScreenBytes + palette_bytes;
  for (bool found = false; !found;) {
    const std::uint32_t introducer = reader.U8(at);
    if (reader.overrun()) break;
    if (introducer == kImage) {
      found = true;
      layout.frame = {.x = reader.U16(at + 1),
                      .y = reader.U16(at + 3),
                      .width = reader.U16(at + 5),
                      .height = reader.U16(at + 7)};
      const std::uint32_t flags = reader.U8(at + 9);
      layout.interlaced = (flags & 0x40U) != 0;
      palette_bytes = PaletteBytes(flags);
      if (palette_bytes != 0) layout.palette = reader.Slice(at + 10, palette_bytes);
      at += 10 + palette_bytes;
      layout.code_bits = reader.U8(at++);
      layout.data_at = at;
    } else if (introducer == kExtension) {
      if (reader.U8(at + 1) == kGraphicControl) {
        layout.has_transparent = (reader.U8(at + 3) & 1U) != 0;
        layout.transparent = static_cast<std::uint8_t>(reader.U8(at + 6));
      }
      at += 2;
    } else {
      return Status(Code::kInvalidArgument, "damaged GIF: no picture in it");
    }
    // A chain of blocks, each with its length before it, up to an empty one.
    for (std::uint32_t block = 1; block != 0; at += std::uint64_t{1} + block) block = reader.U8(at);
  }
  layout.truncated = reader.overrun();
  layout.width = std::max(layout.width, layout.frame.x + layout.frame.width);
  layout.height = std::max(layout.height, layout.frame.y + layout.frame.height);
  return layout;
}

Result<Raster> DecodeGif(Bytes bytes, std::uint32_t target_side) {
  OCELLUS_ASSIGN_OR_RETURN(const GifLayout layout, ReadGifLayout(bytes));
  const Box& frame = layout.frame;
  constexpr std::uint32_t kMaxCodeBits = 8;
  if (layout.code_bits == 0 || layout.code_bits > kMaxCodeBits) {
    return Status(Code::kInvalidArgument, "damaged GIF: pixels of no possible size");
  }
  std::vector<std::uint8_t> pixels(std::size_t{frame.width} * frame.height);
  if (Unpacker(layout.code_bits).Fill(CodeReader(bytes, layout.data_at), pixels) < pixels.size()) {
    return Status(Code::kInvalidArgument, "truncated or damaged GIF: its pixels end early");
  }
  BoxShrinker shrinker(
      {.width = layout.width,
       .height = layout.height,
       .channels = 3,
       .factor = BoxShrinker::FactorFor(layout.width, layout.height, target_side)});
  std::vector<std::uint8_t> row(std::size_t{layout.width} * 3);
  for (std::uint32_t y = 0; y < layout.height; ++y) {
    std::fill(row.begin(), row.end(), std::uint8_t{255});
    if (y >= frame.y && y - frame.y < frame.height) {
      const std::size_t from = std::size_t{StoredRow(layout, y - frame.y)} * frame.width;
      for (std::size_t x = 0; x < frame.width; ++x) {
        const std::uint8_t index = pixels[from + x];
        const std::size_t colour = std::size_t{index} * 3;
        if (layout.has_transparent && index == layout.transparent) continue;
        for (std::size_t c = 0; c < 3; ++c) {
          const bool known = colour + c < layout.palette.size();
          row[(frame.x + x) * 3 + c] = known ? layout.palette[colour + c] : std::uint8_t{0};
        }
      }
    }
    shrinker.AddRow(row.data());
  }
  Raster raster;
  raster.width = shrinker.width();
  raster.height = shrinker.height();
  raster.samples = std::move(shrinker).Take();
  return raster;
}

}  // namespace ocellus::image
