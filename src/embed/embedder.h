// Embedder: pictures and texts to vectors, by one model bundle.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "image/image.h"

namespace ocellus::embed {

struct BundleInfo {
  std::string name;    // of the bundle's config.json
  std::string digest;  // SHA-256 over the files that decide its vectors
  std::uint32_t dimension = 0;
  bool embeds_text = false;
  std::uint32_t picture_side = 224;  // pixels the picture tower sees: decoders may shrink to it
  std::uint32_t max_text_tokens = 0;
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

  // Refuses new calls and returns when those under way have their vectors. Any thread, any number
  // of times.
  virtual void Stop() {}
};

}  // namespace ocellus::embed
