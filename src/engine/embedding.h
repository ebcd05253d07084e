// Embeddings: vectors of pictures and texts that go into no table.
//
// Thread-safe. The engine and the bundles are borrowed and outlive the object.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "embed/registry.h"
#include "engine/engine.h"

namespace ocellus::engine {

class Embeddings {
 public:
  Embeddings(Engine& engine, const embed::BundleRegistry& bundles)
      : engine_(engine), bundles_(bundles) {}

  struct Model {
    std::string name;  // of the bundle
    std::uint32_t dimension = 0;
    bool embeds_text = false;
  };
  // The default one first.
  std::vector<Model> Models() const;
  // NotFound, naming those there are. Empty: the default one.
  Result<Model> Find(std::string_view name) const;

  struct Embedding {
    store::Vector vector;    // of unit length
    std::size_t tokens = 0;  // of a text, without those that the model adds; 0 for a picture
  };
  using Input = std::variant<PictureQuery, TextQuery>;

  // InvalidArgument: what cannot be embedded, a picture over the limits too. FailedPrecondition: a
  // text for a model that embeds none. NotFound: no such model. Unavailable once stopped.
  Result<Embedding> Embed(std::string_view model, const Input& input) const;

 private:
  Result<embed::Embedder*> Open(std::string_view name) const;

  Engine& engine_;
  const embed::BundleRegistry& bundles_;
};

}  // namespace ocellus::engine
