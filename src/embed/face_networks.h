// The two networks that are asked about faces, with dlib's weights, run by OpenVINO.

#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "embed/face_weights.h"
#include "embed/model.h"
#include "image/image.h"

namespace ocellus::embed {

// Thread-safe: callers of one network wait for each other, since it runs on one stream.
class FaceNetworks {
 public:
  // Pixels of the sides of the pictures that each of them sees.
  static constexpr std::uint32_t kDescribedSide = 150;
  static constexpr std::uint32_t kJudgedSide = 123;

  // InvalidArgument: the weights are of other networks.
  static Result<std::unique_ptr<FaceNetworks>> Make(const FaceWeights& weights);

  // dlib's 128 numbers of an upright face, of its own length. Internal: the runtime failed.
  Result<std::vector<float>> Describe(const image::Picture& face);

  // How sure dlib's CNN detector is, by its own measure, of a face whose middle lies in that of the
  // picture and which fills about two thirds of it or more. Internal: the runtime failed.
  Result<double> Judge(const image::Picture& picture);

 private:
  FaceNetworks(std::unique_ptr<Model> describer, std::unique_ptr<Model> judge)
      : describer_(std::move(describer)), judge_(std::move(judge)) {}

  Mutex describing_;
  Mutex judging_;
  const std::unique_ptr<Model> describer_ GUARDED_BY(describing_);
  const std::unique_ptr<Model> judge_ GUARDED_BY(judging_);
};

}  // namespace ocellus::embed
