// Embedder: pictures and texts to vectors, by one model bundle.

#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "image/image.h"

namespace ocellus::embed {

// From a cosine to a score of 0..1 that means the same for every query: 1 / (1 + e^-(slope * cosine
// + offset)).
struct ScoreCurve {
  double slope = 0;  // above 0: a larger cosine has the larger score
  double offset = 0;

  double Score(double cosine) const { return 1 / (1 + std::exp(-(slope * cosine + offset))); }
};

struct BundleInfo {
  std::string name;    // of the bundle's config.json
  std::string digest;  // SHA-256 over the files that decide its vectors
  std::uint32_t dimension = 0;
  bool embeds_text = false;
  std::uint32_t picture_side = 224;  // pixels the picture tower sees: decoders may shrink to it
  std::uint32_t max_text_tokens = 0;
  // Calibrated on validation data by whoever made the bundle; absent: they were not.
  std::optional<ScoreCurve> picture_scores;  // of a picture against pictures
  std::optional<ScoreCurve> text_scores;     // of a text against pictures
};

// Thread-safe: calls of several threads run side by side or are batched together, whichever is
// faster. Calls block until the vector is there.
class Embedder {
 public:
  virtual ~Embedder() = default;

  virtual const BundleInfo& info() const = 0;

  // A unit vector of `dimension` numbers. Unavailable once stopped.
  virtual Result<std::vector<float>> EmbedPicture(const image::Picture& picture) = 0;

  // The same for a text in UTF-8; what is over the token limit is cut at a word. InvalidArgument
  // for a text without a token in it; FailedPrecondition when the bundle has no text tower.
  virtual Result<std::vector<float>> EmbedText(std::string_view text) = 0;

  // How many tokens the text has for the text tower, beyond its limit too. About one for four bytes
  // where there is no text tower.
  virtual std::size_t CountTokens(std::string_view text) const { return (text.size() + 3) / 4; }

  // Refuses new calls and returns when those under way have their vectors. Any thread, any number
  // of times.
  virtual void Stop() {}
};

}  // namespace ocellus::embed
