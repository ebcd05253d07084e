// An Embedder whose vectors can be told by looking: the mean colour of a picture, the colour words
// of a text. And pictures to go with it.
//
// Thread-safe.

#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "embed/embedder.h"
#include "embed/registry.h"

namespace ocellus::engine::testing {

class ColourEmbedder final : public embed::Embedder {
 public:
  explicit ColourEmbedder(std::string name = "colour", std::string digest = "digest-1",
                          bool embeds_text = true);

  const embed::BundleInfo& info() const override { return info_; }
  Result<std::vector<float>> EmbedPicture(const image::Picture& picture) override;
  Result<std::vector<float>> EmbedText(std::string_view text) override;

  // REQUIRES: before the first call
  void Calibrate(embed::ScoreCurve pictures, embed::ScoreCurve texts) {
    info_.picture_scores = pictures;
    info_.text_scores = texts;
  }

  // Every later call fails with it, until it is set to kOk.
  void Fail(Code code) { failure_ = code; }
  int calls() const { return calls_; }

 private:
  embed::BundleInfo info_;
  std::atomic<Code> failure_ = Code::kOk;
  std::atomic<int> calls_ = 0;
};

struct Colour {
  std::uint8_t red = 0;
  std::uint8_t green = 0;
  std::uint8_t blue = 0;
};
inline constexpr Colour kRed = {255, 0, 0};
inline constexpr Colour kGreen = {0, 255, 0};
inline constexpr Colour kBlue = {0, 0, 255};

// A JPEG of one colour.
std::string JpegOf(Colour colour, std::uint32_t width = 48, std::uint32_t height = 32);

// The header of a PNG of that size, and nothing after it.
std::string PngHeaderOf(std::uint32_t width, std::uint32_t height);

}  // namespace ocellus::engine::testing
