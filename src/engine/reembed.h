// Reembedding: gives a library the vectors of another model bundle, while it is in use.
//
// A job copies the library's rows into a table of the server's own, with new vectors made from the
// kept pictures; what is written to the library meanwhile is remembered and copied too. In the end
// that table takes the library's place, at once. Until then searches are answered from the old
// vectors. After a restart the job compares both tables and goes on with what is missing.
//
// It costs the library's room on disk a second time while it runs.
//
// Thread-safe.

#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "embed/registry.h"
#include "engine/engine.h"
#include "engine/jobs.h"
#include "engine/library.h"
#include "store/table_store.h"

namespace ocellus::engine {

struct ReembedRequest {
  std::string library;
  std::string bundle;
  // Change over also when pictures cannot follow, because their bytes were not kept. Their rows
  // stay, without a vector and with an empty digest.
  bool leave_behind = false;
};

// A bundle that the server has loaded.
struct LoadedBundle {
  std::string name;
  std::string digest;
  std::uint32_t dimension = 0;
  bool embeds_text = false;
  bool has_scores = false;  // calibrated
};

// A library whose vectors were made by another version of its bundle than the one that is loaded:
// nothing can be searched for in it by picture or by words.
struct OutdatedLibrary {
  std::string name;
  std::string bundle;
  std::string model;          // that is another one: the bundle, or the face model
  std::string digest;         // of what made the vectors
  std::string loaded_digest;  // empty: no bundle of that name is loaded
};

class Reembedding {
 public:
  static constexpr char kKind[] = "reembed";  // of its jobs; kept on disk

  // All are borrowed and outlive the jobs.
  Reembedding(Engine& engine, store::TableStore& store, embed::BundleRegistry& bundles, Jobs& jobs)
      : engine_(engine), store_(store), bundles_(bundles), jobs_(jobs) {}

  // REQUIRES: before Jobs::Start()
  void Register();

  // The job that changes the library's bundle; one that does so already is found. Its items are the
  // pictures; those that cannot follow are its errors, with image_id and image_uri. Without
  // leave_behind such a job fails and the library stays as it is; what was made is kept, so that a
  // second one with it is done at once.
  //
  // A bundle that is not loaded is looked for where bundles are, which may take seconds. Naming the
  // bundle that the library has ends a change that is under way. NotFound: no such library, or no
  // such bundle. FailedPrecondition: the bundle cannot be loaded; the library has it already, or
  // changes to another one; it is a table, whose fields each have a bundle of their own.
  // ResourceExhausted: too many jobs.
  Result<Job> Start(const ReembedRequest& request) EXCLUDES(mutex_);

  std::vector<LoadedBundle> Bundles() const;

  // Libraries that wait for a change of their bundle which is under way are left out.
  Result<std::vector<OutdatedLibrary>> Outdated();

 private:
  class Copy;

  Result<Library> FindLibrary(const std::string& name);
  Status Run(JobRun& run) EXCLUDES(mutex_);
  bool IsCancelled(const std::string& library) EXCLUDES(mutex_);

  Engine& engine_;
  store::TableStore& store_;
  embed::BundleRegistry& bundles_;
  Jobs& jobs_;

  Mutex mutex_;
  std::set<std::string> cancelled_ GUARDED_BY(mutex_);  // libraries
};

}  // namespace ocellus::engine
