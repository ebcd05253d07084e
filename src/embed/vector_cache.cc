#include "embed/vector_cache.h"

namespace ocellus::embed {

VectorCache::VectorCache(std::size_t capacity, const Labels& labels, MetricsRegistry& metrics)
    : capacity_(capacity),
      hits_(metrics.GetCounter("ocellus_embed_text_cache_hits_total",
                               "Texts whose vector was still there.", labels)),
      misses_(metrics.GetCounter("ocellus_embed_text_cache_misses_total",
                                 "Texts whose vector was not there.", labels)) {}

std::optional<std::vector<float>> VectorCache::Find(const std::string& key) {
  MutexLock lock(mutex_);
  const auto place = places_.find(key);
  if (place == places_.end()) {
    misses_.Add();
    return std::nullopt;
  }
  hits_.Add();
  entries_.splice(entries_.begin(), entries_, place->second);
  return place->second->second;
}

void VectorCache::Insert(const std::string& key, std::vector<float> vector) {
  MutexLock lock(mutex_);
  // Another caller may have been as fast.
  if (capacity_ == 0 || places_.contains(key)) return;
  if (entries_.size() >= capacity_) {
    places_.erase(entries_.back().first);
    entries_.pop_back();
  }
  entries_.emplace_front(key, std::move(vector));
  places_.emplace(key, entries_.begin());
}

}  // namespace ocellus::embed
