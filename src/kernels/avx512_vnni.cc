#include <immintrin.h>

#include "kernels/kernels.h"

namespace ocellus::kernels {
namespace {

// Four rows at once share the loads of the query and keep eight sums in registers; more rows ran no
// faster (scan_bench, Sapphire Rapids).
constexpr size_t kRows = 4;

// How far ahead of the rows in work memory is asked for: with 4 KiB pages the CPU's own prefetcher
// stops at each page's end. 4 to 12 KiB measured alike, without
// it a scan of 1M rows took 1.3 times as long.
constexpr size_t kBlockPrefetchBytes = 6144;
constexpr size_t kGatherPrefetchRows = 8;

// Sums of the lanes of four vectors.
__m128i Sums(const __m512i sums[kRows]) {
  const __m512i t0 = _mm512_add_epi32(_mm512_unpacklo_epi32(sums[0], sums[1]),
                                      _mm512_unpackhi_epi32(sums[0], sums[1]));
  const __m512i t1 = _mm512_add_epi32(_mm512_unpacklo_epi32(sums[2], sums[3]),
                                      _mm512_unpackhi_epi32(sums[2], sums[3]));
  const __m512i t = _mm512_add_epi32(_mm512_unpacklo_epi64(t0, t1), _mm512_unpackhi_epi64(t0, t1));
  const __m256i half = _mm256_add_epi32(_mm512_castsi512_si256(t), _mm512_extracti64x4_epi64(t, 1));
  return _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
}

struct Fetch {
  const uint8_t* at[kRows];  // what to prefetch while row k is read, at the same distance
};

void DotFour(const CodeQuery& query, const uint8_t* const rows[kRows], const Fetch& fetch,
             float* out) {
  __m512i high[kRows];
  __m512i low[kRows];
  for (size_t k = 0; k < kRows; ++k) high[k] = low[k] = _mm512_setzero_si512();
  size_t i = 0;
  for (; i + 64 <= query.n; i += 64) {
    const __m512i h = _mm512_loadu_si512(query.high + i);
    const __m512i l = _mm512_loadu_si512(query.low + i);
    for (size_t k = 0; k < kRows; ++k) {
      _mm_prefetch(fetch.at[k] + i, _MM_HINT_T0);
      const __m512i c = _mm512_loadu_si512(rows[k] + i);
      high[k] = _mm512_dpbusd_epi32(high[k], c, h);
      low[k] = _mm512_dpbusd_epi32(low[k], c, l);
    }
  }
  if (i < query.n) {
    const __mmask64 tail = (__mmask64{1} << (query.n - i)) - 1;
    const __m512i h = _mm512_maskz_loadu_epi8(tail, query.high + i);
    const __m512i l = _mm512_maskz_loadu_epi8(tail, query.low + i);
    for (size_t k = 0; k < kRows; ++k) {
      const __m512i c = _mm512_maskz_loadu_epi8(tail, rows[k] + i);
      high[k] = _mm512_dpbusd_epi32(high[k], c, h);
      low[k] = _mm512_dpbusd_epi32(low[k], c, l);
    }
  }
  const __m128i high_sums = _mm_sub_epi32(Sums(high), _mm_set1_epi32(query.high_offset));
  const __m128i low_sums = _mm_sub_epi32(Sums(low), _mm_set1_epi32(query.low_offset));
  _mm_storeu_ps(out, _mm_add_ps(_mm_mul_ps(_mm_cvtepi32_ps(high_sums), _mm_set1_ps(256)),
                                _mm_cvtepi32_ps(low_sums)));
}

// The last one to three rows: the missing ones are the last row again.
void DotRest(const CodeQuery& query, const uint8_t* const* rows, size_t count, float* out) {
  const uint8_t* four[kRows];
  for (size_t k = 0; k < kRows; ++k) four[k] = rows[k < count ? k : count - 1];
  float results[kRows];
  DotFour(query, four, Fetch{{four[0], four[1], four[2], four[3]}}, results);
  for (size_t k = 0; k < count; ++k) out[k] = results[k];
}

void DotCodeBlock(const CodeQuery& query, const uint8_t* codes, size_t count, float* out) {
  const size_t n = query.n;
  size_t i = 0;
  for (; i + kRows <= count; i += kRows) {
    const uint8_t* first = codes + i * n;
    const uint8_t* const four[kRows] = {first, first + n, first + 2 * n, first + 3 * n};
    const uint8_t* ahead = first + kBlockPrefetchBytes;
    DotFour(query, four, Fetch{{ahead, ahead + n, ahead + 2 * n, ahead + 3 * n}}, out + i);
  }
  if (i < count) {
    const uint8_t* first = codes + i * n;
    const uint8_t* const rest[kRows] = {first, first + n, first + 2 * n, first + 3 * n};
    DotRest(query, rest, count - i, out + i);
  }
}

void DotCodeRows(const CodeQuery& query, const uint8_t* const* rows, size_t count, float* out) {
  const size_t last = count == 0 ? 0 : count - 1;
  size_t i = 0;
  for (; i + kRows <= count; i += kRows) {
    Fetch fetch;
    for (size_t k = 0; k < kRows; ++k) {
      const size_t ahead = i + k + kGatherPrefetchRows;
      fetch.at[k] = rows[ahead < count ? ahead : last];
    }
    DotFour(query, rows + i, fetch, out + i);
  }
  if (i < count) DotRest(query, rows + i, count - i, out + i);
}

}  // namespace

extern const Table kAvx512Vnni = {"avx512vnni",      &avx512::Dot,  &avx512::SquaredL2,
                                  &avx512::Quantize, &DotCodeBlock, &DotCodeRows};

}  // namespace ocellus::kernels
