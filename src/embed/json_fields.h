// Reading a JSON object field by field, with complaints that name the field and what it should be:
//   "text.dimension": expected an integer 1..4096, got string
//
// Thread safety: const methods may be called concurrently.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/value.h"

namespace ocellus::embed {

// Borrows the value for its life. A field that is null counts as absent. Every failure is an
// InvalidArgument.
class JsonFields {
 public:
  // The root of a document; fails when it is no object.
  static Result<JsonFields> Root(const Value& value);

  bool Has(std::string_view name) const { return Find(name) != nullptr; }
  // Null when absent.
  const Value* Find(std::string_view name) const;

  // With a fallback an absent field is that; without, it is a failure.
  Result<std::int64_t> Integer(std::string_view name, std::int64_t min, std::int64_t max,
                               std::optional<std::int64_t> fallback = std::nullopt) const;
  Result<double> Number(std::string_view name, std::optional<double> fallback = std::nullopt) const;
  Result<bool> Boolean(std::string_view name, std::optional<bool> fallback = std::nullopt) const;
  Result<std::string> String(std::string_view name,
                             std::optional<std::string> fallback = std::nullopt) const;
  Result<JsonFields> Object(std::string_view name) const;
  // The objects of a list; an absent field is an empty list.
  Result<std::vector<JsonFields>> Objects(std::string_view name) const;

  // `"path.name": what`
  Status Error(std::string_view name, const std::string& what) const;
  // The same for a value of the wrong type (null when absent).
  Status Expected(std::string_view name, const std::string& what, const Value* got) const;

 private:
  JsonFields(const Value& value, std::string path) : value_(&value), path_(std::move(path)) {}

  const Value* value_;
  std::string path_;  // "" or "text."
};

}  // namespace ocellus::embed
