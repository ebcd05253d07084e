// Settings of a TOML file, each with a setter: the file is taken apart in one place.
//
// Plain functions; the only place that knows the TOML library.

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace ocellus::server {

// What a setting may be. A map has strings for values.
using TomlValue = std::variant<bool, std::int64_t, std::string, std::vector<std::string>,
                               std::vector<std::int64_t>, std::map<std::string, std::string>>;

struct Setting {
  std::string name;   // with dots: "http.workers"
  std::string wants;  // "an integer from 1 to 1024": ends the message when it is something else
  std::function<bool(const TomlValue&)> set;  // false: not what it wants
};

// InvalidArgument: not TOML, a key that is no setting, or a value that its setting does not take.
Status ApplySettings(std::string_view text, const std::vector<Setting>& settings);

// The tables of an array "[[name]]" and nothing else in the file, each with its values.
Result<std::vector<std::map<std::string, TomlValue>>> ReadTables(std::string_view text,
                                                                 std::string_view name);

}  // namespace ocellus::server
