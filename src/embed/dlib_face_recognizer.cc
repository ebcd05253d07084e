#include "embed/dlib_face_recognizer.h"

// dlib was built to ask BLAS and LAPACK for what its own code does as well for our few points; they
// would bring libraries of their own. These two headers say so, and nothing after them includes
// them again.
// clang-format off
#include <dlib/assert.h>
#include <dlib/test_for_odr_violations.h>
#undef DLIB_USE_BLAS
#undef DLIB_USE_LAPACK
// clang-format on
#include <dlib/image_processing.h>
#include <dlib/image_processing/frontal_face_detector.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <exception>
#include <istream>
#include <streambuf>
#include <thread>
#include <utility>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/mutex.h"
#include "embed/face_geometry.h"
#include "embed/face_networks.h"
#include "embed/face_weights.h"

namespace ocellus::embed {
namespace {

// ---- What decides which faces are found. Where the numbers come from:
// docs/decisions/0013-faces.md.

// The fast detector sees faces of 80 pixels and more.
constexpr std::uint32_t kMaxSide = 960;     // a picture is looked at this large
constexpr std::uint32_t kSmallSide = 480;   // below it also enlarged, for small faces,
constexpr double kEnlarged = 1.6;           // so much
constexpr std::uint32_t kMarginSide = 160;  // and this large with a margin, for faces that fill it
constexpr double kMargin = 0.3;

// Of the fast detector's own measure. Below the first it is no candidate; from the second on a
// face; between them the slow detector is asked, for so many candidates of a picture.
constexpr double kCandidate = -0.7;
constexpr double kSure = 0.2;
constexpr std::size_t kMaxDoubtful = 6;
constexpr double kConfirmed = -0.3;      // by the slow detector's measure
constexpr double kAroundDoubtful = 1.1;  // the square it sees, in sides of the candidate
constexpr double kOneFace = 0.4;         // two candidates that share more are one

// So many callers are served at the same time, and no more than there are cores.
constexpr std::size_t kMaxWorkers = 4;

// A face is cut out this large, with as much around it, for landmarks and network.
constexpr double kAroundFace = 2.4;
constexpr std::uint32_t kCutSide = 288;

// Fitted on pairs of people whom no measurement uses: docs/decisions/0013-faces.md.
constexpr ScoreCurve kScores = {111.0, -101.06};

// Bytes as a stream, for dlib's deserialize().
class ByteStream final : private std::streambuf, public std::istream {
 public:
  explicit ByteStream(const std::vector<std::uint8_t>& bytes) : std::istream(nullptr) {
    // Only read from. NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast)
    char* begin = const_cast<char*>(reinterpret_cast<const char*>(bytes.data()));
    setg(begin, begin, begin + bytes.size());
    rdbuf(this);
    exceptions(std::ios::badbit | std::ios::failbit);
  }
};

using GreyImage = dlib::array2d<unsigned char>;
using ColourImage = dlib::matrix<dlib::rgb_pixel>;

GreyImage GreyOf(const image::Picture& picture) {
  GreyImage grey(picture.height, picture.width);
  const std::uint8_t* rgb = picture.rgb.data();
  for (long y = 0; y < grey.nr(); ++y) {
    for (long x = 0; x < grey.nc(); ++x, rgb += 3) {
      grey[y][x] =
          static_cast<unsigned char>((77 * rgb[0] + 150 * rgb[1] + 29 * rgb[2] + 128) >> 8);
    }
  }
  return grey;
}

ColourImage ColoursOf(const image::Picture& picture) {
  ColourImage colours(picture.height, picture.width);
  const std::uint8_t* rgb = picture.rgb.data();
  for (long y = 0; y < colours.nr(); ++y) {
    for (long x = 0; x < colours.nc(); ++x, rgb += 3) {
      colours(y, x) = dlib::rgb_pixel(rgb[0], rgb[1], rgb[2]);
    }
  }
  return colours;
}

struct Candidate {
  Square square;  // in pixels of the whole picture
  double score = 0;
};

// What all workers use.
struct Weights {
  dlib::frontal_face_detector fast = dlib::get_frontal_face_detector();
  dlib::shape_predictor landmarks;
  std::unique_ptr<FaceNetworks> networks;
};

// The fast detector keeps what it computes within itself: one caller at a time. dlib's exceptions
// leave its functions. `weights` is borrowed and outlives it.
class Worker {
 public:
  explicit Worker(const Weights& weights)
      : fast_(weights.fast), landmarks_(weights.landmarks), networks_(*weights.networks) {}

  Result<std::vector<Face>> Find(const image::Picture& picture) {
    std::vector<Face> faces;
    OCELLUS_ASSIGN_OR_RETURN(const std::vector<Candidate> candidates, Detect(picture));
    for (const Candidate& candidate : candidates) {
      Face face;
      face.box = BoxOf(candidate.square, picture);
      face.score = static_cast<float>(std::clamp(0.5 + candidate.score / 2, 0.0, 1.0));
      OCELLUS_ASSIGN_OR_RETURN(face.vector, VectorOf(picture, candidate.square));
      if (!face.vector.empty()) faces.push_back(std::move(face));
    }
    const auto area = [](const Face& face) {
      return std::uint64_t{face.box.width} * face.box.height;
    };
    std::stable_sort(faces.begin(), faces.end(),
                     [&](const Face& a, const Face& b) { return area(a) > area(b); });
    return faces;
  }

 private:
  // Adds what the fast detector sees in `view`, which is `scale` times the picture and begins at
  // -margin of its own pixels.
  void Look(const image::Picture& view, double scale, double margin,
            std::vector<Candidate>& found) {
    std::vector<dlib::rect_detection> seen;
    fast_(GreyOf(view), seen, kCandidate);
    for (const dlib::rect_detection& one : seen) {
      const dlib::dpoint centre = dlib::dcenter(one.rect);
      found.push_back({{(centre.x() + 0.5 - margin) / scale, (centre.y() + 0.5 - margin) / scale,
                        static_cast<double>(one.rect.width()) / scale},
                       one.detection_confidence});
    }
  }

  static image::Picture Scaled(const image::Picture& picture, double scale) {
    const auto scaled = [scale](std::uint32_t size) {
      return std::max(1U, static_cast<std::uint32_t>(std::lround(size * scale)));
    };
    return image::Resize(picture, {0, 0, picture.width, picture.height}, scaled(picture.width),
                         scaled(picture.height), image::Filter::kBilinear);
  }

  Result<std::vector<Candidate>> Detect(const image::Picture& picture) {
    const std::uint32_t longest = std::max(picture.width, picture.height);
    std::vector<Candidate> seen;
    if (longest > kMaxSide) {
      const double scale = static_cast<double>(kMaxSide) / longest;
      Look(Scaled(picture, scale), scale, 0, seen);
    } else {
      Look(picture, 1, 0, seen);
    }
    if (longest < kSmallSide) Look(Scaled(picture, kEnlarged), kEnlarged, 0, seen);
    const double scale = static_cast<double>(kMarginSide) / longest;
    const double margin = kMargin * kMarginSide;
    image::Picture framed = Framed(Scaled(picture, scale), static_cast<std::uint32_t>(margin));
    Look(framed, scale, std::floor(margin), seen);

    std::stable_sort(seen.begin(), seen.end(),
                     [](const Candidate& a, const Candidate& b) { return a.score > b.score; });
    std::vector<Candidate> faces;
    std::vector<Square> dismissed;
    for (const Candidate& candidate : seen) {
      const auto same = [&](const Square& other) {
        return OverlapOf(candidate.square, other) > kOneFace;
      };
      if (faces.size() == kMaxFaces) break;
      if (std::any_of(faces.begin(), faces.end(),
                      [&](const Candidate& f) { return same(f.square); })) {
        continue;
      }
      if (candidate.score >= kSure) {
        faces.push_back(candidate);
        continue;
      }
      if (dismissed.size() == kMaxDoubtful) break;
      if (std::any_of(dismissed.begin(), dismissed.end(), same)) continue;
      OCELLUS_ASSIGN_OR_RETURN(const double confirmed, Confirm(picture, candidate.square));
      if (confirmed > kConfirmed) {
        faces.push_back({candidate.square, std::max(candidate.score, confirmed)});
      } else {
        dismissed.push_back(candidate.square);
      }
    }
    return faces;
  }

  static image::Picture Framed(const image::Picture& picture, std::uint32_t margin) {
    image::Picture framed = {picture.width + 2 * margin, picture.height + 2 * margin, {}};
    framed.rgb.assign(std::size_t{3} * framed.width * framed.height, 127);
    for (std::uint32_t y = 0; y < picture.height; ++y) {
      std::copy_n(picture.rgb.data() + std::size_t{3} * y * picture.width,
                  std::size_t{3} * picture.width,
                  framed.rgb.data() + std::size_t{3} * ((y + margin) * framed.width + margin));
    }
    return framed;
  }

  // How sure the slow detector is of a face there.
  Result<double> Confirm(const image::Picture& picture, const Square& square) {
    return networks_.Judge(CutSquare(picture, {square.x, square.y, square.side * kAroundDoubtful},
                                     FaceNetworks::kJudgedSide));
  }

  // Of the face in a box of that side in the middle.
  FacePoints Landmarks(const ColourImage& cut, double side) {
    const dlib::drectangle box =
        dlib::centered_drect(dlib::dpoint(kCutSide / 2.0, kCutSide / 2.0), side, side);
    const dlib::full_object_detection shape = landmarks_(cut, dlib::rectangle(box));
    FacePoints points = {};
    for (std::size_t i = 0; i < points.size() && i < shape.num_parts(); ++i) {
      const dlib::point& part = shape.part(i);
      points[i] = {static_cast<double>(part.x()), static_cast<double>(part.y())};
    }
    return points;
  }

  // Empty: no landmarks to go by.
  Result<std::vector<float>> VectorOf(const image::Picture& picture, const Square& square) {
    const image::Picture cut =
        CutSquare(picture, {square.x, square.y, square.side * kAroundFace}, kCutSide);
    const FacePoints points = Landmarks(ColoursOf(cut), kCutSide / kAroundFace);
    image::Picture face;
    if (!CutFace(cut, points, face)) return std::vector<float>();
    EvenBrightness(face);
    OCELLUS_ASSIGN_OR_RETURN(std::vector<float> vector, networks_.Describe(face));
    double square_sum = 0;
    for (const float value : vector) square_sum += double{value} * double{value};
    if (!(square_sum > 0) || !std::isfinite(square_sum)) return std::vector<float>();
    const auto factor = static_cast<float>(1 / std::sqrt(square_sum));
    for (float& value : vector) value *= factor;
    return vector;
  }

  dlib::frontal_face_detector fast_;
  const dlib::shape_predictor& landmarks_;
  FaceNetworks& networks_;
};

class DlibFaceRecognizer final : public FaceRecognizer {
 public:
  DlibFaceRecognizer(os::FileSystem& files, std::string folder)
      : files_(files),
        folder_(std::move(folder)),
        max_workers_(std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, kMaxWorkers)) {
    info_.name = "dlib-resnet-128";
    // The number counts changes of what is done around the networks.
    info_.digest = Sha256Hex(AsBytes(FaceWeightsDigest() + " 1"));
    info_.dimension = 128;
    info_.scores = kScores;
  }

  const FaceModelInfo& info() const override { return info_; }

  Result<std::vector<Face>> Find(const image::Picture& picture) const override {
    Result<std::unique_ptr<Worker>> worker = Take();
    if (!worker.ok()) return std::move(worker).status();
    Result<std::vector<Face>> faces = FindWith(**worker, picture);
    if (!faces.ok()) worker->reset();  // nobody knows what it was left in
    GiveBack(*std::move(worker));
    return faces;
  }

 private:
  static Result<std::vector<Face>> FindWith(Worker& worker, const image::Picture& picture) {
    try {
      return worker.Find(picture);
    } catch (const std::exception& error) {
      return Status(Code::kInternal, std::string("find faces: ") + error.what());
    }
  }

  // An idle worker, or a new one as long as there are few, or the next that is given back.
  Result<std::unique_ptr<Worker>> Take() const EXCLUDES(mutex_) {
    {
      MutexLock lock(mutex_);
      while (idle_.empty() && workers_ == max_workers_) given_back_.Wait(mutex_);
      if (!idle_.empty()) {
        std::unique_ptr<Worker> worker = std::move(idle_.back());
        idle_.pop_back();
        return worker;
      }
      ++workers_;
    }
    Result<std::unique_ptr<Worker>> worker = Load();
    if (!worker.ok()) GiveBack(nullptr);
    return worker;
  }

  // Null: there is one worker less.
  void GiveBack(std::unique_ptr<Worker> worker) const EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    if (worker == nullptr) {
      --workers_;
    } else {
      idle_.push_back(std::move(worker));
    }
    given_back_.NotifyOne();
  }

  Result<std::unique_ptr<Worker>> Load() const EXCLUDES(weights_mutex_) {
    MutexLock lock(weights_mutex_);
    try {
      if (weights_ == nullptr) {
        OCELLUS_ASSIGN_OR_RETURN(const FaceWeights files, ReadFaceWeights(files_, folder_));
        auto weights = std::make_unique<Weights>();
        OCELLUS_ASSIGN_OR_RETURN(weights->networks, FaceNetworks::Make(files));
        ByteStream landmarks(files.landmarks);
        dlib::deserialize(weights->landmarks, landmarks);
        weights_ = std::move(weights);
      }
      return std::make_unique<Worker>(*weights_);
    } catch (const std::exception& error) {
      return Status(Code::kInternal, "load the face weights in " + folder_ + ": " + error.what());
    }
  }

  os::FileSystem& files_;
  const std::string folder_;
  const std::size_t max_workers_;
  FaceModelInfo info_;

  mutable Mutex weights_mutex_;
  mutable std::unique_ptr<const Weights> weights_ GUARDED_BY(weights_mutex_);  // once it is loaded

  mutable Mutex mutex_;
  mutable CondVar given_back_;
  mutable std::vector<std::unique_ptr<Worker>> idle_ GUARDED_BY(mutex_);
  mutable std::size_t workers_ GUARDED_BY(mutex_) = 0;
};

}  // namespace

Result<std::unique_ptr<FaceRecognizer>> OpenFaceRecognizer(os::FileSystem& files,
                                                           const std::string& folder) {
  const Result<FaceWeights> weights = ReadFaceWeights(files, folder);
  if (!weights.ok()) return Status(weights.status()).WithContext("faces");
  return std::unique_ptr<FaceRecognizer>(std::make_unique<DlibFaceRecognizer>(files, folder));
}

}  // namespace ocellus::embed
