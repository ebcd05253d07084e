// The OpenSearch front's filter and sort expressions (docs/api/vector.md) into the query tree.
//
//   filter  = filter OR filter | filter AND filter | NOT filter | ( filter ) | condition
//   condition = value op value | field [NOT] IN ( constant, ... )
//             | in(field, "a|b") | notin(field, "a|b")        op: = == != <> < <= > >=
//   value   = value + - * / value | - value | ( value ) | field | number | text | TRUE | FALSE
//
// OR binds less than AND, AND less than NOT. Keywords are written in any case; texts stand in
// either kind of quotes; a field may stand in backquotes.

#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "query/filter.h"
#include "query/sort_key.h"

namespace ocellus::api::vector {

// What a field's values are, so that 5 and "5" mean the same to it.
enum class ValueKind : std::uint8_t { kNumber, kText, kAny };

struct ResolvedField {
  query::Field field;
  ValueKind kind = ValueKind::kAny;
};

// What a name stands for; none: there is no such field.
using FieldResolver = std::function<std::optional<ResolvedField>(std::string_view name)>;

// Empty or blank text: every row. InvalidArgument: "position 12: expected ...", counted in
// characters from 1.
Result<query::Filter> ParseFilter(std::string_view text, const FieldResolver& resolve);

// Keys like "-price" and "+price", separated by ; or ,. A key without a sign is descending if
// `descending`. Empty text: no key.
Result<std::vector<query::SortKey>> ParseSort(std::string_view text, bool descending,
                                              const FieldResolver& resolve);

// One value, for sorting by it.
Result<query::Expression> ParseExpression(std::string_view text, const FieldResolver& resolve);

}  // namespace ocellus::api::vector
