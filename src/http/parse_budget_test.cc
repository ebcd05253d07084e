#include "http/parse_budget.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "base/value.h"

namespace ocellus::http {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMiB = 1 << 20;
constexpr milliseconds kLong{10'000};

TEST(ParsedBytes, CountsWhatCanBecomeAValue) {
  const auto values = [](std::string_view body) {
    return (ParsedBytes("application/json", body) - 2 * body.size()) / (2 * sizeof(Value));
  };
  EXPECT_EQ(values("[]"), 2);
  EXPECT_EQ(values("[1,2,3]"), 4);
  EXPECT_EQ(values(R"({"a":[1,2],"b":{"c":null}})"), 6);
  EXPECT_EQ(values(R"(["1,2,3"])"), 4);             // a list as one text
  EXPECT_EQ(values("[\"1\\u001d2\\u001D3\"]"), 4);  // and with the old separator
  EXPECT_EQ(values(std::string(1000, 'A')), 1);     // base64
  // More than can be parsed is not counted.
  EXPECT_EQ(values(std::string(3 * kMaxValues, ',')), 2 * kMaxValues);
  const std::string packed(1000, '\1');
  EXPECT_GE(ParsedBytes("application/protobuf", packed), packed.size() * 2 * sizeof(Value));
}

TEST(ParseBudget, LargeRequestsWaitTheirTurnAndAreNeverTogetherOverIt) {
  ParseBudget budget(100 * kMiB, 100);
  std::atomic<std::size_t> now = 0;
  std::atomic<std::size_t> most = 0;
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < 16; ++i) {
    threads.emplace_back([&, size = (i % 4 == 0 ? 400 : 30) * kMiB] {
      const auto hold = budget.Acquire(size, kLong);
      ASSERT_TRUE(hold.has_value());
      const std::size_t counted = std::min(size, 100 * kMiB);
      const std::size_t together = now += counted;
      for (std::size_t seen = most;
           seen < together && !most.compare_exchange_weak(seen, together);) {
      }
      std::this_thread::sleep_for(milliseconds(2));
      now -= counted;
    });
  }
  threads.clear();
  EXPECT_LE(most, 100 * kMiB);
  EXPECT_GT(most, 30 * kMiB);  // side by side, too
}

TEST(ParseBudget, SmallRequestsPassWhoeverWaits) {
  ParseBudget budget(10 * kMiB, 1);
  const auto all = budget.Acquire(10 * kMiB, kLong);
  ASSERT_TRUE(all.has_value());
  std::jthread waiting(
      [&] { EXPECT_FALSE(budget.Acquire(2 * kMiB, milliseconds(300)).has_value()); });
  std::this_thread::sleep_for(milliseconds(50));
  // One may wait: the next large one is told at once.
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(budget.Acquire(2 * kMiB, kLong).has_value());
  EXPECT_LT(std::chrono::steady_clock::now() - start, kLong / 2);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(budget.Acquire(kMiB, milliseconds(0)).has_value());
}

TEST(ParseBudget, WhoGaveUpIsNotWaitedFor) {
  ParseBudget budget(10 * kMiB, 10);
  {
    const auto all = budget.Acquire(10 * kMiB, kLong);
    EXPECT_FALSE(budget.Acquire(10 * kMiB, milliseconds(10)).has_value());
  }
  EXPECT_TRUE(budget.Acquire(10 * kMiB, kLong).has_value());
}

}  // namespace
}  // namespace ocellus::http
