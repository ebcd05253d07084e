// A file system that fails on request, for tests. Everything else goes to the one it wraps.
//
// What it does not model: bytes that a power cut loses although write() took them (no write is held
// back until its fsync), and failures of page faults in a mapping.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "os/file_system.h"

namespace ocellus::os {

enum class Operation : std::uint8_t {
  kOpen,
  kRead,
  kWrite,
  kSync,
  kAllocate,
  kTruncate,
  kMap,
  kRename,
  kRemove,
  kSyncDirectory,
};

enum class Fault : std::uint8_t {
  kNone,
  kNoSpace,     // ENOSPC: kResourceExhausted, nothing done
  kIoError,     // EIO: kIoError, nothing done
  kShortWrite,  // kWrite only: the first half is written, then EIO
};

// Thread safety: thread-safe. Files opened through it must not outlive it.
class FaultFileSystem final : public FileSystem {
 public:
  // Asked before every operation of the list above; `count` is how many of that operation came
  // before, on any path.
  using Decide = std::function<Fault(Operation operation, const std::string& path, int count)>;

  explicit FaultFileSystem(FileSystem& real);  // `real` outlives this
  ~FaultFileSystem() override;

  void SetFaults(Decide decide);

  // Fails the next `operation`, whatever its path, and every later one until SetFaults().
  void FailFrom(Operation operation, Fault fault);

  // How many of `operation` came so far.
  int Count(Operation operation) const;

  Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) override;
  Result<bool> Exists(const std::string& path) override;
  Status Remove(const std::string& path) override;
  Status Rename(const std::string& from, const std::string& to) override;
  Status SyncDirectory(const std::string& path) override;
  Status CreateDirectories(const std::string& path) override;
  Result<std::vector<std::string>> List(const std::string& path) override;
  Result<std::uint64_t> FreeBytes(const std::string& path) override;
  Result<std::unique_ptr<FileLock>> Lock(const std::string& path) override;

 private:
  class FaultFile;

  Fault Next(Operation operation, const std::string& path);
  Status Check(Operation operation, const std::string& path);  // Next() as a Status

  static constexpr std::size_t kOperations = 10;

  FileSystem& real_;
  mutable Mutex mutex_;
  Decide decide_ GUARDED_BY(mutex_);
  int counts_[kOperations] GUARDED_BY(mutex_) = {};
};

}  // namespace ocellus::os
