// The OpenSearch Vector Search interface: docs/api/vector.md.

#pragma once

#include <cstddef>

#include "api/request.h"
#include "api/router.h"
#include "api/vector/pictures.h"
#include "api/vector/push.h"
#include "api/vector/searcher.h"
#include "api/vector/table_gates.h"
#include "api/vector/table_opener.h"
#include "api/vector/tables.h"
#include "engine/engine.h"
#include "engine/jobs.h"
#include "engine/sources.h"

namespace ocellus::api::vector {

struct FrontOptions {
  // Of one answer. More is refused, with the advice to ask for less.
  std::size_t max_answer_bytes = std::size_t{256} << 20;
};

// Thread-safe. What it is given is borrowed and outlives it; it outlives the router's use and the
// jobs' run.
class Front {
 public:
  Front(engine::Engine& engine, engine::Jobs& jobs, engine::Sources& sources,
        FrontOptions options = {})
      : pictures_(sources, engine.options().picture_limits.max_bytes),
        opener_(engine, gates_),
        searcher_(engine, opener_, pictures_, options.max_answer_bytes),
        pusher_(engine, opener_, pictures_),
        tables_(engine, gates_, jobs) {}

  // The routes, and the front's errors for everything under their prefixes.
  void AddRoutes(Router& router);

  // The kind of its jobs. Before Jobs::Start().
  void RegisterJobs() { tables_.RegisterJobs(); }

 private:
  const PictureReader pictures_;
  TableGates gates_;
  TableOpener opener_;
  Searcher searcher_;
  Pusher pusher_;
  Tables tables_;
};

}  // namespace ocellus::api::vector
