// PixelBudget: bounds the pixels that are decoded at one time, by all callers together.
//
// Thread-safe; served in the order of asking. Outlives its holds.

#pragma once

#include <cstdint>
#include <utility>

#include "base/mutex.h"

namespace ocellus::engine {

class PixelBudget {
 public:
  explicit PixelBudget(std::uint64_t max_pixels) : max_pixels_(max_pixels) {}

  // A share of the budget; given back at its end. Movable, one owner thread.
  class Hold {
   public:
    Hold(Hold&& other) noexcept
        : budget_(other.budget_), pixels_(std::exchange(other.pixels_, 0)) {}
    Hold& operator=(Hold&&) = delete;
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
    ~Hold() { ShrinkTo(0); }

    // Gives back all but `pixels` of it.
    void ShrinkTo(std::uint64_t pixels);

   private:
    friend class PixelBudget;
    Hold(PixelBudget& budget, std::uint64_t pixels) : budget_(&budget), pixels_(pixels) {}

    PixelBudget* budget_;
    std::uint64_t pixels_;
  };

  // Waits for room. A picture over the whole budget waits until it is alone.
  Hold Acquire(std::uint64_t pixels) EXCLUDES(mutex_);

 private:
  void Release(std::uint64_t pixels) EXCLUDES(mutex_);

  const std::uint64_t max_pixels_;
  Mutex mutex_;
  CondVar changed_;
  std::uint64_t in_flight_ GUARDED_BY(mutex_) = 0;
  std::uint64_t next_ticket_ GUARDED_BY(mutex_) = 0;
  std::uint64_t now_serving_ GUARDED_BY(mutex_) = 0;
};

}  // namespace ocellus::engine
