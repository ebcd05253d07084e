// GET /images/...: kept pictures, whole or as thumbnails.

#pragma once

#include "api/links.h"
#include "api/request.h"
#include "api/router.h"
#include "engine/library.h"

namespace ocellus::api::pictures {

// Thread-safe. What it is given is borrowed and outlives it.
class Front {
 public:
  Front(engine::Libraries& libraries, const PictureLinks& links)
      : libraries_(libraries), links_(links) {}

  void AddRoutes(Router& router);

 private:
  Response Get(const Request& request, const std::string& library, const std::string& id);

  engine::Libraries& libraries_;
  const PictureLinks& links_;
};

}  // namespace ocellus::api::pictures
