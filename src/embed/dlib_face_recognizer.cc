#include "embed/dlib_face_recognizer.h"

// dlib was built to ask LAPACK for what its own code does as well for our few points; LAPACK would
// bring Fortran's runtime. These two headers say so, and nothing after them includes them again.
// clang-format off
#include <dlib/assert.h>
#include <dlib/test_for_odr_violations.h>
#undef DLIB_USE_LAPACK
// clang-format on
#include <dlib/dnn.h>
#include <dlib/image_processing.h>
#include <dlib/image_processing/frontal_face_detector.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <exception>
#include <istream>
#include <streambuf>
#include <utility>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/mutex.h"
#include "embed/blas_kernels.h"
#include "embed/face_geometry.h"
#include "embed/face_weights.h"

namespace ocellus::embed {
namespace {

// ---- The networks, as the files of weights have them.

template <int N, template <typename> class BN, int stride, typename SUBNET>
using Block =
    BN<dlib::con<N, 3, 3, 1, 1, dlib::relu<BN<dlib::con<N, 3, 3, stride, stride, SUBNET>>>>>;
template <int N, typename SUBNET>
using Residual = dlib::relu<dlib::add_prev1<Block<N, dlib::affine, 1, dlib::tag1<SUBNET>>>>;
template <int N, typename SUBNET>
using ResidualDown = dlib::relu<dlib::add_prev2<dlib::avg_pool<
    2, 2, 2, 2, dlib::skip1<dlib::tag2<Block<N, dlib::affine, 2, dlib::tag1<SUBNET>>>>>>>;
template <typename SUBNET>
using Level4 = Residual<32, Residual<32, Residual<32, SUBNET>>>;
template <typename SUBNET>
using Level3 = Residual<64, Residual<64, Residual<64, ResidualDown<64, SUBNET>>>>;
template <typename SUBNET>
using Level2 = Residual<128, Residual<128, ResidualDown<128, SUBNET>>>;
template <typename SUBNET>
using Level1 = Residual<256, Residual<256, ResidualDown<256, SUBNET>>>;
template <typename SUBNET>
using Level0 = ResidualDown<256, SUBNET>;
using Recognizer = dlib::loss_metric<dlib::fc_no_bias<
    128, dlib::avg_pool_everything<Level0<Level1<Level2<Level3<Level4<dlib::max_pool<
             3, 3, 2, 2,
             dlib::relu<dlib::affine<
                 dlib::con<32, 7, 7, 2, 2, dlib::input_rgb_image_sized<150>>>>>>>>>>>>>;

template <int N, typename SUBNET>
using Five = dlib::relu<dlib::affine<dlib::con<N, 5, 5, 1, 1, SUBNET>>>;
template <int N, typename SUBNET>
using FiveDown = dlib::relu<dlib::affine<dlib::con<N, 5, 5, 2, 2, SUBNET>>>;
using Detector = dlib::loss_mmod<dlib::con<
    1, 9, 9, 1, 1,
    Five<45, Five<45, Five<45, FiveDown<
                                   32, FiveDown<32, FiveDown<16, dlib::input_rgb_image_pyramid<
                                                                     dlib::pyramid_down<6>>>>>>>>>>;

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
constexpr double kConfirmed = -0.3;           // by the slow detector's measure
constexpr double kAroundDoubtful = 1.1;       // the square it sees, in sides of the candidate
constexpr std::uint32_t kDoubtfulSide = 123;  // pixels of that square: its own faces have 80 or so
constexpr double kOneFace = 0.4;              // two candidates that share more are one

constexpr std::size_t kMaxFaces = 64;
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

// One set of networks, which keep what they compute within themselves. One caller at a time; dlib's
// exceptions leave its functions.
class Worker {
 public:
  explicit Worker(const FaceWeights& weights) : fast_(dlib::get_frontal_face_detector()) {
    ByteStream detector(weights.detector);
    dlib::deserialize(slow_, detector);
    ByteStream landmarks(weights.landmarks);
    dlib::deserialize(landmarks_, landmarks);
    ByteStream recognizer(weights.recognizer);
    dlib::deserialize(recognizer_, recognizer);
  }

  std::vector<Face> Find(const image::Picture& picture) {
    std::vector<Face> faces;
    for (const Candidate& candidate : Detect(picture)) {
      Face face;
      face.box = BoxOf(candidate.square, picture);
      face.score = static_cast<float>(std::clamp(0.5 + candidate.score / 2, 0.0, 1.0));
      face.vector = VectorOf(picture, candidate.square);
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

  std::vector<Candidate> Detect(const image::Picture& picture) {
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
      const double confirmed = Confirm(picture, candidate.square);
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

  // How sure the slow detector is of a face in the middle.
  double Confirm(const image::Picture& picture, const Square& square) {
    const image::Picture cut =
        CutSquare(picture, {square.x, square.y, square.side * kAroundDoubtful}, kDoubtfulSide);
    double best = -1e9;
    const dlib::dpoint middle(kDoubtfulSide / 2.0, kDoubtfulSide / 2.0);
    for (const dlib::mmod_rect& one : slow_.process(ColoursOf(cut), kConfirmed)) {
      if (dlib::length(dlib::dcenter(one.rect) - middle) < kDoubtfulSide / 3.0) {
        best = std::max(best, one.detection_confidence);
      }
    }
    return best;
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
  std::vector<float> VectorOf(const image::Picture& picture, const Square& square) {
    const image::Picture cut =
        CutSquare(picture, {square.x, square.y, square.side * kAroundFace}, kCutSide);
    const FacePoints points = Landmarks(ColoursOf(cut), kCutSide / kAroundFace);
    image::Picture face;
    if (!CutFace(cut, points, face)) return {};
    EvenBrightness(face);
    const dlib::matrix<float, 0, 1>& out = recognizer_(ColoursOf(face));
    std::vector<float> vector(out.begin(), out.end());
    double square_sum = 0;
    for (const float value : vector) square_sum += double{value} * double{value};
    if (!(square_sum > 0) || !std::isfinite(square_sum)) return {};
    const auto factor = static_cast<float>(1 / std::sqrt(square_sum));
    for (float& value : vector) value *= factor;
    return vector;
  }

  dlib::frontal_face_detector fast_;
  Detector slow_;
  dlib::shape_predictor landmarks_;
  Recognizer recognizer_;
};

class DlibFaceRecognizer final : public FaceRecognizer {
 public:
  DlibFaceRecognizer(os::FileSystem& files, std::string folder)
      : files_(files), folder_(std::move(folder)) {
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
      while (idle_.empty() && workers_ == kMaxWorkers) given_back_.Wait(mutex_);
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

  Result<std::unique_ptr<Worker>> Load() const {
    OCELLUS_ASSIGN_OR_RETURN(const FaceWeights weights, ReadFaceWeights(files_, folder_));
    try {
      return std::make_unique<Worker>(weights);
    } catch (const std::exception& error) {
      return Status(Code::kInternal, "load the face weights in " + folder_ + ": " + error.what());
    }
  }

  os::FileSystem& files_;
  const std::string folder_;
  FaceModelInfo info_;

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
  ChooseBlasKernels();
  return std::unique_ptr<FaceRecognizer>(std::make_unique<DlibFaceRecognizer>(files, folder));
}

}  // namespace ocellus::embed
