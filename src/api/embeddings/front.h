// POST /v1/embeddings: vectors for texts and pictures, as OpenAI's and Jina's clients ask for them.
// docs/api/embeddings.md.

#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "api/embeddings/requests.h"
#include "api/picture_budget.h"
#include "api/request.h"
#include "api/router.h"
#include "engine/embedding.h"
#include "engine/sources.h"

namespace ocellus::api::embeddings {

struct FrontOptions {
  std::size_t max_picture_bytes = std::size_t{20} << 20;
  // For all pictures of one request that are fetched from URLs; each has the fetcher's own limit
  // besides.
  std::chrono::milliseconds fetch_timeout{60'000};
  // Of all requests together that wait for other servers: what they brought themselves.
  std::size_t max_waiting_bytes = std::size_t{512} << 20;
};

// Thread-safe. What it is given is borrowed and outlives it.
class Front {
 public:
  Front(const engine::Embeddings& embeddings, engine::Sources& sources, FetchSlots& slots,
        FrontOptions options)
      : embeddings_(embeddings),
        sources_(sources),
        slots_(slots),
        options_(options),
        waiting_(options.max_waiting_bytes) {}

  // The routes, and the failures of everything under OpenAI's prefixes.
  void AddRoutes(Router& router);

 private:
  struct Call;  // a request that has been checked

  Response Create(const Request& request);
  // `caller` is null for what does not wait for others.
  Response Answer(const Call& call, const Caller* caller) const;
  Result<engine::Embeddings::Embedding> Embed(const Call& call, const Input& input) const;

  const engine::Embeddings& embeddings_;
  engine::Sources& sources_;
  FetchSlots& slots_;
  const FrontOptions options_;
  PictureBudget waiting_;
};

}  // namespace ocellus::api::embeddings
