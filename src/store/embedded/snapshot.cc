#include "store/embedded/snapshot.h"

namespace ocellus::store::embedded {

SnapshotPtr SnapshotRegistry::Find(std::uint64_t sequence) const {
  MutexLock lock(mutex_);
  if (current_->sequence == sequence) return current_;
  for (auto candidate = alive_.rbegin(); candidate != alive_.rend(); ++candidate) {
    SnapshotPtr snapshot = candidate->lock();
    if (snapshot == nullptr) continue;
    if (snapshot->sequence == sequence) return snapshot;
    if (snapshot->sequence < sequence) break;
  }
  return nullptr;
}

void SnapshotRegistry::Withdraw(const SnapshotPtr& next) {
  MutexLock lock(mutex_);
  std::erase_if(alive_, [&](const auto& candidate) { return candidate.lock() == next; });
}

std::uint64_t SnapshotRegistry::Oldest() {
  MutexLock lock(mutex_);
  while (!alive_.empty()) {
    if (const SnapshotPtr oldest = alive_.front().lock()) return oldest->sequence;
    alive_.pop_front();
  }
  return current_->sequence;
}

}  // namespace ocellus::store::embedded
