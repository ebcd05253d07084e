// ModelDetector: finds subjects with a bundle's own network.

#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "base/result.h"
#include "embed/batcher.h"
#include "embed/bundle.h"
#include "embed/make_embedder.h"
#include "embed/model.h"
#include "embed/subject_detector.h"

namespace ocellus::embed {

// Thread-safe. The registry is borrowed and outlives it.
class ModelDetector final : public SubjectDetector {
 public:
  // The model gives K boxes an item: 4 K numbers x0, y0, x1, y1 of 0..1, then K scores of 0..1.
  // REQUIRES: options.streams > 0, max_batch is a power of two
  ModelDetector(const Bundle::Subjects& subjects, const EmbedderOptions& options,
                std::unique_ptr<Model> model, MetricsRegistry& metrics);

  // A picture of one colour has no subject, whatever the model says of it. Internal: the model gave
  // something that is no number.
  Result<std::vector<SubjectBox>> Find(const image::Picture& picture) const override;

 private:
  std::vector<float> Input(const image::Picture& squashed) const;

  const Bundle::Subjects subjects_;
  const std::unique_ptr<Model> model_;
  std::array<std::array<float, 256>, 3> values_;  // of each byte, by channel
  const std::unique_ptr<Batcher> batcher_;
};

// Compiles the network and looks at one picture with it. InvalidArgument: it is no ONNX, its inputs
// and outputs are not as described, or it gives no numbers; the message begins with its path.
Result<std::unique_ptr<SubjectDetector>> MakeDetector(const Bundle::Subjects& subjects,
                                                      const EmbedderOptions& options,
                                                      MetricsRegistry& metrics);

}  // namespace ocellus::embed
