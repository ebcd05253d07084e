#include "os/walk.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

namespace ocellus::os {
namespace {

namespace fs = std::filesystem;

Status Failure(const std::string& path, const std::error_code& ec) {
  const bool missing = ec == std::errc::no_such_file_or_directory;
  return {missing ? Code::kNotFound : Code::kIoError, path + ": " + ec.message()};
}

bool IsHidden(const fs::path& path) {
  const std::string name = path.filename().string();
  return name.empty() || name.front() == '.';
}

}  // namespace

Result<PathInfo> DescribePath(const std::string& path) {
  std::error_code ec;
  const fs::path real = fs::canonical(path, ec);
  if (ec) return Failure(path, ec);
  PathInfo info;
  info.real_path = real.string();
  const fs::file_status status = fs::status(real, ec);
  if (ec) return Failure(path, ec);
  if (fs::is_directory(status)) info.kind = PathKind::kFolder;
  if (fs::is_regular_file(status)) {
    info.kind = PathKind::kFile;
    info.size = fs::file_size(real, ec);
    if (ec) return Failure(path, ec);
  }
  return info;
}

Result<std::vector<FoundFile>> ListFilesBelow(const std::string& folder) {
  std::vector<FoundFile> found;
  std::error_code ec;
  fs::recursive_directory_iterator entry(folder, fs::directory_options::skip_permission_denied, ec);
  for (; !ec && entry != fs::recursive_directory_iterator(); entry.increment(ec)) {
    std::error_code entry_ec;  // what vanishes meanwhile is not there
    const bool hidden = IsHidden(entry->path());
    if (entry->is_directory(entry_ec)) {
      if (hidden) entry.disable_recursion_pending();
      continue;
    }
    if (hidden || !entry->is_regular_file(entry_ec)) continue;
    FoundFile file;
    file.path = entry->path().string();
    file.below = entry->path().lexically_relative(folder).generic_string();
    file.size = entry->file_size(entry_ec);
    if (!entry_ec) found.push_back(std::move(file));
  }
  if (ec) return Failure("list " + folder, ec);
  std::sort(found.begin(), found.end(),
            [](const FoundFile& a, const FoundFile& b) { return a.below < b.below; });
  return found;
}

}  // namespace ocellus::os
