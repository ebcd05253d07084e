// search: keywords and a vector together.

#include <algorithm>
#include <atomic>
#include <map>
#include <utility>

#include "api/fields.h"
#include "api/vector/answer.h"
#include "api/vector/ranking.h"
#include "api/vector/searcher.h"
#include "api/vector/text_query.h"
#include "api/vector/values.h"

namespace ocellus::api::vector {
namespace {

// The index that means every full-text field.
constexpr std::string_view kDefaultIndex = "default";

// A candidate with what each leg says of it.
struct Candidate {
  Found found;
  store::Key key;
  std::optional<double> vector_score;
  std::optional<double> text_score;
  std::size_t vector_rank = 0;  // from 1; 0: not among what the leg found
  std::size_t text_rank = 0;
};

// A distance as a similarity, so that a weighted sum has one direction: 1 for the same vector,
// towards 0 with the distance.
double SimilarityOf(const IndexDefinition& index, double score) {
  return index.metric == store::Metric::kSquaredEuclidean ? 1 / (1 + score) : score;
}

Outcome<query::TextQuery> TextQueryOf(const TableView& view, const TextBody& body) {
  TextQueryOptions options;
  options.any_word = body.any_word;
  options.columns_of = [&](std::string_view index) -> Result<std::vector<std::string>> {
    if (index == kDefaultIndex) return std::vector<std::string>();
    const store::Column* column = view.schema().Find(index);
    if (column != nullptr && column->full_text) {
      return std::vector<std::string>{std::string(index)};
    }
    return Status(Code::kInvalidArgument,
                  "no text is searched under \"" + std::string(index) + "\"");
  };
  options.is_untokenized = [&](std::string_view index) {
    return std::find(body.untokenized.begin(), body.untokenized.end(), index) !=
           body.untokenized.end();
  };
  Result<query::TextQuery> query = ParseTextQuery(body.query, options);
  if (query.ok()) return *std::move(query);
  return InvalidField("text.queryString", query.status().message());
}

// Gives candidates that the text search did not reach, though they may match, their score.
Status ScoreText(engine::Engine& engine, const TableView& view, store::TextSearchRequest request,
                 std::vector<Candidate>& candidates) {
  std::map<std::string, Candidate*> lacking;
  std::vector<store::Key> keys;
  for (Candidate& item : candidates) {
    if (item.text_score.has_value()) continue;
    lacking.emplace(KeyText(item.key), &item);
    keys.push_back(item.key);
  }
  if (keys.empty()) return {};
  request.filter = Both(std::move(request.filter), KeysFilter(view, keys));
  request.columns = view.schema().primary_key;
  OCELLUS_ASSIGN_OR_RETURN(const std::vector<store::Hit> hits,
                           engine.SearchText(view.name(), request));
  for (const store::Hit& hit : hits) {
    const auto found = lacking.find(KeyText(view.KeyOf(hit.row)));
    if (found != lacking.end()) found->second->text_score = ShortestDouble(hit.score);
  }
  return {};
}

}  // namespace

Outcome<std::string> Searcher::Hybrid(const Principal& principal, const Value& body) {
  const auto start = Deadline::Clock::now();
  OCELLUS_ASSIGN_OR_RETURN(HybridBody hybrid, ReadHybrid(body, limits()));
  const Deadline deadline(hybrid.timeout_ms);
  const Failure timed_out = {ErrorId::kQueryTimeout, "timeout: the time is over"};
  OCELLUS_ASSIGN_OR_RETURN(const TableView view,
                           tables_.Open(principal, Role::kRead, hybrid.table));
  Presentation presentation;
  OCELLUS_ASSIGN_OR_RETURN(presentation.output, OutputOf(engine_, view, hybrid.output_fields));
  std::optional<Leg> leg;
  if (hybrid.knn.has_value()) {
    const bool include_vector = hybrid.knn->include_vector;
    std::atomic<std::size_t> located = 0;
    Outcome<Leg> prepared = Prepare(view, *std::move(hybrid.knn), {}, pictures_.Counting(located));
    if (!prepared.ok()) return Within("knn", std::move(prepared).status());
    leg = *std::move(prepared);
    if (include_vector) presentation.output.vector_column = leg->index->field;
    presentation.namespace_column = leg->index->namespace_field;
  }
  AnswerWriter writer(engine_, view, std::move(presentation), max_answer_bytes_);
  const std::vector<std::string> columns = writer.Columns();

  std::vector<Candidate> candidates;
  std::map<std::string, std::size_t> known;
  const auto candidate = [&](Found found) -> Candidate& {
    store::Key key = view.KeyOf(found.row);
    const auto [place, added] = known.emplace(KeyText(key), candidates.size());
    if (added) {
      candidates.push_back({});
      candidates.back().found = std::move(found);
      candidates.back().key = std::move(key);
    }
    return candidates[place->second];
  };
  if (leg.has_value()) {
    Outcome<LegAnswer> answer = Run(view, *leg, columns);
    if (!answer.ok()) return Within("knn", std::move(answer).status());
    std::size_t rank = 0;
    for (Found& found : answer->found) {
      const double score = found.score;
      Candidate& item = candidate(std::move(found));
      item.vector_score = score;
      item.vector_rank = ++rank;
    }
  }
  if (deadline.passed()) return timed_out;
  double text_weight = 0;
  if (hybrid.text.has_value()) {
    text_weight = hybrid.text->weight;
    store::TextSearchRequest request;
    OCELLUS_ASSIGN_OR_RETURN(request.query, TextQueryOf(view, *hybrid.text));
    OCELLUS_ASSIGN_OR_RETURN(request.filter,
                             FilterOf(engine_, view, hybrid.text->filter, "text.filter"));
    request.top_k = std::min(engine_.options().max_top_k,
                             std::max(hybrid.from + hybrid.size, leg.has_value() ? leg->top_k : 1));
    request.columns = columns;
    Result<std::vector<store::Hit>> hits = engine_.SearchText(view.name(), request);
    if (!hits.ok()) {
      if (hits.status().code() != Code::kInvalidArgument) return OfEngine(hits.status());
      return InvalidField("text.queryString", hits.status().message());
    }
    std::size_t rank = 0;
    for (store::Hit& hit : *hits) {
      const double score = ShortestDouble(hit.score);
      Candidate& item = candidate({std::move(hit.row), 0});
      item.text_score = score;
      item.text_rank = ++rank;
    }
    if (rank == request.top_k) {
      const Status scored = ScoreText(engine_, view, std::move(request), candidates);
      if (!scored.ok()) return OfEngine(scored);
    }
  }
  if (deadline.passed()) return timed_out;

  // A weighted sum needs both scores of every candidate; ranks are what each leg gave.
  const bool sum = !hybrid.rrf_constant.has_value();
  if (sum && leg.has_value() && hybrid.text.has_value()) {
    std::vector<store::Key> keys;
    for (const Candidate& item : candidates) keys.push_back(item.key);
    Outcome<std::vector<std::optional<double>>> scores = Score(view, *leg, keys);
    if (!scores.ok()) return Within("knn", std::move(scores).status());
    for (std::size_t i = 0; i < candidates.size(); ++i) candidates[i].vector_score = (*scores)[i];
  }
  for (Candidate& item : candidates) {
    double score = 0;
    if (!sum) {
      if (item.vector_rank > 0) {
        score += leg->weight / (*hybrid.rrf_constant + static_cast<double>(item.vector_rank));
      }
      if (item.text_rank > 0) {
        score += text_weight / (*hybrid.rrf_constant + static_cast<double>(item.text_rank));
      }
    } else {
      if (item.vector_score.has_value()) {
        score += leg->weight * SimilarityOf(*leg->index, *item.vector_score);
      }
      if (item.text_score.has_value()) score += text_weight * *item.text_score;
    }
    item.found.score = score;
  }
  // The best are chosen, then shown in the order asked for.
  std::stable_sort(
      candidates.begin(), candidates.end(),
      [](const Candidate& a, const Candidate& b) { return a.found.score > b.found.score; });
  std::vector<Found> shown;
  const std::size_t end = std::min<std::size_t>(candidates.size(), hybrid.from + hybrid.size);
  for (std::size_t i = hybrid.from; i < end; ++i) shown.push_back(std::move(candidates[i].found));
  Ranking ranking;
  ranking.order = hybrid.order;
  return writer.Write(Rank(view, std::move(shown), ranking), start);
}

}  // namespace ocellus::api::vector
