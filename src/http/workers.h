// Threads that run handlers, behind a queue with a bound.
//
// Thread-safe.

#pragma once

#include <cstddef>
#include <functional>
#include <thread>
#include <vector>

#include "base/bounded_queue.h"

namespace ocellus::http {

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

}  // namespace ocellus::http
