// PIL's resampling (Pillow, src/libImaging/Resample.c): first across, then down, each output pixel
// a weighted mean of the pixels under a kernel that is widened when the picture shrinks,
// and rounded to a byte after either pass. In float vectors of four, which every 64-bit target has.

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <type_traits>
#include <utility>
#include <vector>

#ifdef __SSE2__
#include <xmmintrin.h>
#endif

#include "image/image.h"

namespace ocellus::image {
namespace {

using Float4 = float __attribute__((vector_size(16)));

constexpr int kFixedBits = 22;  // behind the point: PIL's PRECISION_BITS
constexpr double kPi = 3.14159265358979323846;

double Box1(double x) {
  return x > -0.5 && x <= 0.5 ? 1.0 : 0.0;
}

double Bilinear(double x) {
  x = std::abs(x);
  return x < 1.0 ? 1.0 - x : 0.0;
}

double Sinc(double x) {
  return x == 0.0 ? 1.0 : std::sin(kPi * x) / (kPi * x);
}

double Hamming(double x) {
  x = std::abs(x);
  return x < 1.0 ? Sinc(x) * (0.54 + 0.46 * std::cos(kPi * x)) : 0.0;
}

double Lanczos(double x) {
  return x >= -3.0 && x < 3.0 ? Sinc(x) * Sinc(x / 3) : 0.0;
}

double Bicubic(double x) {
  constexpr double kA = -0.5;  // PIL's; OpenCV and PyTorch without antialias use -0.75
  x = std::abs(x);
  if (x < 1.0) return ((kA + 2.0) * x - (kA + 3.0)) * x * x + 1.0;
  if (x < 2.0) return (((x - 5.0) * x + 8.0) * x - 4.0) * kA;
  return 0.0;
}

struct Kernel {
  double (*weight)(double);
  double support;  // in pixels to either side
};

Kernel KernelOf(Filter filter) {
  switch (filter) {
    case Filter::kBox:
      return {Box1, 0.5};
    case Filter::kBilinear:
      return {Bilinear, 1.0};
    case Filter::kHamming:
      return {Hamming, 1.0};
    case Filter::kLanczos:
      return {Lanczos, 3.0};
    case Filter::kBicubic:
      break;
  }
  return {Bicubic, 2.0};
}

// The weights of one direction: output i is the sum of weights[i * stride + t] * input[first[i] +
// t] over t < count[i], and weights behind these are 0.
template <typename Weight>
struct Weights {
  std::vector<std::uint32_t> first;
  std::vector<std::uint32_t> count;
  std::vector<Weight> weights;
  std::size_t stride = 0;   // even
  std::uint32_t begin = 0;  // of what is used of the input
  std::uint32_t end = 0;
};

struct Span {
  std::uint32_t size;    // of the whole picture in this direction
  std::uint32_t begin;   // of the part
  std::uint32_t length;  // of the part
};

// The weights as floats, or in fixed point as PIL rounds them.
template <typename Weight>
Weight WeightOf(double exact) {
  if constexpr (std::is_floating_point_v<Weight>) {
    return static_cast<Weight>(exact);
  } else {
    const double scaled = exact * (1 << kFixedBits);
    return static_cast<Weight>(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
  }
}

template <typename Weight>
Weights<Weight> WeightsFor(const Span& in, std::uint32_t out, const Kernel& kernel) {
  const double scale = static_cast<double>(in.length) / out;
  const double filter_scale = std::max(scale, 1.0);
  const double support = kernel.support * filter_scale;
  Weights<Weight> result;
  result.stride = static_cast<std::size_t>(std::ceil(support)) * 2 + 2;
  result.first.resize(out);
  result.count.resize(out);
  result.weights.resize(result.stride * out);
  std::vector<double> exact(result.stride);
  for (std::uint32_t i = 0; i < out; ++i) {
    const double centre = in.begin + (i + 0.5) * scale;
    const double low = std::max(0.0, centre - support + 0.5);
    const double high = std::min<double>(in.size, centre + support + 0.5);
    const auto first = static_cast<std::uint32_t>(low);
    const auto count = static_cast<std::uint32_t>(high) - first;
    double sum = 0;
    for (std::uint32_t t = 0; t < count; ++t) {
      exact[t] = kernel.weight((t + first - centre + 0.5) / filter_scale);
      sum += exact[t];
    }
    if (i == 0) result.begin = first;
    result.end = first + count;
    result.first[i] = first;
    result.count[i] = count;
    for (std::uint32_t t = 0; t < count; ++t) {
      result.weights[i * result.stride + t] = WeightOf<Weight>(exact[t] / sum);
    }
  }
  return result;
}

// Each lane, no less than `low` and no more than `high`. The compiler may not make these of
// comparisons by itself, as they treat NaN otherwise: there is none here.
Float4 Clamp(Float4 value, Float4 low, Float4 high) {
#ifdef __SSE2__
  return _mm_min_ps(_mm_max_ps(value, low), high);
#else
  value = value < low ? low : value;
  return value > high ? high : value;
#endif
}

// To a whole number of 0 to 255, still as floats.
Float4 ToByteRange(Float4 value) {
  // Adding 1.5 * 2^23 leaves no bits for fractions: the sum is rounded to a whole number.
  constexpr float kRound = 12582912.0F;
  return (Clamp(value, Float4{0, 0, 0, 0}, Float4{255, 255, 255, 255}) + kRound) - kRound;
}

Float4 Load(const float* from) {
  Float4 value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}

// One row across. `in` starts at the first pixel used and has room for a pixel and a float more;
// `out` has room for one float more than its pixels.
void Across(const float* in, const Weights<float>& across, const Float4* weights, float* out) {
  const std::size_t width = across.first.size();
  for (std::size_t x = 0; x < width; ++x) {
    // Loads take red, green, blue and the next red, which nobody looks at.
    const float* pixel = in + std::size_t{3} * (across.first[x] - across.begin);
    const Float4* weight = weights + across.stride * x;
    Float4 even = {0, 0, 0, 0};
    Float4 odd = {0, 0, 0, 0};
    const Float4* end = weight + across.count[x];
    for (; weight < end; weight += 2, pixel += 6) {
      even += Load(pixel) * weight[0];
      odd += Load(pixel + 3) * weight[1];
    }
    const Float4 sum = ToByteRange(even + odd);
    std::memcpy(out + 3 * x, &sum, sizeof(sum));
  }
}

// One row of the result from rows already across. `rows` has `count` of them, `length` floats each,
// a multiple of 16.
void Down(const float* const* rows, const float* weights, std::uint32_t count, std::size_t length,
          float* out) {
  for (std::size_t x = 0; x < length; x += 16) {
    Float4 sum[4] = {};
    for (std::uint32_t t = 0; t < count; ++t) {
      const float weight = weights[t];
      for (std::size_t part = 0; part < 4; ++part) {
        sum[part] += Load(rows[t] + x + 4 * part) * weight;
      }
    }
    for (std::size_t part = 0; part < 4; ++part) {
      const Float4 value = ToByteRange(sum[part]);
      std::memcpy(out + x + 4 * part, &value, sizeof(value));
    }
  }
}

std::uint8_t Clipped(std::int32_t fixed) {
  return static_cast<std::uint8_t>(std::clamp(fixed >> kFixedBits, 0, 255));
}

}  // namespace

Picture ResizeExactly(const Picture& picture, const Box& part, std::uint32_t width,
                      std::uint32_t height, Filter filter) {
  const Kernel kernel = KernelOf(filter);
  const auto across = WeightsFor<std::int32_t>({picture.width, part.x, part.width}, width, kernel);
  const auto down = WeightsFor<std::int32_t>({picture.height, part.y, part.height}, height, kernel);
  constexpr std::int32_t kHalf = 1 << (kFixedBits - 1);
  const std::size_t out_length = std::size_t{width} * 3;
  // The rows that are needed, across.
  std::vector<std::uint8_t> middle(out_length * (down.end - down.begin));
  for (std::uint32_t y = down.begin; y < down.end; ++y) {
    const std::uint8_t* row = picture.rgb.data() + std::size_t{picture.width} * 3 * y;
    std::uint8_t* to = middle.data() + out_length * (y - down.begin);
    for (std::uint32_t x = 0; x < width; ++x) {
      const std::uint8_t* from = row + std::size_t{3} * across.first[x];
      const std::int32_t* weight = across.weights.data() + across.stride * x;
      std::int32_t red = kHalf;
      std::int32_t green = kHalf;
      std::int32_t blue = kHalf;
      for (std::uint32_t t = 0; t < across.count[x]; ++t, from += 3) {
        red += from[0] * weight[t];
        green += from[1] * weight[t];
        blue += from[2] * weight[t];
      }
      *to++ = Clipped(red);
      *to++ = Clipped(green);
      *to++ = Clipped(blue);
    }
  }
  Picture result{.width = width, .height = height, .rgb = {}};
  result.rgb.resize(out_length * height);
  std::vector<std::int32_t> sums(out_length);
  for (std::uint32_t y = 0; y < height; ++y) {
    std::fill(sums.begin(), sums.end(), kHalf);
    for (std::uint32_t t = 0; t < down.count[y]; ++t) {
      const std::int32_t weight = down.weights[down.stride * y + t];
      const std::uint8_t* row = middle.data() + out_length * (down.first[y] + t - down.begin);
      for (std::size_t i = 0; i < out_length; ++i) sums[i] += row[i] * weight;
    }
    std::uint8_t* to = result.rgb.data() + out_length * y;
    for (std::size_t i = 0; i < out_length; ++i) to[i] = Clipped(sums[i]);
  }
  return result;
}

Picture Resize(const Picture& picture, const Box& part, std::uint32_t width, std::uint32_t height,
               Filter filter) {
  assert(width > 0 && height > 0 && part.width > 0 && part.height > 0);
  assert(std::uint64_t{part.x} + part.width <= picture.width);
  assert(std::uint64_t{part.y} + part.height <= picture.height);
  const Kernel kernel = KernelOf(filter);
  const Weights<float> across =
      WeightsFor<float>({picture.width, part.x, part.width}, width, kernel);
  const Weights<float> down =
      WeightsFor<float>({picture.height, part.y, part.height}, height, kernel);
  std::vector<Float4> across_weights(across.weights.size());
  for (std::size_t i = 0; i < across_weights.size(); ++i) {
    const float weight = across.weights[i];
    across_weights[i] = Float4{weight, weight, weight, weight};
  }

  const std::size_t stride = std::size_t{picture.width} * 3;
  const std::size_t in_length = std::size_t{across.end - across.begin} * 3;
  const std::size_t out_length = std::size_t{width} * 3;
  const std::size_t padded = (out_length + 1 + 15) / 16 * 16;
  std::vector<float> in(in_length + 4);
  std::vector<float> out(padded);
  // The rows that one row of the result needs, each in the slot of its number modulo the slots.
  const std::size_t slots = down.stride;
  std::vector<float> ring(slots * padded);
  std::vector<const float*> rows(slots);

  Picture result{.width = width, .height = height, .rgb = {}};
  result.rgb.resize(out_length * height);
  std::uint32_t next = down.first[0];
  for (std::uint32_t y = 0; y < height; ++y) {
    const std::uint32_t first = down.first[y];
    const std::uint32_t end = first + down.count[y];
    for (next = std::max(next, first); next < end; ++next) {
      const std::uint8_t* from = picture.rgb.data() + stride * next + std::size_t{3} * across.begin;
      for (std::size_t i = 0; i < in_length; ++i) in[i] = static_cast<float>(from[i]);
      Across(in.data(), across, across_weights.data(), ring.data() + next % slots * padded);
    }
    for (std::uint32_t t = 0; t < down.count[y]; ++t) {
      rows[t] = ring.data() + (first + t) % slots * padded;
    }
    Down(rows.data(), down.weights.data() + down.stride * y, down.count[y], padded, out.data());
    std::uint8_t* to = result.rgb.data() + out_length * y;
    for (std::size_t i = 0; i < out_length; ++i) {
      to[i] = static_cast<std::uint8_t>(static_cast<std::int32_t>(out[i]));
    }
  }
  return result;
}

}  // namespace ocellus::image
