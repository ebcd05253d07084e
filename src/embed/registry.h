// BundleRegistry: the bundles that this server runs, by name.

#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "embed/embedder.h"

namespace ocellus::embed {

// Filled at start, by one thread, and only read from then on: from there on thread-safe. Owns the
// embedders; what Find() and Default() give lives as long as the registry.
class BundleRegistry {
 public:
  // Under the name of its bundle. The first one is the default. AlreadyExists when the name is
  // taken.
  Status Add(std::unique_ptr<Embedder> embedder);

  // NotFound, naming those there are.
  Result<Embedder*> Find(std::string_view name) const;

  // REQUIRES: one has been added
  Embedder& Default() const;

  // In the order they were added.
  std::vector<Embedder*> All() const;

  // Stops every embedder: see Embedder::Stop().
  void Stop();

 private:
  std::vector<std::unique_ptr<Embedder>> embedders_;
};

}  // namespace ocellus::embed
