#include "server/bundles.h"

#include <memory>
#include <utility>
#include <vector>

#include "embed/bundle.h"
#include "embed/make_embedder.h"
#include "embed/model_detector.h"
#include "server/model_folder.h"

namespace ocellus::server {

Status LoadBundles(const std::string& models, const std::string& cache, os::FileSystem& files,
                   MetricsRegistry& metrics, embed::BundleRegistry& bundles,
                   std::unique_ptr<embed::SubjectDetector>& subjects) {
  OCELLUS_ASSIGN_OR_RETURN(const std::string folder, FindModels(files, models));
  OCELLUS_ASSIGN_OR_RETURN(const std::vector<std::string> names, BundleNames(files, folder));
  embed::EmbedderOptions options;
  options.compiled_model_directory = cache;
  for (const std::string& name : names) {
    Result<embed::Bundle> bundle = embed::LoadBundle(files, folder + "/" + name);
    if (!bundle.ok()) return std::move(bundle).status().WithContext("model bundle");
    if (bundles.All().empty() && bundle->subjects.has_value()) {
      auto detector = embed::MakeDetector(*bundle->subjects, options, metrics);
      if (!detector.ok()) return std::move(detector).status().WithContext("model bundle");
      subjects = *std::move(detector);
    }
    auto embedder = embed::MakeEmbedder(*std::move(bundle), options, metrics);
    if (!embedder.ok()) return std::move(embedder).status().WithContext("model bundle");
    OCELLUS_RETURN_IF_ERROR(bundles.Add(*std::move(embedder)));
  }
  if (bundles.All().empty()) {
    return {Code::kNotFound, "there is no model bundle in " + folder};
  }
  bundles.SetSource([&files, &metrics, folder,
                     options](const std::string& name) -> Result<std::unique_ptr<embed::Embedder>> {
    OCELLUS_ASSIGN_OR_RETURN(const std::string found, FindBundleFolder(files, folder, name));
    Result<embed::Bundle> bundle = embed::LoadBundle(files, folder + "/" + found);
    // A file that is missing is no bundle that is missing.
    if (!bundle.ok()) return Status(Code::kInvalidArgument, bundle.status().message());
    return embed::MakeEmbedder(*std::move(bundle), options, metrics);
  });
  return {};
}

}  // namespace ocellus::server
