#include "server/faces.h"

#include "embed/dlib_face_recognizer.h"
#include "os/path.h"

namespace ocellus::server {

Result<std::unique_ptr<embed::FaceRecognizer>> OpenFaces(os::FileSystem& files,
                                                         const std::string& weights, Logger& log) {
  std::string folder = weights;
  std::string tried;
  if (folder.empty()) {
    OCELLUS_ASSIGN_OR_RETURN(const std::string program, os::RealPath("/proc/self/exe"));
    for (const char* below :
         {"/../deps/face-recognition-models-0.3.0", "/../share/ocellus/faces"}) {
      const std::string candidate = os::DirectoryOf(program) + below;
      tried += (tried.empty() ? "" : " and ") + candidate;
      const Result<bool> there = files.Exists(candidate);
      if (there.ok() && *there) {
        folder = candidate;
        break;
      }
    }
  }
  if (folder.empty()) {
    log.Write(LogLevel::kInfo, "no face weights: faces are not looked for", {{"tried", tried}});
    return std::unique_ptr<embed::FaceRecognizer>();
  }
  OCELLUS_ASSIGN_OR_RETURN(std::unique_ptr<embed::FaceRecognizer> recognizer,
                           embed::OpenFaceRecognizer(files, folder));
  log.Write(LogLevel::kInfo, "face weights are there",
            {{"folder", folder}, {"digest", recognizer->info().digest.substr(0, 12)}});
  return recognizer;
}

}  // namespace ocellus::server
