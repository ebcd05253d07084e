#include "embed/batcher.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <chrono>
#include <utility>

namespace ocellus::embed {

// Lives on the stack of the caller, who waits until it is done.
struct Batcher::Job {
  const ModelItem* item = nullptr;
  CondVar changed;
  // Under the batcher's mutex.
  bool done = false;
  Status status;
};

Batcher::Batcher(Options options, Model& model, MetricsRegistry& metrics)
    : options_(std::move(options)),
      model_(model),
      depth_(metrics.GetGauge("ocellus_embed_queue_depth", "Items that wait for a worker.",
                              options_.labels)) {
  assert(std::has_single_bit(options_.max_batch) && options_.workers > 0);
  for (std::size_t size = 1; size <= options_.max_batch; size *= 2) {
    Labels labels = options_.labels;
    labels["size"] = std::to_string(size);
    batches_.push_back(
        &metrics.GetCounter("ocellus_embed_batches_total", "Batches run, by size.", labels));
  }
  MutexLock lock(join_mutex_);
  for (std::size_t stream = 0; stream < options_.workers; ++stream) {
    workers_.emplace_back([this, stream] { Work(stream); });
  }
}

Batcher::~Batcher() {
  Stop();
}

Status Batcher::Run(const ModelItem& item) {
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::milliseconds(options_.max_wait_ms);
  Job job;
  job.item = &item;
  MutexLock lock(mutex_);
  while (!stopping_ && waiting_.size() >= options_.capacity) {
    if (!room_.WaitUntil(mutex_, deadline) && waiting_.size() >= options_.capacity) {
      return {Code::kUnavailable, "the " + options_.name +
                                      " model is overloaded: no room in its "
                                      "queue for " +
                                      std::to_string(options_.max_wait_ms) + " ms"};
    }
  }
  if (stopping_) return {Code::kUnavailable, "the " + options_.name + " model is stopped"};
  waiting_.push_back(&job);
  depth_.Set(static_cast<double>(waiting_.size()));
  arrived_.NotifyOne();
  while (!job.done) job.changed.Wait(mutex_);
  return job.status;
}

// The first item and those of its shape that wait behind it, as many as make a batch size.
std::vector<Batcher::Job*> Batcher::TakeBatch() {
  const std::uint32_t shape = waiting_.front()->item->shape;
  const auto fits = [&](const Job* job) { return job->item->shape == shape; };
  const auto alike =
      static_cast<std::size_t>(std::count_if(waiting_.begin(), waiting_.end(), fits));
  const std::size_t size = std::bit_floor(std::min(alike, options_.max_batch));
  std::vector<Job*> batch;
  for (auto job = waiting_.begin(); batch.size() < size;) {
    if (fits(*job)) {
      batch.push_back(*job);
      job = waiting_.erase(job);
    } else {
      ++job;
    }
  }
  depth_.Set(static_cast<double>(waiting_.size()));
  return batch;
}

void Batcher::Work(std::size_t stream) {
  std::vector<const ModelItem*> items;
  while (true) {
    std::vector<Job*> batch;
    {
      MutexLock lock(mutex_);
      while (!stopping_ && waiting_.empty()) arrived_.Wait(mutex_);
      if (waiting_.empty()) return;
      batch = TakeBatch();
      room_.NotifyAll();
    }
    items.clear();
    for (const Job* job : batch) items.push_back(job->item);
    const Status status = model_.Run(stream, items);
    batches_[static_cast<std::size_t>(std::countr_zero(batch.size()))]->Add();
    MutexLock lock(mutex_);
    for (Job* job : batch) {
      job->status = status;
      job->done = true;
      // Under the lock: the job is gone as soon as its caller runs again.
      job->changed.NotifyOne();
    }
  }
}

void Batcher::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    arrived_.NotifyAll();
    room_.NotifyAll();
  }
  MutexLock lock(join_mutex_);
  for (std::thread& worker : workers_) worker.join();
  workers_.clear();
}

}  // namespace ocellus::embed
