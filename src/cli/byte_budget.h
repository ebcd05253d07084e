// A bound on bytes held by several threads together.
//
// Thread-safe.

#pragma once

#include <cstddef>

#include "base/mutex.h"

namespace ocellus::cli {

class ByteBudget {
 public:
  explicit ByteBudget(std::size_t limit) : limit_(limit) {}

  // Waits for room. One holder alone may go over the limit, so nothing waits for ever.
  void Take(std::size_t bytes) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    while (held_ > 0 && held_ + bytes > limit_) room_.Wait(mutex_);
    held_ += bytes;
  }

  void Return(std::size_t bytes) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    held_ -= bytes;
    room_.NotifyAll();
  }

 private:
  const std::size_t limit_;
  Mutex mutex_;
  CondVar room_;
  std::size_t held_ GUARDED_BY(mutex_) = 0;
};

}  // namespace ocellus::cli
