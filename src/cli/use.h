// `ocellus model use`.

#pragma once

#include <atomic>
#include <string>

#include "cli/server_client.h"

namespace ocellus::cli {

struct UseOptions {
  ServerOptions server;
  std::string library;
  std::string bundle;
  bool leave_behind = false;
  bool no_wait = false;
  bool show_bar = false;
};

// Gives the exit code: 1 when pictures could not follow and the library stayed as it was.
int RunUse(const UseOptions& options, const std::atomic<bool>& stop);

}  // namespace ocellus::cli
