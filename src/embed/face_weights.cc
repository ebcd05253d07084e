#include "embed/face_weights.h"

#include "base/bytes.h"
#include "base/digest.h"

namespace ocellus::embed {
namespace {

struct KnownFile {
  const char* name;
  std::size_t bytes;
  const char* sha256;
};

// As in face_recognition_models 0.3.0.
constexpr KnownFile kDetector = {
    "mmod_human_face_detector.dat", 729'940,
    "4cb19393e2fbaf2b1609a9319ad5386618c886a6234ec1b971f3e87c85d87fe6"};
constexpr KnownFile kLandmarks = {
    "shape_predictor_5_face_landmarks.dat", 9'150'489,
    "c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888"};
constexpr KnownFile kRecognizer = {
    "dlib_face_recognition_resnet_model_v1.dat", 22'466'066,
    "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"};

constexpr char kWhatToDo[] =
    "; fetch the face weights with `scripts/bootstrap faces`, or copy the .dat files of the PyPI "
    "package face-recognition-models 0.3.0 there (docs/operations.md, Faces)";

Result<std::vector<std::uint8_t>> Read(os::FileSystem& files, const std::string& folder,
                                       const KnownFile& known) {
  const std::string path = folder + "/" + known.name;
  Result<std::vector<std::uint8_t>> bytes = os::ReadWholeFile(files, path, known.bytes);
  if (!bytes.ok()) {
    const Code code = bytes.status().code();
    if (code == Code::kNotFound) return Status(code, path + " is not there" + kWhatToDo);
    if (code != Code::kResourceExhausted) return bytes;
  } else if (bytes->size() == known.bytes && Sha256Hex(*bytes) == known.sha256) {
    return bytes;
  }
  return Status(Code::kInvalidArgument,
                path + " is not the file it should be, by its SHA-256" + kWhatToDo);
}

}  // namespace

Result<FaceWeights> ReadFaceWeights(os::FileSystem& files, const std::string& folder) {
  FaceWeights weights;
  OCELLUS_ASSIGN_OR_RETURN(weights.detector, Read(files, folder, kDetector));
  OCELLUS_ASSIGN_OR_RETURN(weights.landmarks, Read(files, folder, kLandmarks));
  OCELLUS_ASSIGN_OR_RETURN(weights.recognizer, Read(files, folder, kRecognizer));
  return weights;
}

std::string FaceWeightsDigest() {
  std::string all;
  for (const KnownFile& known : {kDetector, kLandmarks, kRecognizer}) {
    all.append(known.sha256).append("  ").append(known.name).append("\n");
  }
  return Sha256Hex(AsBytes(all));
}

}  // namespace ocellus::embed
