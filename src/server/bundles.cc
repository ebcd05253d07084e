#include "server/bundles.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "embed/bundle.h"
#include "embed/make_embedder.h"
#include "os/path.h"

namespace ocellus::server {
namespace {

constexpr char kDefault[] = "default";

// A folder of bundles, found from the program's own place.
Result<std::string> FindModels(os::FileSystem& files) {
  OCELLUS_ASSIGN_OR_RETURN(const std::string program, os::RealPath("/proc/self/exe"));
  const std::string folder = os::DirectoryOf(program);
  std::string tried;
  for (const char* below : {"/../../models", "/../share/ocellus/models"}) {
    const std::string candidate = folder + below;
    const Result<bool> there = files.Exists(candidate + "/" + kDefault + "/config.json");
    if (there.ok() && *there) return candidate;
    tried += (tried.empty() ? "" : " and ") + candidate;
  }
  return Status(Code::kNotFound, "no model bundles beside the program (" + tried +
                                     "): name their folder with --models DIR");
}

}  // namespace

Status LoadBundles(const std::string& models, const std::string& cache, os::FileSystem& files,
                   MetricsRegistry& metrics, embed::BundleRegistry& bundles) {
  std::string folder = models;
  if (folder.empty()) {
    OCELLUS_ASSIGN_OR_RETURN(folder, FindModels(files));
  }
  Result<std::vector<std::string>> names = files.List(folder);
  if (!names.ok()) return std::move(names).status().WithContext("model bundles");
  std::stable_partition(names->begin(), names->end(),
                        [](const std::string& name) { return name == kDefault; });
  for (const std::string& name : *names) {
    const std::string path = folder + "/" + name;
    const Result<bool> is_bundle = files.Exists(path + "/config.json");
    if (!is_bundle.ok() || !*is_bundle) continue;
    Result<embed::Bundle> bundle = embed::LoadBundle(files, path);
    if (!bundle.ok()) return std::move(bundle).status().WithContext("model bundle");
    embed::EmbedderOptions options;
    options.compiled_model_directory = cache;
    auto embedder = embed::MakeEmbedder(*std::move(bundle), options, metrics);
    if (!embedder.ok()) return std::move(embedder).status().WithContext("model bundle");
    OCELLUS_RETURN_IF_ERROR(bundles.Add(*std::move(embedder)));
  }
  if (bundles.All().empty()) {
    return {Code::kNotFound, "there is no model bundle in " + folder};
  }
  return {};
}

}  // namespace ocellus::server
