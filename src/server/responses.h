// The Responses front with all it is made of, from the configuration.

#pragma once

#include <memory>

#include "api/links.h"
#include "api/router.h"
#include "base/result.h"
#include "embed/registry.h"
#include "engine/engine.h"
#include "engine/library.h"
#include "engine/sources.h"
#include "server/config.h"
#include "store/table_store.h"

namespace ocellus::server {

// What it is made of is borrowed and outlives it.
struct ResponsesNeeds {
  const Config& config;
  store::TableStore& store;
  const embed::BundleRegistry& bundles;
  engine::Engine& engine;
  engine::Libraries& libraries;
  engine::UrlReader* urls;    // null: URLs are not fetched
  bool has_keys;              // links are signed
  std::string assistant_key;  // empty: none is sent
};

class Responses {
 public:
  Responses();
  ~Responses();
  Responses(Responses&&) noexcept;

  // Reads what is kept; a signing secret is made at the first start. FailedPrecondition: a part of
  // the configuration that cannot be used.
  static Result<Responses> Open(const ResponsesNeeds& needs);

  const api::PictureLinks& links() const;
  void AddRoutes(api::Router& router);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace ocellus::server
