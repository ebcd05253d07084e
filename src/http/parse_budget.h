// ParseBudget: bounds the memory that request bodies become when handlers parse them, over all
// requests that are answered at one time.
//
// Thread-safe; large requests are served in the order of asking. Outlives its holds.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>
#include <utility>

#include "base/mutex.h"

namespace ocellus::http {

// What a body may take at most while it is answered: itself twice (a parser pads its own copy), and
// its values. `content_type` may be empty.
std::size_t ParsedBytes(std::string_view content_type, std::string_view body);

class ParseBudget {
 public:
  ParseBudget(std::size_t max_bytes, std::size_t max_waiting)
      : max_bytes_(max_bytes), max_waiting_(max_waiting) {}

  // A share of the budget; given back at its end. Movable, one owner thread.
  class Hold {
   public:
    Hold(Hold&& other) noexcept : budget_(other.budget_), bytes_(std::exchange(other.bytes_, 0)) {}
    Hold& operator=(Hold&&) = delete;
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
    ~Hold() { budget_->Release(bytes_); }

   private:
    friend class ParseBudget;
    Hold(ParseBudget& budget, std::size_t bytes) : budget_(&budget), bytes_(bytes) {}

    ParseBudget* budget_;
    std::size_t bytes_;
  };

  // Waits for room, at most `patience`. What is over the whole budget waits until it is alone; what
  // is small (a MiB) neither waits nor counts: there are no more of those than threads. None: too
  // many wait already, or the time is over.
  std::optional<Hold> Acquire(std::size_t bytes, std::chrono::milliseconds patience)
      EXCLUDES(mutex_);

 private:
  void Release(std::size_t bytes) EXCLUDES(mutex_);

  const std::size_t max_bytes_;
  const std::size_t max_waiting_;
  Mutex mutex_;
  CondVar changed_;
  std::size_t in_use_ GUARDED_BY(mutex_) = 0;
  std::uint64_t next_ticket_ GUARDED_BY(mutex_) = 0;
  std::deque<std::uint64_t> waiting_ GUARDED_BY(mutex_);  // tickets, in the order of asking
};

}  // namespace ocellus::http
