// Fetching a bundle from a model hub.

#pragma once

#include <atomic>
#include <string>

#include "base/result.h"
#include "fetch/hub.h"
#include "os/file_system.h"

namespace ocellus::server {

struct PullOptions {
  fetch::HubOptions hub;
  std::string model;    // OWNER/NAME
  std::string name;     // of the bundle here
  std::string variant;  // of its networks; empty: any
  std::string models;   // folder of bundles
  bool show_bar = false;
};

// Fetches the files of the bundle into `models`/.pulling-NAME and gives that path. What an earlier
// call left there is gone on with; every file is checked against what the hub says of it. Codes as
// fetch::HubClient; Corruption: a file that came is not the one that the hub names.
Result<std::string> PullFiles(os::FileSystem& files, const PullOptions& options,
                              const std::atomic<bool>& stop);

}  // namespace ocellus::server
