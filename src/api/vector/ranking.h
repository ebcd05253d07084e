// The order of an answer's rows.

#pragma once

#include <string>
#include <vector>

#include "api/vector/outcome.h"
#include "api/vector/requests.h"
#include "api/vector/searcher.h"
#include "api/vector/table_view.h"
#include "query/sort_key.h"

namespace ocellus::api::vector {

// By what the rows of an answer are sorted: `sorts`, else `sort`, else the score.
struct Ranking {
  std::vector<query::SortKey> keys;  // none: by the score
  Order order = Order::kAscending;   // of the score
  bool score_per_key = false;        // of `sorts`: the score of a row has one value a key
};

// kInvalidFilter starts with "sort: " or "sorts[0].expression: ".
Outcome<Ranking> RankingOf(const TableView& view, const QueryBody& body);

// The columns that the keys read.
std::vector<query::Field> FieldsOf(const Ranking& ranking);

// Sorts rows, which come nearest first; the JSON of each row's score, beside it.
struct Ranked {
  store::Row row;
  std::string score;  // empty: the answer shows none
};
std::vector<Ranked> Rank(const TableView& view, std::vector<Found> found, const Ranking& ranking);

}  // namespace ocellus::api::vector
