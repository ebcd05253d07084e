// Fields: the members of a JSON object of a request, read with their types checked. Every failure
// is InvalidArgument and starts with the field's name as the client wrote it:
//   "top_k: expected an integer from 1 to 1000, got string"
//
// A field may have several names. Of several that are sent the first of the list counts; of one
// name sent twice the last value counts. Null is the same as absent. Unknown members are ignored.
//
// A field is read once: texts, lists and objects are moved out. One owner thread.

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/value.h"

namespace ocellus::api {

// The names of one field, the documented one first.
using Names = std::span<const std::string_view>;

class Fields {
 public:
  // The object that a body holds. The message names the field for a text that is not UTF-8 too, and
  // `what` the body is where there is no field to name.
  static Result<Fields> OfBody(std::string_view body, std::string_view what = "body");

  // REQUIRES: object is a map
  explicit Fields(Value object) : object_(std::move(object)) {}

  // The name under which a field was sent, the documented one when it was not.
  std::string_view NameOf(Names names) const;

  // Null when absent. Borrowed.
  const Value* Peek(Names names) const { return Find(names); }

  Result<std::string> String(Names names);  // required
  Result<std::string> String(Names names, std::string otherwise);
  Result<std::optional<std::string>> OptionalString(Names names);
  Result<bool> Boolean(Names names, bool otherwise);

  // A number without a fraction, 10.0 too. REQUIRES: min <= otherwise <= max
  Result<std::int64_t> Integer(Names names, std::int64_t otherwise, std::int64_t min,
                               std::int64_t max);

  Result<Value::List> List(Names names);   // required
  Result<Value::Map> Object(Names names);  // empty when absent
  Value Any(Names names);                  // null when absent

 private:
  Value* Find(Names names);
  const Value* Find(Names names) const;
  Status Missing(Names names) const;
  Status WrongType(Names names, std::string_view expected, const Value& got) const;

  Value object_;
};

// "expected ..., got ..." under the field's name.
Status InvalidField(std::string_view name, std::string_view problem);

}  // namespace ocellus::api
