// API keys, from a file and the environment.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/access.h"
#include "base/result.h"
#include "os/file_system.h"

namespace ocellus::server {

// The keys of a keys file (docs/operations.md): [[key]] tables with name, secret, role, tables and
// fetch (left out: an admin's key may).
// InvalidArgument names the key and field. Secrets stand in no message.
Result<std::vector<api::ApiKey>> ParseKeys(std::string_view toml);

// Those of `keys_file` (empty: none) and one of the environment variable OCELLUS_API_KEY
// (`from_environment`, null when it is not set), which may do everything.
Result<std::vector<api::ApiKey>> LoadKeys(os::FileSystem& files, const std::string& keys_file,
                                          const char* from_environment);

// FailedPrecondition, with what to do about it, for a server that is open to everybody on an
// address that others reach.
Status CheckOpenServer(const std::string& address, bool has_keys);

}  // namespace ocellus::server
