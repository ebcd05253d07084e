// A fresh folder for a test or a benchmark, removed with all that is in it.

#pragma once

#include <string>

namespace ocellus::os {

// Under $TMPDIR, else /tmp. Aborts when it cannot be made: nothing could be tested.
//
// Thread safety: thread-compatible.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory();

  const std::string& path() const noexcept { return path_; }

  // The path of an entry of that name.
  std::string File(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace ocellus::os
