#include "embed/registry.h"

#include <utility>

namespace ocellus::embed {

Status BundleRegistry::Add(std::unique_ptr<Embedder> embedder) {
  const std::string& name = embedder->info().name;
  if (Find(name).ok()) {
    return {Code::kAlreadyExists, "two bundles have the name \"" + name + "\""};
  }
  embedders_.push_back(std::move(embedder));
  return {};
}

Result<Embedder*> BundleRegistry::Find(std::string_view name) const {
  std::string known;
  for (const auto& embedder : embedders_) {
    if (embedder->info().name == name) return embedder.get();
    known += (known.empty() ? "\"" : ", \"") + embedder->info().name + "\"";
  }
  return Status(Code::kNotFound, "there is no bundle \"" + std::string(name) + "\"; there " +
                                     (known.empty() ? "is none" : "is " + known));
}

Embedder& BundleRegistry::Default() const {
  assert(!embedders_.empty());
  return *embedders_.front();
}

std::vector<Embedder*> BundleRegistry::All() const {
  std::vector<Embedder*> all;
  all.reserve(embedders_.size());
  for (const auto& embedder : embedders_) all.push_back(embedder.get());
  return all;
}

void BundleRegistry::Stop() {
  for (const auto& embedder : embedders_) embedder->Stop();
}

}  // namespace ocellus::embed
