// query, inference-query, multi-query and batch-query.

#include <algorithm>
#include <atomic>
#include <map>
#include <utility>

#include "api/fields.h"
#include "api/vector/answer.h"
#include "api/vector/envelope.h"
#include "api/vector/ranking.h"
#include "api/vector/searcher.h"

namespace ocellus::api::vector {
namespace {

Failure TimedOut() {
  return {ErrorId::kQueryTimeout, "timeout: the time is over"};
}

// "x,y,width,height;" of each box, the best first.
std::string RangesOf(const std::vector<embed::SubjectBox>& boxes) {
  std::string out;
  for (const embed::SubjectBox& found : boxes) {
    out += std::to_string(found.box.x) + "," + std::to_string(found.box.y) + "," +
           std::to_string(found.box.width) + "," + std::to_string(found.box.height) + ";";
  }
  return out;
}

// How an answer's rows are sorted and shown.
struct Plan {
  Ranking ranking;
  Presentation presentation;
  std::vector<std::string> sort_columns;
};

Outcome<Plan> PlanOf(engine::Engine& engine, const TableView& view, const QueryBody& body,
                     const IndexDefinition& index) {
  Plan plan;
  OCELLUS_ASSIGN_OR_RETURN(plan.ranking, RankingOf(view, body));
  const std::vector<query::Field> sorted_by = FieldsOf(plan.ranking);
  Outcome<bool> known = CheckFields(engine, view, sorted_by, ErrorId::kInvalidFilter, "sort");
  if (!known.ok()) return std::move(known).status();
  for (const query::Field& field : sorted_by) AddColumn(plan.sort_columns, field.column);
  OCELLUS_ASSIGN_OR_RETURN(plan.presentation.output, OutputOf(engine, view, body.output_fields));
  if (body.include_vector) plan.presentation.output.vector_column = index.field;
  plan.presentation.namespace_column = index.namespace_field;
  return plan;
}

std::vector<std::string> ColumnsFor(const AnswerWriter& writer, const Plan& plan) {
  std::vector<std::string> columns = writer.Columns();
  for (const std::string& column : plan.sort_columns) AddColumn(columns, column);
  return columns;
}

double Merged(MultiQueryBody::Mode mode, double a, double b) {
  switch (mode) {
    case MultiQueryBody::Mode::kMax:
      return std::max(a, b);
    case MultiQueryBody::Mode::kMin:
      return std::min(a, b);
    case MultiQueryBody::Mode::kSum:
      break;
  }
  return a + b;
}

}  // namespace

Outcome<std::string> Searcher::Query(const Principal& principal, const Value& body, QueryUse use) {
  return QueryWithin(max_answer_bytes_, principal, body, use);
}

Outcome<std::string> Searcher::QueryWithin(std::size_t max_bytes, const Principal& principal,
                                           const Value& body, QueryUse use) {
  const auto start = Deadline::Clock::now();
  OCELLUS_ASSIGN_OR_RETURN(QueryBody query, ReadQuery(body, use, limits()));
  const Deadline deadline(query.timeout_ms);
  OCELLUS_ASSIGN_OR_RETURN(const TableView view, tables_.Open(principal, Role::kRead, query.table));
  const bool crop = query.params.crop && query.contents.size() == 1 &&
                    query.contents.front().kind == Content::Kind::kPicture;
  OCELLUS_ASSIGN_OR_RETURN(const IndexDefinition* index, view.Index(query.index));
  OCELLUS_ASSIGN_OR_RETURN(const Plan plan, PlanOf(engine_, view, query, *index));
  std::atomic<std::size_t> located = 0;
  OCELLUS_ASSIGN_OR_RETURN(Leg leg,
                           Prepare(view, std::move(query), {}, pictures_.Counting(located)));
  if (deadline.passed()) return TimedOut();
  AnswerWriter writer(engine_, view, plan.presentation, max_bytes);
  OCELLUS_ASSIGN_OR_RETURN(LegAnswer answer, Run(view, leg, ColumnsFor(writer, plan)));
  if (deadline.passed()) return TimedOut();
  return writer.Write(
      Rank(view, std::move(answer.found), plan.ranking), start,
      crop ? R"("__meta__":{"__range__":")" + RangesOf(answer.boxes) + "\"}" : std::string());
}

Outcome<std::string> Searcher::MultiQuery(const Principal& principal, const Value& body) {
  const auto start = Deadline::Clock::now();
  OCELLUS_ASSIGN_OR_RETURN(MultiQueryBody multi, ReadMultiQuery(body, limits()));
  const Deadline deadline(multi.outer.timeout_ms);
  OCELLUS_ASSIGN_OR_RETURN(const TableView view,
                           tables_.Open(principal, Role::kRead, multi.outer.table));
  OCELLUS_ASSIGN_OR_RETURN(const query::Filter filter,
                           FilterOf(engine_, view, multi.outer.filter, "filter"));
  std::atomic<std::size_t> located = 0;
  const PictureReader pictures = pictures_.Counting(located);
  std::vector<Leg> legs;
  for (std::size_t i = 0; i < multi.legs.size(); ++i) {
    Outcome<Leg> leg = Prepare(view, std::move(multi.legs[i]), filter, pictures);
    if (!leg.ok()) return Within("queries[" + std::to_string(i) + "]", std::move(leg).status());
    legs.push_back(*std::move(leg));
  }
  const bool smaller = legs.front().index->metric == store::Metric::kSquaredEuclidean;
  for (const Leg& leg : legs) {
    if ((leg.index->metric == store::Metric::kSquaredEuclidean) == smaller) continue;
    return InvalidField("queries",
                        "scores of SquaredEuclidean and of other indexes cannot be merged: of the "
                        "one the smaller is nearer, of the other the larger");
  }
  OCELLUS_ASSIGN_OR_RETURN(const Plan plan,
                           PlanOf(engine_, view, multi.outer, *legs.front().index));

  AnswerWriter writer(engine_, view, plan.presentation, max_answer_bytes_);
  const std::vector<std::string> columns = ColumnsFor(writer, plan);

  // Whatever one leg finds is a candidate; then every leg gives a score to every candidate, so that
  // no score is only a part of what it says it is.
  std::vector<Found> candidates;
  std::vector<store::Key> keys;
  std::map<std::string, std::size_t> known;
  for (Leg& leg : legs) {
    if (deadline.passed()) return TimedOut();
    OCELLUS_ASSIGN_OR_RETURN(LegAnswer answer, Run(view, leg, columns));
    for (Found& found : answer.found) {
      store::Key key = view.KeyOf(found.row);
      if (!known.emplace(KeyText(key), keys.size()).second) continue;
      keys.push_back(std::move(key));
      candidates.push_back(std::move(found));
    }
  }
  std::vector<std::optional<double>> scores(candidates.size());
  for (const Leg& leg : legs) {
    if (deadline.passed()) return TimedOut();
    OCELLUS_ASSIGN_OR_RETURN(const std::vector<std::optional<double>> of_leg,
                             Score(view, leg, keys));
    for (std::size_t i = 0; i < scores.size(); ++i) {
      if (!of_leg[i].has_value()) continue;
      const double weighted = *of_leg[i] * leg.weight;
      scores[i] = scores[i].has_value() ? Merged(multi.mode, *scores[i], weighted) : weighted;
    }
  }
  for (std::size_t i = 0; i < scores.size(); ++i) candidates[i].score = scores[i].value_or(0);
  std::stable_sort(candidates.begin(), candidates.end(), [&](const Found& a, const Found& b) {
    return smaller ? a.score < b.score : a.score > b.score;
  });
  if (candidates.size() > multi.outer.top_k) candidates.resize(multi.outer.top_k);
  return writer.Write(Rank(view, std::move(candidates), plan.ranking), start);
}

Outcome<std::string> Searcher::Batch(const Principal& principal, const Value& body) {
  OCELLUS_ASSIGN_OR_RETURN(const BatchBody batch, ReadBatch(body));
  const Deadline deadline(batch.timeout_ms);
  std::string answers = "[";
  for (std::size_t i = 0; i < batch.queries.size(); ++i) {
    const Value& query = batch.queries[i];
    if (i > 0) answers += ',';
    Outcome<std::string> answer = TimedOut();
    if (query.as_map() == nullptr) {
      answer = Failure{
          ErrorId::kInvalidParameter,
          "queries[" + std::to_string(i) + "]: expected an object, got " + query.type_name()};
    } else if (!deadline.passed()) {
      // All of them together are held to what one may have.
      const std::size_t left = max_answer_bytes_ - std::min(max_answer_bytes_, answers.size());
      answer = QueryWithin(left, principal, query,
                           HasContent(query) ? QueryUse::kContent : QueryUse::kVector);
    }
    answers += answer.ok() ? *answer : WriteJson(FailureBody(answer.failure()));
  }
  return answers + "]";
}

}  // namespace ocellus::api::vector
