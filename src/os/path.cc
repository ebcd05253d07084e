#include "os/path.h"

#include <stdlib.h>
#include <sys/stat.h>

#include <cerrno>
#include <memory>
#include <system_error>

namespace ocellus::os {
namespace {

Status Failure(const char* operation, const std::string& path, int error) {
  const Code code = error == ENOENT || error == ENOTDIR ? Code::kNotFound : Code::kIoError;
  return Status(
      code, std::string(operation) + " " + path + ": " + std::generic_category().message(error));
}

struct Free {
  void operator()(char* memory) const { ::free(memory); }
};

}  // namespace

Result<std::string> RealPath(const std::string& path) {
  const std::unique_ptr<char, Free> real(::realpath(path.c_str(), nullptr));
  if (real == nullptr) return Failure("resolve", path, errno);
  return std::string(real.get());
}

Result<bool> IsRegularFile(const std::string& path) {
  struct stat state {};
  if (::stat(path.c_str(), &state) != 0) return Failure("stat", path, errno);
  return S_ISREG(state.st_mode);
}

}  // namespace ocellus::os
