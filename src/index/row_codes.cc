#include "index/row_codes.h"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "index/vector_file_format.h"

namespace ocellus::index {
namespace {

constexpr float kMaxCode = 127;
constexpr std::uint8_t kZeroCode = 128;

// 256 * 127 + 127: what a pair of int8 holds.
constexpr double kMaxQueryNumber = 32639;

// Below this a vector is given no codes: quotients would leave float's range. Its error is then its
// length, and the bounds still hold.
constexpr float kMinComponent = 1e-30F;

// Covers, with room, the float arithmetic of an estimate (a dozen roundings of 2^-24 each of a
// quantity within |q||v|), the final rounding of a score, and those of the numbers kept per row.
constexpr double kRounding = 2e-6;

// The same where float runs out of exponents.
constexpr float kSmallest = 1e-37F;

float LargestComponent(std::span<const float> vector) {
  float largest = 0;
  for (const float x : vector) largest = std::max(largest, std::fabs(x));
  return largest;
}

}  // namespace

void EncodeRow(Metric metric, std::span<const float> vector, std::span<std::uint8_t> codes,
               float* numbers) {
  const kernels::Table& kernel = kernels::Active();
  const std::size_t n = vector.size();
  const float largest = LargestComponent(vector);
  const float step = largest < kMinComponent ? 0 : largest / kMaxCode;
  kernel.quantize(vector.data(), n, step > 0 ? kMaxCode / largest : 0, codes.data());
  std::fill(codes.begin() + static_cast<std::ptrdiff_t>(n), codes.end(), kZeroCode);

  double error = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double difference = static_cast<double>(vector[i]) -
                              static_cast<double>(step) * (static_cast<int>(codes[i]) - kZeroCode);
    error += difference * difference;
  }
  error = std::sqrt(error);
  const double norm = std::sqrt(kernel.dot(vector.data(), vector.data(), n));
  const double divisor = metric == Metric::kCosine && norm > 0 ? norm : 1;
  numbers[0] = static_cast<float>(static_cast<double>(step) / divisor);
  numbers[1] = static_cast<float>(error / divisor);
  numbers[2] = static_cast<float>(norm / divisor);
  numbers[3] = 0;
  static_assert(kRowNumbers == 4);
}

QueryCodes::QueryCodes(Metric metric, std::span<const float> query, std::size_t width)
    : squared_l2_(metric == Metric::kSquaredL2), high_(width), low_(width) {
  assert(width >= query.size());
  double squares = 0;
  for (const float x : query) squares += static_cast<double>(x) * static_cast<double>(x);
  const double length = std::sqrt(squares);
  const double divisor = metric == Metric::kCosine && length > 0 ? length : 1;
  const float largest = LargestComponent(query);
  const double step =
      largest < kMinComponent ? 0 : static_cast<double>(largest) / divisor / kMaxQueryNumber;
  const double inverse_step = step > 0 ? 1 / step : 0;

  double error = 0;
  std::int32_t high_sum = 0;
  std::int32_t low_sum = 0;
  for (std::size_t i = 0; i < query.size(); ++i) {
    const double x = static_cast<double>(query[i]) / divisor;
    const int number = static_cast<int>(std::lrint(x * inverse_step));
    const int low = ((number + 128) & 255) - 128;
    const int high = (number - low) / 256;
    high_[i] = static_cast<std::int8_t>(high);
    low_[i] = static_cast<std::int8_t>(low);
    high_sum += high;
    low_sum += low;
    error += (x - step * number) * (x - step * number);
  }
  error = std::sqrt(error);
  codes_ = {high_.data(), low_.data(), width, 128 * high_sum, 128 * low_sum};

  const double q = length / divisor;
  const double twice = squared_l2_ ? 2 : 1;  // |q - v|^2 has 2 <q, v>
  factor_ = static_cast<float>(twice * step);
  per_error_ = static_cast<float>(twice * (q + error) * (1 + kRounding));
  per_norm_ = static_cast<float>(twice * (error + kRounding * q));
  offset_ = static_cast<float>(squared_l2_ ? q * q : 0);
  constant_ = kSmallest + static_cast<float>(kRounding) * offset_;
}

void QueryCodes::BoundRows(const float* estimates, const float* numbers, std::size_t count,
                           Bounds* bounds) const {
  for (std::size_t i = 0; i < count; ++i) {
    const float* row = numbers + kRowNumbers * i;
    float value = estimates[i] * factor_ * row[0];
    float width = row[1] * per_error_ + row[2] * per_norm_ + constant_;
    if (squared_l2_) {
      const float square = row[2] * row[2];
      value -= square + offset_;
      width += square * static_cast<float>(kRounding);
    }
    bounds[i] = {value - width, value + width};
  }
}

}  // namespace ocellus::index
