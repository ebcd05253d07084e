// BundleEmbedder: preparation, batching, caching and normalisation around a bundle's networks.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/metrics.h"
#include "embed/batcher.h"
#include "embed/bundle.h"
#include "embed/embedder.h"
#include "embed/make_embedder.h"
#include "embed/model.h"
#include "embed/vector_cache.h"

namespace ocellus::embed {

// Thread-safe. The registry is borrowed and outlives it.
class BundleEmbedder final : public Embedder {
 public:
  // `text` is null for a bundle without a text tower. The models have `options.streams` streams.
  // REQUIRES: options.streams > 0, max_batch is a power of two
  BundleEmbedder(Bundle bundle, const EmbedderOptions& options, std::unique_ptr<Model> picture,
                 std::unique_ptr<Model> text, MetricsRegistry& metrics);

  const BundleInfo& info() const override { return bundle_.info; }
  Result<std::vector<float>> EmbedPicture(const image::Picture& picture) override;
  Result<std::vector<float>> EmbedText(std::string_view text) override;
  std::size_t CountTokens(std::string_view text) const override;
  void Stop() override;

 private:
  Result<std::vector<std::int32_t>> Encoded(std::string_view text) const;
  Result<std::vector<float>> RunText(const std::vector<std::int32_t>& ids);

  const Bundle bundle_;
  const std::unique_ptr<Model> picture_model_;
  const std::unique_ptr<Model> text_model_;
  Histogram& picture_seconds_;
  Histogram& text_seconds_;
  VectorCache cache_;
  Batcher pictures_;
  std::optional<Batcher> texts_;
};

}  // namespace ocellus::embed
