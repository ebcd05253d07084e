#include "base/log.h"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

namespace ocellus {
namespace {

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      break;
  }
  return spdlog::level::err;
}

bool IsPlain(std::string_view value) {
  if (value.empty()) return false;
  for (const char c : value) {
    if (c <= ' ' || c == '"' || c == '\\' || c == '=' || c == '\x7f') return false;
  }
  return true;
}

// Also escapes bytes that are not ASCII: a terminal that reads the log is not the place to find out
// what they mean.
void AppendQuoted(std::string_view value, std::string& out) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out += '"';
  for (const char c : value) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c >= ' ' && c <= '~') {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += "\\x";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  out += '"';
}

}  // namespace

struct Logger::Impl {
  spdlog::logger logger{"ocellus", std::make_shared<spdlog::sinks::stderr_sink_mt>()};
};

Logger::Logger(LogLevel least) : impl_(std::make_unique<Impl>()) {
  impl_->logger.set_level(ToSpdlog(least));
  impl_->logger.set_formatter(std::make_unique<spdlog::pattern_formatter>(
      "%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc));
}

Logger::~Logger() = default;

void Logger::Write(LogLevel level, std::string_view event, std::initializer_list<Field> fields) {
  if (!impl_->logger.should_log(ToSpdlog(level))) return;
  std::string line(event);
  line += FormatFields(fields);
  impl_->logger.log(ToSpdlog(level), spdlog::string_view_t(line.data(), line.size()));
}

std::string FormatFields(std::initializer_list<Logger::Field> fields) {
  std::string out;
  for (const auto& [key, value] : fields) {
    out += ' ';
    out += key;
    out += '=';
    if (IsPlain(value)) {
      out += value;
    } else {
      AppendQuoted(value, out);
    }
  }
  return out;
}

}  // namespace ocellus
