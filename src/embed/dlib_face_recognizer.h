// Faces with dlib's detectors, its five landmarks and its 128-number network, with the weights of
// the PyPI package face-recognition-models (scripts/faces.txt).

#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "embed/face_recognizer.h"
#include "os/file_system.h"

namespace ocellus::embed {

// Reads and checks the weights in `folder`, by size and SHA-256, and lets go of them: they are
// loaded by the first Find(). As many calls are served at the same time as there are cores, four at
// most; further ones wait. `files` is borrowed and outlives the object. NotFound: a file is
// missing, with what to do; InvalidArgument: one is another file.
//
// Find() looks at pictures of any size: larger than 960 pixels they are looked at smaller, so that
// a face of less than a twelfth of the longest side may be missed. Besides, it fails as reading the
// weights does where they have changed since, and with Internal.
Result<std::unique_ptr<FaceRecognizer>> OpenFaceRecognizer(os::FileSystem& files,
                                                           const std::string& folder);

}  // namespace ocellus::embed
