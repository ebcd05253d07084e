#include "image/contact_sheet.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <string>

namespace ocellus::image {
namespace {

constexpr std::uint32_t kGap = 4;
constexpr std::uint8_t kPaper = 255;
constexpr std::uint8_t kEmpty = 208;
constexpr std::uint32_t kLargestEnlargement = 4;  // of pictures that are smaller than their square

// Digits of five by seven points; a row is five bits, the left one the highest.
constexpr std::uint32_t kDigitWidth = 5;
constexpr std::uint32_t kDigitHeight = 7;
constexpr std::array<std::array<std::uint8_t, kDigitHeight>, 10> kDigits = {{
    {0x0E, 0x11, 0x13, 0x15, 0x19, 0x11, 0x0E},
    {0x04, 0x0C, 0x04, 0x04, 0x04, 0x04, 0x0E},
    {0x0E, 0x11, 0x01, 0x02, 0x04, 0x08, 0x1F},
    {0x1F, 0x02, 0x04, 0x02, 0x01, 0x11, 0x0E},
    {0x02, 0x06, 0x0A, 0x12, 0x1F, 0x02, 0x02},
    {0x1F, 0x10, 0x1E, 0x01, 0x01, 0x11, 0x0E},
    {0x06, 0x08, 0x10, 0x1E, 0x11, 0x11, 0x0E},
    {0x1F, 0x01, 0x02, 0x04, 0x08, 0x08, 0x08},
    {0x0E, 0x11, 0x11, 0x0E, 0x11, 0x11, 0x0E},
    {0x0E, 0x11, 0x11, 0x0F, 0x01, 0x02, 0x0C},
}};

void Fill(Picture& sheet, const Box& box, std::uint8_t grey) {
  const std::uint32_t right = std::min(box.x + box.width, sheet.width);
  const std::uint32_t bottom = std::min(box.y + box.height, sheet.height);
  for (std::uint32_t y = box.y; y < bottom && box.x < right; ++y) {
    std::memset(sheet.rgb.data() + (std::size_t{y} * sheet.width + box.x) * 3, grey,
                std::size_t{right - box.x} * 3);
  }
}

// REQUIRES: it fits
void Paste(const Picture& tile, std::uint32_t x, std::uint32_t y, Picture& sheet) {
  for (std::uint32_t row = 0; row < tile.height; ++row) {
    std::memcpy(sheet.rgb.data() + (std::size_t{y + row} * sheet.width + x) * 3,
                tile.rgb.data() + std::size_t{row} * tile.width * 3, std::size_t{tile.width} * 3);
  }
}

void WriteNumber(std::size_t number, std::uint32_t x, std::uint32_t y, std::uint32_t scale,
                 Picture& sheet) {
  const std::string digits = std::to_string(number);
  const auto count = static_cast<std::uint32_t>(digits.size());
  Fill(sheet, {x, y, (count * (kDigitWidth + 1) + 1) * scale, (kDigitHeight + 2) * scale}, 0);
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto& rows = kDigits[static_cast<std::size_t>(digits[i] - '0')];
    for (std::uint32_t row = 0; row < kDigitHeight; ++row) {
      for (std::uint32_t column = 0; column < kDigitWidth; ++column) {
        if ((rows[row] >> (kDigitWidth - 1 - column) & 1) == 0) continue;
        Fill(
            sheet,
            {x + (1 + i * (kDigitWidth + 1) + column) * scale, y + (1 + row) * scale, scale, scale},
            255);
      }
    }
  }
}

Picture FitInto(const Picture& picture, std::uint32_t side) {
  const double longest = std::max(picture.width, picture.height);
  const double factor = std::min(side / longest, double{kLargestEnlargement});
  const auto scaled = [&](std::uint32_t length) {
    return std::clamp(static_cast<std::uint32_t>(std::lround(length * factor)), 1U, side);
  };
  return Resize(picture, {0, 0, picture.width, picture.height}, scaled(picture.width),
                scaled(picture.height));
}

}  // namespace

Picture ContactSheet(std::span<const Picture> pictures, const ContactSheetOptions& options) {
  const std::uint32_t side = std::max(options.tile_side, 16U);
  const auto count = static_cast<std::uint32_t>(pictures.size());
  const std::uint32_t columns = options.columns != 0
                                    ? std::min(options.columns, count)
                                    : static_cast<std::uint32_t>(std::ceil(std::sqrt(count)));
  const std::uint32_t rows = (count + columns - 1) / columns;
  Picture sheet;
  sheet.width = columns * side + (columns + 1) * kGap;
  sheet.height = rows * side + (rows + 1) * kGap;
  sheet.rgb.assign(std::size_t{sheet.width} * sheet.height * 3, kPaper);
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t x = kGap + i % columns * (side + kGap);
    const std::uint32_t y = kGap + i / columns * (side + kGap);
    if (pictures[i].rgb.empty()) {
      Fill(sheet, {x, y, side, side}, kEmpty);
    } else {
      const Picture tile = FitInto(pictures[i], side);
      Paste(tile, x + (side - tile.width) / 2, y + (side - tile.height) / 2, sheet);
    }
    WriteNumber(i + 1, x, y, std::max(1U, side / 96), sheet);
  }
  return sheet;
}

}  // namespace ocellus::image
