// The Responses API with the tools image_search and web_search_image: docs/api/responses.md.

#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "api/links.h"
#include "api/request.h"
#include "api/responses/answerer.h"
#include "api/responses/files.h"
#include "api/responses/picture_search.h"
#include "api/responses/stored.h"
#include "api/router.h"

namespace ocellus::api::responses {

struct FrontOptions {
  std::vector<std::string> models;  // for GET /models: who answers, then the bundles
  SessionLimits session;
  std::size_t max_picture_bytes = std::size_t{512} << 20;  // of all answers under way
};

// What the front works with; borrowed, and outlives it.
struct FrontParts {
  engine::Engine& engine;
  engine::UrlReader* urls;  // null: off
  PictureSearch& search;
  const PictureLinks& links;
  Answerer& answerer;
  StoredResponses& stored;
  Files& files;
};

// Thread-safe. Outlives the router's use and every answer under way.
class Front {
 public:
  Front(FrontParts parts, FrontOptions options);

  // The routes under /v1 and /compatible-mode/v1, and the errors of everything there.
  void AddRoutes(Router& router);

 private:
  struct Asked;  // one request, read and checked

  Response Create(const Request& request);
  Response Get(const Request& request, const std::string& id);
  Response Delete(const Request& request, const std::string& id);
  Response InputItems(const Request& request, const std::string& id);
  Response Models() const;
  Response Model(const Request& request, const std::string& id) const;

  // Makes the answer in the draft, and stores it; Asked::failure says why there is none.
  void Run(Asked& asked, Draft& draft, const Caller& caller);
  Response Whole(Asked& asked, const Caller& caller);
  void AddRoutesUnder(Router& router, const std::string& prefix);

  const FrontParts parts_;
  const FrontOptions options_;
  const BodyLimits limits_;
  PictureBudget budget_;
  const std::int64_t started_;  // seconds since 1970
};

}  // namespace ocellus::api::responses
