#include "base/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

namespace ocellus {
namespace {

TEST(ForEach, CallsEachOnce) {
  for (const std::size_t count : {std::size_t{0}, std::size_t{1}, std::size_t{1000}}) {
    for (const std::size_t threads : {std::size_t{0}, std::size_t{1}, std::size_t{4}}) {
      std::vector<std::atomic<int>> calls(count);
      ForEach(count, threads, [&](std::size_t i) { ++calls[i]; });
      for (const std::atomic<int>& each : calls) EXPECT_EQ(each, 1);
    }
  }
}

TEST(ForEach, RunsSideBySide) {
  std::atomic<int> inside = 0;
  ForEach(2, 2, [&](std::size_t) {
    ++inside;
    while (inside < 2) std::this_thread::yield();  // never ends unless both are inside
  });
  EXPECT_EQ(inside, 2);
}

TEST(ForEach, UsesNoMoreThreadsThanAsked) {
  std::mutex mutex;
  std::set<std::thread::id> seen;
  ForEach(100, 3, [&](std::size_t) {
    const std::scoped_lock lock(mutex);
    seen.insert(std::this_thread::get_id());
  });
  EXPECT_LE(seen.size(), 3U);
}

}  // namespace
}  // namespace ocellus
