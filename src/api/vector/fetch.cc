// fetch, aggregate and stats.

#include <algorithm>
#include <map>
#include <utility>

#include "api/fields.h"
#include "api/vector/answer.h"
#include "api/vector/ranking.h"
#include "api/vector/searcher.h"

namespace ocellus::api::vector {
namespace {

// The rows of the ids, in their order, those that are not there left out. Where the key has more
// columns than clients know an id may name several rows.
Outcome<std::vector<store::Row>> RowsOf(engine::Engine& engine, const TableView& view,
                                        const Value::List& ids,
                                        const std::vector<std::string>& columns) {
  Value::List values;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    Result<Value> value = view.KeyValue(ids[i]);
    if (!value.ok()) {
      return InvalidField("ids[" + std::to_string(i) + "]", value.status().message());
    }
    values.push_back(*std::move(value));
  }
  std::vector<store::Row> rows;
  if (view.schema().primary_key.size() == 1) {
    std::vector<store::Key> keys;
    for (Value& value : values) keys.push_back({std::move(value)});
    Result<std::vector<std::optional<store::Row>>> found = engine.Get(view.name(), keys, columns);
    if (!found.ok()) return OfEngine(found.status());
    for (std::optional<store::Row>& row : *found) {
      if (row.has_value()) rows.push_back(*std::move(row));
    }
    return rows;
  }
  constexpr std::uint64_t kMaxRows = 10'000;
  store::ScanRequest scan;
  scan.filter = query::Filter::Where({view.schema().primary_key.front(), {}}, query::Op::kIn,
                                     std::move(values));
  scan.columns = columns;
  scan.limit = kMaxRows;
  Result<std::vector<store::Row>> found = engine.Scan(view.name(), scan);
  if (!found.ok()) return OfEngine(found.status());
  return *std::move(found);
}

Outcome<std::vector<query::SortKey>> SortKeysOf(engine::Engine& engine, const TableView& view,
                                                const FetchBody& body) {
  if (body.sort.empty()) return std::vector<query::SortKey>();
  Result<std::vector<query::SortKey>> keys =
      ParseSort(body.sort, body.order == Order::kDescending,
                [&](std::string_view name) { return view.Resolve(name); });
  if (!keys.ok()) return Failure{ErrorId::kInvalidFilter, "sort: " + keys.status().message()};
  std::vector<query::Field> fields;
  for (const query::SortKey& key : *keys) query::CollectFields(key.expression, fields);
  Outcome<bool> known = CheckFields(engine, view, fields, ErrorId::kInvalidFilter, "sort");
  if (!known.ok()) return std::move(known).status();
  return *std::move(keys);
}

bool IsTextField(const TableView& view, const query::Expression& expression) {
  if (expression.kind != query::Expression::Kind::kField) return false;
  const FieldDefinition* field = view.definition().Field(expression.field.column);
  return field != nullptr && IsText(field->type);
}

}  // namespace

Outcome<std::string> Searcher::Fetch(const Principal& principal, const Value& body) {
  const auto start = Deadline::Clock::now();
  OCELLUS_ASSIGN_OR_RETURN(const FetchBody fetch, ReadFetch(body));
  OCELLUS_ASSIGN_OR_RETURN(const TableView view, tables_.Open(principal, Role::kRead, fetch.table));
  Output output;
  if (fetch.output_fields.empty()) {
    output.all_fields = true;
  } else {
    OCELLUS_ASSIGN_OR_RETURN(output, OutputOf(engine_, view, fetch.output_fields));
  }
  const std::vector<IndexDefinition>& indexes = view.definition().indexes;
  if (fetch.include_vector && !indexes.empty()) output.vector_column = indexes.front().field;
  Presentation presentation;
  presentation.output = std::move(output);
  if (!indexes.empty()) presentation.namespace_column = indexes.front().namespace_field;
  AnswerWriter writer(engine_, view, std::move(presentation), max_answer_bytes_);
  std::vector<std::string> columns = writer.Columns();

  std::vector<store::Row> rows;
  if (!fetch.ids.empty()) {
    OCELLUS_ASSIGN_OR_RETURN(rows, RowsOf(engine_, view, fetch.ids, columns));
  } else {
    store::ScanRequest scan;
    OCELLUS_ASSIGN_OR_RETURN(scan.filter, FilterOf(engine_, view, fetch.filter, "filter"));
    OCELLUS_ASSIGN_OR_RETURN(scan.order, SortKeysOf(engine_, view, fetch));
    scan.columns = std::move(columns);
    scan.offset = fetch.offset;
    scan.limit = fetch.limit;
    Result<std::vector<store::Row>> found = engine_.Scan(view.name(), scan);
    if (!found.ok()) return OfEngine(found.status());
    rows = *std::move(found);
  }

  std::vector<Ranked> shown;
  shown.reserve(rows.size());
  for (store::Row& row : rows) shown.push_back({std::move(row), {}});
  return writer.Write(std::move(shown), start);
}

Outcome<std::string> Searcher::Aggregate(const Principal& principal, const Value& body) {
  const auto start = Deadline::Clock::now();
  OCELLUS_ASSIGN_OR_RETURN(const AggregateBody aggregate, ReadAggregate(body));
  OCELLUS_ASSIGN_OR_RETURN(const TableView view,
                           tables_.Open(principal, Role::kRead, aggregate.table));
  store::AggregateRequest request;
  OCELLUS_ASSIGN_OR_RETURN(request.filter, FilterOf(engine_, view, aggregate.filter, "filter"));
  request.limit = aggregate.limit;
  const FieldResolver resolve = [&](std::string_view name) { return view.Resolve(name); };
  std::vector<std::string> names;
  std::vector<query::Field> fields;
  for (std::size_t i = 0; i < aggregate.group_keys.size(); ++i) {
    const std::string& name = aggregate.group_keys[i];
    const std::optional<ResolvedField> field = view.Resolve(name);
    if (!field.has_value()) {
      return InvalidField("groupKeys[" + std::to_string(i) + "]", "unknown field \"" + name + "\"");
    }
    request.group_by.push_back(field->field);
    fields.push_back(field->field);
    names.push_back(name);
  }
  for (std::size_t i = 0; i < aggregate.functions.size(); ++i) {
    const AggregateBody::Function& function = aggregate.functions[i];
    store::AggregateFunction asked;
    asked.kind = function.kind;
    if (!function.argument.empty()) {
      Result<query::Expression> argument = ParseExpression(function.argument, resolve);
      if (!argument.ok()) {
        return InvalidField("aggFuncs[" + std::to_string(i) + "].args",
                            argument.status().message());
      }
      if (IsTextField(view, *argument) &&
          (function.kind == store::AggregateFunction::Kind::kSum ||
           function.kind == store::AggregateFunction::Kind::kAverage)) {
        return InvalidField("aggFuncs[" + std::to_string(i) + "].args",
                            "expected numbers, " + function.argument + " is a text");
      }
      query::CollectFields(*argument, fields);
      asked.argument = *std::move(argument);
    }
    request.functions.push_back(std::move(asked));
    names.push_back(function.name);
  }
  Outcome<bool> known =
      CheckFields(engine_, view, fields, ErrorId::kInvalidParameter, "groupKeys, aggFuncs");
  if (!known.ok()) return std::move(known).status();
  for (std::size_t i = 0; i < aggregate.order_by.size(); ++i) {
    const AggregateBody::OrderKey& key = aggregate.order_by[i];
    const auto column = std::find(names.begin(), names.end(), key.column);
    if (column == names.end()) {
      return InvalidField("orderBy[" + std::to_string(i) + "].field",
                          "the answer has no column \"" + key.column + "\"");
    }
    request.order.push_back(
        {static_cast<std::size_t>(column - names.begin()), key.order == Order::kDescending});
  }
  Result<std::vector<store::AggregateRow>> rows = engine_.Aggregate(view.name(), request);
  if (!rows.ok()) return OfEngine(rows.status());

  Value::List result;
  for (store::AggregateRow& row : *rows) {
    Value::Map shown;
    std::size_t at = 0;
    for (Value& value : row.group) shown.emplace_back(names[at++], std::move(value));
    for (Value& value : row.results) shown.emplace_back(names[at++], std::move(value));
    result.emplace_back(std::move(shown));
  }
  const auto count = static_cast<std::int64_t>(result.size());
  return WriteJson(Value::Map{{"result", std::move(result)},
                              {"totalCount", count},
                              {"totalTime", MillisecondsSince(start)}});
}

Outcome<std::string> Searcher::Stats(const Principal& principal, const Value& body) {
  OCELLUS_ASSIGN_OR_RETURN(const std::string table, ReadTableName(body));
  OCELLUS_ASSIGN_OR_RETURN(const TableView view, tables_.Open(principal, Role::kRead, table));
  const Result<std::uint64_t> rows = engine_.Count(view.name(), query::Filter());
  if (!rows.ok()) return OfEngine(rows.status());
  // One partition and one segment, however many the table was made with.
  Value::List stats;
  stats.push_back(Value::Map{{"totalDocCount", static_cast<std::int64_t>(*rows)},
                             {"totalSegmentCount", 1},
                             {"partId", 0}});
  return WriteJson(Value::Map{{"stats", std::move(stats)}});
}

}  // namespace ocellus::api::vector
