#include "os/file_system.h"

namespace ocellus::os {

std::string DirectoryOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Status PublishFile(FileSystem& files, const std::string& path, Bytes content) {
  const std::string temporary = path + ".tmp";
  const auto write = [&]() -> Status {
    OCELLUS_ASSIGN_OR_RETURN(auto file, files.Open(temporary, OpenMode::kTruncate));
    OCELLUS_RETURN_IF_ERROR(file->WriteAt(0, content));
    return file->Sync();
  };
  Status status = write();
  if (status.ok()) status = files.Rename(temporary, path);
  if (!status.ok()) {
    (void)files.Remove(temporary).ok();  // the space is worth more than this failure
    return std::move(status).WithContext("publish " + path);
  }
  return files.SyncDirectory(DirectoryOf(path)).WithContext("publish " + path);
}

Result<std::vector<std::uint8_t>> ReadWholeFile(FileSystem& files, const std::string& path,
                                                std::size_t max_bytes) {
  OCELLUS_ASSIGN_OR_RETURN(auto file, files.Open(path, OpenMode::kRead));
  OCELLUS_ASSIGN_OR_RETURN(const std::uint64_t size, file->Size());
  if (size > max_bytes) {
    return Status(Code::kResourceExhausted, "read " + path + ": " + std::to_string(size) +
                                                " bytes, the limit is " +
                                                std::to_string(max_bytes));
  }
  std::vector<std::uint8_t> content(static_cast<std::size_t>(size));
  OCELLUS_ASSIGN_OR_RETURN(const std::size_t read, file->ReadAt(0, content));
  content.resize(read);
  return content;
}

}  // namespace ocellus::os
