// VectorCache: the vectors of the texts asked for last, so that a search that is repeated, paged or
// refined does not run the model again.

#pragma once

#include <cstddef>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/metrics.h"
#include "base/mutex.h"

namespace ocellus::embed {

// Thread-safe. The registry is borrowed and outlives it.
class VectorCache {
 public:
  // At most `capacity` entries; 0 keeps none.
  VectorCache(std::size_t capacity, const Labels& labels, MetricsRegistry& metrics);

  std::optional<std::vector<float>> Find(const std::string& key) EXCLUDES(mutex_);
  // Drops the entry not used for longest when it is full.
  void Insert(const std::string& key, std::vector<float> vector) EXCLUDES(mutex_);

 private:
  using Entry = std::pair<std::string, std::vector<float>>;

  const std::size_t capacity_;
  Counter& hits_;
  Counter& misses_;

  Mutex mutex_;
  std::list<Entry> entries_ GUARDED_BY(mutex_);  // the one used last in front
  std::unordered_map<std::string, std::list<Entry>::iterator> places_ GUARDED_BY(mutex_);
};

}  // namespace ocellus::embed
