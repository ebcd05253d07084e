// What every query is made of: the table, the filter, and one search of one index.

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "api/fields.h"
#include "api/vector/searcher.h"
#include "api/vector/values.h"
#include "engine/library_schema.h"

namespace ocellus::api::vector {
namespace {

// Larger is nearer, but for squared distances.
bool SmallerIsNearer(const IndexDefinition& index) {
  return index.metric == store::Metric::kSquaredEuclidean;
}

// A failure of the engine's search, in the words of the request.
Failure OfSearch(const Status& status, bool of_content) {
  if (status.code() == Code::kInvalidArgument && of_content) {
    const std::string& message = status.message();
    if (message.starts_with("picture: the region")) {
      return {ErrorId::kInvalidParameter, "searchParams.range: " + message};
    }
    if (message.find("picture") != std::string::npos) {
      return {ErrorId::kInvalidImage, "content: " + message};
    }
    return {ErrorId::kInvalidParameter, "content: " + message};
  }
  return OfEngine(status);
}

Outcome<query::Filter> NamespaceFilter(const TableView& view, const IndexDefinition& index,
                                       const std::string& name_space) {
  if (index.namespace_field.empty()) {
    if (name_space.empty()) return query::Filter();
    return InvalidField("namespace", "the index " + index.name + " has no namespace field");
  }
  if (name_space.empty()) {
    return InvalidField(
        "namespace", "required: the index " + index.name + " is split by " + index.namespace_field);
  }
  const FieldDefinition* field = view.definition().Field(index.namespace_field);
  Result<Value> value = CastScalar(field->type, Value(name_space));
  if (!value.ok()) return InvalidField("namespace", value.status().message());
  return query::Filter::Where({index.namespace_field, {}}, query::Op::kEqual, *std::move(value));
}

}  // namespace

std::string KeyText(const store::Key& key) {
  return WriteJson(Value(Value::List(key.begin(), key.end())));
}

query::Filter KeysFilter(const TableView& view, const std::vector<store::Key>& keys) {
  const std::vector<std::string>& columns = view.schema().primary_key;
  if (columns.size() == 1) {
    Value::List values;
    for (const store::Key& key : keys) values.push_back(key.front());
    return query::Filter::Where({columns.front(), {}}, query::Op::kIn, std::move(values));
  }
  std::vector<query::Filter> any;
  for (const store::Key& key : keys) {
    std::vector<query::Filter> all;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      all.push_back(query::Filter::Where({columns[i], {}}, query::Op::kEqual, key[i]));
    }
    any.push_back(query::Filter::And(std::move(all)));
  }
  return query::Filter::Or(std::move(any));
}

query::Filter Both(query::Filter a, query::Filter b) {
  if (a.kind == query::Filter::Kind::kAll) return b;
  if (b.kind == query::Filter::Kind::kAll) return a;
  std::vector<query::Filter> both;
  both.push_back(std::move(a));
  both.push_back(std::move(b));
  return query::Filter::And(std::move(both));
}

Deadline::Deadline(std::optional<std::int64_t> timeout_ms) {
  if (timeout_ms.has_value()) end_ = Clock::now() + std::chrono::milliseconds(*timeout_ms);
}

Outcome<bool> CheckFields(engine::Engine& engine, const TableView& view,
                          const std::vector<query::Field>& fields, ErrorId id,
                          const std::string& what) {
  for (const query::Field& field : fields) {
    if (field.key.empty()) continue;
    const Result<std::uint64_t> with =
        engine.Count(view.name(), query::Filter::Where(field, query::Op::kExists, true));
    if (!with.ok()) return OfEngine(with.status());
    if (*with > 0) continue;
    const Result<std::uint64_t> all = engine.Count(view.name(), query::Filter());
    if (!all.ok()) return OfEngine(all.status());
    if (*all == 0) continue;
    return Failure{id, what + ": unknown field \"" + field.key +
                           "\": neither the schema nor any document has it"};
  }
  return true;
}

Outcome<query::Filter> FilterOf(engine::Engine& engine, const TableView& view,
                                const std::string& text, const std::string& what) {
  Result<query::Filter> filter =
      ParseFilter(text, [&](std::string_view name) { return view.Resolve(name); });
  if (!filter.ok()) {
    return Failure{ErrorId::kInvalidFilter, what + ": " + filter.status().message()};
  }
  Outcome<bool> known =
      CheckFields(engine, view, query::FieldsOf(*filter), ErrorId::kInvalidFilter, what);
  if (!known.ok()) return std::move(known).status();
  return *std::move(filter);
}

Outcome<Output> OutputOf(engine::Engine& engine, const TableView& view,
                         const std::vector<std::string>& fields) {
  Output output;
  output.fields = fields;
  std::vector<query::Field> free;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (view.definition().Field(fields[i]) != nullptr) continue;
    const std::optional<ResolvedField> field = view.Resolve(fields[i]);
    if (!field.has_value()) {
      return InvalidField("outputFields[" + std::to_string(i) + "]",
                          "unknown field \"" + fields[i] + "\"");
    }
    free.push_back(field->field);
  }
  Outcome<bool> known = CheckFields(engine, view, free, ErrorId::kInvalidParameter, "outputFields");
  if (!known.ok()) return std::move(known).status();
  return output;
}

QueryLimits Searcher::limits() const {
  return {engine_.options().max_top_k, engine_.options().max_fusion_parts};
}

Outcome<Leg> Searcher::Prepare(const TableView& view, QueryBody body, const query::Filter& also,
                               const PictureReader& pictures) {
  Leg leg;
  OCELLUS_ASSIGN_OR_RETURN(leg.index, view.Index(body.index));
  const IndexDefinition& index = *leg.index;
  leg.top_k = body.top_k;
  leg.threshold = body.score_threshold;
  leg.weight = body.weight;
  OCELLUS_ASSIGN_OR_RETURN(query::Filter space, NamespaceFilter(view, index, body.name_space));
  OCELLUS_ASSIGN_OR_RETURN(query::Filter own, FilterOf(engine_, view, body.filter, "filter"));
  leg.filter = Both(Both(also, std::move(space)), std::move(own));

  if (body.sparse.has_value()) {
    if (index.sparse_indices_field.empty()) {
      return InvalidField("sparseData", "the index " + index.name + " has no sparse part");
    }
    leg.sparse = std::move(body.sparse);
  }
  if (body.contents.empty()) {
    if (!body.vector.has_value()) {
      leg.queries.emplace_back(engine::VectorQuery{});
      return leg;
    }
    const std::size_t wanted = std::size_t{index.dimension} * body.vector_count;
    if (body.vector->size() != wanted) {
      return Failure{
          ErrorId::kDimensionMismatch,
          "vector: " + std::to_string(body.vector->size()) + " elements, the index " + index.name +
              " has " + std::to_string(index.dimension) + " dimensions" +
              (body.vector_count > 1 ? " and vectorCount is " + std::to_string(body.vector_count)
                                     : "")};
    }
    for (std::size_t start = 0; start < wanted; start += index.dimension) {
      const auto first = body.vector->begin() + static_cast<std::ptrdiff_t>(start);
      leg.queries.emplace_back(engine::VectorQuery{store::Vector(first, first + index.dimension)});
    }
    return leg;
  }

  if (view.schema().Find(index.field)->vector.bundle.empty()) {
    return InvalidField("indexName", "the vectors of the index " + index.name +
                                         " come from the caller: query it with a vector");
  }
  const bool pictures_only = !engine::PictureColumns(view.schema()).empty();
  std::vector<bool> is_picture;
  for (Content& content : body.contents) {
    is_picture.push_back(content.kind == Content::Kind::kPicture);
    if (!is_picture.back() && pictures_only) {
      return InvalidField(content.field,
                          "the library " + view.name() + " is searched by picture only");
    }
    if (!is_picture.back()) {
      leg.held.push_back(std::move(content.text));
      continue;
    }
    Result<SentPicture> picture = pictures.Read(content.text, false);
    if (!picture.ok()) {
      const bool refused = picture.status().code() == Code::kInvalidArgument;
      return Failure{refused ? ErrorId::kInvalidImage : ErrorOf(picture.status()),
                     content.field + ": " + picture.status().message()};
    }
    leg.held.push_back(std::move(picture->bytes));
  }
  if (leg.held.size() == 1 && !is_picture.front()) {
    leg.queries.emplace_back(engine::TextQuery{leg.held.front()});
  } else if (leg.held.size() == 1) {
    engine::PictureQuery picture{AsBytes(leg.held.front())};
    picture.region = body.params.range;
    if (body.params.crop) picture.find_subject = true;
    leg.queries.emplace_back(picture);
  } else {
    engine::FusionQuery fusion;
    for (std::size_t i = 0; i < leg.held.size(); ++i) {
      if (is_picture[i]) {
        fusion.parts.emplace_back(engine::PictureQuery{AsBytes(leg.held[i])});
      } else {
        fusion.parts.emplace_back(engine::TextQuery{leg.held[i]});
      }
    }
    leg.queries.emplace_back(std::move(fusion));
  }
  return leg;
}

Outcome<LegAnswer> Searcher::Run(const TableView& view, Leg& leg,
                                 const std::vector<std::string>& columns) {
  LegAnswer answer;
  std::map<std::string, std::size_t> known;  // key to position in answer.found
  const bool smaller = SmallerIsNearer(*leg.index);
  for (engine::Query& query : leg.queries) {
    engine::SearchSpec spec;
    spec.table = view.name();
    spec.vector_column = leg.index->field;
    spec.query = std::move(query);
    spec.top_k = leg.top_k;
    spec.filter = leg.filter;
    spec.columns = columns;
    spec.sparse = leg.sparse;
    if (!leg.each_row) spec.distinct = engine::PictureColumns(view.schema());
    Result<engine::SearchResult> result = engine_.Search(spec);
    if (!result.ok()) return OfSearch(result.status(), !leg.held.empty());
    query = engine::VectorQuery{std::move(result->vector)};
    if (!result->boxes.empty()) answer.boxes = std::move(result->boxes);
    for (store::Hit& hit : result->hits) {
      const double score = ShortestDouble(hit.score);
      if (leg.threshold.has_value() &&
          !(smaller ? score < *leg.threshold : score > *leg.threshold)) {
        continue;
      }
      if (leg.queries.size() > 1) {
        const auto [place, added] =
            known.emplace(KeyText(view.KeyOf(hit.row)), answer.found.size());
        if (!added) {
          double& best = answer.found[place->second].score;
          best = smaller ? std::min(best, score) : std::max(best, score);
          continue;
        }
      }
      answer.found.push_back({std::move(hit.row), score});
    }
  }
  if (leg.queries.size() > 1) {
    std::stable_sort(answer.found.begin(), answer.found.end(), [&](const Found& a, const Found& b) {
      return smaller ? a.score < b.score : a.score > b.score;
    });
    if (answer.found.size() > leg.top_k) answer.found.resize(leg.top_k);
  }
  return answer;
}

Outcome<std::vector<std::optional<double>>> Searcher::Score(const TableView& view, const Leg& leg,
                                                            const std::vector<store::Key>& keys) {
  std::vector<std::optional<double>> scores(keys.size());
  std::map<std::string, std::size_t> places;
  for (std::size_t i = 0; i < keys.size(); ++i) places.emplace(KeyText(keys[i]), i);
  const std::size_t at_once = engine_.options().max_top_k;
  for (std::size_t start = 0; start < keys.size(); start += at_once) {
    const std::size_t end = std::min(keys.size(), start + at_once);
    Leg part;
    part.index = leg.index;
    part.queries = leg.queries;
    part.sparse = leg.sparse;
    part.each_row = true;
    part.top_k = static_cast<std::uint32_t>(end - start);
    part.filter =
        Both(leg.filter, KeysFilter(view, {keys.begin() + static_cast<std::ptrdiff_t>(start),
                                           keys.begin() + static_cast<std::ptrdiff_t>(end)}));
    OCELLUS_ASSIGN_OR_RETURN(const LegAnswer answer, Run(view, part, view.schema().primary_key));
    for (const Found& found : answer.found) {
      const auto place = places.find(KeyText(view.KeyOf(found.row)));
      if (place != places.end()) scores[place->second] = found.score;
    }
  }
  return scores;
}

}  // namespace ocellus::api::vector
