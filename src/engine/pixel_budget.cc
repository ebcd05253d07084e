#include "engine/pixel_budget.h"

namespace ocellus::engine {

void PixelBudget::Hold::ShrinkTo(std::uint64_t pixels) {
  if (pixels >= pixels_) return;
  budget_->Release(pixels_ - pixels);
  pixels_ = pixels;
}

PixelBudget::Hold PixelBudget::Acquire(std::uint64_t pixels) {
  MutexLock lock(mutex_);
  // In turn: else small pictures would pass a large one for ever.
  const std::uint64_t ticket = next_ticket_++;
  while (ticket != now_serving_ || (in_flight_ != 0 && in_flight_ + pixels > max_pixels_)) {
    changed_.Wait(mutex_);
  }
  ++now_serving_;
  in_flight_ += pixels;
  changed_.NotifyAll();
  return Hold(*this, pixels);
}

void PixelBudget::Release(std::uint64_t pixels) {
  MutexLock lock(mutex_);
  in_flight_ -= pixels;
  changed_.NotifyAll();
}

}  // namespace ocellus::engine
