// The calls about model bundles: which are loaded, and which one a library uses. docs/api/admin.md.

#pragma once

#include <string>

#include "api/request.h"
#include "api/router.h"
#include "engine/jobs.h"
#include "engine/reembed.h"

namespace ocellus::api::admin {

// Thread-safe. What it is given is borrowed and outlives it.
class BundleCalls {
 public:
  BundleCalls(engine::Reembedding& reembedding, engine::Jobs& jobs)
      : reembedding_(reembedding), jobs_(jobs) {}

  void AddRoutes(Router& router);

 private:
  Response List(const Request& request);
  Response Use(const Request& request, const std::string& library);
  Response Progress(const Request& request, const std::string& id);

  engine::Reembedding& reembedding_;
  engine::Jobs& jobs_;
};

}  // namespace ocellus::api::admin
