#include "api/vector/requests.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <string_view>
#include <utility>

#include "api/fields.h"
#include "api/vector/values.h"

namespace ocellus::api::vector {
namespace {

constexpr std::size_t kMaxOutputFields = 256;
constexpr std::size_t kMaxSorts = 16;
// Far beyond what any text tower reads (77 tokens are typical).
constexpr std::size_t kMaxTextBytes = 8192;
constexpr std::size_t kMaxNamespaceBytes = 1024;
constexpr std::uint32_t kMaxVectorCount = 64;
constexpr std::size_t kMaxLegs = 16;  // each is a search of its own
constexpr std::size_t kMaxBatch = 256;
constexpr std::uint64_t kMaxFetch = 10'000;  // rows of one answer
constexpr std::size_t kMaxAggregates = 64;

enum class Modal : std::uint8_t { kText, kImage, kVideo, kFusion };

std::string At(std::string_view list, std::size_t i) {
  return std::string(list) + "[" + std::to_string(i) + "]";
}

Failure NoVideo(std::string_view field) {
  return {ErrorId::kNotSupported, std::string(field) + ": video is not available in this version"};
}

Result<Modal> ReadModal(BodyFields& fields) {
  OCELLUS_ASSIGN_OR_RETURN(const std::string text, fields.Text("modal"));
  const std::string modal = LowerCase(text);
  if (modal == "text") return Modal::kText;
  if (modal == "image") return Modal::kImage;
  if (modal == "video") return Modal::kVideo;
  if (modal == "fusion") return Modal::kFusion;
  return InvalidField("modal", text.empty()
                                   ? "required: text, image, video or fusion"
                                   : "expected text, image, video or fusion, got \"" + text + "\"");
}

// One of contentType's words.
Outcome<Content::Kind> KindOf(std::string_view type) {
  const std::string word = LowerCase(type);
  if (word == "text") return Content::Kind::kText;
  if (word == "image" || word == "image_encode" || word == "image_uri" || word == "image_base64") {
    return Content::Kind::kPicture;
  }
  if (word.starts_with("video")) return NoVideo("contentType");
  return InvalidField("contentType",
                      "expected text or image_encode, got \"" + std::string(type) + "\"");
}

Outcome<bool> CheckContent(const Content& content) {
  if (content.kind == Content::Kind::kPicture) {
    if (content.text.starts_with("data:video/")) return NoVideo(content.field);
    return true;
  }
  if (content.text.size() > kMaxTextBytes) {
    return InvalidField(content.field, std::to_string(content.text.size()) +
                                           " bytes, the limit is " + std::to_string(kMaxTextBytes));
  }
  if (content.text.find_first_not_of(" \t\r\n") == std::string::npos) {
    return InvalidField(content.field, "must not be empty");
  }
  return true;
}

Outcome<std::vector<Content>> ReadFusion(BodyFields& fields, std::size_t max) {
  OCELLUS_ASSIGN_OR_RETURN(std::vector<std::string> texts, fields.Texts("contents", max));
  if (texts.empty()) {
    return InvalidField("contents", "required for the modal fusion");
  }
  OCELLUS_ASSIGN_OR_RETURN(const std::string types_text, fields.Text("contentType"));
  std::vector<std::string> types;
  if (!types_text.empty()) types = SplitOnCommas(types_text);
  if (types.size() != texts.size()) {
    return InvalidField(
        "contentType", std::to_string(types.size()) + " types for " + std::to_string(texts.size()) +
                           " contents; it has one for each, like \"text,image_encode\"");
  }
  std::vector<Content> contents;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    Content content;
    content.text = std::move(texts[i]);
    content.field = At("contents", i);
    OCELLUS_ASSIGN_OR_RETURN(content.kind, KindOf(types[i]));
    Outcome<bool> checked = CheckContent(content);
    if (!checked.ok()) return std::move(checked).status();
    contents.push_back(std::move(content));
  }
  return contents;
}

Outcome<std::vector<Content>> ReadContents(BodyFields& fields, std::size_t max) {
  OCELLUS_ASSIGN_OR_RETURN(const Modal modal, ReadModal(fields));
  if (modal == Modal::kVideo) return NoVideo("modal");
  if (modal == Modal::kFusion) return ReadFusion(fields, max);
  Content content;
  content.field = "content";
  content.kind = modal == Modal::kImage ? Content::Kind::kPicture : Content::Kind::kText;
  OCELLUS_ASSIGN_OR_RETURN(content.text, fields.Text("content"));
  if (content.text.empty()) return InvalidField("content", "required");
  OCELLUS_ASSIGN_OR_RETURN(const std::string type, fields.Text("contentType"));
  if (!type.empty()) {
    OCELLUS_ASSIGN_OR_RETURN(const Content::Kind kind, KindOf(type));
    if (kind != content.kind) {
      return InvalidField("contentType", "\"" + type + "\" does not go with the modal");
    }
  }
  Outcome<bool> checked = CheckContent(content);
  if (!checked.ok()) return std::move(checked).status();
  return std::vector<Content>{std::move(content)};
}

Result<std::optional<store::SparseVector>> ReadSparse(BodyFields& fields) {
  const Value* value = fields.Find("sparseData");
  if (value == nullptr) return std::optional<store::SparseVector>();
  if (value->as_map() == nullptr) {
    return InvalidField("sparseData", std::string("expected an object, got ") + value->type_name());
  }
  BodyFields inner(*value, "sparseData.");
  store::SparseVector sparse;
  if (const Value* indices = inner.Find("indices")) {
    Result<Value> cast = CastList(FieldType::kUint32, *indices, store::kMaxSparseElements);
    if (!cast.ok()) return InvalidField("sparseData.indices", cast.status().message());
    for (const Value& index : *cast->as_list()) sparse.indices.push_back(*index.as_int());
  }
  if (const Value* values = inner.Find("values")) {
    Result<store::Vector> cast = CastVector(*values);
    if (!cast.ok()) return InvalidField("sparseData.values", cast.status().message());
    sparse.values = *std::move(cast);
  }
  if (sparse.indices.size() != sparse.values.size()) {
    return InvalidField("sparseData", std::to_string(sparse.indices.size()) + " indices and " +
                                          std::to_string(sparse.values.size()) + " values");
  }
  if (const Value* count = inner.Find("count")) {
    Result<Value> cast = CastList(FieldType::kUint32, *count);
    if (!cast.ok()) return InvalidField("sparseData.count", cast.status().message());
    const Value::List& counts = *cast->as_list();
    if (counts.size() > 1) {
      return InvalidField("sparseData.count", "only one sparse vector can be searched with");
    }
    if (counts.size() == 1 &&
        *counts.front().as_int() != static_cast<std::int64_t>(sparse.indices.size())) {
      return InvalidField("sparseData.count", "is not the number of indices");
    }
  }
  if (sparse.indices.empty()) return std::optional<store::SparseVector>();
  return std::optional<store::SparseVector>(std::move(sparse));
}

Result<std::optional<std::int64_t>> ReadTimeout(BodyFields& fields) {
  constexpr std::int64_t kMaxTimeoutMs = 24LL * 3600 * 1000;
  OCELLUS_ASSIGN_OR_RETURN(
      const std::int64_t timeout,
      fields.Integer("timeout", {-1, std::numeric_limits<std::int32_t>::min(), kMaxTimeoutMs}));
  return timeout < 0 ? std::optional<std::int64_t>() : std::optional(timeout);
}

Result<std::vector<SortExpression>> ReadSorts(BodyFields& fields) {
  std::vector<SortExpression> sorts;
  OCELLUS_ASSIGN_OR_RETURN(const Value::List list, fields.List("sorts", kMaxSorts));
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string at = At("sorts", i);
    if (list[i].as_map() == nullptr) {
      return InvalidField(at, std::string("expected an object, got ") + list[i].type_name());
    }
    BodyFields inner(list[i], at + ".");
    SortExpression sort;
    OCELLUS_ASSIGN_OR_RETURN(sort.expression, inner.Text("expression"));
    if (sort.expression.empty()) return InvalidField(at + ".expression", "required");
    OCELLUS_ASSIGN_OR_RETURN(sort.order, inner.OrderOf("order", Order::kAscending));
    sorts.push_back(std::move(sort));
  }
  return sorts;
}

// What query objects and the outer object of a multi-query have in common.
Outcome<QueryBody> ReadCommon(BodyFields& fields, const QueryLimits& limits) {
  QueryBody query;
  OCELLUS_ASSIGN_OR_RETURN(query.table, fields.Text("tableName"));
  OCELLUS_ASSIGN_OR_RETURN(query.index, fields.Text("indexName"));
  OCELLUS_ASSIGN_OR_RETURN(
      const std::int64_t top_k,
      fields.Integer("topK", {std::min<std::int64_t>(100, limits.max_top_k), 1, limits.max_top_k}));
  query.top_k = static_cast<std::uint32_t>(top_k);
  OCELLUS_ASSIGN_OR_RETURN(query.include_vector, fields.Boolean("includeVector", false));
  OCELLUS_ASSIGN_OR_RETURN(query.output_fields, fields.Texts("outputFields", kMaxOutputFields));
  OCELLUS_ASSIGN_OR_RETURN(query.order, fields.OrderOf("order", Order::kAscending));
  OCELLUS_ASSIGN_OR_RETURN(query.filter, fields.Text("filter"));
  OCELLUS_ASSIGN_OR_RETURN(query.sort, fields.Text("sort"));
  OCELLUS_ASSIGN_OR_RETURN(query.sorts, ReadSorts(fields));
  OCELLUS_ASSIGN_OR_RETURN(query.timeout_ms, ReadTimeout(fields));
  OCELLUS_ASSIGN_OR_RETURN(const std::string text_query, fields.Text("textQueryString"));
  if (!text_query.empty()) {
    return InvalidField("textQueryString",
                        "not available; search by words with /vector-service/search");
  }
  return query;
}

}  // namespace

Result<Value> ReadBody(const Request& request, Message message) {
  const std::string* type = request.Header("content-type");
  const std::string lower = type != nullptr ? LowerCase(*type) : std::string();
  if (lower.find("protobuf") != std::string::npos) return DecodeProtobuf(message, request.body);
  if (request.body.empty()) return InvalidField("body", "expected a JSON object, got nothing");
  OCELLUS_ASSIGN_OR_RETURN(Value body, ParseJson(request.body));
  if (body.as_map() == nullptr) {
    return InvalidField("body", std::string("expected a JSON object, got ") + body.type_name());
  }
  return body;
}

Result<SearchParams> ReadSearchParams(const Value& value) {
  Value object = value;
  if (const std::string* text = value.as_string()) {
    if (text->find_first_not_of(" \t\r\n") == std::string::npos) return SearchParams();
    Result<Value> parsed = ParseJson(*text);
    if (!parsed.ok()) return InvalidField("searchParams", parsed.status().message());
    object = *std::move(parsed);
  }
  if (object.is_null()) return SearchParams();
  if (object.as_map() == nullptr) {
    return InvalidField("searchParams", std::string("expected an object, or a text with one in "
                                                    "JSON, got ") +
                                            object.type_name());
  }
  BodyFields fields(object, "searchParams.");
  SearchParams params;
  OCELLUS_ASSIGN_OR_RETURN(params.crop, fields.Boolean("crop", false));
  OCELLUS_ASSIGN_OR_RETURN(std::string range, fields.Text("range"));
  if (range.empty()) return params;
  const auto wrong = [&] {
    return InvalidField("searchParams.range",
                        "expected \"x,y,width,height\" in pixels, width and height from 1, got \"" +
                            range.substr(0, 64) + "\"");
  };
  std::string_view list = range;
  while (list.ends_with(';') || list.ends_with(' ')) list.remove_suffix(1);
  const std::vector<std::string> parts = SplitOnCommas(list);
  if (parts.size() != 4) return wrong();
  std::array<std::uint32_t, 4> numbers = {};
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const char* const end = parts[i].data() + parts[i].size();
    const auto read = std::from_chars(parts[i].data(), end, numbers[i]);
    if (read.ec != std::errc() || read.ptr != end) return wrong();
  }
  if (numbers[2] == 0 || numbers[3] == 0) return wrong();
  if (params.crop) params.range = image::Box{numbers[0], numbers[1], numbers[2], numbers[3]};
  return params;
}

Outcome<QueryBody> ReadQuery(const Value& body, QueryUse use, const QueryLimits& limits) {
  BodyFields fields(body);
  OCELLUS_ASSIGN_OR_RETURN(QueryBody query, ReadCommon(fields, limits));
  if (use != QueryUse::kLeg && query.table.empty()) return InvalidField("tableName", "required");
  OCELLUS_ASSIGN_OR_RETURN(query.weight, fields.Real("weight", 1));
  const Value* space = fields.Find("namespace");
  if (space != nullptr && space->as_int() != nullptr) {  // of a namespace field of integers
    query.name_space = std::to_string(*space->as_int());
  } else {
    OCELLUS_ASSIGN_OR_RETURN(query.name_space, fields.Text("namespace"));
  }
  if (query.name_space.size() > kMaxNamespaceBytes) {
    return InvalidField("namespace", "over " + std::to_string(kMaxNamespaceBytes) + " bytes");
  }
  OCELLUS_ASSIGN_OR_RETURN(query.score_threshold, fields.OptionalReal("scoreThreshold"));
  if (const Value* params = fields.Find("searchParams")) {
    OCELLUS_ASSIGN_OR_RETURN(query.params, ReadSearchParams(*params));
  }
  const bool content = use == QueryUse::kContent || (use == QueryUse::kLeg && HasContent(body));
  if (content) {
    OCELLUS_ASSIGN_OR_RETURN(query.contents, ReadContents(fields, limits.max_contents));
    return query;
  }
  OCELLUS_ASSIGN_OR_RETURN(const std::int64_t count,
                           fields.Integer("vectorCount", {1, 1, kMaxVectorCount}));
  query.vector_count = static_cast<std::uint32_t>(count);
  if (const Value* vector = fields.Find("vector")) {
    Result<store::Vector> cast = CastVector(*vector);
    if (!cast.ok()) return InvalidField("vector", cast.status().message());
    if (!cast->empty()) query.vector = *std::move(cast);
  }
  OCELLUS_ASSIGN_OR_RETURN(query.sparse, ReadSparse(fields));
  if (!query.vector.has_value() && !query.sparse.has_value()) {
    return InvalidField("vector", use == QueryUse::kLeg ? "required, or content" : "required");
  }
  return query;
}

Outcome<MultiQueryBody> ReadMultiQuery(const Value& body, const QueryLimits& limits) {
  BodyFields fields(body);
  MultiQueryBody multi;
  OCELLUS_ASSIGN_OR_RETURN(multi.outer, ReadCommon(fields, limits));
  if (multi.outer.table.empty()) return InvalidField("tableName", "required");
  OCELLUS_ASSIGN_OR_RETURN(const std::string mode_text, fields.Text("mode"));
  const std::string mode = LowerCase(mode_text);
  if (mode == "max") {
    multi.mode = MultiQueryBody::Mode::kMax;
  } else if (mode == "min") {
    multi.mode = MultiQueryBody::Mode::kMin;
  } else if (!mode.empty() && mode != "sum") {
    return InvalidField("mode", "expected sum, max or min, got \"" + mode_text + "\"");
  }
  OCELLUS_ASSIGN_OR_RETURN(const Value::List queries, fields.List("queries", kMaxLegs));
  if (queries.empty()) return InvalidField("queries", "required");
  for (std::size_t i = 0; i < queries.size(); ++i) {
    const std::string at = At("queries", i);
    if (queries[i].as_map() == nullptr) {
      return InvalidField(at, std::string("expected an object, got ") + queries[i].type_name());
    }
    Outcome<QueryBody> leg = ReadQuery(queries[i], QueryUse::kLeg, limits);
    if (!leg.ok()) return Within(at, std::move(leg).status());
    if (leg->index.empty()) leg->index = multi.outer.index;
    // Of a leg that does not say how many, at least as many as are wanted in the end.
    if (queries[i].Find("topK") == nullptr || queries[i].Find("topK")->is_null()) {
      leg->top_k = std::max(leg->top_k, multi.outer.top_k);
    }
    multi.legs.push_back(*std::move(leg));
  }
  return multi;
}

Result<BatchBody> ReadBatch(const Value& body) {
  BodyFields fields(body);
  BatchBody batch;
  OCELLUS_ASSIGN_OR_RETURN(batch.timeout_ms, ReadTimeout(fields));
  OCELLUS_ASSIGN_OR_RETURN(batch.queries, fields.List("queries", kMaxBatch));
  if (batch.queries.empty()) return InvalidField("queries", "required");
  return batch;
}

bool HasContent(const Value& query) {
  for (const std::string_view name : {"content", "contents", "modal"}) {
    const Value* value = query.Find(name);
    if (value == nullptr || value->is_null()) continue;
    if (value->as_string() != nullptr && value->as_string()->empty()) continue;
    if (value->as_list() != nullptr && value->as_list()->empty()) continue;
    return true;
  }
  return false;
}

Result<FetchBody> ReadFetch(const Value& body) {
  BodyFields fields(body);
  FetchBody fetch;
  OCELLUS_ASSIGN_OR_RETURN(fetch.table, ReadTableName(body));
  OCELLUS_ASSIGN_OR_RETURN(fetch.ids, fields.List("ids", kMaxFetch));
  OCELLUS_ASSIGN_OR_RETURN(fetch.filter, fields.Text("filter"));
  OCELLUS_ASSIGN_OR_RETURN(fetch.sort, fields.Text("sort"));
  OCELLUS_ASSIGN_OR_RETURN(fetch.order, fields.OrderOf("order", Order::kAscending));
  OCELLUS_ASSIGN_OR_RETURN(const std::int64_t limit,
                           fields.Integer("limit", {100, 0, std::int64_t{kMaxFetch}}));
  OCELLUS_ASSIGN_OR_RETURN(
      const std::int64_t offset,
      fields.Integer("offset", {0, 0, std::numeric_limits<std::int64_t>::max()}));
  fetch.limit = static_cast<std::uint64_t>(limit);
  fetch.offset = static_cast<std::uint64_t>(offset);
  OCELLUS_ASSIGN_OR_RETURN(fetch.include_vector, fields.Boolean("includeVector", true));
  OCELLUS_ASSIGN_OR_RETURN(fetch.output_fields, fields.Texts("outputFields", kMaxOutputFields));
  return fetch;
}

Outcome<HybridBody> ReadHybrid(const Value& body, const QueryLimits& limits) {
  BodyFields fields(body);
  HybridBody hybrid;
  OCELLUS_ASSIGN_OR_RETURN(hybrid.table, ReadTableName(body));
  OCELLUS_ASSIGN_OR_RETURN(
      const std::int64_t size,
      fields.Integer("size", {std::min<std::int64_t>(100, limits.max_top_k), 0, limits.max_top_k}));
  OCELLUS_ASSIGN_OR_RETURN(const std::int64_t from,
                           fields.Integer("from", {0, 0, limits.max_top_k}));
  if (size + from > limits.max_top_k) {
    return InvalidField(
        "from", "from and size together are over the limit of " + std::to_string(limits.max_top_k));
  }
  hybrid.size = static_cast<std::uint32_t>(size);
  hybrid.from = static_cast<std::uint32_t>(from);
  OCELLUS_ASSIGN_OR_RETURN(hybrid.order, fields.OrderOf("order", Order::kDescending));
  OCELLUS_ASSIGN_OR_RETURN(hybrid.output_fields, fields.Texts("outputFields", kMaxOutputFields));
  OCELLUS_ASSIGN_OR_RETURN(hybrid.timeout_ms, ReadTimeout(fields));
  OCELLUS_ASSIGN_OR_RETURN(const Value knn, fields.Object("knn"));
  if (!knn.as_map()->empty()) {
    Outcome<QueryBody> query = ReadQuery(knn, QueryUse::kLeg, limits);
    if (!query.ok()) return Within("knn", std::move(query).status());
    hybrid.knn = *std::move(query);
  }
  OCELLUS_ASSIGN_OR_RETURN(const Value text, fields.Object("text"));
  if (!text.as_map()->empty()) {
    BodyFields inner(text, "text.");
    TextBody read;
    OCELLUS_ASSIGN_OR_RETURN(read.query, inner.Text("queryString"));
    if (read.query.empty()) return InvalidField("text.queryString", "required");
    OCELLUS_ASSIGN_OR_RETURN(read.filter, inner.Text("filter"));
    OCELLUS_ASSIGN_OR_RETURN(read.weight, inner.Real("weight", 1));
    OCELLUS_ASSIGN_OR_RETURN(const Value params, inner.Object("queryParams"));
    BodyFields options(params, "text.queryParams.");
    OCELLUS_ASSIGN_OR_RETURN(const std::string op, options.Text("default_op"));
    read.any_word = LowerCase(op) == "or";
    if (!read.any_word && !op.empty() && LowerCase(op) != "and") {
      return InvalidField("text.queryParams.default_op", "expected AND or OR, got \"" + op + "\"");
    }
    OCELLUS_ASSIGN_OR_RETURN(std::string whole, options.Text("no_token_indexes"));
    std::replace(whole.begin(), whole.end(), ';', ',');
    if (!whole.empty()) read.untokenized = SplitOnCommas(whole);
    hybrid.text = std::move(read);
  }
  if (!hybrid.knn.has_value() && !hybrid.text.has_value()) {
    return InvalidField("knn", "required, or text");
  }
  OCELLUS_ASSIGN_OR_RETURN(const Value rank, fields.Object("rank"));
  if (const Value* rrf = rank.Find("rrf"); rrf != nullptr && !rrf->is_null()) {
    if (rrf->as_map() == nullptr) {
      return InvalidField("rank.rrf", std::string("expected an object, got ") + rrf->type_name());
    }
    BodyFields inner(*rrf, "rank.rrf.");
    OCELLUS_ASSIGN_OR_RETURN(const double constant, inner.Real("rankConstant", 60));
    if (constant < 1 || constant > 1e6) {
      return InvalidField("rank.rrf.rankConstant", "expected 1 to 1000000");
    }
    hybrid.rrf_constant = constant;
  }
  return hybrid;
}

Result<AggregateBody> ReadAggregate(const Value& body) {
  using Kind = store::AggregateFunction::Kind;
  BodyFields fields(body);
  AggregateBody aggregate;
  OCELLUS_ASSIGN_OR_RETURN(aggregate.table, ReadTableName(body));
  OCELLUS_ASSIGN_OR_RETURN(aggregate.filter, fields.Text("filter"));
  OCELLUS_ASSIGN_OR_RETURN(aggregate.group_keys, fields.Texts("groupKeys", kMaxAggregates));
  OCELLUS_ASSIGN_OR_RETURN(const Value::List functions, fields.List("aggFuncs", kMaxAggregates));
  for (std::size_t i = 0; i < functions.size(); ++i) {
    const std::string at = At("aggFuncs", i);
    if (functions[i].as_map() == nullptr) {
      return InvalidField(at, std::string("expected an object, got ") + functions[i].type_name());
    }
    BodyFields inner(functions[i], at + ".");
    AggregateBody::Function function;
    OCELLUS_ASSIGN_OR_RETURN(const std::string word, inner.Text("func"));
    static constexpr std::array<std::pair<std::string_view, Kind>, 5> kFunctions = {
        {{"count", Kind::kCount},
         {"sum", Kind::kSum},
         {"avg", Kind::kAverage},
         {"min", Kind::kMin},
         {"max", Kind::kMax}}};
    const auto* known = std::find_if(kFunctions.begin(), kFunctions.end(),
                                     [&](const auto& row) { return row.first == LowerCase(word); });
    if (known == kFunctions.end()) {
      return InvalidField(at + ".func",
                          "expected max, min, avg, sum or count, got \"" + word + "\"");
    }
    function.kind = known->second;
    OCELLUS_ASSIGN_OR_RETURN(const std::vector<std::string> args, inner.Texts("args", 8));
    if (args.size() > 1) return InvalidField(at + ".args", "expected one argument");
    if (!args.empty() && args.front() != "*") function.argument = args.front();
    if (function.argument.empty() && function.kind != Kind::kCount) {
      return InvalidField(at + ".args", "required");
    }
    OCELLUS_ASSIGN_OR_RETURN(function.name, inner.Text("name"));
    if (function.name.empty()) {
      function.name = UpperCase(known->first) + "(" + (args.empty() ? "" : args.front()) + ")";
    }
    aggregate.functions.push_back(std::move(function));
  }
  OCELLUS_ASSIGN_OR_RETURN(const Value::List order, fields.List("orderBy", kMaxAggregates));
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::string at = At("orderBy", i);
    if (order[i].as_map() == nullptr) {
      return InvalidField(at, std::string("expected an object, got ") + order[i].type_name());
    }
    BodyFields inner(order[i], at + ".");
    AggregateBody::OrderKey key;
    OCELLUS_ASSIGN_OR_RETURN(key.column, inner.Text("field"));
    OCELLUS_ASSIGN_OR_RETURN(key.order, inner.OrderOf("direction", Order::kAscending));
    aggregate.order_by.push_back(std::move(key));
  }
  OCELLUS_ASSIGN_OR_RETURN(const std::int64_t limit,
                           fields.Integer("limit", {std::int64_t{store::kMaxGroups}, 0,
                                                    std::numeric_limits<std::uint32_t>::max()}));
  aggregate.limit = std::min<std::uint64_t>(static_cast<std::uint64_t>(limit), store::kMaxGroups);
  if (aggregate.group_keys.empty() && aggregate.functions.empty()) {
    return InvalidField("aggFuncs", "required, or groupKeys");
  }
  return aggregate;
}

Result<std::string> ReadTableName(const Value& body) {
  BodyFields fields(body);
  OCELLUS_ASSIGN_OR_RETURN(std::string name, fields.Text("tableName"));
  if (name.empty()) return InvalidField("tableName", "required");
  return name;
}

}  // namespace ocellus::api::vector
