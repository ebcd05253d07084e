// Distance kernels, one implementation per instruction set, chosen once per process.
//
// Thread safety: every function is pure; they may be called from any number of threads.

#pragma once

#include <stddef.h>
#include <stdint.h>

namespace ocellus::kernels {

// A query against code rows. A vector's code c (-127 to 127) is kept as the byte u = c + 128, which
// is what VPDPBUSD takes as its unsigned side; a query's component is the 16-bit number
// q = 256 * high + low. With S the sum over all components,
//
//   S(c * q) = 256 * (S(u * high) - 128 * S(high)) + (S(u * low) - 128 * S(low))
//
// so that the offset of 128 costs nothing per row. Both sums of bytes stay within int32 for
// n <= 65536.
struct CodeQuery {
  const int8_t* high;
  const int8_t* low;
  size_t n;             // components, that is codes in a row
  int32_t high_offset;  // 128 * S(high)
  int32_t low_offset;   // 128 * S(low)
};

// One instruction set's implementations. dot and squared_l2 agree with scalar up to the rounding of
// double precision, the others bit by bit; kernels_test.cc holds each to scalar. None reads or
// writes past the lengths given; none wants alignment.
struct Table {
  const char* name;

  // Products and sums in double precision.
  double (*dot)(const float* a, const float* b, size_t n);
  double (*squared_l2)(const float* a, const float* b, size_t n);

  // codes[i] = round(x[i] * inverse_step) + 128, halves to even.
  // REQUIRES: |x[i] * inverse_step| < 127.5
  void (*quantize)(const float* x, size_t n, float inverse_step, uint8_t* codes);

  // out[i] = S(c * q) of row i, the two halves rounded to float and added. Block: `count` rows of
  // query.n codes, one after the other; rows: anywhere.
  void (*dot_code_block)(const CodeQuery& query, const uint8_t* codes, size_t count, float* out);
  void (*dot_code_rows)(const CodeQuery& query, const uint8_t* const* rows, size_t count,
                        float* out);
};

// The table in use: the best this CPU runs, or the one OCELLUS_KERNELS names.
const Table& Active();

// Every table this CPU runs, best first; the last is scalar. For tests and benchmarks.
struct TableList {
  const Table* tables[4];
  size_t count;
};
TableList Supported();

extern const Table kScalar;
extern const Table kAvx2;
extern const Table kAvx512;
extern const Table kAvx512Vnni;

// What kAvx512Vnni shares with kAvx512.
namespace avx512 {
double Dot(const float* a, const float* b, size_t n);
double SquaredL2(const float* a, const float* b, size_t n);
void Quantize(const float* x, size_t n, float inverse_step, uint8_t* codes);
}  // namespace avx512

}  // namespace ocellus::kernels
