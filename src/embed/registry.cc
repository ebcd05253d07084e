#include "embed/registry.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace ocellus::embed {

Status BundleRegistry::Add(std::unique_ptr<Embedder> embedder) {
  const std::string& name = embedder->info().name;
  MutexLock lock(mutex_);
  const bool taken = std::any_of(embedders_.begin(), embedders_.end(),
                                 [&](const auto& other) { return other->info().name == name; });
  if (taken) return {Code::kAlreadyExists, "two bundles have the name \"" + name + "\""};
  embedders_.push_back(std::move(embedder));
  return {};
}

Result<Embedder*> BundleRegistry::Find(std::string_view name) const {
  std::string known;
  MutexLock lock(mutex_);
  for (const auto& embedder : embedders_) {
    if (embedder->info().name == name) return embedder.get();
    known += (known.empty() ? "\"" : ", \"") + embedder->info().name + "\"";
  }
  return Status(Code::kNotFound, "there is no bundle \"" + std::string(name) + "\"; there " +
                                     (known.empty() ? "is none" : "is " + known));
}

Result<Embedder*> BundleRegistry::Load(const std::string& name) {
  if (Result<Embedder*> found = Find(name); found.ok() || source_ == nullptr) return found;
  MutexLock loading(load_mutex_);
  Result<Embedder*> found = Find(name);  // somebody else may have loaded it meanwhile
  if (found.ok()) return found;
  Result<std::unique_ptr<Embedder>> made = source_(name);
  if (!made.ok() && made.status().code() == Code::kNotFound) return found;
  Status status = made.ok() ? Add(*std::move(made)) : std::move(made).status();
  if (status.ok()) return Find(name);
  return Status(Code::kFailedPrecondition,
                "the bundle \"" + name + "\" cannot be loaded: " + status.message());
}

Embedder& BundleRegistry::Default() const {
  MutexLock lock(mutex_);
  assert(!embedders_.empty());
  return *embedders_.front();
}

std::vector<Embedder*> BundleRegistry::All() const {
  std::vector<Embedder*> all;
  MutexLock lock(mutex_);
  all.reserve(embedders_.size());
  for (const auto& embedder : embedders_) all.push_back(embedder.get());
  return all;
}

void BundleRegistry::Stop() {
  for (Embedder* embedder : All()) embedder->Stop();
}

}  // namespace ocellus::embed
