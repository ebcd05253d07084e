// Reading the members of a request object leniently, as the original does: an empty text or list is
// the same as none, numbers and flags may come as text. Failures are InvalidArgument and start with
// the member's name, after a prefix that says where the object stands.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/vector/outcome.h"
#include "base/result.h"
#include "base/value.h"

namespace ocellus::api::vector {

enum class Order : std::uint8_t { kAscending, kDescending };

struct IntegerRange {
  std::int64_t otherwise;  // when absent
  std::int64_t min;
  std::int64_t max;
};

// Borrows the object. Const use from several threads is safe.
class BodyFields {
 public:
  // REQUIRES: object is a map
  explicit BodyFields(const Value& object, std::string prefix = {})
      : object_(object), prefix_(std::move(prefix)) {}

  // Null when absent or null. Borrowed.
  const Value* Find(std::string_view name) const;

  Result<std::string> Text(std::string_view name) const;  // empty when absent
  Result<bool> Boolean(std::string_view name, bool otherwise) const;
  Result<std::int64_t> Integer(std::string_view name, const IntegerRange& range) const;
  Result<double> Real(std::string_view name, double otherwise) const;  // finite
  Result<std::optional<double>> OptionalReal(std::string_view name) const;
  Result<Order> OrderOf(std::string_view name, Order otherwise) const;
  Result<Value::List> List(std::string_view name, std::size_t max) const;
  Result<std::vector<std::string>> Texts(std::string_view name, std::size_t max) const;
  Result<Value> Object(std::string_view name) const;  // an empty map when absent

 private:
  Status Wrong(std::string_view name, std::string_view expected, const Value& got) const;

  const Value& object_;
  const std::string prefix_;
};

std::string LowerCase(std::string_view text);
std::string UpperCase(std::string_view text);

// The parts between commas, blanks around them dropped.
std::vector<std::string> SplitOnCommas(std::string_view text);

// The failure of a part: "queries[2].vector: ...".
Failure Within(const std::string& at, Failure failure);

}  // namespace ocellus::api::vector
