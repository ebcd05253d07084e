// Where tests find the faces' weights, which not every checkout has.

#pragma once

#include <string>

#include "os/file_system.h"

namespace ocellus::embed::testing {

// Where scripts/bootstrap puts them.
inline std::string FaceWeightsFolder() {
  return "../../build/deps/face-recognition-models-0.3.0";
}

inline bool HaveFaceWeights() {
  os::PosixFileSystem files;
  const auto there = files.Exists(FaceWeightsFolder() + "/mmod_human_face_detector.dat");
  return there.ok() && *there;
}

// First in a test; in a fixture's SetUp() too.
#define NEED_FACE_WEIGHTS()                          \
  if (!::ocellus::embed::testing::HaveFaceWeights()) \
  GTEST_SKIP() << "no face weights: scripts/bootstrap faces fetches them"

}  // namespace ocellus::embed::testing
