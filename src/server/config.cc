#include "server/config.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <numeric>
#include <utility>

#include "server/toml_reader.h"

namespace ocellus::server {
namespace {

constexpr std::int64_t kGigabyte = std::int64_t{1} << 30;

template <typename Number>
Setting Integer(std::string name, Number& to, std::int64_t least, std::int64_t most) {
  std::string wants = "an integer from " + std::to_string(least) + " to " + std::to_string(most);
  return {std::move(name), std::move(wants), [&to, least, most](const TomlValue& value) {
            const auto* number = std::get_if<std::int64_t>(&value);
            if (number == nullptr || *number < least || *number > most) return false;
            to = static_cast<Number>(*number);
            return true;
          }};
}

Setting Milliseconds(std::string name, std::chrono::milliseconds& to, std::int64_t most) {
  return {std::move(name), "an integer from 1 to " + std::to_string(most) + " (milliseconds)",
          [&to, most](const TomlValue& value) {
            const auto* number = std::get_if<std::int64_t>(&value);
            if (number == nullptr || *number < 1 || *number > most) return false;
            to = std::chrono::milliseconds(*number);
            return true;
          }};
}

template <typename T>
Setting Plain(std::string name, std::string wants, T& to) {
  return {std::move(name), std::move(wants), [&to](const TomlValue& value) {
            const T* typed = std::get_if<T>(&value);
            if (typed == nullptr) return false;
            to = *typed;
            return true;
          }};
}

// An empty TOML array has no type of its own.
bool IsEmptyList(const TomlValue& value) {
  const auto* strings = std::get_if<std::vector<std::string>>(&value);
  return strings != nullptr && strings->empty();
}

Setting Ports(std::string name, std::vector<std::uint16_t>& to) {
  return {std::move(name), "a list of ports", [&to](const TomlValue& value) {
            const auto* numbers = std::get_if<std::vector<std::int64_t>>(&value);
            if (numbers == nullptr && !IsEmptyList(value)) return false;
            std::vector<std::uint16_t> ports;
            for (const std::int64_t number :
                 numbers == nullptr ? std::vector<std::int64_t>() : *numbers) {
              if (number < 1 || number > 65535) return false;
              ports.push_back(static_cast<std::uint16_t>(number));
            }
            to = std::move(ports);
            return true;
          }};
}

Setting Level(std::string name, LogLevel& to) {
  return {std::move(name), "\"debug\", \"info\", \"warning\" or \"error\"",
          [&to](const TomlValue& value) {
            const auto* text = std::get_if<std::string>(&value);
            if (text == nullptr) return false;
            if (*text == "debug") return to = LogLevel::kDebug, true;
            if (*text == "info") return to = LogLevel::kInfo, true;
            if (*text == "warning") return to = LogLevel::kWarning, true;
            if (*text == "error") return to = LogLevel::kError, true;
            return false;
          }};
}

Setting Listen(std::string name, http::ServerOptions& to) {
  return {std::move(name), "an address and port like \"127.0.0.1:8000\"",
          [&to](const TomlValue& value) {
            const auto* text = std::get_if<std::string>(&value);
            return text != nullptr && ParseListen(*text, to).ok();
          }};
}

Setting Url(std::string name, std::string& to) {
  return {std::move(name),
          "a URL like \"https://pictures.example.com\", without a slash at the end",
          [&to](const TomlValue& value) {
            const auto* text = std::get_if<std::string>(&value);
            if (text == nullptr || text->ends_with('/')) return false;
            if (!text->starts_with("http://") && !text->starts_with("https://")) return false;
            to = *text;
            return true;
          }};
}

std::vector<Setting> SettingsOf(Config& config) {
  http::ServerOptions& http = config.http;
  return {
      Plain("data", "a string", config.data),
      Plain("models", "a string", config.models),
      Plain("model_cache", "a string", config.model_cache),
      Plain("keys_file", "a string", config.keys_file),
      Level("log_level", config.log_level),

      Listen("http.listen", http),
      Integer("http.workers", http.workers, 0, 1024),
      Integer("http.max_connections", http.max_connections, 1, 100'000),
      Integer("http.max_queued_requests", http.max_queued_requests, 1, 100'000),
      Integer("http.max_header_bytes", http.max_header_bytes, 1024, 1 << 20),
      Integer("http.max_body_bytes", http.max_body_bytes, 1024, kGigabyte),
      Integer("http.max_buffered_bytes", http.max_buffered_bytes, 1 << 20, 1024 * kGigabyte),
      Integer("http.max_parsed_bytes", http.max_parsed_bytes, 1 << 20, 1024 * kGigabyte),
      Milliseconds("http.header_timeout_ms", http.header_timeout, 3'600'000),
      Milliseconds("http.idle_timeout_ms", http.idle_timeout, 3'600'000),
      Integer("http.min_body_bytes_per_second", http.min_body_bytes_per_second, 1, kGigabyte),
      Milliseconds("http.drain_timeout_ms", http.drain_timeout, 3'600'000),

      Integer("pictures.max_bytes", config.picture_limits.max_bytes, 1024, kGigabyte),
      Integer("pictures.max_pixels", config.picture_limits.max_pixels, 4096, 4'000'000'000),
      Integer("pictures.max_pixels_in_flight", config.max_pixels_in_flight, 4096,
              1'000'000'000'000),

      Integer("search.max_top_k", config.max_top_k, 1, 100'000),
      Integer("search.max_answer_picture_bytes", config.max_answer_picture_bytes, 1 << 20,
              16 * kGigabyte),

      Integer("libraries.max", config.max_libraries, 1, 100'000),

      Plain("faces.models", "a string", config.face_models),

      Plain("import.roots", "a list of folders", config.import_roots),
      Plain("import.buckets", "a table of folders: name = \"/folder\"", config.buckets),
      Integer("import.max_url_bytes", config.max_import_file_bytes, 1024, 16 * kGigabyte),

      Plain("fetch.enabled", "true or false", config.fetch_enabled),
      Ports("fetch.ports", config.fetch_ports),
      Plain("fetch.allow_networks", "a list of networks like \"10.1.0.0/16\"",
            config.fetch_networks),
      Integer("fetch.timeout_ms", config.fetch_timeout_ms, 1, 3'600'000),

      Url("http.public_url", config.public_url),
      Integer("http.max_long_answers", http.max_long_answers, 1, 10'000),

      Plain("responses.libraries", "a list of libraries", config.response_libraries),
      Plain("responses.filters", "a string", config.response_filters),
      Integer("responses.keep_days", config.response_days, 1, 3650),
      Integer("responses.max_stored", config.max_stored_responses, 1, 10'000'000),
      Integer("responses.max_stored_bytes", config.max_stored_response_bytes, 1 << 20,
              1024 * kGigabyte),
      Integer("responses.link_hours", config.link_hours, 1, 87'600),
      Url("assistant.url", config.assistant_url),
      Plain("assistant.model", "a string", config.assistant_model),
      Plain("assistant.key_variable", "a string", config.assistant_key_variable),
      Plain("assistant.sees_pictures", "true or false", config.assistant_sees_pictures),
      Plain("assistant.instructions", "a string", config.assistant_instructions),
      Integer("assistant.max_rounds", config.assistant_max_rounds, 1, 100),
      Integer("assistant.max_calls", config.assistant_max_calls, 1, 1000),
      Integer("assistant.timeout_ms", config.assistant_timeout_ms, 1, 3'600'000),
      Integer("assistant.idle_timeout_ms", config.assistant_idle_timeout_ms, 1, 3'600'000),
      Integer("assistant.max_output_tokens", config.assistant_max_output_tokens, 1, 1'000'000),
      Integer("assistant.max_tokens", config.assistant_max_tokens, 1, 100'000'000),

      Integer("files.max", config.max_files, 1, 10'000'000),
      Integer("files.max_bytes", config.max_file_bytes, 1 << 20, 1024 * kGigabyte),

      Plain("adb.paths", "a table of paths: name of the call = \"/path\"", config.adb_paths),
  };
}

std::size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({change, row[j] + 1, row[j - 1] + 1}));
    }
  }
  return row[b.size()];
}

}  // namespace

Status ApplyToml(std::string_view text, Config& config) {
  return ApplySettings(text, SettingsOf(config));
}

Status ParseListen(std::string_view listen, http::ServerOptions& options) {
  Status wrong(Code::kInvalidArgument, "'" + std::string(listen) +
                                           "' is not an address to listen on: write it like "
                                           "127.0.0.1:8000 or [::1]:8000");
  const std::size_t colon = listen.rfind(':');
  const std::string_view number =
      colon == std::string_view::npos ? listen : listen.substr(colon + 1);
  std::string_view address =
      colon == std::string_view::npos ? "127.0.0.1" : listen.substr(0, colon);
  if (address.size() >= 2 && address.front() == '[' && address.back() == ']') {
    address = address.substr(1, address.size() - 2);
  } else if (address.find(':') != std::string_view::npos) {
    return wrong;
  }
  std::uint16_t port = 0;
  const auto parsed = std::from_chars(number.data(), number.data() + number.size(), port);
  if (parsed.ec != std::errc() || parsed.ptr != number.data() + number.size() || address.empty()) {
    return wrong;
  }
  options.address = address;
  options.port = port;
  return {};
}

std::vector<KeyHelp> AllKeys() {
  Config config;
  std::vector<KeyHelp> out;
  for (Setting& setting : SettingsOf(config)) {
    out.push_back({std::move(setting.name), std::move(setting.wants)});
  }
  return out;
}

std::optional<std::string> Nearest(std::string_view name, const std::vector<std::string>& names) {
  if (name.size() > 128) return std::nullopt;
  std::optional<std::string> best;
  // Further away than a third of its letters, it is another word.
  std::size_t least = std::max<std::size_t>(2, name.size() / 3) + 1;
  for (const std::string& candidate : names) {
    std::size_t distance = EditDistance(name, candidate);
    // The right key in the wrong section, or in none.
    const std::size_t dot = candidate.rfind('.');
    const std::size_t own_dot = name.rfind('.');
    const std::string_view last =
        std::string_view(candidate).substr(dot == std::string::npos ? 0 : dot + 1);
    const std::string_view own_last =
        own_dot == std::string_view::npos ? name : name.substr(own_dot + 1);
    if (last == own_last) distance = std::min<std::size_t>(distance, 1);
    if (distance < least) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

}  // namespace ocellus::server
