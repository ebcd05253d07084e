#include "os/fault_file_system.h"

#include <utility>

namespace ocellus::os {
namespace {

Status Failure(Fault fault, const std::string& path) {
  if (fault == Fault::kNoSpace) return {Code::kResourceExhausted, path + ": injected ENOSPC"};
  return {Code::kIoError, path + ": injected EIO"};
}

}  // namespace

class FaultFileSystem::FaultFile final : public File {
 public:
  FaultFile(FaultFileSystem& owner, std::string path, std::unique_ptr<File> real)
      : owner_(owner), path_(std::move(path)), real_(std::move(real)) {}

  Result<std::size_t> ReadAt(std::uint64_t offset, std::span<std::uint8_t> out) override {
    OCELLUS_RETURN_IF_ERROR(owner_.Check(Operation::kRead, path_));
    return real_->ReadAt(offset, out);
  }

  Status WriteAt(std::uint64_t offset, Bytes bytes) override {
    const Fault fault = owner_.Next(Operation::kWrite, path_);
    if (fault == Fault::kNone) return real_->WriteAt(offset, bytes);
    if (fault == Fault::kShortWrite) {
      OCELLUS_RETURN_IF_ERROR(real_->WriteAt(offset, bytes.first(bytes.size() / 2)));
    }
    return Failure(fault, path_);
  }

  Status Sync() override {
    OCELLUS_RETURN_IF_ERROR(owner_.Check(Operation::kSync, path_));
    return real_->Sync();
  }

  Status Allocate(std::uint64_t offset, std::uint64_t length) override {
    OCELLUS_RETURN_IF_ERROR(owner_.Check(Operation::kAllocate, path_));
    return real_->Allocate(offset, length);
  }

  Status Truncate(std::uint64_t size) override {
    OCELLUS_RETURN_IF_ERROR(owner_.Check(Operation::kTruncate, path_));
    return real_->Truncate(size);
  }

  Result<std::uint64_t> Size() override { return real_->Size(); }

  Result<MappedRegion> Map(std::uint64_t offset, std::size_t length) override {
    OCELLUS_RETURN_IF_ERROR(owner_.Check(Operation::kMap, path_));
    return real_->Map(offset, length);
  }

 private:
  FaultFileSystem& owner_;
  const std::string path_;
  const std::unique_ptr<File> real_;
};

FaultFileSystem::FaultFileSystem(FileSystem& real) : real_(real) {}

FaultFileSystem::~FaultFileSystem() = default;

void FaultFileSystem::SetFaults(Decide decide) {
  const MutexLock lock(mutex_);
  decide_ = std::move(decide);
}

void FaultFileSystem::FailFrom(Operation operation, Fault fault) {
  SetFaults([operation, fault](Operation actual, const std::string&, int) {
    return actual == operation ? fault : Fault::kNone;
  });
}

int FaultFileSystem::Count(Operation operation) const {
  const MutexLock lock(mutex_);
  return counts_[static_cast<std::size_t>(operation)];
}

Fault FaultFileSystem::Next(Operation operation, const std::string& path) {
  const MutexLock lock(mutex_);
  const int count = counts_[static_cast<std::size_t>(operation)]++;
  return decide_ ? decide_(operation, path, count) : Fault::kNone;
}

Status FaultFileSystem::Check(Operation operation, const std::string& path) {
  const Fault fault = Next(operation, path);
  if (fault == Fault::kNone) return {};
  return Failure(fault, path);
}

Result<std::unique_ptr<File>> FaultFileSystem::Open(const std::string& path, OpenMode mode) {
  OCELLUS_RETURN_IF_ERROR(Check(Operation::kOpen, path));
  OCELLUS_ASSIGN_OR_RETURN(auto file, real_.Open(path, mode));
  return std::unique_ptr<File>(std::make_unique<FaultFile>(*this, path, std::move(file)));
}

Result<bool> FaultFileSystem::Exists(const std::string& path) {
  return real_.Exists(path);
}

Status FaultFileSystem::Remove(const std::string& path) {
  OCELLUS_RETURN_IF_ERROR(Check(Operation::kRemove, path));
  return real_.Remove(path);
}

Status FaultFileSystem::Rename(const std::string& from, const std::string& to) {
  OCELLUS_RETURN_IF_ERROR(Check(Operation::kRename, from));
  return real_.Rename(from, to);
}

Status FaultFileSystem::SyncDirectory(const std::string& path) {
  OCELLUS_RETURN_IF_ERROR(Check(Operation::kSyncDirectory, path));
  return real_.SyncDirectory(path);
}

Status FaultFileSystem::CreateDirectories(const std::string& path) {
  return real_.CreateDirectories(path);
}

Result<std::vector<std::string>> FaultFileSystem::List(const std::string& path) {
  return real_.List(path);
}

Result<std::uint64_t> FaultFileSystem::FreeBytes(const std::string& path) {
  return real_.FreeBytes(path);
}

Result<std::unique_ptr<FileLock>> FaultFileSystem::Lock(const std::string& path) {
  return real_.Lock(path);
}

}  // namespace ocellus::os
