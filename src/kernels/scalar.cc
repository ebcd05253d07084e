#include <math.h>

#include "kernels/kernels.h"

namespace ocellus::kernels {
namespace {

double Dot(const float* a, const float* b, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

double SquaredL2(const float* a, const float* b, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; ++i) {
    const double difference = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    sum += difference * difference;
  }
  return sum;
}

void Quantize(const float* x, size_t n, float inverse_step, uint8_t* codes) {
  for (size_t i = 0; i < n; ++i) {
    codes[i] = static_cast<uint8_t>(lrintf(x[i] * inverse_step) + 128);
  }
}

float DotCodes(const CodeQuery& query, const uint8_t* codes) {
  int32_t high = 0;
  int32_t low = 0;
  for (size_t i = 0; i < query.n; ++i) {
    high += codes[i] * query.high[i];
    low += codes[i] * query.low[i];
  }
  return 256.0F * static_cast<float>(high - query.high_offset) +
         static_cast<float>(low - query.low_offset);
}

void DotCodeBlock(const CodeQuery& query, const uint8_t* codes, size_t count, float* out) {
  for (size_t i = 0; i < count; ++i) out[i] = DotCodes(query, codes + i * query.n);
}

void DotCodeRows(const CodeQuery& query, const uint8_t* const* rows, size_t count, float* out) {
  for (size_t i = 0; i < count; ++i) out[i] = DotCodes(query, rows[i]);
}

}  // namespace

extern const Table kScalar = {"scalar", &Dot, &SquaredL2, &Quantize, &DotCodeBlock, &DotCodeRows};

}  // namespace ocellus::kernels
