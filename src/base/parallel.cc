#include "base/parallel.h"

#include <algorithm>
#include <atomic>
#include <system_error>
#include <thread>
#include <vector>

namespace ocellus {

void ForEach(std::size_t count, std::size_t threads, const std::function<void(std::size_t)>& work) {
  std::atomic<std::size_t> next = 0;  // relaxed: it hands out numbers and orders nothing else
  const auto take = [&] {
    for (;;) {
      const std::size_t i = next.fetch_add(1, std::memory_order_relaxed);
      if (i >= count) return;
      work(i);
    }
  };
  std::vector<std::jthread> helpers;
  const std::size_t wanted = std::min(count, threads);
  try {
    while (helpers.size() + 1 < wanted) helpers.emplace_back(take);
  } catch (const std::system_error&) {  // no more threads: those there are do it all
  }
  take();
}

}  // namespace ocellus
