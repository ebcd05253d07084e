#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <system_error>
#include <utility>

#include "os/file_system.h"

namespace ocellus::os {
namespace {

Code CodeOf(int error) {
  switch (error) {
    case ENOENT:
      return Code::kNotFound;
    case EEXIST:
      return Code::kAlreadyExists;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return Code::kResourceExhausted;
    default:
      return Code::kIoError;
  }
}

Status Failure(const char* operation, const std::string& path, int error) {
  return {CodeOf(error),
          std::string(operation) + " " + path + ": " + std::generic_category().message(error)};
}

off_t AsOffset(std::uint64_t offset) {
  return static_cast<off_t>(offset);
}

class PosixFile final : public File {
 public:
  PosixFile(int fd, std::string path, bool writable)
      : fd_(fd), path_(std::move(path)), writable_(writable) {}
  ~PosixFile() override { ::close(fd_); }

  Result<std::size_t> ReadAt(std::uint64_t offset, std::span<std::uint8_t> out) override {
    std::size_t done = 0;
    while (done < out.size()) {
      const ssize_t n = ::pread(fd_, out.data() + done, out.size() - done, AsOffset(offset + done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return Failure("read", path_, errno);
      if (n == 0) break;
      done += static_cast<std::size_t>(n);
    }
    return done;
  }

  Status WriteAt(std::uint64_t offset, Bytes bytes) override {
    std::size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t n =
          ::pwrite(fd_, bytes.data() + done, bytes.size() - done, AsOffset(offset + done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return Failure("write", path_, errno);
      if (n == 0) return Failure("write", path_, EIO);
      done += static_cast<std::size_t>(n);
    }
    return {};
  }

  Status Sync() override {
    if (::fsync(fd_) != 0) return Failure("fsync", path_, errno);
    return {};
  }

  Status Allocate(std::uint64_t offset, std::uint64_t length) override {
    int error = 0;
    do {
      error = ::posix_fallocate(fd_, AsOffset(offset), AsOffset(length));
    } while (error == EINTR);
    if (error != 0) return Failure("allocate space for", path_, error);
    return {};
  }

  Status Truncate(std::uint64_t size) override {
    while (::ftruncate(fd_, AsOffset(size)) != 0) {
      if (errno != EINTR) return Failure("truncate", path_, errno);
    }
    return {};
  }

  Result<std::uint64_t> Size() override {
    struct stat info {};
    if (::fstat(fd_, &info) != 0) return Failure("stat", path_, errno);
    return static_cast<std::uint64_t>(info.st_size);
  }

  Result<MappedRegion> Map(std::uint64_t offset, std::size_t length) override {
    const int protection = writable_ ? PROT_READ | PROT_WRITE : PROT_READ;
    void* data = ::mmap(nullptr, length, protection, MAP_SHARED, fd_, AsOffset(offset));
    if (data == MAP_FAILED) return Failure("map", path_, errno);
    return MappedRegion(static_cast<std::uint8_t*>(data), length);
  }

 private:
  const int fd_;
  const std::string path_;
  const bool writable_;
};

class PosixFileLock final : public FileLock {
 public:
  explicit PosixFileLock(int fd) : fd_(fd) {}
  ~PosixFileLock() override { ::close(fd_); }  // lets go of the lock

 private:
  const int fd_;
};

constexpr mode_t kFileMode = 0644;
constexpr mode_t kDirectoryMode = 0755;

}  // namespace

MappedRegion& MappedRegion::operator=(MappedRegion&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedRegion::~MappedRegion() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

void MappedRegion::Advise(std::size_t offset, std::size_t length, Advice advice) const {
  assert(offset + length <= size_);
  const std::size_t page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t begin = offset / page * page;
  ::madvise(data_ + begin, offset + length - begin,
            advice == Advice::kRandom ? MADV_RANDOM : MADV_WILLNEED);
}

Result<std::unique_ptr<File>> PosixFileSystem::Open(const std::string& path, OpenMode mode) {
  int flags = O_CLOEXEC;
  switch (mode) {
    case OpenMode::kRead:
      flags |= O_RDONLY;
      break;
    case OpenMode::kReadWrite:
      flags |= O_RDWR;
      break;
    case OpenMode::kCreate:
      flags |= O_RDWR | O_CREAT;
      break;
    case OpenMode::kTruncate:
      flags |= O_RDWR | O_CREAT | O_TRUNC;
      break;
  }
  const int fd = ::open(path.c_str(), flags, kFileMode);
  if (fd < 0) return Failure("open", path, errno);
  return std::unique_ptr<File>(std::make_unique<PosixFile>(fd, path, mode != OpenMode::kRead));
}

Result<bool> PosixFileSystem::Exists(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  return Failure("stat", path, errno);
}

Status PosixFileSystem::Remove(const std::string& path) {
  if (::remove(path.c_str()) != 0) return Failure("remove", path, errno);
  return {};
}

Status PosixFileSystem::Rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return Failure("rename", from, errno);
  return {};
}

Status PosixFileSystem::SyncDirectory(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return Failure("open folder", path, errno);
  const int error = ::fsync(fd) == 0 ? 0 : errno;
  ::close(fd);
  if (error != 0) return Failure("fsync folder", path, error);
  return {};
}

Status PosixFileSystem::CreateDirectories(const std::string& path) {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (::mkdir(part.c_str(), kDirectoryMode) != 0) {
      const int error = errno;
      struct stat info {};
      const bool there = ::stat(part.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
      if (!there) return Failure("create folder", part, error);
    }
    if (end == std::string::npos) return {};
  }
}

Result<std::vector<std::string>> PosixFileSystem::List(const std::string& path) {
  DIR* directory = ::opendir(path.c_str());
  if (directory == nullptr) return Failure("open folder", path, errno);
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(directory)) {  // NOLINT(concurrency-mt-unsafe): our DIR
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
    errno = 0;
  }
  const int error = errno;
  ::closedir(directory);
  if (error != 0) return Failure("read folder", path, error);
  std::sort(names.begin(), names.end());
  return names;
}

Result<std::uint64_t> PosixFileSystem::FreeBytes(const std::string& path) {
  struct statvfs info {};
  if (::statvfs(path.c_str(), &info) != 0) return Failure("statvfs", path, errno);
  return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
}

Result<std::unique_ptr<FileLock>> PosixFileSystem::Lock(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kFileMode);
  if (fd < 0) return Failure("open", path, errno);
  auto lock = std::make_unique<PosixFileLock>(fd);
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return Failure("lock", path, errno);
    return Status(Code::kFailedPrecondition, "lock " + path + ": another process holds it");
  }
  return std::unique_ptr<FileLock>(std::move(lock));
}

}  // namespace ocellus::os
