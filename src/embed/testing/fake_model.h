// A network for tests of what stands around it.

#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "base/mutex.h"
#include "embed/model.h"

namespace ocellus::embed::testing {

// Writes the first byte of the first input into every number of the output, plus one.
//
// Thread-safe.
class FakeModel final : public Model {
 public:
  FakeModel(std::size_t output_size, std::size_t max_batch)
      : output_size_(output_size), max_batch_(max_batch) {}

  std::size_t output_size() const override { return output_size_; }
  std::size_t max_batch() const override { return max_batch_; }

  Status Run(std::size_t /*stream*/, std::span<const ModelItem* const> batch) override
      EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    ++running_;
    changed_.NotifyAll();
    while (held_) changed_.Wait(mutex_);
    --running_;
    std::vector<std::uint32_t> shapes;
    for (const ModelItem* item : batch) {
      shapes.push_back(item->shape);
      std::fill(item->output.begin(), item->output.end(),
                static_cast<float>(item->inputs[0][0]) + 1);
    }
    batches_.push_back(shapes);
    return failing_ ? Status(Code::kInternal, "broken") : Status();
  }

  // Calls wait inside from now on, until Release().
  void Hold() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    held_ = true;
  }
  void Release() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    held_ = false;
    changed_.NotifyAll();
  }
  void WaitUntilRunning(std::size_t calls) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    while (running_ < calls) changed_.Wait(mutex_);
  }
  void Fail() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    failing_ = true;
  }
  // The shapes of each batch's items, in the order they ended.
  std::vector<std::vector<std::uint32_t>> batches() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return batches_;
  }

 private:
  const std::size_t output_size_;
  const std::size_t max_batch_;

  Mutex mutex_;
  CondVar changed_;
  bool held_ GUARDED_BY(mutex_) = false;
  bool failing_ GUARDED_BY(mutex_) = false;
  std::size_t running_ GUARDED_BY(mutex_) = 0;
  std::vector<std::vector<std::uint32_t>> batches_ GUARDED_BY(mutex_);
};

}  // namespace ocellus::embed::testing
