// Bounds on what many slow requests hold at one time: each is small beside the memory, all together
// need not be.
//
// Thread-safe.

#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>

#include "base/mutex.h"

namespace ocellus::api {

// Bytes that all requests under way may hold of their pictures.
class PictureBudget {
 public:
  explicit PictureBudget(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  // False, and nothing is taken, when it would be too many.
  bool Take(std::size_t bytes) {
    if (held_.fetch_add(bytes, std::memory_order_relaxed) + bytes <= max_bytes_) return true;
    Give(bytes);
    return false;
  }
  void Give(std::size_t bytes) { held_.fetch_sub(bytes, std::memory_order_relaxed); }

 private:
  const std::size_t max_bytes_;
  std::atomic<std::size_t> held_{0};  // relaxed: a count that orders nothing else
};

// How many pictures may be on their way from a URL to their vector at one time, over all fronts
// that share the slots.
class FetchSlots {
 public:
  explicit FetchSlots(std::size_t count) : free_(count) {}

  // One slot, given back at its end.
  class Hold {
   public:
    // Waits for a free one, until `deadline`.
    Hold(FetchSlots& slots, std::chrono::steady_clock::time_point deadline)
        : slots_(slots), taken_(slots.Take(deadline)) {}
    ~Hold() {
      if (taken_) slots_.Give();
    }
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;

    // False: none was free in time.
    bool taken() const { return taken_; }

   private:
    FetchSlots& slots_;
    const bool taken_;
  };

 private:
  bool Take(std::chrono::steady_clock::time_point deadline) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    while (free_ == 0) {
      if (!changed_.WaitUntil(mutex_, deadline) && free_ == 0) return false;
    }
    --free_;
    return true;
  }
  void Give() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    ++free_;
    changed_.NotifyOne();
  }

  Mutex mutex_;
  CondVar changed_;
  std::size_t free_ GUARDED_BY(mutex_);
};

}  // namespace ocellus::api
