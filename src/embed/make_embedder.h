// From a bundle to an Embedder that runs it.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/metrics.h"
#include "base/result.h"
#include "embed/bundle.h"
#include "embed/embedder.h"

namespace ocellus::embed {

struct EmbedderOptions {
  std::uint32_t streams = 0;    // networks that run side by side, one thread each; 0: one per core
  std::uint32_t max_batch = 4;  // pictures or texts per run: 1, 2, 4, 8 or 16
  std::size_t queue_capacity = 256;       // items that may wait, per tower
  std::uint32_t max_wait_ms = 30'000;     // for room in the queue; Unavailable after it
  std::size_t text_cache_entries = 4096;  // 2.6 KB each at 640 numbers
  // Where compiled networks are kept so that the next start is faster; empty: nowhere.
  std::string compiled_model_directory;
};

// With the machine's own numbers for 0, and all others within what is supported.
EmbedderOptions WithDefaults(const EmbedderOptions& options);

// Compiles both towers, which takes about a second, and runs each once. InvalidArgument: a model
// that is no ONNX, or whose inputs or outputs do not fit the bundle's configuration; the message
// begins with its path. The registry is borrowed and outlives the embedder.
Result<std::unique_ptr<Embedder>> MakeEmbedder(Bundle bundle, const EmbedderOptions& options,
                                               MetricsRegistry& metrics);

}  // namespace ocellus::embed
