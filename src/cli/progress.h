// The progress of an import on standard error: a bar on a terminal, else a plain line now and then.
//
// Thread-safe.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>

#include "base/mutex.h"

namespace ocellus::cli {

struct ProgressCounts {
  std::uint64_t imported = 0;
  std::uint64_t skipped = 0;
  std::uint64_t refused = 0;
  std::uint64_t weight = 0;  // done, of the total
};

// "[#####.....]  52%  1234 pictures  310/s  0:12 left"
std::string ProgressLine(const ProgressCounts& counts, std::uint64_t total_weight,
                         std::chrono::steady_clock::duration elapsed);

// "[#####.....]  52%  210 of 400 MB  12.3 MB/s  0:12 left"
std::string TransferLine(std::uint64_t done_bytes, std::uint64_t total_bytes,
                         std::chrono::steady_clock::duration elapsed);

class Progress {
 public:
  Progress(std::uint64_t total_weight, bool is_terminal);
  ~Progress();  // Finish()

  void Imported(std::uint64_t weight) EXCLUDES(mutex_);
  void Skipped(std::uint64_t weight) EXCLUDES(mutex_);
  void Refused(std::uint64_t weight) EXCLUDES(mutex_);
  void Other(std::uint64_t weight) EXCLUDES(mutex_);

  // Takes the bar away; nothing more is shown.
  void Finish() EXCLUDES(mutex_);

  ProgressCounts counts() const EXCLUDES(mutex_);
  std::chrono::steady_clock::duration elapsed() const;

 private:
  void Show() EXCLUDES(mutex_);

  const std::uint64_t total_weight_;
  const bool is_terminal_;
  const std::chrono::steady_clock::time_point start_;
  mutable Mutex mutex_;
  CondVar finished_changed_;
  ProgressCounts counts_ GUARDED_BY(mutex_);
  bool finished_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace ocellus::cli
