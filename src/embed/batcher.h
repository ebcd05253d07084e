// Batcher: callers hand in one item each and wait; a few workers run what is waiting in batches.
//
// A worker never waits for a batch to fill: while all are busy a batch gathers by itself, and when
// one is idle the item that is there goes first. Measured in docs/decisions/0004-inference.md.

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <thread>
#include <vector>

#include "base/metrics.h"
#include "base/mutex.h"
#include "base/result.h"
#include "embed/model.h"

namespace ocellus::embed {

// Thread-safe. The model and the registry are borrowed and outlive it.
class Batcher {
 public:
  struct Options {
    std::string name;            // for messages
    Labels labels;               // of the metrics
    std::size_t workers = 1;     // each calls Model::Run with its own stream
    std::size_t max_batch = 4;   // a power of two: batches are 1, 2, 4, ..., and no other size
    std::size_t capacity = 256;  // items that may wait; more callers wait for room
    std::uint32_t max_wait_ms = 30'000;  // for room
  };

  Batcher(Options options, Model& model, MetricsRegistry& metrics);
  ~Batcher();  // Stop()
  Batcher(const Batcher&) = delete;
  Batcher& operator=(const Batcher&) = delete;

  // Returns when the item's output is filled, or with the model's failure. Unavailable once
  // stopped, or when there was no room in time.
  Status Run(const ModelItem& item) EXCLUDES(mutex_);

  // Refuses new items, waits for those that were taken in, ends the workers.
  void Stop() EXCLUDES(mutex_, join_mutex_);

 private:
  struct Job;

  void Work(std::size_t stream) EXCLUDES(mutex_);
  std::vector<Job*> TakeBatch() REQUIRES(mutex_);

  const Options options_;
  Model& model_;
  Gauge& depth_;
  std::vector<Counter*> batches_;  // by the logarithm of the size

  Mutex mutex_;
  CondVar arrived_;
  CondVar room_;
  std::deque<Job*> waiting_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;

  Mutex join_mutex_;
  std::vector<std::thread> workers_ GUARDED_BY(join_mutex_);
};

}  // namespace ocellus::embed
