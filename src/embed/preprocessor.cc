#include "embed/preprocessor.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>

namespace ocellus::embed {
namespace {

// A picture longer than this is cut to its middle before it is resized: otherwise a strip of one
// pixel's height would become gigabytes on its way to a square.
constexpr double kMaxStrip = 8;

// The centred part whose long side is at most `aspect` times the short one.
image::Box MiddlePart(const image::Picture& picture, double aspect) {
  const std::uint32_t shortest = std::min(picture.width, picture.height);
  const double limit = std::min(shortest * aspect, 4294967295.0);
  const std::uint32_t width = std::min(picture.width, static_cast<std::uint32_t>(limit));
  const std::uint32_t height = std::min(picture.height, static_cast<std::uint32_t>(limit));
  return {(picture.width - width) / 2, (picture.height - height) / 2, width, height};
}

// Cut before it is resized: pixels beyond the part must not shine in, as they do when the part is
// given to Resize().
image::Picture Cut(const image::Picture& picture, const image::Box& part) {
  image::Picture result;
  result.width = part.width;
  result.height = part.height;
  result.rgb.reserve(std::size_t{part.width} * part.height * 3);
  for (std::uint32_t row = 0; row < part.height; ++row) {
    const auto from =
        picture.rgb.begin() +
        static_cast<std::ptrdiff_t>((std::size_t{part.y + row} * picture.width + part.x) * 3);
    result.rgb.insert(result.rgb.end(), from, from + static_cast<std::ptrdiff_t>(part.width) * 3);
  }
  return result;
}

// The number of a row or column with `more` too many of them where the middle begins.
std::uint32_t MiddleStart(std::uint32_t more, bool round_half_even) {
  const std::uint32_t half = more / 2;
  return round_half_even && more % 2 == 1 && half % 2 == 1 ? half + 1 : half;
}

}  // namespace

PicturePreprocessor::PicturePreprocessor(const Recipe& recipe) : recipe_(recipe) {
  if (recipe.layout == Layout::kBytesRowsFirst) return;
  for (std::size_t channel = 0; channel < 3; ++channel) {
    for (int byte = 0; byte < 256; ++byte) {
      values_[channel].push_back(static_cast<float>((byte * recipe.factor - recipe.mean[channel]) /
                                                    recipe.deviation[channel]));
    }
  }
}

std::uint32_t PicturePreprocessor::wanted_side() const {
  return recipe_.fit == Fit::kShortestEdge ? recipe_.edge : std::max(recipe_.width, recipe_.height);
}

std::size_t PicturePreprocessor::output_bytes() const {
  const std::size_t values = std::size_t{recipe_.width} * recipe_.height * 3;
  return recipe_.layout == Layout::kBytesRowsFirst ? values : values * sizeof(float);
}

image::Picture PicturePreprocessor::Resized(const image::Picture& picture, std::uint32_t width,
                                            std::uint32_t height) const {
  const image::Box all = {0, 0, picture.width, picture.height};
  // Bytes are what our own bundles take, whose training resizes as we do; others are somebody
  // else's and have what their training had.
  return recipe_.layout == Layout::kBytesRowsFirst
             ? image::Resize(picture, all, width, height, recipe_.filter)
             : image::ResizeExactly(picture, all, width, height, recipe_.filter);
}

image::Picture PicturePreprocessor::ToShortestEdge(const image::Picture& picture) const {
  // As the exporters' processors compute it: the longer side is rounded down.
  const std::uint64_t shortest = std::min(picture.width, picture.height);
  const auto scaled = [&](std::uint32_t side) {
    return static_cast<std::uint32_t>(std::uint64_t{recipe_.edge} * side / shortest);
  };
  const image::Picture resized = Resized(picture, scaled(picture.width), scaled(picture.height));
  return Cut(resized, {MiddleStart(resized.width - recipe_.width, recipe_.round_half_even),
                       MiddleStart(resized.height - recipe_.height, recipe_.round_half_even),
                       recipe_.width, recipe_.height});
}

image::Picture PicturePreprocessor::ToLongestEdge(const image::Picture& picture) const {
  const double ratio = std::max(static_cast<double>(picture.height) / recipe_.height,
                                static_cast<double>(picture.width) / recipe_.width);
  const auto scaled = [&](std::uint32_t side, std::uint32_t most) {
    const double rounded = std::nearbyint(side / ratio);  // half to even, as Python does it
    return static_cast<std::uint32_t>(std::clamp<double>(rounded, 1, most));
  };
  const image::Picture resized = Resized(picture, scaled(picture.width, recipe_.width),
                                         scaled(picture.height, recipe_.height));
  image::Picture result;
  result.width = recipe_.width;
  result.height = recipe_.height;
  result.rgb.assign(std::size_t{result.width} * result.height * 3, recipe_.fill);
  const std::size_t left = (result.width - resized.width) / 2;
  const std::size_t top = (result.height - resized.height) / 2;
  const std::size_t row_bytes = std::size_t{resized.width} * 3;
  for (std::size_t row = 0; row < resized.height; ++row) {
    std::memcpy(&result.rgb[((top + row) * result.width + left) * 3], &resized.rgb[row * row_bytes],
                row_bytes);
  }
  return result;
}

image::Picture PicturePreprocessor::Fitted(const image::Picture& picture) const {
  const bool any_aspect =
      recipe_.fit == Fit::kLongestEdge || (recipe_.fit == Fit::kSquash && recipe_.max_aspect == 0);
  const image::Box part =
      any_aspect ? image::Box{0, 0, picture.width, picture.height}
                 : MiddlePart(picture, recipe_.max_aspect > 0 ? recipe_.max_aspect : kMaxStrip);
  const bool whole = part.width == picture.width && part.height == picture.height;
  const image::Picture cut = whole ? image::Picture() : Cut(picture, part);
  const image::Picture& middle = whole ? picture : cut;
  switch (recipe_.fit) {
    case Fit::kShortestEdge:
      return ToShortestEdge(middle);
    case Fit::kLongestEdge:
      return ToLongestEdge(middle);
    case Fit::kSquash:
      break;
  }
  return Resized(middle, recipe_.width, recipe_.height);
}

void PicturePreprocessor::Run(const image::Picture& picture, std::span<std::uint8_t> out) const {
  assert(out.size() == output_bytes());
  const image::Picture fitted = Fitted(picture);
  if (recipe_.layout == Layout::kBytesRowsFirst) {
    std::memcpy(out.data(), fitted.rgb.data(), out.size());
    return;
  }
  std::uint8_t* to = out.data();
  for (std::size_t channel = 0; channel < 3; ++channel) {
    for (std::size_t at = channel; at < fitted.rgb.size(); at += 3) {
      std::memcpy(to, &values_[channel][fitted.rgb[at]], sizeof(float));
      to += sizeof(float);
    }
  }
}

}  // namespace ocellus::embed
