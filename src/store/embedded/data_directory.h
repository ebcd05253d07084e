// The data directory as a whole: its version, its lock, its folders.

#pragma once

#include <memory>
#include <set>
#include <string>

#include "base/result.h"
#include "os/file_system.h"

namespace ocellus::store::embedded {

// Held open by one process at a time.
//
// Thread safety: thread-compatible. `files` outlives it.
class DataDirectory {
 public:
  // Makes the folder when it is missing. FailedPrecondition: another process has it open, or it was
  // written by a newer version (both numbers are named). Corruption: tables without a version or a
  // catalog.
  static Result<std::unique_ptr<DataDirectory>> Open(os::FileSystem& files,
                                                     const std::string& path);

  std::string CatalogPath() const { return path_ + "/catalog.db"; }
  std::string TablesPath() const { return path_ + "/tables"; }
  std::string TablePath(std::int64_t id) const { return TablesPath() + "/" + std::to_string(id); }

  // Whether there was no table yet, so that a catalog that is missing or empty is one to be made.
  bool is_new() const { return is_new_; }

  // Removes what stands in the tables' folder under no name of `keep`: what a crash left of a table
  // that was being made or dropped.
  Status RemoveOrphans(const std::set<std::string>& keep);

  // The folder of a table and all that is in it; durable on return.
  Status RemoveTable(std::int64_t id);

 private:
  DataDirectory(os::FileSystem& files, std::string path) : files_(files), path_(std::move(path)) {}
  Status CheckVersion();
  Status RemoveTree(const std::string& path);

  os::FileSystem& files_;
  const std::string path_;
  std::unique_ptr<os::FileLock> lock_;
  bool is_new_ = false;
};

}  // namespace ocellus::store::embedded
