#include "image/raster.h"

#include <algorithm>
#include <utility>

namespace ocellus::image {
namespace {

// Where the pixel that comes out at (0, 0) is, and the steps in the source for one to the right and
// one down, in pixels.
struct Walk {
  std::ptrdiff_t start;
  std::ptrdiff_t right;
  std::ptrdiff_t down;
};

Walk WalkFor(const Picture& picture, std::uint8_t orientation) {
  const auto width = static_cast<std::ptrdiff_t>(picture.width);
  const std::ptrdiff_t last_column = width - 1;
  const std::ptrdiff_t last_row = (static_cast<std::ptrdiff_t>(picture.height) - 1) * width;
  switch (orientation) {
    case 2:  // mirrored left to right
      return {last_column, -1, width};
    case 3:  // upside down
      return {last_row + last_column, -1, -width};
    case 4:  // mirrored top to bottom
      return {last_row, 1, -width};
    case 5:  // mirrored along the falling diagonal
      return {0, width, 1};
    case 6:  // to be turned clockwise
      return {last_row, -width, 1};
    case 7:  // mirrored along the rising diagonal
      return {last_row + last_column, -width, -1};
    default:  // 8: to be turned counter-clockwise
      return {last_column, width, -1};
  }
}

}  // namespace

Picture Upright(Picture picture, std::uint8_t orientation) {
  if (orientation < 2 || orientation > 8) return picture;
  const Walk walk = WalkFor(picture, orientation);
  const bool swapped = orientation >= 5;
  Picture upright;
  upright.width = swapped ? picture.height : picture.width;
  upright.height = swapped ? picture.width : picture.height;
  upright.rgb.resize(picture.rgb.size());
  const std::uint8_t* from = picture.rgb.data();
  std::uint8_t* to = upright.rgb.data();
  for (std::uint32_t y = 0; y < upright.height; ++y) {
    const std::uint8_t* pixel =
        from + 3 * (walk.start + walk.down * static_cast<std::ptrdiff_t>(y));
    for (std::uint32_t x = 0; x < upright.width; ++x, pixel += 3 * walk.right, to += 3) {
      to[0] = pixel[0];
      to[1] = pixel[1];
      to[2] = pixel[2];
    }
  }
  return upright;
}

BoxShrinker::BoxShrinker(const Shape& shape)
    : shape_(shape),
      out_width_((shape.width + shape.factor - 1) / shape.factor),
      out_height_((shape.height + shape.factor - 1) / shape.factor),
      sums_(shape.factor == 1 ? 0 : std::size_t{out_width_} * shape.channels),
      out_(std::size_t{out_width_} * out_height_ * shape.channels) {}

std::uint32_t BoxShrinker::FactorFor(std::uint32_t width, std::uint32_t height,
                                     std::uint32_t target_side) {
  // A block of 4,096 pixels a side is the largest whose sum of bytes fits 32 bits.
  constexpr std::uint32_t kMaxFactor = 4096;
  if (target_side == 0) return 1;
  return std::clamp<std::uint32_t>(std::min(width, height) / target_side, 1, kMaxFactor);
}

void BoxShrinker::AddRow(const std::uint8_t* row) {
  const std::uint32_t channels = shape_.channels;
  ++rows_in_;
  if (shape_.factor == 1) {
    const std::size_t stride = std::size_t{out_width_} * channels;
    std::copy_n(row, stride, out_.data() + stride * rows_done_);
    ++rows_done_;
    return;
  }
  std::uint32_t* sum = sums_.data();
  for (std::uint32_t x = 0; x < shape_.width; sum += channels) {
    const std::uint32_t end = std::min(shape_.width, x + shape_.factor);
    for (; x < end; ++x, row += channels) {
      for (std::uint32_t c = 0; c < channels; ++c) sum[c] += row[c];
    }
  }
  ++rows_in_sum_;
  if (rows_in_sum_ == shape_.factor || rows_in_ == shape_.height) FinishBlockRow();
}

void BoxShrinker::FinishBlockRow() {
  std::uint8_t* to = out_.data() + std::size_t{out_width_} * shape_.channels * rows_done_;
  for (std::uint32_t x = 0; x < out_width_; ++x) {
    const std::uint32_t columns = std::min(shape_.factor, shape_.width - x * shape_.factor);
    const std::uint64_t count = std::uint64_t{columns} * rows_in_sum_;  // 64 bits: it is added to
    for (std::uint32_t c = 0; c < shape_.channels; ++c) {
      std::uint32_t& sum = sums_[std::size_t{x} * shape_.channels + c];
      *to++ = static_cast<std::uint8_t>((sum + count / 2) / count);
      sum = 0;
    }
  }
  rows_in_sum_ = 0;
  ++rows_done_;
}

}  // namespace ocellus::image
