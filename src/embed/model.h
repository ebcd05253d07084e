// Model: one compiled network that takes items in batches, whatever runtime runs it.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "base/result.h"

namespace ocellus::embed {

// One picture or text on its way through a network. Everything is borrowed from the caller who
// waits for it.
struct ModelItem {
  // What the network's inputs get for this item, one each, in native byte order.
  std::array<Bytes, 3> inputs;
  // Items may share a batch when their shapes are equal: the number of tokens, or 0.
  std::uint32_t shape = 0;
  std::span<float> output;
};

// Thread-safe; calls side by side run side by side, up to the number of streams it was made with.
class Model {
 public:
  virtual ~Model() = default;

  // Numbers per item.
  virtual std::size_t output_size() const = 0;

  // Items per batch at most: less than it was asked for where the network is made for one.
  virtual std::size_t max_batch() const = 0;

  // Tokens that every text must have, padding included, or 0 where any length will do.
  virtual std::size_t fixed_length() const { return 0; }

  // Fills every item's output. Internal when the runtime fails.
  // REQUIRES: stream < streams, no other call with that stream at the time; the batch is not empty,
  // has at most max_batch() items, and these have one shape; output.size() == output_size()
  virtual Status Run(std::size_t stream, std::span<const ModelItem* const> batch) = 0;
};

}  // namespace ocellus::embed
