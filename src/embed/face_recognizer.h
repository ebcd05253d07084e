// FaceRecognizer: the faces of a picture, each with a vector by which a person is found again.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "embed/embedder.h"
#include "image/image.h"

namespace ocellus::embed {

struct Face {
  image::Box box;             // in pixels of the picture that was looked at, inside it
  float score = 0;            // of the detection, 0..1; larger is surer
  std::vector<float> vector;  // FaceModelInfo::dimension numbers of unit length
};

// Faces of one picture.
inline constexpr std::size_t kMaxFaces = 64;

struct FaceModelInfo {
  std::string name;
  std::string digest;  // SHA-256 over the files that decide its vectors
  std::uint32_t dimension = 0;
  // From the cosine of two faces to a score of 0..1: 0.5 is where two faces are as likely one
  // person's as two.
  ScoreCurve scores;
};

// Thread-safe.
class FaceRecognizer {
 public:
  virtual ~FaceRecognizer() = default;

  virtual const FaceModelInfo& info() const = 0;

  // Largest first, kMaxFaces at most; none where no face is seen. REQUIRES: the picture is not
  // empty and upright
  virtual Result<std::vector<Face>> Find(const image::Picture& picture) const = 0;
};

}  // namespace ocellus::embed
