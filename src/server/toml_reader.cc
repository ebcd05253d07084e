#include "server/toml_reader.h"

#include <toml++/toml.h>

#include <algorithm>
#include <optional>
#include <sstream>
#include <utility>

#include "server/config.h"

namespace ocellus::server {
namespace {

// A configuration is a page or two; the parser goes down a level for each bracket.
constexpr std::size_t kMaxBytes = 1 << 20;
constexpr int kMaxDepth = 16;

int Deepest(std::string_view text) {
  int depth = 0;
  int deepest = 0;
  for (const char c : text) {
    if (c == '[' || c == '{') deepest = std::max(deepest, ++depth);
    if (c == ']' || c == '}') --depth;
    if (c == '\n' && depth < 0) depth = 0;
  }
  return deepest;
}

Result<toml::table> Parse(std::string_view text) {
  if (text.size() > kMaxBytes) return Status(Code::kInvalidArgument, "it is over 1 MiB");
  if (Deepest(text) > kMaxDepth) {
    return Status(Code::kInvalidArgument, "its brackets are nested too deep");
  }
  try {
    return toml::parse(text);
  } catch (const toml::parse_error& error) {
    std::ostringstream message;
    message << "line " << error.source().begin.line << ": " << error.description();
    return Status(Code::kInvalidArgument, message.str());
  }
}

std::optional<TomlValue> FromArray(const toml::array& array) {
  std::vector<std::string> strings;
  std::vector<std::int64_t> integers;
  for (const toml::node& node : array) {
    if (const auto* text = node.as_string()) strings.push_back(text->get());
    if (const auto* number = node.as_integer()) integers.push_back(number->get());
  }
  if (strings.size() == array.size()) return strings;
  if (integers.size() == array.size()) return integers;
  return std::nullopt;
}

std::optional<TomlValue> FromTable(const toml::table& table) {
  std::map<std::string, std::string> map;
  for (const auto& [key, node] : table) {
    const auto* text = node.as_string();
    if (text == nullptr) return std::nullopt;
    map[std::string(key.str())] = text->get();
  }
  return map;
}

std::optional<TomlValue> FromNode(const toml::node& node) {
  if (const auto* flag = node.as_boolean()) return flag->get();
  if (const auto* number = node.as_integer()) return number->get();
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* array = node.as_array()) return FromArray(*array);
  if (const auto* table = node.as_table()) return FromTable(*table);
  return std::nullopt;
}

// Whether some setting's name begins with `name` and a dot.
bool IsSection(const std::vector<Setting>& settings, const std::string& name) {
  return std::any_of(settings.begin(), settings.end(), [&](const Setting& setting) {
    return setting.name.compare(0, name.size() + 1, name + ".") == 0;
  });
}

Status Apply(const toml::table& table, const std::string& prefix,
             const std::vector<Setting>& settings) {
  for (const auto& [key, node] : table) {
    const std::string name = prefix + std::string(key.str());
    const std::string line = "line " + std::to_string(key.source().begin.line) + ": ";
    const auto setting = std::find_if(settings.begin(), settings.end(),
                                      [&](const Setting& known) { return known.name == name; });
    if (setting != settings.end()) {
      const std::optional<TomlValue> value = FromNode(node);
      if (!value || !setting->set(*value)) {
        return {Code::kInvalidArgument, line + name + " must be " + setting->wants};
      }
      continue;
    }
    if (node.is_table() && IsSection(settings, name)) {
      OCELLUS_RETURN_IF_ERROR(Apply(*node.as_table(), name + ".", settings));
      continue;
    }
    std::vector<std::string> names;
    for (const Setting& known : settings) names.push_back(known.name);
    const std::optional<std::string> nearest = Nearest(name, names);
    return {Code::kInvalidArgument, line + "there is no setting '" + name + "'" +
                                        (nearest ? "; did you mean '" + *nearest + "'?" : "")};
  }
  return {};
}

}  // namespace

Status ApplySettings(std::string_view text, const std::vector<Setting>& settings) {
  OCELLUS_ASSIGN_OR_RETURN(const toml::table table, Parse(text));
  return Apply(table, "", settings);
}

Result<std::vector<std::map<std::string, TomlValue>>> ReadTables(std::string_view text,
                                                                 std::string_view name) {
  OCELLUS_ASSIGN_OR_RETURN(const toml::table root, Parse(text));
  std::vector<std::map<std::string, TomlValue>> out;
  for (const auto& [key, node] : root) {
    const toml::array* array = node.as_array();
    if (key.str() != name || array == nullptr) {
      return Status(Code::kInvalidArgument, "it has '" + std::string(key.str()) + "', and only [[" +
                                                std::string(name) + "]] tables are wanted");
    }
    for (const toml::node& element : *array) {
      const toml::table* table = element.as_table();
      if (table == nullptr) {
        return Status(Code::kInvalidArgument, std::string(name) + " must be tables");
      }
      std::map<std::string, TomlValue> values;
      for (const auto& [field, value] : *table) {
        std::optional<TomlValue> converted = FromNode(value);
        if (!converted) {
          return Status(Code::kInvalidArgument, "'" + std::string(field.str()) +
                                                    "' has a value of a kind that has no "
                                                    "place here");
        }
        values.emplace(std::string(field.str()), *std::move(converted));
      }
      out.push_back(std::move(values));
    }
  }
  return out;
}

}  // namespace ocellus::server
