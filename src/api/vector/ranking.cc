#include "api/vector/ranking.h"

#include <algorithm>
#include <numeric>
#include <string_view>
#include <utility>

#include "api/vector/filter.h"

namespace ocellus::api::vector {
namespace {

// Sort expressions name the score so, unless the table has such a field. As a query field it has
// no column.
constexpr std::string_view kScoreNames[] = {"score", "RANK"};

bool IsScore(const query::Field& field) {
  return field.column.empty();
}

FieldResolver ResolverOf(const TableView& view) {
  return [&view](std::string_view name) -> std::optional<ResolvedField> {
    const bool score =
        std::find(std::begin(kScoreNames), std::end(kScoreNames), name) != std::end(kScoreNames);
    if (score && view.definition().Field(name) == nullptr) {
      return ResolvedField{{std::string(), std::string(name)}, ValueKind::kNumber};
    }
    return view.Resolve(name);
  };
}

}  // namespace

Outcome<Ranking> RankingOf(const TableView& view, const QueryBody& body) {
  Ranking ranking;
  ranking.order = body.order;
  const FieldResolver resolve = ResolverOf(view);
  const auto wrong = [](const std::string& what, const Status& status) {
    return Failure{ErrorId::kInvalidFilter, what + ": " + status.message()};
  };
  for (std::size_t i = 0; i < body.sorts.size(); ++i) {
    Result<query::Expression> expression = ParseExpression(body.sorts[i].expression, resolve);
    if (!expression.ok()) {
      return wrong("sorts[" + std::to_string(i) + "].expression", expression.status());
    }
    ranking.keys.push_back({*std::move(expression), body.sorts[i].order == Order::kDescending});
  }
  ranking.score_per_key = !ranking.keys.empty();
  if (ranking.keys.empty() && !body.sort.empty()) {
    Result<std::vector<query::SortKey>> keys =
        ParseSort(body.sort, body.order == Order::kDescending, resolve);
    if (!keys.ok()) return wrong("sort", keys.status());
    ranking.keys = *std::move(keys);
  }
  return ranking;
}

std::vector<query::Field> FieldsOf(const Ranking& ranking) {
  std::vector<query::Field> fields;
  for (const query::SortKey& key : ranking.keys) query::CollectFields(key.expression, fields);
  std::erase_if(fields, IsScore);
  return fields;
}

std::vector<Ranked> Rank(const TableView& view, std::vector<Found> found, const Ranking& ranking) {
  std::vector<std::vector<Value>> values(found.size());
  std::vector<std::size_t> order(found.size());
  std::iota(order.begin(), order.end(), 0);
  if (ranking.keys.empty()) {
    const bool descending = ranking.order == Order::kDescending;
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return descending ? found[a].score > found[b].score : found[a].score < found[b].score;
    });
  } else {
    for (std::size_t i = 0; i < found.size(); ++i) {
      const query::CellReader cell = [&](const query::Field& field) {
        return IsScore(field) ? Value(found[i].score) : view.CellOf(found[i].row, field);
      };
      for (const query::SortKey& key : ranking.keys) {
        values[i].push_back(query::Evaluate(key.expression, cell));
      }
    }
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return query::ComesBefore(ranking.keys, values[a], values[b]);
    });
  }

  std::vector<Ranked> ranked;
  ranked.reserve(found.size());
  for (const std::size_t at : order) {
    const Value score =
        ranking.score_per_key ? Value(std::move(values[at])) : Value(found[at].score);
    ranked.push_back({std::move(found[at].row), WriteJson(score)});
  }
  return ranked;
}

}  // namespace ocellus::api::vector
