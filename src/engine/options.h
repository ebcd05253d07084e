// EngineOptions: the engine's limits, and what it borrows beside bundles and a store.

#pragma once

#include <cstddef>
#include <cstdint>

#include "embed/face_recognizer.h"
#include "embed/subject_detector.h"
#include "image/image.h"

namespace ocellus::engine {

struct EngineOptions {
  image::Limits picture_limits;
  std::uint32_t max_top_k = 1000;
  // Pixels that may be decoded at one time by all callers together: bounds memory at three bytes
  // each. A single picture over it is decoded alone.
  std::uint64_t max_pixels_in_flight = 200'000'000;
  // Parts of one FusionQuery.
  std::size_t max_fusion_parts = 16;
  // Finds the subject of a picture; null: an embed::ContrastDetector. Borrowed, outlives the
  // engine.
  const embed::SubjectDetector* subjects = nullptr;
  // Finds faces; null: no table may have a column of them. Borrowed, outlives the engine.
  const embed::FaceRecognizer* faces = nullptr;
};

}  // namespace ocellus::engine
