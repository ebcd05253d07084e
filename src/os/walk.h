// What lies at a path, and below a folder.
//
// Thread-safe.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace ocellus::os {

enum class PathKind : std::uint8_t { kFile, kFolder, kOther };

struct PathInfo {
  PathKind kind = PathKind::kOther;
  std::string real_path;   // as RealPath gives it
  std::uint64_t size = 0;  // of a file
};

// Symbolic links are followed. kNotFound when it is missing.
Result<PathInfo> DescribePath(const std::string& path);

struct FoundFile {
  std::string path;   // the folder as it was given, and what follows
  std::string below;  // what follows the folder, without a slash in front
  std::uint64_t size = 0;
};

// Every regular file below a folder, sorted by path. Links to files are followed, links to folders
// are not. Files and folders whose name begins with a dot are left out, and folders that may not be
// read.
Result<std::vector<FoundFile>> ListFilesBelow(const std::string& folder);

}  // namespace ocellus::os
