#include "api/vector/values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

namespace ocellus::api::vector {
namespace {

constexpr char kOldSeparator = '\x1D';

struct Range {
  std::int64_t min;
  std::int64_t max;
};

Range RangeOf(FieldType type) {
  using Limits = std::numeric_limits<std::int64_t>;
  switch (type) {
    case FieldType::kInt8:
      return {-128, 127};
    case FieldType::kInt16:
      return {-32768, 32767};
    case FieldType::kInt32:
      return {std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max()};
    case FieldType::kUint8:
      return {0, 255};
    case FieldType::kUint16:
      return {0, 65535};
    case FieldType::kUint32:
      return {0, std::numeric_limits<std::uint32_t>::max()};
    case FieldType::kUint64:  // the upper half is not kept: integers here have a sign
      return {0, Limits::max()};
    default:
      return {Limits::min(), Limits::max()};
  }
}

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const std::size_t start = text.find_first_not_of(kBlanks);
  if (start == std::string_view::npos) return {};
  return text.substr(start, text.find_last_not_of(kBlanks) - start + 1);
}

template <typename Number>
bool ReadNumber(std::string_view text, Number& number) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  return !text.empty() && read.ec == std::errc() && read.ptr == text.data() + text.size();
}

std::string Got(const Value& value) {
  if (value.is_number() && !std::isfinite(value.number())) {  // of a protobuf message
    return std::isnan(value.number()) ? "NaN" : "an infinity";
  }
  if (value.is_number()) return WriteJson(value);
  if (const std::string* text = value.as_string()) {
    return text->size() <= 40 ? "\"" + *text + "\""
                              : "a text of " + std::to_string(text->size()) + " bytes";
  }
  return value.type_name();
}

Result<Value> CastInteger(FieldType type, const Value& value) {
  const Range range = RangeOf(type);
  const auto wrong = [&] {
    return Status(Code::kInvalidArgument, "expected " + NameOf(type, false) + " (" +
                                              std::to_string(range.min) + " to " +
                                              std::to_string(range.max) + "), got " + Got(value));
  };
  std::int64_t number = 0;
  if (const std::int64_t* integer = value.as_int()) {
    number = *integer;
  } else if (const double* real = value.as_double()) {
    // 2^63 and beyond are no integers of 64 bits.
    if (std::trunc(*real) != *real || std::abs(*real) >= 9223372036854775808.0) return wrong();
    number = static_cast<std::int64_t>(*real);
  } else if (const bool* boolean = value.as_bool()) {
    number = *boolean ? 1 : 0;
  } else if (const std::string* text = value.as_string();
             text == nullptr || !ReadNumber(Trimmed(*text), number)) {
    return wrong();
  }
  if (number < range.min || number > range.max) return wrong();
  return Value(number);
}

Result<double> CastReal(FieldType type, const Value& value) {
  double number = 0;
  const std::string* text = value.as_string();
  const bool fine = value.is_number() ? (number = value.number(), true)
                                      : text != nullptr && ReadNumber(Trimmed(*text), number);
  if (!fine || !std::isfinite(number) ||
      (type == FieldType::kFloat && std::abs(number) > double{std::numeric_limits<float>::max()})) {
    return Status(Code::kInvalidArgument,
                  "expected a finite " + NameOf(type, false) + ", got " + Got(value));
  }
  return number;
}

char SeparatorOf(std::string_view text) {
  return text.find(kOldSeparator) != std::string_view::npos ? kOldSeparator : ',';
}

std::size_t PartsOf(std::string_view text) {
  if (text.empty()) return 0;
  return 1 + static_cast<std::size_t>(std::count(text.begin(), text.end(), SeparatorOf(text)));
}

// Calls `take` with each part; stops at the first failure.
template <typename Take>
Status EachPart(std::string_view text, const Take& take) {
  if (text.empty()) return {};
  const char separator = SeparatorOf(text);
  for (bool more = true; more;) {
    const std::size_t end = text.find(separator);
    more = end != std::string_view::npos;
    OCELLUS_RETURN_IF_ERROR(take(text.substr(0, end)));
    if (more) text.remove_prefix(end + 1);
  }
  return {};
}

}  // namespace

Result<Value> CastScalar(FieldType type, Value value) {
  if (IsInteger(type)) return CastInteger(type, value);
  if (!IsText(type)) {
    OCELLUS_ASSIGN_OR_RETURN(const double number, CastReal(type, value));
    return Value(number);
  }
  if (value.as_string() != nullptr) return value;
  if (value.is_number() || value.as_bool() != nullptr) return Value(WriteJson(value));
  return Status(Code::kInvalidArgument,
                "expected " + NameOf(type, false) + ", got " + value.type_name());
}

std::size_t ElementsInText(const Value& value) {
  const std::string* text = value.as_string();
  return text != nullptr ? PartsOf(*text) : 0;
}

Result<Value> CastList(FieldType type, Value value, std::size_t max_elements) {
  Value::List list;
  const std::size_t size =
      value.as_list() != nullptr ? value.as_list()->size() : ElementsInText(value);
  if (size > max_elements) {
    return Status(Code::kInvalidArgument,
                  std::to_string(size) + " elements, the limit is " + std::to_string(max_elements));
  }
  if (Value::List* given = value.as_list()) {
    list.reserve(given->size());
    for (Value& element : *given) {
      Result<Value> cast = CastScalar(type, std::move(element));
      if (!cast.ok()) {
        return std::move(cast).status().WithContext("[" + std::to_string(list.size()) + "]");
      }
      list.push_back(*std::move(cast));
    }
  } else if (const std::string* text = value.as_string()) {
    list.reserve(size);
    OCELLUS_RETURN_IF_ERROR(EachPart(*text, [&](std::string_view part) -> Status {
      OCELLUS_ASSIGN_OR_RETURN(Value cast, CastScalar(type, Value(part)));
      list.push_back(std::move(cast));
      return {};
    }));
  } else if (value.is_number() || value.as_bool() != nullptr) {
    OCELLUS_ASSIGN_OR_RETURN(Value cast, CastScalar(type, std::move(value)));
    list.push_back(std::move(cast));
  } else {
    return Status(Code::kInvalidArgument,
                  "expected " + NameOf(type, true) + ", got " + value.type_name());
  }
  return Value(std::move(list));
}

Result<store::Vector> CastVector(const Value& value) {
  store::Vector vector;
  if (const Value::List* list = value.as_list()) {
    vector.reserve(list->size());
    for (const Value& element : *list) {
      Result<double> number = CastReal(FieldType::kFloat, element);
      if (!number.ok()) {
        return std::move(number).status().WithContext("[" + std::to_string(vector.size()) + "]");
      }
      vector.push_back(static_cast<float>(*number));
    }
    return vector;
  }
  const std::string* text = value.as_string();
  if (text == nullptr) {
    return Status(Code::kInvalidArgument,
                  std::string("expected a list of numbers, or a text of them with commas, got ") +
                      value.type_name());
  }
  OCELLUS_RETURN_IF_ERROR(EachPart(*text, [&](std::string_view part) -> Status {
    float number = 0;
    if (!ReadNumber(Trimmed(part), number) || !std::isfinite(number)) {
      return Status(Code::kInvalidArgument, "[" + std::to_string(vector.size()) +
                                                "]: expected a finite number, got \"" +
                                                std::string(part.substr(0, 40)) + "\"");
    }
    vector.push_back(number);
    return {};
  }));
  return vector;
}

Value DefaultOf(FieldType type, bool multi) {
  if (multi) return Value::List();
  if (IsText(type)) return "";
  return IsInteger(type) ? Value(0) : Value(0.0);
}

double ShortestDouble(float number) {
  std::array<char, 32> digits;  // 16 are enough for any float
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  double out = number;
  std::from_chars(digits.data(), end, out);
  return out;
}

void AppendFloats(std::string& out, const store::Vector& vector) {
  std::array<char, 32> digits;
  out += '[';
  for (const float& element : vector) {
    if (&element != vector.data()) out += ',';
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), element).ptr;
    const std::string_view text(digits.data(), static_cast<std::size_t>(end - digits.data()));
    out += text;
    if (text.find_first_of(".e") == std::string_view::npos) out += ".0";
  }
  out += ']';
}

}  // namespace ocellus::api::vector
