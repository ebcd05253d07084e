// Lines for the operator, on standard error.
//
// One line is a time, a level, what happened, and fields as key=value; a value with spaces, quotes
// or control characters is quoted and escaped, so that nobody outside can write lines of his own.
//
// Thread-safe.

#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace ocellus {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

class Logger {
 public:
  using Field = std::pair<std::string_view, std::string>;

  // Lines under `least` are left out.
  explicit Logger(LogLevel least);
  ~Logger();

  void Write(LogLevel level, std::string_view event, std::initializer_list<Field> fields = {});

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The text that follows the event: ` key=value key="two words"`.
std::string FormatFields(std::initializer_list<Logger::Field> fields);

}  // namespace ocellus
