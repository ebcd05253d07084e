// Full-text queries as FTS5 understands them.

#pragma once

#include <string>

#include "base/result.h"
#include "query/text_query.h"
#include "store/embedded/row_file.h"

namespace ocellus::store::embedded {

// Scores count every phrase of the query (a word, a run of characters without spaces, the whole of
// a kPhrase) that stands in the row and not below what must not be there.
struct TextMatch {
  std::string rows;  // the FTS5 expression that a row has to match
  // The one whose phrases are counted; empty: those of `rows`. FTS5 counts right only what every
  // matching row has, or what any of them may have, not a mixture: then this is all phrases in OR.
  std::string score;
};

// The FTS5 expressions of a query. Whatever the query's texts hold, nothing but their words gets
// into them. InvalidArgument: as Table::SearchText().
Result<TextMatch> MatchExpression(Database& database, const RowLayout& layout,
                                  const query::TextQuery& query);

}  // namespace ocellus::store::embedded
