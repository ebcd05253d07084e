// Faces with dlib: its detectors, its five landmarks and its 128-number network, with the weights
// of the PyPI package face-recognition-models (scripts/faces.txt).

#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "embed/face_recognizer.h"
#include "os/file_system.h"

namespace ocellus::embed {

// Reads and checks the weights in `folder`, by size and SHA-256, and lets go of them: they are
// loaded by the first Find(), and again for each Find() at the same time, four at most; further
// ones wait. `files` is borrowed and outlives the object. NotFound: a file is missing, with what to
// do; InvalidArgument: one is another file.
//
// Find() looks at pictures of any size: larger than 960 pixels they are looked at smaller, so that
// a face of less than a twelfth of the longest side may be missed. At most 64 faces. Besides, it
// fails as reading the weights does where they have changed since, and with Internal.
//
// REQUIRES: no other thread is there that reads the environment (blas_kernels.h)
Result<std::unique_ptr<FaceRecognizer>> OpenFaceRecognizer(os::FileSystem& files,
                                                           const std::string& folder);

}  // namespace ocellus::embed
