// `ocellus import`: pictures of this machine into a library of the server.

#pragma once

#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include "base/value.h"
#include "cli/server_client.h"

namespace ocellus::cli {

struct ImportOptions {
  ServerOptions server;
  std::string library;
  std::vector<std::string> paths;
  Value::Map tags;  // of every picture; a manifest's line may override them
  unsigned jobs = 16;
  bool create = true;  // the library, when it is missing
  bool again = false;  // send also what is already there
  bool keep_pictures = true;
  bool strict = false;    // exit with 1 when anything was refused
  bool show_bar = false;  // standard error is a terminal
};

// What shells expect of it.
inline constexpr int kExitDone = 0;
inline constexpr int kExitRefused = 1;  // with `strict`
inline constexpr int kExitFailed = 2;   // no server, no library, no such path
inline constexpr int kExitInterrupted = 130;

// Runs to the end, or until `stop`: then what is under way is finished. Progress and failures go to
// standard error, the result to standard output. Gives the exit code.
int RunImport(const ImportOptions& options, const std::atomic<bool>& stop);

// "k=v" arguments as tags; a key given twice becomes a list. InvalidArgument.
Result<Value::Map> ParseTags(const std::vector<std::string>& arguments);

}  // namespace ocellus::cli
