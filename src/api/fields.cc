#include "api/fields.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/utf8.h"

namespace ocellus::api {
namespace {

// The first byte that belongs to no character. REQUIRES: !IsUtf8(text)
std::size_t FirstBadByte(std::string_view text) {
  std::size_t good = 0;
  std::size_t step = text.size();
  while (step > 0) {
    step = std::min(step, text.size() - good);
    bool fine = false;
    for (std::size_t cut = 0; cut < std::min<std::size_t>(4, step) && !fine; ++cut) {
      fine = IsUtf8(text.substr(good, step - cut));  // but for a character that the step cuts
      if (fine) good += step - cut;
    }
    if (!fine) step /= 2;
  }
  return good;
}

// The name of the member whose value holds byte `at`, as far as a look backwards can tell; else
// empty. For a message only.
std::string_view MemberAround(std::string_view body, std::size_t at) {
  for (std::size_t colon = body.rfind(':', at); colon != std::string_view::npos && colon > 0;
       colon = body.rfind(':', colon - 1)) {
    const std::size_t end = body.find_last_not_of(" \t\r\n", colon - 1);
    if (end == std::string_view::npos || end == 0 || body[end] != '"') continue;
    const std::size_t start = body.rfind('"', end - 1);
    if (start == std::string_view::npos) return {};
    const std::string_view name = body.substr(start + 1, end - start - 1);
    return name.size() <= 64 && IsUtf8(name) ? name : std::string_view();
  }
  return {};
}

// What was sent: the value of a short scalar, else the type.
std::string Shown(const Value& value) {
  return value.is_number() ? WriteJson(value) : value.type_name();
}

}  // namespace

Status InvalidField(std::string_view name, std::string_view problem) {
  return Status(Code::kInvalidArgument, std::string(name) + ": " + std::string(problem));
}

Result<Fields> Fields::OfBody(std::string_view body, std::string_view what) {
  if (body.empty()) return InvalidField(what, "expected a JSON object, got nothing");
  if (!IsUtf8(body)) {
    const std::size_t at = FirstBadByte(body);
    const std::string_view member = MemberAround(body, at);
    return InvalidField(
        member.empty() ? what : member,
        "not valid UTF-8 at byte " + std::to_string(at) + " of the " + std::string(what));
  }
  Result<Value> value = ParseJson(body);
  if (!value.ok()) return std::move(value).status().WithContext(std::string(what));
  if (value->as_map() == nullptr) {
    return InvalidField(what, std::string("expected a JSON object, got ") + value->type_name());
  }
  return Fields(*std::move(value));
}

const Value* Fields::Find(Names names) const {
  for (const std::string_view name : names) {
    const Value* value = object_.Find(name);
    if (value != nullptr && !value->is_null()) return value;
  }
  return nullptr;
}

Value* Fields::Find(Names names) {
  return const_cast<Value*>(std::as_const(*this).Find(names));
}

std::string_view Fields::NameOf(Names names) const {
  for (const std::string_view name : names) {
    const Value* value = object_.Find(name);
    if (value != nullptr && !value->is_null()) return name;
  }
  return names.front();
}

Status Fields::Missing(Names names) const {
  for (const std::string_view name : names) {
    if (object_.Find(name) != nullptr) return InvalidField(name, "required, got null");
  }
  return InvalidField(names.front(), "required");
}

Status Fields::WrongType(Names names, std::string_view expected, const Value& got) const {
  return InvalidField(NameOf(names), "expected " + std::string(expected) + ", got " + Shown(got));
}

Result<std::string> Fields::String(Names names) {
  OCELLUS_ASSIGN_OR_RETURN(std::optional<std::string> text, OptionalString(names));
  if (!text.has_value()) return Missing(names);
  return *std::move(text);
}

Result<std::string> Fields::String(Names names, std::string otherwise) {
  OCELLUS_ASSIGN_OR_RETURN(std::optional<std::string> text, OptionalString(names));
  return text.has_value() ? *std::move(text) : std::move(otherwise);
}

Result<std::optional<std::string>> Fields::OptionalString(Names names) {
  Value* value = Find(names);
  if (value == nullptr) return std::optional<std::string>();
  std::string* text = value->as_string();
  if (text == nullptr) return WrongType(names, "a string", *value);
  return std::optional<std::string>(std::move(*text));
}

Result<bool> Fields::Boolean(Names names, bool otherwise) {
  const Value* value = Find(names);
  if (value == nullptr) return otherwise;
  if (value->as_bool() == nullptr) return WrongType(names, "true or false", *value);
  return *value->as_bool();
}

Result<std::int64_t> Fields::Integer(Names names, std::int64_t otherwise, std::int64_t min,
                                     std::int64_t max) {
  const Value* value = Find(names);
  if (value == nullptr) return otherwise;
  const auto wrong = [&] {
    return WrongType(names, "an integer from " + std::to_string(min) + " to " + std::to_string(max),
                     *value);
  };
  std::int64_t number = 0;
  if (const std::int64_t* integer = value->as_int()) {
    number = *integer;
  } else if (const double* real = value->as_double();
             real != nullptr && std::trunc(*real) == *real && std::abs(*real) < 9e15) {
    number = static_cast<std::int64_t>(*real);
  } else {
    return wrong();
  }
  if (number < min || number > max) return wrong();
  return number;
}

Result<Value::List> Fields::List(Names names) {
  Value* value = Find(names);
  if (value == nullptr) return Missing(names);
  if (value->as_list() == nullptr) return WrongType(names, "a list", *value);
  return std::move(*value->as_list());
}

Result<Value::Map> Fields::Object(Names names) {
  Value* value = Find(names);
  if (value == nullptr) return Value::Map();
  if (value->as_map() == nullptr) return WrongType(names, "an object", *value);
  return std::move(*value->as_map());
}

Value Fields::Any(Names names) {
  Value* value = Find(names);
  return value != nullptr ? std::move(*value) : Value();
}

}  // namespace ocellus::api
