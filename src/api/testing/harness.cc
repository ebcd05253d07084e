#include "api/testing/harness.h"

#include <chrono>
#include <cstdlib>
#include <thread>
#include <utility>

#include "base/base64.h"

namespace ocellus::api::testing {

namespace {

class WholeBody final : public BodySink {
 public:
  bool gone() const override { return false; }
  bool Write(std::string_view part) override {
    body += part;
    return true;
  }
  std::string body;
};

}  // namespace

Harness::Harness(HarnessOptions options) {
  const auto must = [](const Status& status) {
    if (!status.ok()) std::abort();  // a harness that cannot be made tests nothing
  };
  auto colour = std::make_unique<engine::testing::ColourEmbedder>();
  embedder = colour.get();
  must(bundles.Add(std::move(colour)));
  must(bundles.Add(std::make_unique<engine::testing::ColourEmbedder>("other", "digest-2")));
  engine = std::make_unique<engine::Engine>(store, bundles, options.engine, metrics);
  embeddings = std::make_unique<engine::Embeddings>(*engine, bundles);
  libraries = std::make_unique<engine::Libraries>(*engine, engine::LibraryOptions{});
  health = std::make_unique<engine::Health>(store, bundles);
  sources = std::make_unique<engine::Sources>(files, options.urls, std::move(options.sources));
  jobs = std::make_unique<engine::Jobs>(store, engine::JobsOptions{}, metrics);
  reembedding = std::make_unique<engine::Reembedding>(*engine, store, bundles, *jobs);
  adb = std::make_unique<adb::Front>(*libraries, *jobs, *sources, std::move(options.adb));
  admin = std::make_unique<admin::Front>(*libraries, *health, metrics, "0.0.0-test");
  bundle_calls = std::make_unique<admin::BundleCalls>(*reembedding, *jobs);
  vector = std::make_unique<vector::Front>(*engine, *jobs, *sources, options.vector);
  embeddings_front =
      std::make_unique<embeddings::Front>(*embeddings, *sources, fetch_slots, options.embeddings);
  links = std::make_unique<PictureLinks>(options.links);
  mcp = std::make_unique<mcp::Front>(*libraries, *sources, fetch_slots, *links, "0.0.0-test");
  pictures = std::make_unique<pictures::Front>(*libraries, *links);
  stored_records = std::make_unique<engine::Records>(
      store, engine::RecordsOptions{.table = "responses", .drop_oldest = true});
  file_records = std::make_unique<engine::Records>(
      store, engine::RecordsOptions{.table = "files", .max_records = 3});
  must(stored_records->Open());
  must(file_records->Open());
  stored = std::make_unique<responses::StoredResponses>(*stored_records, std::chrono::hours(1));
  uploads = std::make_unique<responses::Files>(*engine, *file_records);
  search =
      std::make_unique<responses::PictureSearch>(*libraries, *links, std::vector<std::string>());
  builtin = std::make_unique<responses::BuiltinAnswerer>(*search);
  responses::Answerer& answerer = options.answerer != nullptr ? *options.answerer : *builtin;
  responses = std::make_unique<responses::Front>(
      responses::FrontParts{*engine, options.urls, *search, *links, answerer, *stored, *uploads},
      responses::FrontOptions{{"ocellus"}, {}});
  must(adb->AddRoutes(router));
  admin->AddRoutes(router);
  embeddings_front->AddRoutes(router);
  mcp->AddRoutes(router);
  bundle_calls->AddRoutes(router);
  pictures->AddRoutes(router);
  vector->AddRoutes(router);
  responses->AddRoutes(router);
  adb->RegisterJobs();
  vector->RegisterJobs();
  reembedding->Register();
  must(jobs->Start());
}

Response Harness::Call(const std::string& method, const std::string& path, const std::string& body,
                       std::map<std::string, std::string> query,
                       std::map<std::string, std::string> headers) const {
  Request request;
  request.method = method;
  request.path = path;
  request.query.assign(query.begin(), query.end());
  request.headers.assign(headers.begin(), headers.end());
  request.body = body;
  request.principal = principal;
  Response response = router.Handle(request);
  WholeBody sink;
  if (response.later) response = std::function(response.later)(sink);
  if (response.stream) {
    response.stream(sink);
    response.body = std::move(sink.body);
  }
  return response;
}

Response Harness::Adb(const std::string& path, const std::string& body) const {
  return Call("POST", "/api/v1/operators/image-search" + path, body);
}

Response Harness::Adb(const std::string& path, const Value& body) const {
  return Adb(path, WriteJson(body));
}

void Harness::CreateLibrary(const std::string& name, const std::string& mode) const {
  const Response response =
      Adb("/library/create", Value(Value::Map{{"library_name", name}, {"mode", mode}}));
  if (response.status != 200) std::abort();
}

void Harness::AddPicture(const std::string& library, const std::string& id,
                         engine::testing::Colour colour, Value::Map tags, bool save_image) const {
  const Response response =
      Adb("/image/add",
          Value(Value::Map{{"library_name", library},
                           {"image_id", id},
                           {"image_uri", id + ".jpg"},
                           {"image_base64", EncodeBase64(AsBytes(engine::testing::JpegOf(colour)))},
                           {"tags", std::move(tags)},
                           {"save_image", save_image}}));
  if (response.status != 200) std::abort();
}

Value Harness::Finished(const std::string& task_id) const {
  for (int i = 0; i < 2000; ++i) {
    const Response response =
        Call("GET", "/api/v1/operators/image-search/image/tasks/results/" + task_id);
    Value body = BodyOf(response);
    const Value status = At(body, "data.status");
    if (status.as_string() == nullptr) return body;
    if (status != Value("PENDING") && status != Value("RUNNING")) return At(body, "data");
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return nullptr;
}

Value BodyOf(const Response& response) {
  Result<Value> value = ParseJson(response.body);
  return value.ok() ? *std::move(value) : Value();
}

Value At(const Value& value, std::string_view path) {
  const Value* at = &value;
  while (!path.empty() && at != nullptr) {
    const std::size_t dot = path.find('.');
    const std::string_view name = path.substr(0, dot);
    path.remove_prefix(dot == std::string_view::npos ? path.size() : dot + 1);
    if (const Value::List* list = at->as_list()) {
      const auto index = static_cast<std::size_t>(std::atoi(std::string(name).c_str()));  // NOLINT
      at = index < list->size() ? &(*list)[index] : nullptr;
    } else {
      at = at->Find(name);
    }
  }
  return at != nullptr ? *at : Value();
}

}  // namespace ocellus::api::testing
