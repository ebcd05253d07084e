// Where the model bundles are, and which are loaded.

#pragma once

#include <memory>
#include <string>

#include "base/metrics.h"
#include "base/result.h"
#include "embed/registry.h"
#include "embed/subject_detector.h"
#include "os/file_system.h"

namespace ocellus::server {

// Loads every bundle of a folder, "default" first, and lets `bundles` load those that are put there
// later. An empty `models` is looked for where a build
// and an installation have it: ../../models and ../share/ocellus/models, from the program's place.
// What was compiled is kept in the folder `cache`, so that the next start is faster (empty:
// nowhere). All that is borrowed outlives `bundles`. `subjects` gets the default bundle's detector,
// where it has one. NotFound: no such folder, or no bundle in it.
Status LoadBundles(const std::string& models, const std::string& cache, os::FileSystem& files,
                   MetricsRegistry& metrics, embed::BundleRegistry& bundles,
                   std::unique_ptr<embed::SubjectDetector>& subjects);

}  // namespace ocellus::server
