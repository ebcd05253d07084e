#include "server/serve.h"

#include <malloc.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "api/access.h"
#include "api/adb/front.h"
#include "api/admin/bundles.h"
#include "api/admin/front.h"
#include "api/embeddings/front.h"
#include "api/mcp/front.h"
#include "api/picture_budget.h"
#include "api/pictures/front.h"
#include "api/router.h"
#include "api/vector/front.h"
#include "base/log.h"
#include "base/metrics.h"
#include "embed/registry.h"
#include "engine/embedding.h"
#include "engine/engine.h"
#include "engine/health.h"
#include "engine/jobs.h"
#include "engine/library.h"
#include "engine/reembed.h"
#include "engine/sources.h"
#include "fetch/fetcher.h"
#include "http/server.h"
#include "kernels/kernels.h"
#include "os/file_system.h"
#include "os/signals.h"
#include "server/bundles.h"
#include "server/config.h"
#include "server/faces.h"
#include "server/keys.h"
#include "server/responses.h"
#include "server/version.h"
#include "store/embedded/embedded_store.h"

namespace ocellus::server {
namespace {

constexpr std::size_t kMaxConfigBytes = 1 << 20;
// Each holds a picture of at most pictures.max_bytes: with its default, 320 MB.
constexpr std::size_t kFetchesAtOnce = 16;

// What the engine wants of URLs, from the module that fetches them.
class FetchedUrls final : public engine::UrlReader {
 public:
  explicit FetchedUrls(fetch::FetchOptions options) : fetcher_(std::move(options)) {}

  Result<std::string> Get(const std::string& url, std::size_t max_bytes) override {
    return fetcher_.Get(url, max_bytes);
  }

 private:
  fetch::Fetcher fetcher_;
};

Result<Config> LoadConfig(os::FileSystem& files, const ServeOptions& options) {
  Config config;
  if (!options.config_file.empty()) {
    const auto text = os::ReadWholeFile(files, options.config_file, kMaxConfigBytes);
    if (!text.ok()) return Status(text.status()).WithContext("configuration");
    if (Status applied = ApplyToml(AsText(*text), config); !applied.ok()) {
      return std::move(applied).WithContext(options.config_file);
    }
  }
  if (!options.data.empty()) config.data = options.data;
  if (!options.models.empty()) config.models = options.models;
  if (!options.listen.empty()) {
    if (Status listen = ParseListen(options.listen, config.http); !listen.ok()) {
      return std::move(listen).WithContext("--listen");
    }
  }
  return config;
}

Result<fetch::FetchOptions> FetchOptionsOf(const Config& config) {
  fetch::FetchOptions options;
  options.enabled = config.fetch_enabled;
  options.ports = config.fetch_ports;
  options.timeout = std::chrono::milliseconds(config.fetch_timeout_ms);
  for (const std::string& text : config.fetch_networks) {
    Result<fetch::Network> network = fetch::ParseNetwork(text);
    if (!network.ok()) return std::move(network).status().WithContext("fetch.allow_networks");
    options.opened.push_back(*network);
  }
  return options;
}

Result<std::string> AssistantKey(const Config& config) {
  const std::string& name = config.assistant_key_variable;
  if (name.empty()) return std::string();
  // Read before any thread is there. NOLINTNEXTLINE(concurrency-mt-unsafe)
  const char* key = std::getenv(name.c_str());
  if (key == nullptr || *key == '\0') {
    return Status(Code::kFailedPrecondition,
                  "assistant.key_variable: the environment has no " + name);
  }
  if (std::string_view(key).find_first_of("\r\n") != std::string_view::npos) {
    return Status(Code::kInvalidArgument, name + " has a line break in it");
  }
  return std::string(key);
}

std::string UrlOf(const http::ServerOptions& options, std::uint16_t port) {
  const bool v6 = options.address.find(':') != std::string::npos;
  return "http://" + (v6 ? "[" + options.address + "]" : options.address) + ":" +
         std::to_string(port);
}

// Many threads each take and give back buffers of some megabytes. Left alone, the allocator keeps
// an arena a thread and raises its threshold for mmap to the largest buffer it has seen, so
// that the process stays as large as its worst moment (docs/operations.md has the figures).
void KeepMemoryFlat() {
  // Before any thread is there.
  // NOLINTBEGIN(concurrency-mt-unsafe)
  mallopt(M_ARENA_MAX, 4);
  mallopt(M_MMAP_THRESHOLD, 512 << 10);
  mallopt(M_TRIM_THRESHOLD, 4 << 20);
  // NOLINTEND(concurrency-mt-unsafe)
}

// Libraries and tables whose vectors were made by another version of their bundle: begins to make
// them again, or says what can be done.
Status FollowBundles(engine::Reembedding& reembedding, bool reembed, Logger& log) {
  OCELLUS_ASSIGN_OR_RETURN(const std::vector<engine::OutdatedTable> outdated,
                           reembedding.Outdated());
  for (const engine::OutdatedTable& table : outdated) {
    if (table.loaded_digest.empty()) {
      log.Write(LogLevel::kWarning, "the bundle of a table is not there: no search in it works",
                {{"table", table.title}, {"bundle", table.bundle}});
    } else if (!reembed) {
      return {Code::kFailedPrecondition,
              "the model " + table.model + " has changed: the vectors of " + table.title +
                  " were made by " + table.digest.substr(0, 12) + ", loaded is " +
                  table.loaded_digest.substr(0, 12) +
                  ". Put the old files back; or start with --reembed, which makes them again from "
                  "what was kept; searches are answered when that is done"};
    } else {
      const Result<engine::Job> job = reembedding.Start({table.name, table.bundle, false});
      if (!job.ok()) return job.status();
      log.Write(LogLevel::kInfo, "the bundle of a table has changed: its vectors are made again",
                {{"table", table.title}, {"job", job->id}});
    }
  }
  return {};
}

Status Run(const ServeOptions& options) {
  // Before any thread is there.
  os::BlockStopSignals();
  KeepMemoryFlat();
  os::PosixFileSystem files;
  OCELLUS_ASSIGN_OR_RETURN(const Config config, LoadConfig(files, options));
  OCELLUS_ASSIGN_OR_RETURN(std::vector<api::ApiKey> api_keys,
                           // Read before any thread is there. NOLINTNEXTLINE(concurrency-mt-unsafe)
                           LoadKeys(files, config.keys_file, std::getenv("OCELLUS_API_KEY")));
  OCELLUS_ASSIGN_OR_RETURN(const std::string assistant_key, AssistantKey(config));
  OCELLUS_RETURN_IF_ERROR(CheckOpenServer(config.http.address, !api_keys.empty()));
  OCELLUS_ASSIGN_OR_RETURN(fetch::FetchOptions fetch_options, FetchOptionsOf(config));

  // From here on each part is made from those above it, and ends before them.
  Logger log(config.log_level);
  OCELLUS_ASSIGN_OR_RETURN(const std::unique_ptr<embed::FaceRecognizer> faces,
                           OpenFaces(files, config.face_models, log));
  MetricsRegistry metrics;
  const api::KeyRing keys(std::move(api_keys));
  OCELLUS_ASSIGN_OR_RETURN(
      const std::unique_ptr<store::EmbeddedStore> store,
      store::OpenEmbeddedStore(
          {.directory = config.data,
           .log = [&log](const std::string& line) { log.Write(LogLevel::kWarning, line); }},
          files, metrics));
  embed::BundleRegistry bundles;
  std::unique_ptr<embed::SubjectDetector> subjects;
  OCELLUS_RETURN_IF_ERROR(
      LoadBundles(config.models, config.model_cache, files, metrics, bundles, subjects));

  engine::Engine engine(*store, bundles,
                        {.picture_limits = config.picture_limits,
                         .max_top_k = config.max_top_k,
                         .max_pixels_in_flight = config.max_pixels_in_flight,
                         .subjects = subjects.get(),
                         .faces = faces.get()},
                        metrics);
  const engine::Embeddings embeddings(engine, bundles);
  engine::Libraries libraries(engine, {.max_libraries = config.max_libraries});
  engine::Health health(*store, bundles);
  FetchedUrls urls(std::move(fetch_options));
  engine::Sources sources(files, config.fetch_enabled ? &urls : nullptr,
                          {.import_roots = config.import_roots,
                           .buckets = config.buckets,
                           .max_url_bytes = config.max_import_file_bytes});
  engine::Jobs jobs(*store, {}, metrics);
  engine::Reembedding reembedding(engine, *store, bundles, jobs);

  api::Router router;
  api::adb::Front adb(libraries, jobs, sources,
                      {.paths = config.adb_paths,
                       .max_answer_picture_bytes = config.max_answer_picture_bytes,
                       .import = {}});
  api::vector::Front vector(engine, jobs, sources,
                            {.max_answer_bytes = config.max_answer_picture_bytes});
  api::FetchSlots fetch_slots(kFetchesAtOnce);
  api::embeddings::Front embeddings_front(embeddings, sources, fetch_slots,
                                          {.max_picture_bytes = config.picture_limits.max_bytes,
                                           .max_waiting_bytes = config.http.max_buffered_bytes});
  OCELLUS_ASSIGN_OR_RETURN(
      Responses responses,
      Responses::Open({config, *store, bundles, engine, libraries,
                       config.fetch_enabled ? &urls : nullptr, !keys.open(), assistant_key}));
  api::mcp::Front mcp(libraries, sources, fetch_slots, responses.links(), kVersion);
  api::pictures::Front pictures(libraries, responses.links());
  api::admin::Front admin(libraries, health, metrics, kVersion);
  api::admin::BundleCalls bundle_calls(reembedding, jobs);
  OCELLUS_RETURN_IF_ERROR(adb.AddRoutes(router));
  embeddings_front.AddRoutes(router);
  mcp.AddRoutes(router);
  pictures.AddRoutes(router);
  vector.AddRoutes(router);
  responses.AddRoutes(router);
  admin.AddRoutes(router);
  bundle_calls.AddRoutes(router);

  adb.RegisterJobs();
  vector.RegisterJobs();
  reembedding.Register();
  OCELLUS_RETURN_IF_ERROR(jobs.Start());
  if (Status bundles_fit = FollowBundles(reembedding, options.reembed, log); !bundles_fit.ok()) {
    jobs.Stop();
    return bundles_fit;
  }
  if (const Status healthy = health.Check(); !healthy.ok()) {
    log.Write(LogLevel::kError, "a search does not work", {{"reason", healthy.message()}});
  }
  http::Server server(config.http, router, keys, metrics, log);
  if (Status started = server.Start(); !started.ok()) {
    jobs.Stop();
    return started;
  }

  std::printf("ocellus %s ready at %s  (data: %s, kernels: %s, %u cores)\n", kVersion,
              UrlOf(config.http, server.port()).c_str(), config.data.c_str(),
              kernels::Active().name, std::thread::hardware_concurrency());
  std::fflush(stdout);

  os::WaitForStopSignal();
  log.Write(LogLevel::kInfo, "stopping");
  server.Stop();   // answers what has arrived
  jobs.Stop();     // they go on after the next start
  bundles.Stop();  // nobody calls them any more
  store->Close();
  log.Write(LogLevel::kInfo, "stopped");
  return {};
}

}  // namespace

int Serve(const ServeOptions& options) {
  const Status status = Run(options);
  if (status.ok()) return 0;
  std::fprintf(stderr, "ocellus: %s\n", status.message().c_str());
  return 2;
}

}  // namespace ocellus::server
