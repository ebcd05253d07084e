#include "embed/contrast_detector.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>

namespace ocellus::embed {
namespace {

// The picture is looked at this large, longest side. Measured on compositions: 64 finds as much as
// 128 at a quarter of the work, 48 loses small subjects.
constexpr std::uint32_t kSide = 64;

// Colours that the edges are summed up in.
constexpr std::size_t kColours = 5;
constexpr int kRounds = 6;  // of k-means; it has settled by then

// A pixel stands out when it is further from every colour of the edges than this, of 441 at most,
// and than nearly all pixels of the edges are. The noise of JPEGs stays below it.
constexpr float kMinContrast = 26;
constexpr double kEdgeShare = 0.92;

// Edges that their own colours do not sum up better than this are no background: a street, a
// meadow. On 1000 compositions each (pictures of things pasted on plain, on shaded and on
// photographed grounds) the first box has an IoU over 0.5 with the thing in 78 %, 80 % and 40 %
// with it, where the whole picture has it in 37 %, 39 % and 39 %; without it the last is 32 %.
constexpr float kMaxEdgeContrast = 28;

// Smaller regions are specks; larger ones are no better an answer than the picture.
constexpr double kMinArea = 0.01;
constexpr double kMaxArea = 0.90;

constexpr float kPadding = 0.04F;  // of the box's sides: edges are soft at this size
constexpr std::size_t kMaxBoxes = 8;

using Colour = std::array<float, 3>;

float DistanceOf(const Colour& a, const Colour& b) {
  float sum = 0;
  for (std::size_t i = 0; i < 3; ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return std::sqrt(sum);
}

// A small picture, as colours.
struct Raster {
  std::uint32_t width;
  std::uint32_t height;
  std::vector<Colour> pixels;

  const Colour& At(std::uint32_t x, std::uint32_t y) const {
    return pixels[std::size_t{y} * width + x];
  }
};

Raster Shrunk(const image::Picture& picture) {
  const std::uint32_t longest = std::max(picture.width, picture.height);
  const auto side = [longest](std::uint32_t size) {
    if (longest <= kSide) return size;
    return std::max(1U, static_cast<std::uint32_t>(std::uint64_t{size} * kSide / longest));
  };
  Raster raster = {side(picture.width), side(picture.height), {}};
  const image::Picture small =
      image::Resize(picture, {0, 0, picture.width, picture.height}, raster.width, raster.height);
  raster.pixels.resize(std::size_t{raster.width} * raster.height);
  for (std::size_t i = 0; i < raster.pixels.size(); ++i) {
    for (std::size_t c = 0; c < 3; ++c) {
      raster.pixels[i][c] = static_cast<float>(small.rgb[3 * i + c]);
    }
  }
  return raster;
}

// The pixels of the edges, two deep, in a turn around the picture.
std::vector<Colour> EdgesOf(const Raster& raster) {
  std::vector<Colour> edges;
  for (std::uint32_t y = 0; y < raster.height; ++y) {
    for (std::uint32_t x = 0; x < raster.width; ++x) {
      if (x < 2 || y < 2 || x + 2 >= raster.width || y + 2 >= raster.height) {
        edges.push_back(raster.At(x, y));
      }
    }
  }
  return edges;
}

float NearestOf(const std::vector<Colour>& colours, const Colour& pixel) {
  float nearest = std::numeric_limits<float>::max();
  for (const Colour& colour : colours) nearest = std::min(nearest, DistanceOf(colour, pixel));
  return nearest;
}

// K-means from starts that are as far from each other as can be: the same picture has the same
// answer always.
std::vector<Colour> ColoursOf(const std::vector<Colour>& edges) {
  std::vector<Colour> colours = {edges.front()};
  while (colours.size() < kColours) {
    const auto furthest =
        std::max_element(edges.begin(), edges.end(), [&](const Colour& a, const Colour& b) {
          return NearestOf(colours, a) < NearestOf(colours, b);
        });
    if (NearestOf(colours, *furthest) < 1) break;
    colours.push_back(*furthest);
  }
  for (int round = 0; round < kRounds; ++round) {
    std::vector<Colour> sums(colours.size(), Colour{});
    std::vector<float> counts(colours.size(), 0);
    for (const Colour& pixel : edges) {
      const auto nearest =
          std::min_element(colours.begin(), colours.end(), [&](const Colour& a, const Colour& b) {
            return DistanceOf(a, pixel) < DistanceOf(b, pixel);
          });
      const auto at = static_cast<std::size_t>(nearest - colours.begin());
      for (std::size_t c = 0; c < 3; ++c) sums[at][c] += pixel[c];
      ++counts[at];
    }
    for (std::size_t i = 0; i < colours.size(); ++i) {
      if (counts[i] == 0) continue;
      for (std::size_t c = 0; c < 3; ++c) colours[i][c] = sums[i][c] / counts[i];
    }
  }
  return colours;
}

// How far each pixel is from the edges: from their colours and, for a background that shades off,
// from what stands at the ends of its own row and column.
std::vector<float> ContrastOf(const Raster& raster, const std::vector<Colour>& colours) {
  std::vector<float> contrast(raster.pixels.size());
  for (std::uint32_t y = 0; y < raster.height; ++y) {
    for (std::uint32_t x = 0; x < raster.width; ++x) {
      const Colour& pixel = raster.At(x, y);
      float nearest = NearestOf(colours, pixel);
      for (const Colour& end : {raster.At(0, y), raster.At(raster.width - 1, y), raster.At(x, 0),
                                raster.At(x, raster.height - 1)}) {
        nearest = std::min(nearest, DistanceOf(end, pixel));
      }
      contrast[std::size_t{y} * raster.width + x] = nearest;
    }
  }
  return contrast;
}

struct Region {
  std::uint32_t left = std::numeric_limits<std::uint32_t>::max();
  std::uint32_t top = std::numeric_limits<std::uint32_t>::max();
  std::uint32_t right = 0;  // past the last
  std::uint32_t bottom = 0;
  double contrast = 0;  // summed
  std::uint32_t pixels = 0;
};

// Regions of pixels that stand out; those two pixels apart are one, as a thing of two parts is.
std::vector<Region> RegionsOf(const Raster& raster, const std::vector<float>& contrast,
                              float threshold) {
  constexpr int kReach = 2;
  std::vector<bool> seen(contrast.size(), false);
  std::vector<Region> regions;
  std::vector<std::size_t> open;
  for (std::size_t start = 0; start < contrast.size(); ++start) {
    if (seen[start] || contrast[start] < threshold) continue;
    Region region;
    seen[start] = true;
    open.push_back(start);
    while (!open.empty()) {
      const std::size_t at = open.back();
      open.pop_back();
      const auto x = static_cast<std::uint32_t>(at % raster.width);
      const auto y = static_cast<std::uint32_t>(at / raster.width);
      region.left = std::min(region.left, x);
      region.top = std::min(region.top, y);
      region.right = std::max(region.right, x + 1);
      region.bottom = std::max(region.bottom, y + 1);
      region.contrast += double{contrast[at]};
      ++region.pixels;
      for (int dy = -kReach; dy <= kReach; ++dy) {
        for (int dx = -kReach; dx <= kReach; ++dx) {
          const std::int64_t nx = std::int64_t{x} + dx;
          const std::int64_t ny = std::int64_t{y} + dy;
          if (nx < 0 || ny < 0 || nx >= raster.width || ny >= raster.height) continue;
          const auto next = static_cast<std::size_t>(ny * raster.width + nx);
          if (seen[next] || contrast[next] < threshold) continue;
          seen[next] = true;
          open.push_back(next);
        }
      }
    }
    regions.push_back(region);
  }
  return regions;
}

// The share of the contrast that is within the region's box, more for one in the middle.
float ScoreOf(const Region& region, const Raster& raster, double all_contrast) {
  const double x = (region.left + region.right) / 2.0 / raster.width - 0.5;
  const double y = (region.top + region.bottom) / 2.0 / raster.height - 0.5;
  const double off_centre = std::sqrt(x * x + y * y) / std::sqrt(0.5);  // 0..1
  return static_cast<float>(region.contrast / all_contrast * (1 - 0.5 * off_centre));
}

// From the raster to the picture, padded.
image::Box BoxOf(const Region& region, const Raster& raster, const image::Picture& picture) {
  const auto span_of = [](std::uint32_t first, std::uint32_t last, std::uint32_t size,
                          std::uint32_t full) {
    const float scale = static_cast<float>(full) / static_cast<float>(size);
    const float padding = kPadding * static_cast<float>(last - first);
    const float begin = std::max(0.0F, (static_cast<float>(first) - padding) * scale);
    const float end =
        std::min(static_cast<float>(full), (static_cast<float>(last) + padding) * scale);
    const auto at = std::min(full - 1, static_cast<std::uint32_t>(begin));
    const auto past = std::min(full, static_cast<std::uint32_t>(std::ceil(end)));
    return std::pair(at, std::max(1U, past - at));
  };
  const auto [x, width] = span_of(region.left, region.right, raster.width, picture.width);
  const auto [y, height] = span_of(region.top, region.bottom, raster.height, picture.height);
  return {x, y, width, height};
}

}  // namespace

Result<std::vector<SubjectBox>> ContrastDetector::Find(const image::Picture& picture) const {
  const std::vector<SubjectBox> whole = {{{0, 0, picture.width, picture.height}, 0}};
  const Raster raster = Shrunk(picture);
  const std::vector<Colour> edges = EdgesOf(raster);
  const std::vector<Colour> colours = ColoursOf(edges);
  const std::vector<float> contrast = ContrastOf(raster, colours);

  std::vector<float> at_edges;
  for (const Colour& pixel : edges) at_edges.push_back(NearestOf(colours, pixel));
  const auto nearly_all = at_edges.begin() + static_cast<std::ptrdiff_t>(
                                                 kEdgeShare * static_cast<double>(at_edges.size()));
  std::nth_element(at_edges.begin(), nearly_all, at_edges.end());
  if (*nearly_all > kMaxEdgeContrast) return whole;
  const float threshold = std::max(kMinContrast, *nearly_all);

  std::vector<Region> regions = RegionsOf(raster, contrast, threshold);
  const double all_pixels = static_cast<double>(raster.pixels.size());
  std::erase_if(regions,
                [&](const Region& region) { return region.pixels < kMinArea * all_pixels; });
  double all_contrast = 0;
  for (const Region& region : regions) all_contrast += region.contrast;
  std::vector<SubjectBox> boxes;
  for (const Region& region : regions) {
    const double area =
        static_cast<double>(region.right - region.left) * (region.bottom - region.top);
    if (area > kMaxArea * all_pixels) return whole;
    boxes.push_back({BoxOf(region, raster, picture), ScoreOf(region, raster, all_contrast)});
  }
  if (boxes.empty()) return whole;
  std::stable_sort(boxes.begin(), boxes.end(),
                   [](const SubjectBox& a, const SubjectBox& b) { return a.score > b.score; });
  if (boxes.size() > kMaxBoxes) boxes.resize(kMaxBoxes);
  return boxes;
}

}  // namespace ocellus::embed
