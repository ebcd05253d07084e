#include "base/value.h"

#include <simdjson.h>

#include <array>
#include <charconv>
#include <cmath>
#include <string>

namespace ocellus {
namespace {

constexpr std::size_t kMaxDepth = 64;  // deeper input is hostile: our own requests need six

// Whether a text could hold more than kMaxValues: every value but the first comes after one of
// three characters. Read before the parser, whose own memory is several times the text's.
bool HoldsTooMany(std::string_view text) {
  if (text.size() < kMaxValues) return false;
  std::size_t values = 1;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ',' || text[i] == '[' || text[i] == '{') {
      if (++values > kMaxValues) return true;
    } else if (text[i] == '"') {
      bool escaped = true;
      while (escaped) {
        i = text.find('"', i + 1);
        if (i == std::string_view::npos) return false;  // cut off, which the parser says
        escaped = false;
        for (std::size_t back = i; text[back - 1] == '\\'; --back) escaped = !escaped;
      }
    }
  }
  return false;
}

Value Convert(simdjson::dom::element element) {
  using simdjson::dom::element_type;
  switch (element.type()) {
    case element_type::ARRAY: {
      Value::List list;
      const simdjson::dom::array array = element.get_array().value_unsafe();
      list.reserve(array.size());
      for (const simdjson::dom::element item : array) list.push_back(Convert(item));
      return list;
    }
    case element_type::OBJECT: {
      Value::Map map;
      const simdjson::dom::object object = element.get_object().value_unsafe();
      map.reserve(object.size());
      for (const auto field : object) map.emplace_back(field.key, Convert(field.value));
      return map;
    }
    case element_type::INT64:
      return element.get_int64().value_unsafe();
    case element_type::UINT64:
      return static_cast<double>(element.get_uint64().value_unsafe());
    case element_type::DOUBLE:
      return element.get_double().value_unsafe();
    case element_type::STRING:
      return element.get_string().value_unsafe();
    case element_type::BOOL:
      return element.get_bool().value_unsafe();
    case element_type::NULL_VALUE:
      break;
  }
  return nullptr;
}

void WriteString(std::string_view text, std::string& out) {
  constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  std::size_t plain = 0;  // start of the run that needs no escape
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte >= 0x20 && byte != '"' && byte != '\\' && byte != 0x7F) continue;
    out.append(text, plain, i - plain);
    plain = i + 1;
    switch (byte) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        out += "\\u00";
        out += kHex[byte >> 4];
        out += kHex[byte & 15];
    }
  }
  out.append(text, plain);
  out += '"';
}

template <typename Number>
void WriteNumber(Number number, std::string& out) {
  std::array<char, 32> digits;  // 24 are enough for any double
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

void Write(const Value& value, std::string& out) {
  if (const bool* boolean = value.as_bool()) {
    out += *boolean ? "true" : "false";
  } else if (const std::int64_t* integer = value.as_int()) {
    WriteNumber(*integer, out);
  } else if (const double* number = value.as_double(); number && std::isfinite(*number)) {
    const std::size_t start = out.size();
    WriteNumber(*number, out);
    // "1e+20" and "1" alike must read back as doubles.
    if (out.find_first_of(".e", start) == std::string::npos) out += ".0";
  } else if (const std::string* text = value.as_string()) {
    WriteString(*text, out);
  } else if (const Value::List* list = value.as_list()) {
    out += '[';
    for (const Value& item : *list) {
      if (&item != list->data()) out += ',';
      Write(item, out);
    }
    out += ']';
  } else if (const Value::Map* map = value.as_map()) {
    out += '{';
    for (const auto& field : *map) {
      if (&field != map->data()) out += ',';
      WriteString(field.first, out);
      out += ':';
      Write(field.second, out);
    }
    out += '}';
  } else {
    out += "null";
  }
}

}  // namespace

const Value* Value::Find(std::string_view name) const {
  const Map* map = as_map();
  if (map == nullptr) return nullptr;
  for (auto field = map->rbegin(); field != map->rend(); ++field) {
    if (field->first == name) return &field->second;
  }
  return nullptr;
}

const char* Value::type_name() const {
  static constexpr std::array<const char*, 7> kNames = {"null",   "boolean", "integer", "number",
                                                        "string", "array",   "object"};
  return kNames[data_.index()];
}

Result<Value> ParseJson(std::string_view text) {
  if (HoldsTooMany(text)) {
    return Status(Code::kInvalidArgument, "more than " + std::to_string(kMaxValues) +
                                              " JSON values: send them in several requests");
  }
  simdjson::dom::parser parser;
  if (const auto error = parser.allocate(text.size(), kMaxDepth)) {
    return Status(Code::kResourceExhausted, simdjson::error_message(error));
  }
  simdjson::dom::element root;
  // parse() copies the text into a padded buffer: simdjson reads past the end otherwise.
  if (const auto error = parser.parse(text.data(), text.size()).get(root)) {
    return Status(Code::kInvalidArgument,
                  std::string("not valid JSON: ") + simdjson::error_message(error));
  }
  return Convert(root);
}

std::string WriteJson(const Value& value) {
  std::string out;
  Write(value, out);
  return out;
}

}  // namespace ocellus
