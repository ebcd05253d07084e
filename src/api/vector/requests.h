// The bodies of the OpenSearch front's data calls, read and checked. JSON and protobuf bodies give
// the same objects. Failures are InvalidArgument and start with the field's name; an empty text, an
// empty list and null are the same as absent, unknown fields are ignored.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/request.h"
#include "api/vector/body_fields.h"
#include "api/vector/outcome.h"
#include "api/vector/protobuf.h"
#include "base/value.h"
#include "engine/engine.h"

namespace ocellus::api::vector {

// The body of a data call, by its Content-Type; always a map.
Result<Value> ReadBody(const Request& request, Message message);

struct SortExpression {
  std::string expression;
  Order order = Order::kAscending;
};

// searchParams: a text with JSON inside, or an object.
struct SearchParams {
  bool crop = false;
  std::optional<image::Box> range;  // with crop
};
Result<SearchParams> ReadSearchParams(const Value& value);

// What a leg of a query looks for.
struct Content {
  enum class Kind : std::uint8_t { kText, kPicture };
  Kind kind = Kind::kText;
  std::string text;   // the text, or a picture as sent
  std::string field;  // that it stood in, for messages
};

struct QueryBody {
  std::string table;
  std::string index;
  std::optional<store::Vector> vector;
  std::uint32_t vector_count = 1;
  std::optional<store::SparseVector> sparse;
  double weight = 1;
  std::vector<Content> contents;  // one, or several of a fusion
  std::string name_space;
  std::uint32_t top_k = 100;
  bool include_vector = false;
  std::vector<std::string> output_fields;
  Order order = Order::kAscending;
  SearchParams params;
  std::string filter;
  std::optional<double> score_threshold;
  std::string sort;
  std::vector<SortExpression> sorts;
  std::optional<std::int64_t> timeout_ms;
};

// What the call, or the place in it, asks of a query.
enum class QueryUse : std::uint8_t {
  kVector,   // query: a vector, a sparse one, or both
  kContent,  // inference-query: content with a modal
  kLeg,      // within another call: either; no table of its own
};
struct QueryLimits {
  std::uint32_t max_top_k = 1000;
  std::size_t max_contents = 16;
};
// kInvalidParameter; kNotSupported: video.
Outcome<QueryBody> ReadQuery(const Value& body, QueryUse use, const QueryLimits& limits);

struct MultiQueryBody {
  enum class Mode : std::uint8_t { kSum, kMax, kMin };

  QueryBody outer;  // table, topK, includeVector, outputFields, order, filter, sort, timeout
  std::vector<QueryBody> legs;
  Mode mode = Mode::kSum;
};
Outcome<MultiQueryBody> ReadMultiQuery(const Value& body, const QueryLimits& limits);

// Each query is read when its turn comes: one that is wrong does not fail the others.
struct BatchBody {
  Value::List queries;
  std::optional<std::int64_t> timeout_ms;
};
Result<BatchBody> ReadBatch(const Value& body);

// Whether a query of a batch has content to embed.
bool HasContent(const Value& query);

struct FetchBody {
  std::string table;
  Value::List ids;
  std::string filter;
  std::string sort;
  Order order = Order::kAscending;
  std::uint64_t limit = 100;
  std::uint64_t offset = 0;
  bool include_vector = true;
  std::vector<std::string> output_fields;
};
Result<FetchBody> ReadFetch(const Value& body);

struct TextBody {
  std::string query;
  std::string filter;
  double weight = 1;
  bool any_word = false;  // default_op OR
  std::vector<std::string> untokenized;
};

struct HybridBody {
  std::string table;
  std::uint32_t size = 100;
  std::uint32_t from = 0;
  Order order = Order::kDescending;
  std::vector<std::string> output_fields;
  std::optional<QueryBody> knn;
  std::optional<TextBody> text;
  std::optional<double> rrf_constant;  // none: a weighted sum
  std::optional<std::int64_t> timeout_ms;
};
Outcome<HybridBody> ReadHybrid(const Value& body, const QueryLimits& limits);

struct AggregateBody {
  struct Function {
    std::string name;  // of the column in the answer
    store::AggregateFunction::Kind kind = store::AggregateFunction::Kind::kCount;
    std::string argument;  // empty: none
  };
  std::string table;
  std::string filter;
  std::vector<std::string> group_keys;
  std::vector<Function> functions;
  struct OrderKey {
    std::string column;
    Order order = Order::kAscending;
  };
  std::vector<OrderKey> order_by;
  std::uint64_t limit = store::kMaxGroups;
};
Result<AggregateBody> ReadAggregate(const Value& body);

Result<std::string> ReadTableName(const Value& body);

}  // namespace ocellus::api::vector
