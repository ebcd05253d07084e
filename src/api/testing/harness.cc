#include "api/testing/harness.h"

#include <chrono>
#include <cstdlib>
#include <thread>
#include <utility>

#include "base/base64.h"

namespace ocellus::api::testing {

Harness::Harness(HarnessOptions options) {
  const auto must = [](const Status& status) {
    if (!status.ok()) std::abort();  // a harness that cannot be made tests nothing
  };
  auto colour = std::make_unique<engine::testing::ColourEmbedder>();
  embedder = colour.get();
  must(bundles.Add(std::move(colour)));
  engine = std::make_unique<engine::Engine>(store, bundles, options.engine, metrics);
  libraries = std::make_unique<engine::Libraries>(*engine, engine::LibraryOptions{});
  health = std::make_unique<engine::Health>(store, bundles);
  sources = std::make_unique<engine::Sources>(files, nullptr, std::move(options.sources));
  jobs = std::make_unique<engine::Jobs>(store, engine::JobsOptions{}, metrics);
  adb = std::make_unique<adb::Front>(*libraries, *jobs, *sources, std::move(options.adb));
  admin = std::make_unique<admin::Front>(*libraries, *health, metrics, "0.0.0-test");
  pictures = std::make_unique<pictures::Front>(*libraries);
  vector = std::make_unique<vector::Front>(*engine, *jobs, *sources, options.vector);
  must(adb->AddRoutes(router));
  admin->AddRoutes(router);
  pictures->AddRoutes(router);
  vector->AddRoutes(router);
  adb->RegisterJobs();
  vector->RegisterJobs();
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
  return router.Handle(request);
}

Response Harness::Adb(const std::string& path, const std::string& body) const {
  return Call("POST", "/api/v1/operators/image-search" + path, body);
}

Response Harness::Adb(const std::string& path, const Value& body) const {
  return Adb(path, WriteJson(body));
}

void Harness::CreateLibrary(const std::string& name) const {
  const Response response =
      Adb("/library/create", Value(Value::Map{{"library_name", name}, {"mode", "general_search"}}));
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
