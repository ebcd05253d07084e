// Files: pictures that are uploaded once and used by their id. docs/api/responses.md.

#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "api/request.h"
#include "api/router.h"
#include "engine/engine.h"
#include "engine/records.h"

namespace ocellus::api::responses {

// Thread-safe. What it is given is borrowed and outlives it.
class Files {
 public:
  Files(engine::Engine& engine, engine::Records& records) : engine_(engine), records_(records) {}

  // Under a prefix like "/v1".
  void AddRoutes(Router& router, const std::string& prefix);

  // The bytes of a file of that owner. NotFound.
  Result<std::string> Read(const std::string& id, const std::string& owner);

 private:
  Response Upload(const Request& request);
  Response List(const Request& request);
  Response Get(const Request& request, const std::string& id);
  Response Content(const Request& request, const std::string& id);
  Response Delete(const Request& request, const std::string& id);

  engine::Engine& engine_;
  engine::Records& records_;
};

}  // namespace ocellus::api::responses
