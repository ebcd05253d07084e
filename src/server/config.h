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
  std::string face_models;  // folder of face weights; empty: looked for beside the binary
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

  std::string public_url;         // before "/images" in links; empty: what the client called
  std::uint32_t link_hours = 24;  // signed links are good for
  std::vector<std::string> response_libraries;  // searched by default; empty: all
  std::string response_filters;                 // JSON, in the words of a tool's filters
  std::uint32_t response_days = 7;
  std::size_t max_stored_responses = 10'000;
  std::uint64_t max_stored_response_bytes = std::uint64_t{1} << 30;
  std::string assistant_url;  // of an OpenAI-compatible server, "http://.../v1"; empty: none
  std::string assistant_model;
  std::string assistant_key_variable;  // name of an environment variable
  bool assistant_sees_pictures = false;
  std::string assistant_instructions;
  std::uint32_t assistant_max_rounds = 6;
  std::uint32_t assistant_max_calls = 24;
  std::uint64_t assistant_timeout_ms = 180'000;
  std::uint64_t assistant_idle_timeout_ms = 60'000;
  std::int64_t assistant_max_output_tokens = 4096;
  std::int64_t assistant_max_tokens = 200'000;
  std::size_t max_files = 1000;
  std::uint64_t max_file_bytes = std::uint64_t{1} << 30;

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
