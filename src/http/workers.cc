#include "http/workers.h"

#include <optional>
#include <system_error>
#include <utility>

namespace ocellus::http {

Workers::Workers(unsigned threads, std::size_t queue_capacity) : queue_(queue_capacity) {
  threads_.reserve(threads);
  for (unsigned i = 0; i < threads; ++i) {
    threads_.emplace_back([this] {
      while (std::optional<std::function<void()>> job = queue_.Pop()) (*job)();
    });
  }
}

Workers::~Workers() {
  Stop();
}

void Workers::Stop() {
  queue_.Close();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

GrowingWorkers::~GrowingWorkers() {
  Stop();
}

bool GrowingWorkers::TrySubmit(std::function<void()> job) {
  MutexLock lock(mutex_);
  if (stopping_) return false;
  if (jobs_.size() >= idle_) {
    if (threads_.size() >= max_threads_) return false;
    try {
      threads_.emplace_back([this] { Work(); });
    } catch (const std::system_error&) {  // the system has no thread left
      return false;
    }
    ++idle_;
  }
  jobs_.push_back(std::move(job));
  arrived_.NotifyOne();
  return true;
}

void GrowingWorkers::Work() {
  while (true) {
    std::function<void()> job;
    {
      MutexLock lock(mutex_);
      while (jobs_.empty() && !stopping_) arrived_.Wait(mutex_);
      if (jobs_.empty()) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
      --idle_;
    }
    job();
    job = nullptr;
    MutexLock lock(mutex_);
    ++idle_;
  }
}

void GrowingWorkers::Stop() {
  std::vector<std::thread> threads;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    threads.swap(threads_);
    arrived_.NotifyAll();
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace ocellus::http
