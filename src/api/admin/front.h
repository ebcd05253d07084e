// The calls beside the fronts: health, metrics, the interface's description, and what the command
// line needs. docs/api/admin.md.

#pragma once

#include <string>

#include "api/request.h"
#include "api/router.h"
#include "base/metrics.h"
#include "engine/health.h"
#include "engine/library.h"

namespace ocellus::api::admin {

// Thread-safe. What it is given is borrowed and outlives it.
class Front {
 public:
  Front(engine::Libraries& libraries, engine::Health& health, const MetricsRegistry& metrics,
        std::string version)
      : libraries_(libraries), health_(health), metrics_(metrics), version_(std::move(version)) {}

  // The routes, and the errors of all that no other front writes. The document of the interface
  // has every route that is in the router when it is asked for.
  void AddRoutes(Router& router);

 private:
  Response Home();
  Response Healthz();
  Response Metrics(const Request& request);
  Response Known(const Request& request, const std::string& library);

  engine::Libraries& libraries_;
  engine::Health& health_;
  const MetricsRegistry& metrics_;
  const std::string version_;
};

}  // namespace ocellus::api::admin
