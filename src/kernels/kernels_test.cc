#include "kernels/kernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
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

// Exactly n elements at the end of a heap block, so that the address sanitizer sees an over-read.
template <typename T>
std::unique_ptr<T[]> Copy(const std::vector<T>& from) {
  std::unique_ptr<T[]> copy(new T[from.size()]);
  std::copy(from.begin(), from.end(), copy.get());
  return copy;
}

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
    const auto a = Copy(Floats(n));
    const auto b = Copy(Floats(n));
    // n roundings of 2^-53 on a sum of at most 4 n.
    const double tolerance = 4 * 1.2e-16 * static_cast<double>(n * n);
    EXPECT_NEAR(GetParam()->dot(a.get(), b.get(), n), kScalar.dot(a.get(), b.get(), n), tolerance)
        << n;
    EXPECT_NEAR(GetParam()->squared_l2(a.get(), b.get(), n),
                kScalar.squared_l2(a.get(), b.get(), n), tolerance)
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
    const auto x = Copy(values);
    const auto expected = Copy(std::vector<uint8_t>(n));
    const auto actual = Copy(std::vector<uint8_t>(n));
    kScalar.quantize(x.get(), n, 127, expected.get());
    GetParam()->quantize(x.get(), n, 127, actual.get());
    EXPECT_EQ(std::vector<uint8_t>(actual.get(), actual.get() + n),
              std::vector<uint8_t>(expected.get(), expected.get() + n))
        << n;
  }
}

struct Codes {
  CodeQuery Query() const { return {high.get(), low.get(), n, 128 * high_sum, 128 * low_sum}; }
  size_t n = 0;
  std::unique_ptr<int8_t[]> high;
  std::unique_ptr<int8_t[]> low;
  int32_t high_sum = 0;
  int32_t low_sum = 0;
};

TEST_P(KernelsTest, CodeDotsAgreeWithScalarToTheBit) {
  for (const size_t n : Sizes()) {
    for (const bool extreme : {false, true}) {
      // All at the ends of their range: the largest sums there are.
      const auto high = extreme ? std::vector<int8_t>(n, -127) : Numbers<int8_t>(n, -127, 127);
      const auto low = extreme ? std::vector<int8_t>(n, -128) : Numbers<int8_t>(n, -128, 127);
      Codes codes{n, Copy(high), Copy(low), 0, 0};
      for (const int8_t value : high) codes.high_sum += value;
      for (const int8_t value : low) codes.low_sum += value;
      for (const size_t count : {0U, 1U, 2U, 3U, 4U, 5U, 9U, 64U}) {
        if (n > 1000 && count > 5) continue;
        const auto block = Copy(extreme ? std::vector<uint8_t>(n * count, 255)
                                        : Numbers<uint8_t>(n * count, 1, 255));
        std::vector<const uint8_t*> rows(count);
        for (size_t i = 0; i < count; ++i) rows[i] = block.get() + (count - 1 - i) * n;
        std::vector<float> expected(count);
        std::vector<float> actual(count);
        kScalar.dot_code_block(codes.Query(), block.get(), count, expected.data());
        GetParam()->dot_code_block(codes.Query(), block.get(), count, actual.data());
        EXPECT_EQ(actual, expected) << n << " x " << count;
        kScalar.dot_code_rows(codes.Query(), rows.data(), count, expected.data());
        GetParam()->dot_code_rows(codes.Query(), rows.data(), count, actual.data());
        EXPECT_EQ(actual, expected) << n << " x " << count;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Tables, KernelsTest, testing::ValuesIn([] {
                           const TableList list = Supported();
                           return std::vector<const Table*>(list.tables, list.tables + list.count);
                         }()),
                         [](const auto& table) { return std::string(table.param->name); });

TEST(ScalarTest, TheOffsetFormulaIsTheDotOfCodeAndQuery) {
  const uint8_t row[] = {128 - 127, 128 + 3, 128 + 127, 128};
  const int8_t high[] = {127, -1, -127, 5};
  const int8_t low[] = {127, -128, 0, 9};
  const CodeQuery query{high, low, 4, 128 * (127 - 1 - 127 + 5), 128 * (127 - 128 + 0 + 9)};
  float out = 0;
  kScalar.dot_code_block(query, row, 1, &out);
  EXPECT_EQ(out, -127 * (256 * 127 + 127) + 3 * (-256 - 128) + 127 * (256 * -127));
}

TEST(ActiveTest, IsOneOfTheSupported) {
  const TableList list = Supported();
  bool found = false;
  for (size_t i = 0; i < list.count; ++i) found = found || list.tables[i] == &Active();
  EXPECT_TRUE(found);
}

}  // namespace
}  // namespace ocellus::kernels
