// What a path really names.
//
// Thread-safe.

#pragma once

#include <string>

#include "base/result.h"

namespace ocellus::os {

// The absolute path without symbolic links, "." and "..". kNotFound when any part is missing.
Result<std::string> RealPath(const std::string& path);

// Whether it is a regular file: not a folder, a device, or a pipe that an open would wait on.
// kNotFound when it is missing.
Result<bool> IsRegularFile(const std::string& path);

}  // namespace ocellus::os
