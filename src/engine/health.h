// Health: whether a search works from end to end.
//
// Thread-safe. The store and the bundles are borrowed and outlive the object.

#pragma once

#include <chrono>
#include <memory>

#include "base/mutex.h"
#include "base/result.h"
#include "embed/registry.h"
#include "store/table_store.h"

namespace ocellus::engine {

class Health {
 public:
  Health(store::TableStore& store, const embed::BundleRegistry& bundles)
      : store_(store), bundles_(bundles) {}

  // Embeds a small picture and finds it in the internal table "ocellus.health", which has no other
  // row. Ok when that works; else why not. What it found is kept for a second.
  Status Check() EXCLUDES(mutex_);

 private:
  Status CheckNow() REQUIRES(mutex_);
  Status Prepare(const std::vector<float>& vector) REQUIRES(mutex_);

  store::TableStore& store_;
  const embed::BundleRegistry& bundles_;
  Mutex mutex_;
  std::shared_ptr<store::Table> table_ GUARDED_BY(mutex_);
  Status last_ GUARDED_BY(mutex_);
  std::chrono::steady_clock::time_point checked_ GUARDED_BY(mutex_);
};

}  // namespace ocellus::engine
