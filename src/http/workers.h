// Threads that run handlers.

#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "base/bounded_queue.h"
#include "base/mutex.h"

namespace ocellus::http {

// Behind a queue with a bound.
//
// Thread-safe.
class Workers {
 public:
  Workers(unsigned threads, std::size_t queue_capacity);
  ~Workers();  // Stop()

  // False when the queue is full or the workers are stopped: the job is dropped.
  bool TrySubmit(std::function<void()> job) { return queue_.TryPush(std::move(job)); }

  // Runs what is queued, then ends the threads. Safe to call twice, by one thread.
  void Stop();

 private:
  BoundedQueue<std::function<void()>> queue_;
  std::vector<std::thread> threads_;
};

// Threads for jobs that sleep most of their time: made when they are needed, up to a bound, and
// kept. A job never waits for another one.
//
// Thread-safe.
class GrowingWorkers {
 public:
  explicit GrowingWorkers(std::size_t max_threads) : max_threads_(max_threads) {}
  ~GrowingWorkers();  // Stop()

  // False when every thread that there may be is busy, or the workers are stopped.
  bool TrySubmit(std::function<void()> job) EXCLUDES(mutex_);

  // Waits for the jobs under way, then ends the threads. Safe to call twice, by one thread.
  void Stop() EXCLUDES(mutex_);

 private:
  void Work() EXCLUDES(mutex_);

  const std::size_t max_threads_;
  Mutex mutex_;
  CondVar arrived_;
  std::deque<std::function<void()>> jobs_
      GUARDED_BY(mutex_);  // each has a thread that waits for it
  std::size_t idle_ GUARDED_BY(mutex_) = 0;
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_ GUARDED_BY(mutex_);
};

}  // namespace ocellus::http
