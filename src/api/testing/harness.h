// The api with everything below it, in memory: for its tests and fuzz targets.

#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "api/adb/front.h"
#include "api/admin/bundles.h"
#include "api/admin/front.h"
#include "api/embeddings/front.h"
#include "api/links.h"
#include "api/mcp/front.h"
#include "api/pictures/front.h"
#include "api/responses/builtin_answerer.h"
#include "api/responses/front.h"
#include "api/router.h"
#include "api/vector/front.h"
#include "base/metrics.h"
#include "base/value.h"
#include "engine/embedding.h"
#include "engine/engine.h"
#include "engine/health.h"
#include "engine/jobs.h"
#include "engine/library.h"
#include "engine/records.h"
#include "engine/reembed.h"
#include "engine/sources.h"
#include "engine/testing/colour_embedder.h"
#include "engine/testing/memory_store.h"

namespace ocellus::api::testing {

struct HarnessOptions {
  engine::SourceOptions sources;
  adb::FrontOptions adb;
  vector::FrontOptions vector;
  engine::EngineOptions engine;
  embeddings::FrontOptions embeddings;
  LinkOptions links;
  engine::UrlReader* urls = nullptr;        // null: fetching is off
  responses::Answerer* answerer = nullptr;  // null: the built-in one
};

struct Harness {
  explicit Harness(HarnessOptions options = {});

  // A call by `principal`. What is answered later or in parts is waited for: its
  // whole body stands in the answer.
  Response Call(const std::string& method, const std::string& path, const std::string& body = "",
                std::map<std::string, std::string> query = {},
                std::map<std::string, std::string> headers = {}) const;

  // A call of the AnalyticDB front: the path after its prefix.
  Response Adb(const std::string& path, const std::string& body) const;
  Response Adb(const std::string& path, const char* body) const {
    return Adb(path, std::string(body));
  }
  Response Adb(const std::string& path, const Value& body) const;

  void CreateLibrary(const std::string& name, const std::string& mode = "general_search") const;
  // Imports a picture of one colour.
  void AddPicture(const std::string& library, const std::string& id, engine::testing::Colour colour,
                  Value::Map tags = {}, bool save_image = true) const;

  // Waits until the task is finished; its data.
  Value Finished(const std::string& task_id) const;

  engine::testing::MemoryStore store;
  engine::testing::ColourEmbedder* embedder;  // owned by bundles, as a second one named "other"
  embed::BundleRegistry bundles;
  MetricsRegistry metrics;
  os::PosixFileSystem files;
  std::unique_ptr<engine::Engine> engine;
  std::unique_ptr<engine::Embeddings> embeddings;
  std::unique_ptr<engine::Libraries> libraries;
  std::unique_ptr<engine::Health> health;
  std::unique_ptr<engine::Sources> sources;
  std::unique_ptr<engine::Jobs> jobs;
  std::unique_ptr<engine::Reembedding> reembedding;
  std::unique_ptr<adb::Front> adb;
  std::unique_ptr<admin::Front> admin;
  FetchSlots fetch_slots{2};
  std::unique_ptr<embeddings::Front> embeddings_front;
  std::unique_ptr<PictureLinks> links;
  std::unique_ptr<mcp::Front> mcp;
  std::unique_ptr<admin::BundleCalls> bundle_calls;
  std::unique_ptr<pictures::Front> pictures;
  std::unique_ptr<vector::Front> vector;
  std::unique_ptr<engine::Records> stored_records;
  std::unique_ptr<engine::Records> file_records;
  std::unique_ptr<responses::StoredResponses> stored;
  std::unique_ptr<responses::Files> uploads;
  std::unique_ptr<responses::PictureSearch> search;
  std::unique_ptr<responses::BuiltinAnswerer> builtin;
  std::unique_ptr<responses::Front> responses;
  Router router;
  Principal principal = {"test", Role::kAdmin, std::nullopt, true};  // of the calls
};

// The JSON of an answer; null when it is none.
Value BodyOf(const Response& response);

// A member of nested objects and lists: At(body, "data.results.0.score"). Null when not there.
Value At(const Value& value, std::string_view path);

}  // namespace ocellus::api::testing
