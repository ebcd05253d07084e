// Rows and queries as codes, and how far a score computed from codes can be from the true one.
//
// A row v is kept as v = scale * c + e with int8 codes c; a query q as q = step * d + f with 16-bit
// numbers d. Then <q, v> = scale * step * <c, d> + <q, e> + <f, v> - <f, e>, and by Cauchy-Schwarz
// the last three are together at most |e| (|q| + |f|) + |v| |f|. |e| and |v| are kept per row, so a
// row whose estimate plus that width does not reach the k-th best is ruled out for certain.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "index/vector_index.h"
#include "kernels/kernels.h"

namespace ocellus::index {

// A row's value to a query, larger being nearer: the score, or for squared L2 its negative.
struct Bounds {
  float lower;
  float upper;
};

// Fills codes.size() >= vector.size() codes (the rest is "zero") and the kRowNumbers floats
//   scale, error = |e|, norm = |v|, 0
// of a row, all three divided by |v| under cosine. The scale is the largest component / 127.
void EncodeRow(Metric metric, std::span<const float> vector, std::span<std::uint8_t> codes,
               float* numbers);

// Thread safety: thread-compatible.
class QueryCodes {
 public:
  // `width` is a row's codes.
  QueryCodes(Metric metric, std::span<const float> query, std::size_t width);

  const kernels::CodeQuery& codes() const noexcept { return codes_; }

  // bounds of `count` rows from their <c, d> and their numbers.
  void BoundRows(const float* estimates, const float* numbers, std::size_t count,
                 Bounds* bounds) const;

 private:
  const bool squared_l2_;
  std::vector<std::int8_t> high_;
  std::vector<std::int8_t> low_;
  kernels::CodeQuery codes_{};

  // value = estimate * factor * scale [- norm^2 - offset],
  // width = error * per_error + norm * per_norm + constant [+ norm^2 * rounding].
  float factor_ = 0;
  float per_error_ = 0;
  float per_norm_ = 0;
  float constant_ = 0;
  float offset_ = 0;
};

}  // namespace ocellus::index
