#include "api/vector/body_fields.h"

#include <charconv>
#include <cmath>
#include <utility>

#include "api/fields.h"

namespace ocellus::api::vector {
namespace {

char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
char Upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

// What was sent: the value of a number, else the type.
std::string ShownValue(const Value& value) {
  return value.is_number() ? WriteJson(value) : value.type_name();
}

template <typename Number>
bool ReadNumber(const std::string& text, Number& number) {
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  return !text.empty() && read.ec == std::errc() && read.ptr == end;
}

}  // namespace

std::string LowerCase(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = Lower(c);
  return out;
}

std::string UpperCase(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = Upper(c);
  return out;
}

std::vector<std::string> SplitOnCommas(std::string_view text) {
  std::vector<std::string> parts;
  for (bool more = true; more;) {
    const std::size_t comma = text.find(',');
    more = comma != std::string_view::npos;
    std::string_view part = text.substr(0, comma);
    while (part.starts_with(' ')) part.remove_prefix(1);
    while (part.ends_with(' ')) part.remove_suffix(1);
    parts.emplace_back(part);
    if (more) text.remove_prefix(comma + 1);
  }
  return parts;
}

Failure Within(const std::string& at, Failure failure) {
  failure.message = at + "." + failure.message;
  return failure;
}

const Value* BodyFields::Find(std::string_view name) const {
  const Value* value = object_.Find(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

Status BodyFields::Wrong(std::string_view name, std::string_view expected, const Value& got) const {
  return InvalidField(prefix_ + std::string(name),
                      "expected " + std::string(expected) + ", got " + ShownValue(got));
}

Result<std::string> BodyFields::Text(std::string_view name) const {
  const Value* value = Find(name);
  if (value == nullptr) return std::string();
  if (value->as_string() == nullptr) return Wrong(name, "a string", *value);
  return *value->as_string();
}

Result<bool> BodyFields::Boolean(std::string_view name, bool otherwise) const {
  const Value* value = Find(name);
  if (value == nullptr) return otherwise;
  if (const bool* boolean = value->as_bool()) return *boolean;
  if (const std::string* text = value->as_string()) {
    if (text->empty()) return otherwise;
    if (LowerCase(*text) == "true") return true;
    if (LowerCase(*text) == "false") return false;
  }
  return Wrong(name, "true or false", *value);
}

Result<std::int64_t> BodyFields::Integer(std::string_view name, const IntegerRange& range) const {
  const Value* value = Find(name);
  if (value == nullptr) return range.otherwise;
  std::int64_t number = 0;
  bool fine = false;
  if (const std::int64_t* integer = value->as_int()) {
    number = *integer;
    fine = true;
  } else if (const double* real = value->as_double()) {
    fine = std::trunc(*real) == *real && std::abs(*real) < 9e15;
    if (fine) number = static_cast<std::int64_t>(*real);
  } else if (const std::string* text = value->as_string()) {
    if (text->empty()) return range.otherwise;
    fine = ReadNumber(*text, number);
  }
  if (fine && number >= range.min && number <= range.max) return number;
  return Wrong(name,
               "an integer from " + std::to_string(range.min) + " to " + std::to_string(range.max),
               *value);
}

Result<std::optional<double>> BodyFields::OptionalReal(std::string_view name) const {
  const Value* value = Find(name);
  if (value == nullptr) return std::optional<double>();
  double number = 0;
  bool fine = value->is_number();
  if (fine) {
    number = value->number();
  } else if (const std::string* text = value->as_string()) {
    if (text->empty()) return std::optional<double>();
    fine = ReadNumber(*text, number);
  }
  if (!fine || !std::isfinite(number)) return Wrong(name, "a finite number", *value);
  return std::optional<double>(number);
}

Result<double> BodyFields::Real(std::string_view name, double otherwise) const {
  OCELLUS_ASSIGN_OR_RETURN(const std::optional<double> number, OptionalReal(name));
  return number.value_or(otherwise);
}

Result<Order> BodyFields::OrderOf(std::string_view name, Order otherwise) const {
  OCELLUS_ASSIGN_OR_RETURN(const std::string text, Text(name));
  if (text.empty()) return otherwise;
  const std::string upper = UpperCase(text);
  if (upper == "ASC") return Order::kAscending;
  if (upper == "DESC") return Order::kDescending;
  return InvalidField(prefix_ + std::string(name), "expected ASC or DESC, got \"" + text + "\"");
}

Result<Value::List> BodyFields::List(std::string_view name, std::size_t max) const {
  const Value* value = Find(name);
  if (value == nullptr) return Value::List();
  const Value::List* list = value->as_list();
  if (list == nullptr) return Wrong(name, "a list", *value);
  if (list->size() > max) {
    return InvalidField(
        prefix_ + std::string(name),
        std::to_string(list->size()) + " elements, the limit is " + std::to_string(max));
  }
  return *list;
}

Result<std::vector<std::string>> BodyFields::Texts(std::string_view name, std::size_t max) const {
  OCELLUS_ASSIGN_OR_RETURN(const Value::List list, List(name, max));
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i].as_string() == nullptr) {
      return Wrong(std::string(name) + "[" + std::to_string(i) + "]", "a string", list[i]);
    }
    texts.push_back(*list[i].as_string());
  }
  return texts;
}

Result<Value> BodyFields::Object(std::string_view name) const {
  const Value* value = Find(name);
  if (value == nullptr) return Value(Value::Map());
  if (value->as_map() == nullptr) return Wrong(name, "an object", *value);
  return *value;
}

}  // namespace ocellus::api::vector
