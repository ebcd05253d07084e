#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "base/bounded_queue.h"
#include "base/metrics.h"

namespace ocellus {
namespace {

TEST(BoundedQueue, HandsEveryItemToOneTaker) {
  constexpr int kItems = 10'000;
  BoundedQueue<int> queue(16);
  std::atomic<std::int64_t> sum{0};
  std::vector<std::thread> takers;
  for (int i = 0; i < 3; ++i) {
    takers.emplace_back([&] {
      while (const auto item = queue.Pop()) sum += *item;
    });
  }
  std::vector<std::thread> givers;
  for (int i = 0; i < 2; ++i) {
    givers.emplace_back([&queue, i] {
      for (int item = i; item < kItems; item += 2) EXPECT_TRUE(queue.Push(item));
    });
  }
  for (auto& giver : givers) giver.join();
  queue.Close();
  for (auto& taker : takers) taker.join();
  EXPECT_EQ(sum, std::int64_t{kItems} * (kItems - 1) / 2);
}

TEST(BoundedQueue, RefusesWhenFullOrClosed) {
  BoundedQueue<int> queue(1);
  EXPECT_TRUE(queue.TryPush(1));
  EXPECT_FALSE(queue.TryPush(2));
  queue.Close();
  EXPECT_FALSE(queue.Push(3));
  EXPECT_EQ(queue.Pop(), 1);  // what was queued is not lost
  EXPECT_EQ(queue.Pop(), std::nullopt);
}

TEST(BoundedQueue, ClosingWakesAWaitingGiver) {
  BoundedQueue<int> queue(1);
  ASSERT_TRUE(queue.Push(1));
  std::thread giver([&queue] { EXPECT_FALSE(queue.Push(2)); });
  std::this_thread::sleep_for(std::chrono::milliseconds(10));
  queue.Close();
  giver.join();
}

TEST(CondVar, WaitUntilEndsAtItsDeadline) {
  Mutex mutex;
  CondVar never;
  MutexLock lock(mutex);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(5);
  while (never.WaitUntil(mutex, deadline)) {
  }
  EXPECT_GE(std::chrono::steady_clock::now(), deadline);
}

TEST(Metrics, ExposesWhatWasObserved) {
  MetricsRegistry metrics;
  metrics.GetCounter("ocellus_things_total", "Things.", {{"kind", "a"}}).Add(2);
  metrics.GetCounter("ocellus_things_total", "Things.", {{"kind", "a"}}).Add();
  metrics.GetGauge("ocellus_rows", "Rows.").Set(7);
  metrics.GetHistogram("ocellus_stage_seconds", "Stages.", {{"stage", "decode"}}).Observe(0.003);
  const std::string text = metrics.Expose();
  for (const char* line : {"ocellus_things_total{kind=\"a\"} 3", "ocellus_rows 7",
                           "ocellus_stage_seconds_count{stage=\"decode\"} 1",
                           "ocellus_stage_seconds_bucket{stage=\"decode\",le=\"0.005\"} 1",
                           "ocellus_stage_seconds_bucket{stage=\"decode\",le=\"0.002\"} 0"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
  }
}

}  // namespace
}  // namespace ocellus
