// The api with everything below it, in memory: for its tests and fuzz targets.

#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "api/adb/front.h"
#include "api/admin/front.h"
#include "api/pictures/front.h"
#include "api/router.h"
#include "api/vector/front.h"
#include "base/metrics.h"
#include "base/value.h"
#include "engine/engine.h"
#include "engine/health.h"
#include "engine/jobs.h"
#include "engine/library.h"
#include "engine/sources.h"
#include "engine/testing/colour_embedder.h"
#include "engine/testing/memory_store.h"

namespace ocellus::api::testing {

struct HarnessOptions {
  engine::SourceOptions sources;
  adb::FrontOptions adb;
  vector::FrontOptions vector;
  engine::EngineOptions engine;
};

struct Harness {
  explicit Harness(HarnessOptions options = {});

  // A call by somebody who may do everything.
  Response Call(const std::string& method, const std::string& path, const std::string& body = "",
                std::map<std::string, std::string> query = {},
                std::map<std::string, std::string> headers = {}) const;

  // A call of the AnalyticDB front: the path after its prefix.
  Response Adb(const std::string& path, const std::string& body) const;
  Response Adb(const std::string& path, const char* body) const {
    return Adb(path, std::string(body));
  }
  Response Adb(const std::string& path, const Value& body) const;

  // Creates a library of whole pictures.
  void CreateLibrary(const std::string& name) const;
  // Imports a picture of one colour.
  void AddPicture(const std::string& library, const std::string& id, engine::testing::Colour colour,
                  Value::Map tags = {}, bool save_image = true) const;

  // Waits until the task is finished; its data.
  Value Finished(const std::string& task_id) const;

  engine::testing::MemoryStore store;
  engine::testing::ColourEmbedder* embedder;  // owned by bundles
  embed::BundleRegistry bundles;
  MetricsRegistry metrics;
  os::PosixFileSystem files;
  std::unique_ptr<engine::Engine> engine;
  std::unique_ptr<engine::Libraries> libraries;
  std::unique_ptr<engine::Health> health;
  std::unique_ptr<engine::Sources> sources;
  std::unique_ptr<engine::Jobs> jobs;
  std::unique_ptr<adb::Front> adb;
  std::unique_ptr<admin::Front> admin;
  std::unique_ptr<pictures::Front> pictures;
  std::unique_ptr<vector::Front> vector;
  Router router;
  Principal principal = {"test", Role::kAdmin, std::nullopt};  // of the calls
};

// The JSON of an answer; null when it is none.
Value BodyOf(const Response& response);

// A member of nested objects and lists: At(body, "data.results.0.score"). Null when not there.
Value At(const Value& value, std::string_view path);

}  // namespace ocellus::api::testing
