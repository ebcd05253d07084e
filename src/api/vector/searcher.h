// Searcher: the data calls of the OpenSearch front that read.
//
// Thread-safe. What it is given is borrowed and outlives it.

#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "api/access.h"
#include "api/vector/outcome.h"
#include "api/vector/pictures.h"
#include "api/vector/requests.h"
#include "api/vector/table_opener.h"
#include "api/vector/table_view.h"
#include "base/value.h"
#include "engine/engine.h"

namespace ocellus::api::vector {

// When an answer is too late.
class Deadline {
 public:
  using Clock = std::chrono::steady_clock;

  // From now on; without a time-out never.
  explicit Deadline(std::optional<std::int64_t> timeout_ms);

  bool passed() const { return end_.has_value() && Clock::now() >= *end_; }

 private:
  std::optional<Clock::time_point> end_;
};

// The filter of a text on a table: kInvalidFilter starts with `what`. Fields that neither the
// schema nor any row has are unknown.
Outcome<query::Filter> FilterOf(engine::Engine& engine, const TableView& view,
                                const std::string& text, const std::string& what);

// The failure, unless every one of the fields without a schema is in some row of the table.
Outcome<bool> CheckFields(engine::Engine& engine, const TableView& view,
                          const std::vector<query::Field>& fields, ErrorId id,
                          const std::string& what);

// A key as one text, to find rows by.
std::string KeyText(const store::Key& key);

// The rows of these keys.
query::Filter KeysFilter(const TableView& view, const std::vector<store::Key>& keys);

// What both admit.
query::Filter Both(query::Filter a, query::Filter b);

// What an answer shows of its rows; kInvalidParameter for a field that is not there.
Outcome<Output> OutputOf(engine::Engine& engine, const TableView& view,
                         const std::vector<std::string>& fields);

// One row found by one leg of a query.
struct Found {
  store::Row row;
  double score = 0;
};

// A leg ready to run. It borrows the view.
struct Leg {
  const IndexDefinition* index = nullptr;
  std::vector<engine::Query> queries;  // of several vectors the nearest counts
  std::vector<std::string> held;       // bytes and texts that the queries borrow
  std::optional<store::SparseVector> sparse;
  query::Filter filter;
  std::uint32_t top_k = 100;
  std::optional<double> threshold;
  double weight = 1;
  bool each_row = false;  // of a library's picture every part, not the best alone
};

struct LegAnswer {
  std::vector<Found> found;  // nearest first
  std::vector<embed::SubjectBox> boxes;
};

class Searcher {
 public:
  Searcher(engine::Engine& engine, TableOpener& tables, const PictureReader& pictures,
           std::size_t max_answer_bytes)
      : engine_(engine),
        tables_(tables),
        pictures_(pictures),
        max_answer_bytes_(max_answer_bytes) {}

  // The JSON of the answer.

  Outcome<std::string> Query(const Principal& principal, const Value& body, QueryUse use);
  Outcome<std::string> MultiQuery(const Principal& principal, const Value& body);
  Outcome<std::string> Batch(const Principal& principal, const Value& body);
  Outcome<std::string> Hybrid(const Principal& principal, const Value& body);
  Outcome<std::string> Fetch(const Principal& principal, const Value& body);
  Outcome<std::string> Aggregate(const Principal& principal, const Value& body);
  Outcome<std::string> Stats(const Principal& principal, const Value& body);

 private:
  QueryLimits limits() const;
  Outcome<std::string> QueryWithin(std::size_t max_bytes, const Principal& principal,
                                   const Value& body, QueryUse use);
  Outcome<Leg> Prepare(const TableView& view, QueryBody body, const query::Filter& also,
                       const PictureReader& pictures);
  // The leg's queries become the vectors that they came to: it is not embedded again.
  Outcome<LegAnswer> Run(const TableView& view, Leg& leg, const std::vector<std::string>& columns);
  // The scores that a leg gives to these rows, none to those without a vector and those that its
  // filter does not admit; topK and threshold do not count.
  Outcome<std::vector<std::optional<double>>> Score(const TableView& view, const Leg& leg,
                                                    const std::vector<store::Key>& keys);

  engine::Engine& engine_;
  TableOpener& tables_;
  const PictureReader& pictures_;
  const std::size_t max_answer_bytes_;
};

}  // namespace ocellus::api::vector
