#include "kernels/kernels.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <numeric>
#include <random>
#include <string>
#include <vector>

namespace ocellus::kernels {
namespace {

// Every size up to past two rounds of the widest loop, and what tables have in earnest.
std::vector<size_t> Sizes() {
  std::vector<size_t> sizes;
  for (size_t n = 0; n < 200; ++n) sizes.push_back(n);
  for (const size_t n : {384U, 640U, 768U, 1000U, 2048U, 16384U}) sizes.push_back(n);
  return sizes;
}

// Vectors are made with their size, so that the address sanitizer sees an over-read.
class KernelsTest : public testing::TestWithParam<const Table*> {
 protected:
  std::vector<float> Floats(size_t n) {
    std::uniform_real_distribution<float> uniform(-1, 1);
    std::vector<float> values(n);
    for (float& value : values) value = uniform(rng_);
    return values;
  }

  template <typename T>
  std::vector<T> Numbers(size_t n, int low, int high) {
    std::uniform_int_distribution<int> uniform(low, high);
    std::vector<T> values(n);
    for (T& value : values) value = static_cast<T>(uniform(rng_));
    return values;
  }

  std::mt19937 rng_{7};
};

TEST_P(KernelsTest, FloatDistancesAgreeWithScalar) {
  for (const size_t n : Sizes()) {
    const auto a = Floats(n);
    const auto b = Floats(n);
    // n roundings of 2^-53 on a sum of at most 4 n.
    const double tolerance = 4 * 1.2e-16 * static_cast<double>(n * n);
    EXPECT_NEAR(GetParam()->dot(a.data(), b.data(), n), kScalar.dot(a.data(), b.data(), n),
                tolerance)
        << n;
    EXPECT_NEAR(GetParam()->squared_l2(a.data(), b.data(), n),
                kScalar.squared_l2(a.data(), b.data(), n), tolerance)
        << n;
  }
}

TEST_P(KernelsTest, QuantizeAgreesWithScalar) {
  for (const size_t n : Sizes()) {
    std::vector<float> values = Floats(n);
    for (size_t i = 0; i < n; ++i) {
      if (i % 7 == 0) values[i] = (static_cast<float>(i % 200) - 100.5F) / 127;  // near halves
      if (i % 11 == 0) values[i] = i % 2 == 0 ? 1.0F : -1.0F;
    }
    std::vector<uint8_t> expected(n);
    std::vector<uint8_t> actual(n);
    kScalar.quantize(values.data(), n, 127, expected.data());
    GetParam()->quantize(values.data(), n, 127, actual.data());
    EXPECT_EQ(actual, expected) << n;
  }
}

int32_t Offset(const std::vector<int8_t>& numbers) {
  return 128 * std::accumulate(numbers.begin(), numbers.end(), 0);
}

TEST_P(KernelsTest, CodeDotsAgreeWithScalarToTheBit) {
  for (const size_t n : Sizes()) {
    for (const bool extreme : {false, true}) {
      // All at the ends of their range: the largest sums there are.
      const auto high = extreme ? std::vector<int8_t>(n, -127) : Numbers<int8_t>(n, -127, 127);
      const auto low = extreme ? std::vector<int8_t>(n, -128) : Numbers<int8_t>(n, -128, 127);
      const CodeQuery query{high.data(), low.data(), n, Offset(high), Offset(low)};
      for (const size_t count : {0U, 1U, 2U, 3U, 4U, 5U, 9U, 64U}) {
        if (n > 200 && count > 5) continue;
        const auto block =
            extreme ? std::vector<uint8_t>(n * count, 255) : Numbers<uint8_t>(n * count, 1, 255);
        std::vector<const uint8_t*> rows(count);
        for (size_t i = 0; i < count; ++i) rows[i] = block.data() + (count - 1 - i) * n;
        std::vector<float> expected(count);
        std::vector<float> actual(count);
        kScalar.dot_code_block(query, block.data(), count, expected.data());
        GetParam()->dot_code_block(query, block.data(), count, actual.data());
        EXPECT_EQ(actual, expected) << n << " x " << count;
        kScalar.dot_code_rows(query, rows.data(), count, expected.data());
        GetParam()->dot_code_rows(query, rows.data(), count, actual.data());
        EXPECT_EQ(actual, expected) << n << " x " << count;
      }
    }
  }
}

std::vector<const Table*> Tables() {
  const TableList list = Supported();
  return {list.tables, list.tables + list.count};
}

std::string NameOf(const testing::TestParamInfo<const Table*>& table) {
  return table.param->name;
}

INSTANTIATE_TEST_SUITE_P(Tables, KernelsTest, testing::ValuesIn(Tables()), NameOf);

TEST(ScalarTest, TheOffsetFormulaIsTheDotOfCodeAndQuery) {
  const uint8_t row[] = {128 - 127, 128 + 3, 128 + 127, 128};
  const int8_t high[] = {127, -1, -127, 5};
  const int8_t low[] = {127, -128, 0, 9};
  const CodeQuery query{high, low, 4, 128 * (127 - 1 - 127 + 5), 128 * (127 - 128 + 0 + 9)};
  float out = 0;
  kScalar.dot_code_block(query, row, 1, &out);
  EXPECT_EQ(out, -127 * (256 * 127 + 127) + 3 * (-256 - 128) + 127 * (256 * -127));
}

// Run as it is and with OCELLUS_KERNELS=scalar (CMakeLists.txt).
TEST(ActiveTest, IsTheBestOrTheOneAskedFor) {
  const char* wanted = std::getenv("OCELLUS_KERNELS");  // NOLINT(concurrency-mt-unsafe)
  EXPECT_STREQ(Active().name, wanted != nullptr ? wanted : Supported().tables[0]->name);
}

}  // namespace
}  // namespace ocellus::kernels
