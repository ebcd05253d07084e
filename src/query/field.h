// What filters, expressions and orders name: a column, or one entry of a map column.

#pragma once

#include <compare>
#include <string>

namespace ocellus::query {

// A column of the table or, with a key, one entry of a map column ("tags" / "color").
struct Field {
  std::string column;
  std::string key = {};  // empty: the column itself

  friend auto operator<=>(const Field&, const Field&) = default;
};

}  // namespace ocellus::query
