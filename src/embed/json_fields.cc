#include "embed/json_fields.h"

#include <utility>

namespace ocellus::embed {

Result<JsonFields> JsonFields::Root(const Value& value) {
  if (value.as_map() == nullptr) {
    return Status(Code::kInvalidArgument,
                  std::string("expected a JSON object, got ") + value.type_name());
  }
  return JsonFields(value, "");
}

const Value* JsonFields::Find(std::string_view name) const {
  const Value* value = value_->Find(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

Result<std::int64_t> JsonFields::Integer(std::string_view name, std::int64_t min, std::int64_t max,
                                         std::optional<std::int64_t> fallback) const {
  const Value* value = Find(name);
  if (value == nullptr && fallback.has_value()) return *fallback;
  const std::string expected = "an integer " + std::to_string(min) + ".." + std::to_string(max);
  if (value == nullptr || value->as_int() == nullptr) return Expected(name, expected, value);
  const std::int64_t number = *value->as_int();
  if (number < min || number > max) {
    return Error(name, "expected " + expected + ", got " + std::to_string(number));
  }
  return number;
}

Result<double> JsonFields::Number(std::string_view name, std::optional<double> fallback) const {
  const Value* value = Find(name);
  if (value == nullptr && fallback.has_value()) return *fallback;
  if (value == nullptr || !value->is_number()) return Expected(name, "a number", value);
  return value->number();
}

Result<bool> JsonFields::Boolean(std::string_view name, std::optional<bool> fallback) const {
  const Value* value = Find(name);
  if (value == nullptr && fallback.has_value()) return *fallback;
  if (value == nullptr || value->as_bool() == nullptr)
    return Expected(name, "true or false", value);
  return *value->as_bool();
}

Result<std::string> JsonFields::String(std::string_view name,
                                       std::optional<std::string> fallback) const {
  const Value* value = Find(name);
  if (value == nullptr && fallback.has_value()) return *std::move(fallback);
  if (value == nullptr || value->as_string() == nullptr) return Expected(name, "a string", value);
  return *value->as_string();
}

Result<JsonFields> JsonFields::Object(std::string_view name) const {
  const Value* value = Find(name);
  if (value == nullptr || value->as_map() == nullptr) return Expected(name, "an object", value);
  return JsonFields(*value, path_ + std::string(name) + ".");
}

Result<std::vector<JsonFields>> JsonFields::Objects(std::string_view name) const {
  std::vector<JsonFields> objects;
  const Value* value = Find(name);
  if (value == nullptr) return objects;
  if (value->as_list() == nullptr) return Expected(name, "a list of objects", value);
  for (const Value& item : *value->as_list()) {
    const std::string place = std::string(name) + "[" + std::to_string(objects.size()) + "]";
    if (item.as_map() == nullptr) return Expected(place, "an object", &item);
    objects.push_back(JsonFields(item, path_ + place + "."));
  }
  return objects;
}

Status JsonFields::Error(std::string_view name, const std::string& what) const {
  return {Code::kInvalidArgument, "\"" + path_ + std::string(name) + "\": " + what};
}

Status JsonFields::Expected(std::string_view name, const std::string& what,
                            const Value* got) const {
  return Error(name, "expected " + what + (got == nullptr ? ", but it is missing" : ", got ") +
                         (got == nullptr ? "" : got->type_name()));
}

}  // namespace ocellus::embed
