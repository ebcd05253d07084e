#include <immintrin.h>

#include "kernels/kernels.h"

namespace ocellus::kernels {
namespace {

__mmask8 First(size_t n) {  // n < 8
  return static_cast<__mmask8>((1U << n) - 1);
}

__m512d LoadAsDouble(const float* p) {
  return _mm512_cvtps_pd(_mm256_loadu_ps(p));
}

__m512d LoadAsDouble(__mmask8 mask, const float* p) {
  return _mm512_cvtps_pd(_mm256_maskz_loadu_ps(mask, p));
}

// For CPUs without VNNI: bytes are widened to words and multiplied in pairs.
float DotCodes(const CodeQuery& query, const uint8_t* codes) {
  __m512i high = _mm512_setzero_si512();
  __m512i low = _mm512_setzero_si512();
  for (size_t i = 0; i < query.n; i += 32) {
    const size_t left = query.n - i;
    const __mmask32 mask = left >= 32 ? ~__mmask32{0} : static_cast<__mmask32>((1U << left) - 1);
    const __m512i c = _mm512_cvtepu8_epi16(_mm256_maskz_loadu_epi8(mask, codes + i));
    const __m512i h = _mm512_cvtepi8_epi16(_mm256_maskz_loadu_epi8(mask, query.high + i));
    const __m512i l = _mm512_cvtepi8_epi16(_mm256_maskz_loadu_epi8(mask, query.low + i));
    high = _mm512_add_epi32(high, _mm512_madd_epi16(c, h));
    low = _mm512_add_epi32(low, _mm512_madd_epi16(c, l));
  }
  return 256.0F * static_cast<float>(_mm512_reduce_add_epi32(high) - query.high_offset) +
         static_cast<float>(_mm512_reduce_add_epi32(low) - query.low_offset);
}

void DotCodeBlock(const CodeQuery& query, const uint8_t* codes, size_t count, float* out) {
  for (size_t i = 0; i < count; ++i) out[i] = DotCodes(query, codes + i * query.n);
}

void DotCodeRows(const CodeQuery& query, const uint8_t* const* rows, size_t count, float* out) {
  for (size_t i = 0; i < count; ++i) out[i] = DotCodes(query, rows[i]);
}

}  // namespace

namespace avx512 {

double Dot(const float* a, const float* b, size_t n) {
  __m512d sum0 = _mm512_setzero_pd();
  __m512d sum1 = _mm512_setzero_pd();
  size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    sum0 = _mm512_fmadd_pd(LoadAsDouble(a + i), LoadAsDouble(b + i), sum0);
    sum1 = _mm512_fmadd_pd(LoadAsDouble(a + i + 8), LoadAsDouble(b + i + 8), sum1);
  }
  if (i + 8 <= n) {
    sum0 = _mm512_fmadd_pd(LoadAsDouble(a + i), LoadAsDouble(b + i), sum0);
    i += 8;
  }
  const __mmask8 tail = First(n - i);
  sum1 = _mm512_fmadd_pd(LoadAsDouble(tail, a + i), LoadAsDouble(tail, b + i), sum1);
  return _mm512_reduce_add_pd(_mm512_add_pd(sum0, sum1));
}

double SquaredL2(const float* a, const float* b, size_t n) {
  __m512d sum0 = _mm512_setzero_pd();
  __m512d sum1 = _mm512_setzero_pd();
  size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const __m512d d0 = _mm512_sub_pd(LoadAsDouble(a + i), LoadAsDouble(b + i));
    const __m512d d1 = _mm512_sub_pd(LoadAsDouble(a + i + 8), LoadAsDouble(b + i + 8));
    sum0 = _mm512_fmadd_pd(d0, d0, sum0);
    sum1 = _mm512_fmadd_pd(d1, d1, sum1);
  }
  if (i + 8 <= n) {
    const __m512d d = _mm512_sub_pd(LoadAsDouble(a + i), LoadAsDouble(b + i));
    sum0 = _mm512_fmadd_pd(d, d, sum0);
    i += 8;
  }
  const __mmask8 tail = First(n - i);
  const __m512d d = _mm512_sub_pd(LoadAsDouble(tail, a + i), LoadAsDouble(tail, b + i));
  sum1 = _mm512_fmadd_pd(d, d, sum1);
  return _mm512_reduce_add_pd(_mm512_add_pd(sum0, sum1));
}

void Quantize(const float* x, size_t n, float inverse_step, uint8_t* codes) {
  const __m512 factor = _mm512_set1_ps(inverse_step);
  for (size_t i = 0; i < n; i += 16) {
    const size_t left = n - i;
    const __mmask16 mask =
        left >= 16 ? __mmask16{0xFFFF} : static_cast<__mmask16>((1U << left) - 1);
    const __m512i wide =
        _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_maskz_loadu_ps(mask, x + i), factor));
    _mm_mask_storeu_epi8(codes + i, mask,
                         _mm512_cvtepi32_epi8(_mm512_add_epi32(wide, _mm512_set1_epi32(128))));
  }
}

}  // namespace avx512

extern const Table kAvx512 = {"avx512",          &avx512::Dot,  &avx512::SquaredL2,
                              &avx512::Quantize, &DotCodeBlock, &DotCodeRows};

}  // namespace ocellus::kernels
