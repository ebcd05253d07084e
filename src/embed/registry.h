// BundleRegistry: the bundles that this server runs, by name.

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "embed/embedder.h"

namespace ocellus::embed {

// Thread-safe. Owns the embedders; what Find(), Load() and Default() give lives as long as the
// registry: a bundle that was loaded stays.
class BundleRegistry {
 public:
  // Makes the embedder of that name. NotFound: there is none.
  using Source = std::function<Result<std::unique_ptr<Embedder>>(const std::string& name)>;

  // Where Load() gets bundles from that were put there after the start; without it, nowhere.
  // REQUIRES: before other threads are there
  void SetSource(Source source) { source_ = std::move(source); }

  // Under the name of its bundle. The first one is the default. AlreadyExists when the name is
  // taken.
  Status Add(std::unique_ptr<Embedder> embedder) EXCLUDES(mutex_);

  // NotFound, naming those there are.
  Result<Embedder*> Find(std::string_view name) const EXCLUDES(mutex_);

  // The same, and one that is not there is made, which may take seconds; other calls go on
  // meanwhile, and a second one for it waits. FailedPrecondition: it cannot be loaded, with the
  // reason.
  Result<Embedder*> Load(const std::string& name) EXCLUDES(mutex_, load_mutex_);

  // REQUIRES: one has been added
  Embedder& Default() const EXCLUDES(mutex_);

  // In the order they were added.
  std::vector<Embedder*> All() const EXCLUDES(mutex_);

  // Stops every embedder: see Embedder::Stop().
  void Stop() EXCLUDES(mutex_);

 private:
  Source source_;
  Mutex load_mutex_;  // one is loaded at a time
  mutable Mutex mutex_;
  std::vector<std::unique_ptr<Embedder>> embedders_ GUARDED_BY(mutex_);
};

}  // namespace ocellus::embed
