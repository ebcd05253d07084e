// The text part of hybrid searches (docs/api/vector.md) into the text query tree:
//
//   title:'red shoe' AND (body:"running shoe" OR tag:sale) ANDNOT title:'kids'
//
// A text in single quotes is words, in double quotes a phrase; bare words are words. AND, OR and
// ANDNOT in any case; OR binds less.

#pragma once

#include <functional>
#include <string_view>

#include "base/result.h"
#include "query/text_query.h"

namespace ocellus::api::vector {

struct TextQueryOptions {
  bool any_word = false;  // words of one text are joined by OR
  // The columns that an index' name before the colon means; a failure for one that is none.
  std::function<Result<std::vector<std::string>>(std::string_view index)> columns_of;
  // Indexes whose texts match as they stand: as phrases.
  std::function<bool(std::string_view index)> is_untokenized;
};

// InvalidArgument: "position 12: expected ...", counted in characters from 1.
Result<query::TextQuery> ParseTextQuery(std::string_view text, const TextQueryOptions& options);

}  // namespace ocellus::api::vector
