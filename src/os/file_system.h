// Files, as the rest of the project sees them: nothing outside `os` calls open, fsync or mmap, so
// that a test can put a full disk or a failing fsync anywhere (fault_file_system.h).
//
// Every failure is a Status that names the operation, the path and errno's text. Codes:
// kNotFound (ENOENT), kAlreadyExists (EEXIST), kResourceExhausted (ENOSPC, EDQUOT, EMFILE, ENFILE,
// ENOMEM), kFailedPrecondition (a lock that another process holds), kIoError (the rest).

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace ocellus::os {

// Memory that shows a part of a file, shared with every other mapping of it; unmapped on
// destruction. It outlives the File it came from.
//
// Thread safety: thread-compatible; the bytes are as any memory.
class MappedRegion {
 public:
  enum class Advice : std::uint8_t {
    kRandom,    // a fault reads its own page and no more
    kWillNeed,  // start reading now
  };

  MappedRegion() = default;
  MappedRegion(std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  MappedRegion(MappedRegion&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  MappedRegion& operator=(MappedRegion&& other) noexcept;
  MappedRegion(const MappedRegion&) = delete;
  MappedRegion& operator=(const MappedRegion&) = delete;
  ~MappedRegion();

  std::uint8_t* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }

  // A hint: failure to follow it is no failure. The range is widened to whole pages.
  // REQUIRES: offset + length <= size()
  void Advise(std::size_t offset, std::size_t length, Advice advice) const;

 private:
  std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

// One open file; closed on destruction.
//
// Thread safety: thread-safe, as pread and pwrite are; overlapping writes are the caller's matter.
class File {
 public:
  virtual ~File() = default;

  // Bytes read; fewer than asked for only at the end of the file.
  virtual Result<std::size_t> ReadAt(std::uint64_t offset, std::span<std::uint8_t> out) = 0;

  // Writes all of it or fails; after a failure any part may have been written.
  virtual Status WriteAt(std::uint64_t offset, Bytes bytes) = 0;

  // On return everything written so far, through WriteAt or a mapping, is durable. After a failure
  // the kernel may have dropped what it could not write: what is on the disk is unknown.
  virtual Status Sync() = 0;

  // Takes disk space for [offset, offset + length) and grows the file to it, so that a later write
  // there, through a mapping too, cannot fail for want of space. New bytes are zero.
  virtual Status Allocate(std::uint64_t offset, std::uint64_t length) = 0;

  virtual Status Truncate(std::uint64_t size) = 0;
  virtual Result<std::uint64_t> Size() = 0;

  // Maps [offset, offset + length), which must lie within the file, for reading and, unless the
  // file was opened read-only, writing. REQUIRES: offset % 4096 == 0, length > 0
  virtual Result<MappedRegion> Map(std::uint64_t offset, std::size_t length) = 0;
};

// Held by this process until destroyed; the kernel lets go of it when the process dies.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

enum class OpenMode : std::uint8_t {
  kRead,       // kNotFound when missing
  kReadWrite,  // kNotFound when missing
  kCreate,     // read and write, created when missing
  kTruncate,   // read and write, created when missing, emptied otherwise
};

// Thread safety: thread-safe. Paths are taken as given, relative to the working directory.
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  // A new file is there after a crash only once SyncDirectory() on its folder has returned.
  virtual Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) = 0;

  virtual Result<bool> Exists(const std::string& path) = 0;
  virtual Status Remove(const std::string& path) = 0;
  virtual Status Rename(const std::string& from, const std::string& to) = 0;
  virtual Status SyncDirectory(const std::string& path) = 0;

  // Makes the folder and its missing parents; one that is there already is no failure.
  virtual Status CreateDirectories(const std::string& path) = 0;

  // Names, without the folder, of its entries; sorted, without "." and "..".
  virtual Result<std::vector<std::string>> List(const std::string& path) = 0;

  // Bytes that this process may still write on the file system that holds `path`.
  virtual Result<std::uint64_t> FreeBytes(const std::string& path) = 0;

  // Takes the lock file, creating it when missing: one process per data directory.
  // kFailedPrecondition when another holder has it.
  virtual Result<std::unique_ptr<FileLock>> Lock(const std::string& path) = 0;
};

// The operating system's.
class PosixFileSystem final : public FileSystem {
 public:
  Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) override;
  Result<bool> Exists(const std::string& path) override;
  Status Remove(const std::string& path) override;
  Status Rename(const std::string& from, const std::string& to) override;
  Status SyncDirectory(const std::string& path) override;
  Status CreateDirectories(const std::string& path) override;
  Result<std::vector<std::string>> List(const std::string& path) override;
  Result<std::uint64_t> FreeBytes(const std::string& path) override;
  Result<std::unique_ptr<FileLock>> Lock(const std::string& path) override;
};

// The folder that holds `path`: what SyncDirectory() wants after a file was created or renamed.
std::string DirectoryOf(const std::string& path);

// Puts a file at `path` so that after a crash at any point either the old one or the new one is
// there, whole: writes `path`.tmp, syncs it, renames it, syncs the folder. Durable on return. Two
// calls for one path may not run at once.
Status PublishFile(FileSystem& files, const std::string& path, Bytes content);

// The whole file. kResourceExhausted when it is longer than max_bytes.
Result<std::vector<std::uint8_t>> ReadWholeFile(FileSystem& files, const std::string& path,
                                                std::size_t max_bytes);

}  // namespace ocellus::os
