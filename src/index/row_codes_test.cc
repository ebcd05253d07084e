#include "index/row_codes.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "index/vector_file_format.h"

namespace ocellus::index {
namespace {

// The value a search ranks by, in long double.
long double TrueValue(Metric metric, const std::vector<float>& q, const std::vector<float>& v) {
  long double dot = 0;
  long double qq = 0;
  long double vv = 0;
  long double distance = 0;
  for (std::size_t i = 0; i < q.size(); ++i) {
    const long double a = static_cast<long double>(q[i]);
    const long double b = static_cast<long double>(v[i]);
    dot += a * b;
    qq += a * a;
    vv += b * b;
    distance += (a - b) * (a - b);
  }
  if (metric == Metric::kInnerProduct) return dot;
  if (metric == Metric::kSquaredL2) return -distance;
  return qq == 0 || vv == 0 ? 0 : dot / std::sqrt(qq) / std::sqrt(vv);
}

struct Shape {
  const char* name;
  float magnitude;  // of a component
  float outlier;    // of the first component, in magnitudes
};

class RowCodesTest : public testing::TestWithParam<Metric> {};

TEST_P(RowCodesTest, TheTrueValueIsWithinTheBounds) {
  std::mt19937 rng(1);
  std::normal_distribution<float> normal;
  for (const std::size_t n : {1U, 2U, 17U, 64U, 100U, 384U, 1000U}) {
    const std::size_t width = ChunkLayout(static_cast<std::uint32_t>(n)).code_bytes;
    for (const Shape& rows :
         {Shape{"plain", 1, 1}, Shape{"outlier", 0.05F, 40}, Shape{"huge", 1e11F, 1},
          Shape{"small", 1e-15F, 1}, Shape{"tiny", 1e-31F, 1}, Shape{"denormal", 1e-41F, 1},
          Shape{"zero", 0, 1}}) {
      for (const Shape& queries : {rows, Shape{"unit", 1, 1}}) {
        for (int round = 0; round < 8; ++round) {
          std::vector<float> q(n);
          std::vector<float> v(n);
          for (std::size_t i = 0; i < n; ++i) {
            q[i] = queries.magnitude * normal(rng) * (i == 0 ? queries.outlier : 1);
            v[i] = rows.magnitude * normal(rng) * (i == 0 ? rows.outlier : 1);
          }
          if (round == 0) v = q;
          if (round == 1) {
            for (std::size_t i = 0; i < n; ++i) v[i] = -q[i];
          }
          std::vector<std::uint8_t> codes(width);
          float numbers[kRowNumbers];
          EncodeRow(GetParam(), v, codes, numbers);
          const QueryCodes query(GetParam(), q, width);
          float estimate = 0;
          kernels::Active().dot_code_block(query.codes(), codes.data(), 1, &estimate);
          Bounds bounds{};
          query.BoundRows(&estimate, numbers, 1, &bounds);
          // As a search compares: with the value rounded to float.
          const float value = static_cast<float>(TrueValue(GetParam(), q, v));
          EXPECT_LE(bounds.lower, value) << rows.name << " " << queries.name << " " << n;
          EXPECT_GE(bounds.upper, value) << rows.name << " " << queries.name << " " << n;
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Metrics, RowCodesTest,
                         testing::Values(Metric::kCosine, Metric::kInnerProduct,
                                         Metric::kSquaredL2));

TEST(EncodeRowTest, CodesScaleErrorAndNorm) {
  const std::vector<float> v = {127, -64, 0.25F, 0};
  std::vector<std::uint8_t> codes(64);
  float numbers[kRowNumbers];
  EncodeRow(Metric::kInnerProduct, v, codes, numbers);
  EXPECT_EQ(codes[0], 255);
  EXPECT_EQ(codes[1], 64);
  EXPECT_EQ(codes[2], 128);
  EXPECT_EQ(codes[63], 128);
  EXPECT_EQ(numbers[0], 1.0F);
  EXPECT_EQ(numbers[1], 0.25F);
  const float norm = static_cast<float>(std::sqrt(127.0 * 127 + 64 * 64 + 0.0625));
  EXPECT_EQ(numbers[2], norm);
  EXPECT_EQ(numbers[3], 0.0F);
  EncodeRow(Metric::kCosine, v, codes, numbers);
  EXPECT_FLOAT_EQ(numbers[0], 1 / norm);
  EXPECT_FLOAT_EQ(numbers[1], 0.25F / norm);
  EXPECT_EQ(numbers[2], 1.0F);
}

TEST(QueryCodesTest, BoundsOfOrdinaryRowsAreTight) {
  std::mt19937 rng(2);
  std::normal_distribution<float> normal;
  std::vector<float> q(384);
  std::vector<float> v(384);
  for (float& x : q) x = normal(rng);
  for (float& x : v) x = normal(rng);
  std::vector<std::uint8_t> codes(384);
  float numbers[kRowNumbers];
  EncodeRow(Metric::kCosine, v, codes, numbers);
  const QueryCodes query(Metric::kCosine, q, codes.size());
  float estimate = 0;
  kernels::Active().dot_code_block(query.codes(), codes.data(), 1, &estimate);
  Bounds bounds{};
  query.BoundRows(&estimate, numbers, 1, &bounds);
  EXPECT_LT(bounds.upper - bounds.lower, 0.02F);
}

}  // namespace
}  // namespace ocellus::index
