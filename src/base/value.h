// Value: one JSON-like value, the common currency of rows, filters, requests and answers.
//
// Maps keep the order of insertion, so that what a client sent is what it gets back.
//
// Thread safety: const methods may be called concurrently; values are otherwise not synchronized.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace ocellus {

class Value {
 public:
  using List = std::vector<Value>;
  using Map = std::vector<std::pair<std::string, Value>>;

  Value() = default;  // null
  // Implicit, so that rows and answers read like JSON. NOLINTBEGIN(google-explicit-constructor)
  Value(std::nullptr_t) {}
  Value(bool value) : data_(value) {}
  Value(int value) : data_(std::int64_t{value}) {}
  Value(std::uint32_t value) : data_(std::int64_t{value}) {}
  Value(std::int64_t value) : data_(value) {}
  Value(double value) : data_(value) {}
  Value(const char* value) : data_(std::string(value)) {}
  Value(std::string_view value) : data_(std::string(value)) {}
  Value(std::string value) : data_(std::move(value)) {}
  Value(List value) : data_(std::move(value)) {}
  Value(Map value) : data_(std::move(value)) {}
  // NOLINTEND(google-explicit-constructor)

  bool is_null() const { return std::holds_alternative<std::monostate>(data_); }
  bool is_number() const { return as_int() != nullptr || as_double() != nullptr; }

  // The content when it has that type, else null. Borrowed from this value.
  const bool* as_bool() const { return std::get_if<bool>(&data_); }
  const std::int64_t* as_int() const { return std::get_if<std::int64_t>(&data_); }
  const double* as_double() const { return std::get_if<double>(&data_); }
  const std::string* as_string() const { return std::get_if<std::string>(&data_); }
  const List* as_list() const { return std::get_if<List>(&data_); }
  const Map* as_map() const { return std::get_if<Map>(&data_); }
  std::string* as_string() { return std::get_if<std::string>(&data_); }
  List* as_list() { return std::get_if<List>(&data_); }
  Map* as_map() { return std::get_if<Map>(&data_); }

  // The number as a double. REQUIRES: is_number()
  double number() const { return as_int() ? static_cast<double>(*as_int()) : *as_double(); }

  // The member of a map, or null when this is no map or has no such member. The last one wins where
  // a name stands twice.
  const Value* Find(std::string_view name) const;

  // "null", "boolean", "integer", "number", "string", "array" or "object": for error messages.
  const char* type_name() const;

  // Same type and content; 1 and 1.0 differ. Order matters in maps.
  friend bool operator==(const Value&, const Value&) = default;

 private:
  std::variant<std::monostate, bool, std::int64_t, double, std::string, List, Map> data_;
};

// A text of two bytes a number becomes Values of twenty times its size: so many at most are made of
// what one request says. The numbers of 10,900 vectors of 384; 200 MB of memory.
inline constexpr std::size_t kMaxValues = std::size_t{4} << 20;

// Parses one JSON text (RFC 8259), all of it. InvalidArgument names what is wrong: not JSON, not
// UTF-8, deeper than 64 levels, more than kMaxValues values, or an integer beyond 64 bits. An
// unsigned integer above 2^63-1 becomes a double.
Result<Value> ParseJson(std::string_view text);

// The JSON text of a value, without white space. Doubles keep their value (17 digits at most) and
// a point or exponent; NaN and infinities, which JSON lacks, become null. Strings must be UTF-8.
std::string WriteJson(const Value& value);

}  // namespace ocellus
