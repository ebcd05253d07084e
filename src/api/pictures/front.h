// GET /images/...: kept pictures, whole or as thumbnails.

#pragma once

#include "api/request.h"
#include "api/router.h"
#include "engine/library.h"

namespace ocellus::api::pictures {

// Thread-safe. The libraries are borrowed and outlive it.
class Front {
 public:
  explicit Front(engine::Libraries& libraries) : libraries_(libraries) {}

  void AddRoutes(Router& router);

 private:
  Response Get(const Request& request, const std::string& library, const std::string& id);

  engine::Libraries& libraries_;
};

}  // namespace ocellus::api::pictures
