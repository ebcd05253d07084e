// Where the weights of the faces' networks are.

#pragma once

#include <memory>
#include <string>

#include "base/log.h"
#include "base/result.h"
#include "embed/face_recognizer.h"
#include "os/file_system.h"

namespace ocellus::server {

// Opens the recognizer in the folder `weights`. An empty one is looked for where a build and an
// installation have it: ../deps/face-recognition-models-0.3.0 and ../share/ocellus/faces, from the
// program's place; null where nothing is there. NotFound and InvalidArgument as
// embed::OpenFaceRecognizer(). What was found is logged. `files` is borrowed and outlives the
// recognizer.
Result<std::unique_ptr<embed::FaceRecognizer>> OpenFaces(os::FileSystem& files,
                                                         const std::string& weights, Logger& log);

}  // namespace ocellus::server
