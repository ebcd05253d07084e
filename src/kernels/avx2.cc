#include <immintrin.h>

#include "kernels/kernels.h"

namespace ocellus::kernels {
namespace {

double Sum(__m256d v) {
  const __m128d pair = _mm_add_pd(_mm256_castpd256_pd128(v), _mm256_extractf128_pd(v, 1));
  return _mm_cvtsd_f64(_mm_add_sd(pair, _mm_unpackhi_pd(pair, pair)));
}

__m256d LoadAsDouble(const float* p) {
  return _mm256_cvtps_pd(_mm_loadu_ps(p));
}

double Dot(const float* a, const float* b, size_t n) {
  __m256d sum0 = _mm256_setzero_pd();
  __m256d sum1 = _mm256_setzero_pd();
  size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    sum0 = _mm256_fmadd_pd(LoadAsDouble(a + i), LoadAsDouble(b + i), sum0);
    sum1 = _mm256_fmadd_pd(LoadAsDouble(a + i + 4), LoadAsDouble(b + i + 4), sum1);
  }
  double total = Sum(_mm256_add_pd(sum0, sum1));
  for (; i < n; ++i) total += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return total;
}

double SquaredL2(const float* a, const float* b, size_t n) {
  __m256d sum0 = _mm256_setzero_pd();
  __m256d sum1 = _mm256_setzero_pd();
  size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const __m256d d0 = _mm256_sub_pd(LoadAsDouble(a + i), LoadAsDouble(b + i));
    const __m256d d1 = _mm256_sub_pd(LoadAsDouble(a + i + 4), LoadAsDouble(b + i + 4));
    sum0 = _mm256_fmadd_pd(d0, d0, sum0);
    sum1 = _mm256_fmadd_pd(d1, d1, sum1);
  }
  double total = Sum(_mm256_add_pd(sum0, sum1));
  for (; i < n; ++i) {
    const double difference = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    total += difference * difference;
  }
  return total;
}

void Quantize(const float* x, size_t n, float inverse_step, uint8_t* codes) {
  const __m256 factor = _mm256_set1_ps(inverse_step);
  size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const __m256i wide = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(x + i), factor));
    const __m128i words =
        _mm_packs_epi32(_mm256_castsi256_si128(wide), _mm256_extracti128_si256(wide, 1));
    const __m128i bytes = _mm_packs_epi16(words, words);
    _mm_storel_epi64(reinterpret_cast<__m128i*>(codes + i),
                     _mm_xor_si128(bytes, _mm_set1_epi8(-128)));  // adds 128 to a signed byte
  }
  for (; i < n; ++i) {
    codes[i] = static_cast<uint8_t>(_mm_cvtss_si32(_mm_set_ss(x[i] * inverse_step)) + 128);
  }
}

int32_t Sum(__m256i v) {
  __m128i quad = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  quad = _mm_add_epi32(quad, _mm_shuffle_epi32(quad, 0x4E));
  return _mm_cvtsi128_si32(_mm_add_epi32(quad, _mm_shuffle_epi32(quad, 0xB1)));
}

// VPMADDUBSW would saturate at 255 * 127 * 2, so the bytes are widened first.
float DotCodes(const CodeQuery& query, const uint8_t* codes) {
  __m256i high = _mm256_setzero_si256();
  __m256i low = _mm256_setzero_si256();
  size_t i = 0;
  for (; i + 16 <= query.n; i += 16) {
    const __m256i c =
        _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(codes + i)));
    const __m256i h =
        _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(query.high + i)));
    const __m256i l =
        _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(query.low + i)));
    high = _mm256_add_epi32(high, _mm256_madd_epi16(c, h));
    low = _mm256_add_epi32(low, _mm256_madd_epi16(c, l));
  }
  int32_t high_sum = Sum(high);
  int32_t low_sum = Sum(low);
  for (; i < query.n; ++i) {
    high_sum += codes[i] * query.high[i];
    low_sum += codes[i] * query.low[i];
  }
  return 256.0F * static_cast<float>(high_sum - query.high_offset) +
         static_cast<float>(low_sum - query.low_offset);
}

void DotCodeBlock(const CodeQuery& query, const uint8_t* codes, size_t count, float* out) {
  for (size_t i = 0; i < count; ++i) out[i] = DotCodes(query, codes + i * query.n);
}

void DotCodeRows(const CodeQuery& query, const uint8_t* const* rows, size_t count, float* out) {
  for (size_t i = 0; i < count; ++i) out[i] = DotCodes(query, rows[i]);
}

}  // namespace

extern const Table kAvx2 = {"avx2", &Dot, &SquaredL2, &Quantize, &DotCodeBlock, &DotCodeRows};

}  // namespace ocellus::kernels
