#include "engine/embedding.h"

#include <utility>

namespace ocellus::engine {
namespace {

Embeddings::Model ModelOf(const embed::Embedder& embedder) {
  const embed::BundleInfo& info = embedder.info();
  return {info.name, info.dimension, info.embeds_text};
}

}  // namespace

Result<embed::Embedder*> Embeddings::Open(std::string_view name) const {
  return name.empty() ? &bundles_.Default() : bundles_.Find(name);
}

std::vector<Embeddings::Model> Embeddings::Models() const {
  std::vector<Model> models;
  for (const embed::Embedder* embedder : bundles_.All()) models.push_back(ModelOf(*embedder));
  return models;
}

Result<Embeddings::Model> Embeddings::Find(std::string_view name) const {
  OCELLUS_ASSIGN_OR_RETURN(const embed::Embedder* embedder, Open(name));
  return ModelOf(*embedder);
}

Result<Embeddings::Embedding> Embeddings::Embed(std::string_view model, const Input& input) const {
  OCELLUS_ASSIGN_OR_RETURN(embed::Embedder * embedder, Open(model));
  if (const auto* picture = std::get_if<PictureQuery>(&input)) {
    OCELLUS_ASSIGN_OR_RETURN(store::Vector vector,
                             engine_.vectors().OfPicture(*embedder, picture->bytes));
    return Embedding{std::move(vector), 0};
  }
  const std::string_view text = std::get<TextQuery>(input).text;
  OCELLUS_ASSIGN_OR_RETURN(store::Vector vector, engine_.vectors().OfText(*embedder, text));
  return Embedding{std::move(vector), embedder->CountTokens(text)};
}

}  // namespace ocellus::engine
