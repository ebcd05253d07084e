// The calls of an Ocellus server that the command line makes.
//
// One owner thread.

#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/value.h"
#include "cli/http_client.h"

namespace ocellus::cli {

struct ServerOptions {
  ServerAddress address;
  std::string api_key;  // empty: none is sent
  // Wait for a server that does not answer even at the first call: it did a moment ago.
  bool patient = false;
};

struct LibraryInfo {
  std::string name;
  std::string mode;
  std::int64_t pictures = 0;
  std::string created;
};

// Failures carry the server's own words. Unavailable: no server, or it stayed busy through all
// retries. FailedPrecondition: the key is missing, wrong, or may not. Otherwise as the HTTP status
// says.
class ServerClient {
 public:
  // `stop` is borrowed: once true, no retry is waited for.
  ServerClient(ServerOptions options, const std::atomic<bool>& stop);

  // `data` of the answer.
  Result<Value> ListLibraries();
  Result<Value> CreateLibrary(const std::string& name, const std::string& mode,
                              const std::string& description);
  Status DeleteLibrary(const std::string& name);
  // Of a picture search ("by-image") or a text search ("by-text"): `data` of the answer.
  Result<Value> Search(const std::string& kind, Value::Map fields);

  // Inserts or replaces. `fields` are those of the call.
  Status AddImage(Value::Map fields);
  // Those of `digests` that the library has.
  Result<std::vector<std::string>> Known(const std::string& library,
                                         const std::vector<std::string>& digests);

  // Starts changing a library's bundle, or finds the job that does so already; the job.
  Result<Value> UseBundle(const std::string& library, const std::string& bundle, bool leave_behind);
  Result<Value> Job(const std::string& id);

 private:
  Result<Value> Call(const std::string& method, const std::string& path, const Value* body);

  HttpClient http_;
  bool connected_;  // the server answered once
  const std::atomic<bool>& stop_;
};

Result<std::vector<LibraryInfo>> LibrariesOf(const Value& list_data);

// A name as a part of a path.
std::string PercentEncode(std::string_view text);

}  // namespace ocellus::cli
