#include "engine/testing/colour_embedder.h"

#include <array>
#include <cmath>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "image/image.h"

namespace ocellus::engine::testing {
namespace {

// A unit vector of three colours and a constant, so that no picture is at a right angle to all.
std::vector<float> UnitVector(std::array<double, 3> colour) {
  constexpr double kConstant = 0.05;
  const double norm = std::sqrt(colour[0] * colour[0] + colour[1] * colour[1] +
                                colour[2] * colour[2] + kConstant * kConstant);
  std::vector<float> vector;
  for (const double part : colour) vector.push_back(static_cast<float>(part / norm));
  vector.push_back(static_cast<float>(kConstant / norm));
  return vector;
}

}  // namespace

ColourEmbedder::ColourEmbedder(std::string name, std::string digest, bool embeds_text) {
  info_.name = std::move(name);
  info_.digest = std::move(digest);
  info_.dimension = 4;
  info_.embeds_text = embeds_text;
  info_.picture_side = 16;
  info_.max_text_tokens = 64;
}

Result<std::vector<float>> ColourEmbedder::EmbedPicture(const image::Picture& picture) {
  ++calls_;
  if (failure_ != Code::kOk) return Status(failure_, "the embedder fails");
  std::array<double, 3> sum = {};
  for (std::size_t i = 0; i < picture.rgb.size(); ++i) sum[i % 3] += picture.rgb[i] / 255.0;
  for (double& part : sum) part /= static_cast<double>(picture.rgb.size()) / 3;
  return UnitVector(sum);
}

Result<std::vector<float>> ColourEmbedder::EmbedText(std::string_view text) {
  ++calls_;
  if (failure_ != Code::kOk) return Status(failure_, "the embedder fails");
  if (text.find_first_not_of(" \t\n") == std::string_view::npos) {
    return Status(Code::kInvalidArgument, "no word in it");
  }
  std::array<double, 3> colour = {};
  constexpr std::array<std::string_view, 3> kWords = {"red", "green", "blue"};
  for (std::size_t i = 0; i < kWords.size(); ++i) {
    if (text.find(kWords[i]) != std::string_view::npos) colour[i] = 1;
  }
  return UnitVector(colour);
}

std::string JpegOf(Colour colour, std::uint32_t width, std::uint32_t height) {
  image::Picture picture;
  picture.width = width;
  picture.height = height;
  for (std::size_t i = 0; i < std::size_t{width} * height; ++i) {
    picture.rgb.insert(picture.rgb.end(), {colour.red, colour.green, colour.blue});
  }
  const Result<std::vector<std::uint8_t>> jpeg = image::EncodeJpeg(picture, 90);
  return jpeg.ok() ? std::string(AsText(*jpeg)) : std::string();
}

std::string PngHeaderOf(std::uint32_t width, std::uint32_t height) {
  std::string png("\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR", 16);
  for (const std::uint32_t side : {width, height}) {
    for (int shift = 24; shift >= 0; shift -= 8) png += static_cast<char>((side >> shift) & 0xFF);
  }
  png.append("\x08\x02\0\0\0", 5);  // 8 bits, RGB
  return png;
}

}  // namespace ocellus::engine::testing
