// The server's configuration: a TOML file, then the command line over it. docs/operations.md
// explains every key; a test holds the two together.
//
// Plain values.

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "http/server.h"
#include "image/image.h"

namespace ocellus::server {

struct Config {
  std::string data = "./data";
  std::string models;       // folder of bundles; empty: looked for beside the binary
  std::string model_cache;  // folder for compiled models; empty: they are compiled at each start
  std::string keys_file;    // empty: none
  LogLevel log_level = LogLevel::kInfo;
  http::ServerOptions http;

  image::Limits picture_limits;
  std::uint64_t max_pixels_in_flight = 200'000'000;
  std::uint32_t max_top_k = 1000;
  std::size_t max_libraries = 5;
  std::uint64_t max_answer_picture_bytes = 256 << 20;

  std::vector<std::string> import_roots;
  std::map<std::string, std::string> buckets;
  std::uint64_t max_import_file_bytes = 64 << 20;

  bool fetch_enabled = false;
  std::vector<std::uint16_t> fetch_ports = {80, 443};
  std::vector<std::string> fetch_networks;
  std::uint64_t fetch_timeout_ms = 30'000;

  std::map<std::string, std::string> adb_paths;  // name of a call to one more path
};

// Changes `config` by what the text says. InvalidArgument names the key and what it wants, or the
// line where the TOML is wrong; an unknown key is told with the nearest one there is.
Status ApplyToml(std::string_view text, Config& config);

// "127.0.0.1:8000", "[::]:8000", "8000" (of 127.0.0.1).
Status ParseListen(std::string_view listen, http::ServerOptions& options);

struct KeyHelp {
  std::string name;  // "http.workers"
  std::string wants;
};
// Every key, in the order of the documentation.
std::vector<KeyHelp> AllKeys();

// The nearest of `names`, if any is near enough to be meant.
std::optional<std::string> Nearest(std::string_view name, const std::vector<std::string>& names);

}  // namespace ocellus::server
