// Reembedding: gives a library the vectors of another model bundle, and a table those of a bundle
// that has changed, while it is in use.
//
// A job copies the rows into a table of the server's own, with new vectors made from the kept
// pictures and texts; what is written meanwhile is remembered and copied too. In the end that table
// takes the place of the old one, at once. Until then searches are answered from the old vectors,
// where the bundle that made them is still loaded. After a restart the job compares both tables and
// goes on with what is missing.
//
// It costs the table's room on disk a second time while it runs.
//
// Thread-safe.

#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "embed/registry.h"
#include "engine/engine.h"
#include "engine/jobs.h"
#include "store/table_store.h"

namespace ocellus::engine {

struct ReembedRequest {
  std::string table;  // a library, or a table with fields that the bundle makes
  std::string bundle;
  // Change over also when rows cannot follow, because what they were made from was not kept. They
  // stay, without a vector; pictures of libraries with an empty digest.
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

// A library or table with vectors that were made by another version of a model than the one that is
// loaded: nothing can be searched for in them by picture or by words.
struct OutdatedTable {
  std::string title;  // "library holidays"
  std::string name;
  std::string bundle;         // that Start() is to be given
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
  // A table's fields keep the bundles that they have: the job makes the vectors of all that have
  // changed again. Its items are rows, named by their keys.
  //
  // A bundle that is not loaded is looked for where bundles are, which may take seconds. Naming the
  // bundle that the library has ends a change that is under way. NotFound: no such library, or no
  // such bundle. FailedPrecondition: the bundle cannot be loaded; the library has it already, or
  // changes to another one; it is a table none of whose fields has it. ResourceExhausted: too many
  // jobs.
  Result<Job> Start(const ReembedRequest& request) EXCLUDES(mutex_);

  std::vector<LoadedBundle> Bundles() const;

  // Once each; those that wait for a change which is under way are left out. Beside them, once for
  // each field, those whose bundle is not loaded.
  Result<std::vector<OutdatedTable>> Outdated();

 private:
  class Copy;

  // What the table becomes: its vectors are of the models that are loaded, those of a library of
  // `bundle`.
  store::TableSchema Remade(const store::TableSchema& before,
                            const embed::BundleInfo& bundle) const;
  // FailedPrecondition and NotFound: as Start().
  static Status CheckFits(const store::TableSchema& schema, const std::string& bundle);
  Status Run(JobRun& run) EXCLUDES(mutex_);
  // The table that is to take another's place, as an earlier run left it, or new.
  Result<std::shared_ptr<store::Table>> OpenCopy(const store::TableSchema& schema);
  bool IsCancelled(const std::string& table) EXCLUDES(mutex_);

  Engine& engine_;
  store::TableStore& store_;
  embed::BundleRegistry& bundles_;
  Jobs& jobs_;

  Mutex mutex_;
  std::set<std::string> cancelled_ GUARDED_BY(mutex_);  // tables
};

}  // namespace ocellus::engine
