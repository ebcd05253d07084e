// The files with the weights of the faces' networks, and that they are the right ones.
//
// Thread-safe.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "os/file_system.h"

namespace ocellus::embed {

struct FaceWeights {
  std::vector<std::uint8_t> detector;    // "mmod_human_face_detector.dat"
  std::vector<std::uint8_t> landmarks;   // "shape_predictor_5_face_landmarks.dat"
  std::vector<std::uint8_t> recognizer;  // "dlib_face_recognition_resnet_model_v1.dat"
};

// No parser sees a byte before size and SHA-256 of its file are right. NotFound names the file that
// is missing and what to do; InvalidArgument the one that is another.
Result<FaceWeights> ReadFaceWeights(os::FileSystem& files, const std::string& folder);

// SHA-256 of what `sha256sum` says of the three files.
std::string FaceWeightsDigest();

}  // namespace ocellus::embed
