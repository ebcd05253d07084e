#include "engine/pixel_budget.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace ocellus::engine {
namespace {

TEST(PixelBudget, BoundsWhatIsHeldTogether) {
  PixelBudget budget(100);
  std::atomic<int> held = 0;
  std::atomic<int> most = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 200; ++j) {
        const PixelBudget::Hold hold = budget.Acquire(30);
        const int now = held += 30;
        int seen = most;
        while (now > seen && !most.compare_exchange_weak(seen, now)) {
        }
        held -= 30;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(most, 90);
}

TEST(PixelBudget, LetsALargeOneInAloneAndInItsTurn) {
  PixelBudget budget(100);
  std::atomic<bool> large_in = false;
  std::atomic<bool> small_in = false;
  std::thread large;
  std::thread small;
  {
    PixelBudget::Hold first = budget.Acquire(60);
    large = std::thread([&] {
      const PixelBudget::Hold hold = budget.Acquire(1000);
      large_in = true;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      EXPECT_FALSE(small_in);
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    small = std::thread([&] {
      const PixelBudget::Hold hold = budget.Acquire(1);  // would fit now, but came later
      small_in = true;
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_FALSE(large_in);
    EXPECT_FALSE(small_in);
    first.ShrinkTo(10);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_FALSE(large_in);
  }
  large.join();
  small.join();
  EXPECT_TRUE(small_in);
}

}  // namespace
}  // namespace ocellus::engine
