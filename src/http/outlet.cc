#include "http/outlet.h"

#include <utility>

namespace ocellus::http {
namespace {

// What one slow client can have waiting. A part larger than that goes alone.
constexpr std::size_t kMaxWaiting = 256 << 10;

}  // namespace

bool Outlet::Write(std::string_view part) {
  bool signal = false;
  {
    MutexLock lock(mutex_);
    while (!gone_ && !waiting_.empty() && waiting_.size() + part.size() > kMaxWaiting) {
      room_.Wait(mutex_);
    }
    if (gone_) return false;
    if (part.empty()) return true;
    waiting_ += part;
    signal = !std::exchange(signalled_, true);
  }
  if (signal) on_ready_();
  return true;
}

bool Outlet::gone() const {
  MutexLock lock(mutex_);
  return gone_;
}

void Outlet::Finish() {
  {
    MutexLock lock(mutex_);
    finished_ = true;
    signalled_ = true;
  }
  on_ready_();
}

Outlet::Parts Outlet::Take() {
  MutexLock lock(mutex_);
  Parts parts{std::exchange(waiting_, {}), finished_, gone_};
  signalled_ = false;
  room_.NotifyAll();
  return parts;
}

void Outlet::Close() {
  MutexLock lock(mutex_);
  gone_ = true;
  room_.NotifyAll();
}

}  // namespace ocellus::http
