#include "embed/face_geometry.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>

namespace ocellus::embed {
namespace {

using Point = std::complex<double>;

constexpr std::uint32_t kFaceSide = 150;  // of the network's input
// Where the points are in a face of side 1, and how much more than that face is shown around it, of
// its side: the network was trained with both.
constexpr double kAround = 0.25;
const FacePoints kUpright = {Point{0.8595674595992, 0.2134981538014},
                             {0.6460604764104, 0.2289674387677},
                             {0.1205750620789, 0.2137274526848},
                             {0.3340850613712, 0.2290642403242},
                             {0.4901123135679, 0.6277975316475}};

constexpr double kMeanBrightness = 130;
constexpr double kMaxGain = 4;

// Between the four pixels around it; beyond the edges, the edges.
void Sample(const image::Picture& picture, const Point& at, std::uint8_t* rgb) {
  const double x = std::clamp(at.real(), 0.0, static_cast<double>(picture.width - 1));
  const double y = std::clamp(at.imag(), 0.0, static_cast<double>(picture.height - 1));
  const auto left = static_cast<std::size_t>(x);
  const auto top = static_cast<std::size_t>(y);
  const std::size_t right = std::min<std::size_t>(left + 1, picture.width - 1);
  const std::size_t bottom = std::min<std::size_t>(top + 1, picture.height - 1);
  const double fx = x - static_cast<double>(left);
  const double fy = y - static_cast<double>(top);
  const auto value = [&](std::size_t column, std::size_t row, std::size_t c) {
    return static_cast<double>(picture.rgb[3 * (row * picture.width + column) + c]);
  };
  for (std::size_t c = 0; c < 3; ++c) {
    const double above = value(left, top, c) * (1 - fx) + value(right, top, c) * fx;
    const double below = value(left, bottom, c) * (1 - fx) + value(right, bottom, c) * fx;
    rgb[c] = static_cast<std::uint8_t>(above * (1 - fy) + below * fy + 0.5);
  }
}

// The picture whose pixel (x, y) is the one of `from` at scale * (x + iy) + origin.
image::Picture Transformed(const image::Picture& from, const Point& scale, const Point& origin,
                           std::uint32_t side) {
  image::Picture to = {side, side, std::vector<std::uint8_t>(std::size_t{3} * side * side)};
  std::uint8_t* pixel = to.rgb.data();
  for (std::uint32_t y = 0; y < side; ++y) {
    const Point row = origin + scale * Point(0, y);
    for (std::uint32_t x = 0; x < side; ++x, pixel += 3) {
      Sample(from, row + scale * static_cast<double>(x), pixel);
    }
  }
  return to;
}

}  // namespace

double OverlapOf(const Square& a, const Square& b) {
  const auto shared = [&](double centre_a, double centre_b) {
    const double begin = std::max(centre_a - a.side / 2, centre_b - b.side / 2);
    const double end = std::min(centre_a + a.side / 2, centre_b + b.side / 2);
    return std::max(0.0, end - begin);
  };
  const double smaller = std::min(a.side, b.side);
  return shared(a.x, b.x) * shared(a.y, b.y) / (smaller * smaller);
}

image::Box BoxOf(const Square& square, const image::Picture& picture) {
  const auto span = [&](double centre, std::uint32_t size) {
    const auto begin = static_cast<std::uint32_t>(
        std::clamp(std::floor(centre - square.side / 2), 0.0, static_cast<double>(size - 1)));
    const auto end = static_cast<std::uint32_t>(std::clamp(std::ceil(centre + square.side / 2),
                                                           static_cast<double>(begin + 1),
                                                           static_cast<double>(size)));
    return std::pair(begin, end - begin);
  };
  const auto [x, width] = span(square.x, picture.width);
  const auto [y, height] = span(square.y, picture.height);
  return {x, y, width, height};
}

image::Picture CutSquare(const image::Picture& picture, const Square& square, std::uint32_t side) {
  // Shrinking averages first: sampling alone would leave out pixels.
  const image::Box box = BoxOf(square, picture);
  const double scale = std::min(1.0, side / square.side);
  const auto scaled = [scale](std::uint32_t size) {
    return std::max(1U, static_cast<std::uint32_t>(std::lround(size * scale)));
  };
  const image::Picture part =
      image::Resize(picture, box, scaled(box.width), scaled(box.height), image::Filter::kBilinear);
  // Centres of pixels: pixel x of the square is at (x + 0.5) of its side.
  const Point ratio(static_cast<double>(part.width) / box.width,
                    static_cast<double>(part.height) / box.height);
  const double step = square.side / side;
  const auto place = [&](double centre, std::uint32_t begin, double by) {
    return (centre - square.side / 2 + step / 2 - begin) * by - 0.5;
  };
  const Point origin(place(square.x, box.x, ratio.real()), place(square.y, box.y, ratio.imag()));
  return Transformed(part, Point(step * (ratio.real() + ratio.imag()) / 2, 0), origin, side);
}

bool CutFace(const image::Picture& picture, const FacePoints& points, image::Picture& face) {
  // The similarity that brings the upright points nearest to these, by least squares: a line
  // through complex numbers.
  const auto count = static_cast<double>(points.size());
  const Point upright_mean = std::accumulate(kUpright.begin(), kUpright.end(), Point{}) / count;
  const Point mean = std::accumulate(points.begin(), points.end(), Point{}) / count;
  Point product;
  double square = 0;
  for (std::size_t i = 0; i < points.size(); ++i) {
    product += std::conj(kUpright[i] - upright_mean) * (points[i] - mean);
    square += std::norm(kUpright[i] - upright_mean);
  }
  const Point whole = product / square;  // of a face of side 1
  if (std::abs(whole) < 1) return false;
  const Point scale = whole * (1 + 2 * kAround) / static_cast<double>(kFaceSide);
  const Point origin = mean - whole * (upright_mean + Point(kAround, kAround));
  face = Transformed(picture, scale, origin, kFaceSide);
  return true;
}

void EvenBrightness(image::Picture& face) {
  const double sum = std::accumulate(face.rgb.begin(), face.rgb.end(), 0.0);
  if (sum <= 0) return;
  const double gain =
      std::min(kMaxGain, kMeanBrightness * static_cast<double>(face.rgb.size()) / sum);
  for (std::uint8_t& value : face.rgb) {
    value = static_cast<std::uint8_t>(std::min(255.0, value * gain + 0.5));
  }
}

}  // namespace ocellus::embed
