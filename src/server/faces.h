// Where the weights of the faces' networks are.

#pragma once

#include <memory>
#include <string>

#include "base/log.h"
#include "base/result.h"
#include "embed/face_recognizer.h"
#include "os/file_system.h"

namespace ocellus::server {

struct Faces {
  std::unique_ptr<embed::FaceRecognizer> recognizer;  // null: there are no weights here
  std::string missing;  // where it is null: what to tell who wants one
};

// Opens the recognizer in the folder `weights`. An empty one is looked for where a build and an
// installation have it: ../deps/face-recognition-models-0.3.0 and ../share/ocellus/faces, from the
// program's place; that nothing is there is no failure. NotFound and InvalidArgument as
// embed::OpenFaceRecognizer(). What was found is logged. `files` is borrowed and outlives the
// recognizer. REQUIRES: no other thread is there yet
Result<Faces> OpenFaces(os::FileSystem& files, const std::string& weights, Logger& log);

}  // namespace ocellus::server
