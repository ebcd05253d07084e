// std::mutex with clang's capability attributes, which libstdc++ does not carry: under the
// clang-check preset an access to a GUARDED_BY member without its lock is an error.

#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define OCELLUS_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define OCELLUS_THREAD_ATTRIBUTE(x)
#endif
#define GUARDED_BY(x) OCELLUS_THREAD_ATTRIBUTE(guarded_by(x))
#define REQUIRES(...) OCELLUS_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) OCELLUS_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))

namespace ocellus {

class OCELLUS_THREAD_ATTRIBUTE(capability("mutex")) Mutex {
 public:
  void Lock() OCELLUS_THREAD_ATTRIBUTE(acquire_capability()) { mutex_.lock(); }
  void Unlock() OCELLUS_THREAD_ATTRIBUTE(release_capability()) { mutex_.unlock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

class OCELLUS_THREAD_ATTRIBUTE(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) OCELLUS_THREAD_ATTRIBUTE(acquire_capability(mutex))
      : mutex_(mutex) {
    mutex_.Lock();
  }
  ~MutexLock() OCELLUS_THREAD_ATTRIBUTE(release_capability()) { mutex_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

class CondVar {
 public:
  // The caller holds `mutex`, and holds it again on return; wakes without cause happen.
  void Wait(Mutex& mutex) REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    condition_.wait(lock);
    lock.release();
  }
  // False when `deadline` passed without a wake.
  bool WaitUntil(Mutex& mutex, std::chrono::steady_clock::time_point deadline) REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    const bool woken = condition_.wait_until(lock, deadline) == std::cv_status::no_timeout;
    lock.release();
    return woken;
  }
  void NotifyOne() { condition_.notify_one(); }
  void NotifyAll() { condition_.notify_all(); }

 private:
  std::condition_variable condition_;
};

}  // namespace ocellus
