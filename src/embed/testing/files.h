// Where the tests of this module find files. Tests run in src/embed.

#pragma once

#include <cstdlib>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "os/file_system.h"

namespace ocellus::embed::testing {

// The content, or nothing when the file cannot be read.
inline std::optional<std::string> ReadFile(const std::string& path) {
  os::PosixFileSystem files;
  auto bytes = os::ReadWholeFile(files, path, std::size_t{256} << 20);
  if (!bytes.ok()) return std::nullopt;
  return std::string(AsText(*bytes));
}

inline std::string DefaultBundle() {
  return "../../models/default";
}

// Third-party data that tests may use and the repository does not hold: $OCELLUS_SHARED, or the
// folder "shared" beside the checkout.
inline std::string Shared(const std::string& path) {
  const char* folder = std::getenv("OCELLUS_SHARED");  // NOLINT(concurrency-mt-unsafe): one thread
  return std::string(folder == nullptr ? "../../../shared" : folder) + "/" + path;
}

}  // namespace ocellus::embed::testing
