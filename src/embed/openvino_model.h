// Networks in ONNX files or OpenVINO's own (.xml), or built here, run by OpenVINO on the CPU.
// OpenVINO's exceptions end in the .cc.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "embed/model.h"

namespace ov {
class Model;
}

namespace ocellus::embed {

struct ModelSpec {
  enum class Element : std::uint8_t { kByte, kFloat, kInt64 };
  struct Input {
    std::vector<std::string> names;  // one of them; none: the network's only one
    Element element = Element::kFloat;
    std::vector<std::size_t>
        item_shape;         // without the batch; empty: one dimension, up to max_length
    bool optional = false;  // networks without it are fine
  };

  std::string path;
  std::vector<Input> inputs;              // in the order of ModelItem::inputs
  std::size_t max_length = 0;             // tokens
  bool full_length = false;               // every text has that many
  std::size_t length_step = 1;            // else a multiple of it
  std::vector<std::string> outputs;       // names, the first one that the network has is taken
  bool any_output = false;                // or its only one, whatever its name
  std::vector<std::size_t> output_sizes;  // numbers per item that are as good as one another
  // In place of outputs: those of a detector, [n, k, 4] and [n, k], one behind the other.
  struct Detector {
    std::string boxes;
    std::string scores;
  };
  std::optional<Detector> detector = {};
  std::size_t streams = 1;
  std::size_t max_batch = 1;
  std::string compiled_model_directory;  // empty: nothing is kept
};

// Computes in float32, without quantising activations on the fly, so that a vector depends neither
// on the machine's instruction set nor on the batch, but for the last digits (under 1e-6).
//
// InvalidArgument, beginning with the path: not such a file, inputs or outputs other than asked
// for, a weight that is not a number, or a result on the way that is too large to be meant.
Result<std::unique_ptr<Model>> CompileModel(const ModelSpec& spec);

// The same of a network that is there: `path` only names it.
Result<std::unique_ptr<Model>> CompileModel(const ModelSpec& spec,
                                            const std::shared_ptr<ov::Model>& network);

}  // namespace ocellus::embed
