#include "api/vector/requests.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ocellus::api::vector {
namespace {

Outcome<QueryBody> Query(const std::string& json, QueryUse use = QueryUse::kVector) {
  const Result<Value> body = ParseJson(json);
  EXPECT_TRUE(body.ok()) << json;
  return ReadQuery(*body, use, {});
}

// The message of the refusal of a query on table t with these members.
std::string Refusal(const std::string& members, QueryUse use = QueryUse::kVector) {
  const Outcome<QueryBody> query = Query(R"({"tableName":"t",)" + members + "}", use);
  EXPECT_FALSE(query.ok()) << members;
  return query.ok() ? "" : query.failure().message;
}

TEST(VectorRequests, ANamespaceMayBeAnInteger) {
  const Value body = *ParseJson(R"({"tableName":"t","vector":[1],"namespace":-5})");
  const Outcome<QueryBody> query = ReadQuery(body, QueryUse::kVector, {});
  ASSERT_TRUE(query.ok());
  EXPECT_EQ(query->name_space, "-5");
}

TEST(VectorRequests, BadQueriesNameTheField) {
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {R"("vector":"red cat")", "vector: [0]: expected a finite number, got \"red cat\""},
      {R"("vector":{"a":1})", "vector: expected a list of numbers"},
      {R"("vector":[1,"x"])", "vector: [1]: expected a finite FLOAT, got \"x\""},
      {R"("vector":[1,null])", "vector: [1]"},
      {R"("vector":["nan"])", "vector: [0]"},
      {R"("vector":[1e39])", "vector: [0]"},
      {R"("vector":[1,[2]])", "vector: [1]"},
      {R"("vector":[])", "vector: required"},
      {R"("vector":[1],"topK":0)", "topK: expected an integer from 1 to 1000, got 0"},
      {R"("vector":[1],"topK":-5)", "topK"},
      {R"("vector":[1],"topK":1001)", "topK"},
      {R"("vector":[1],"topK":1.5)", "topK"},
      {R"("vector":[1],"topK":"many")", "topK"},
      {R"("vector":[1],"vectorCount":0)", "vectorCount"},
      {R"("vector":[1],"vectorCount":65)", "vectorCount"},
      {R"("vector":[1],"order":"UP")", "order: expected ASC or DESC, got \"UP\""},
      {R"("vector":[1],"includeVector":"maybe")", "includeVector: expected true or false"},
      {R"("vector":[1],"outputFields":"a")", "outputFields: expected a list"},
      {R"("vector":[1],"outputFields":[1])", "outputFields[0]: expected a string, got 1"},
      {R"("vector":[1],"filter":["a"])", "filter: expected a string"},
      {R"("vector":[1],"scoreThreshold":"hot")", "scoreThreshold: expected a finite number"},
      {R"("vector":[1],"sorts":[{"order":"ASC"}])", "sorts[0].expression: required"},
      {R"("vector":[1],"sorts":[5])", "sorts[0]: expected an object"},
      {R"("vector":[1],"sparseData":[1])", "sparseData: expected an object"},
      {R"("vector":[1],"sparseData":{"indices":[1,2],"values":[1]})",
       "sparseData: 2 indices and 1"},
      {R"("vector":[1],"sparseData":{"indices":[-1],"values":[1]})", "sparseData.indices"},
      {R"("vector":[1],"sparseData":{"indices":[1],"values":["inf"]})", "sparseData.values"},
      {R"("vector":[1],"sparseData":{"count":[2],"indices":[1],"values":[1]})", "sparseData.count"},
      {R"("vector":[1],"searchParams":"{")", "searchParams: not valid JSON"},
      {R"("vector":[1],"searchParams":"[]")", "searchParams: expected an object"},
      {R"("vector":[1],"searchParams":5)", "searchParams: expected an object"},
      {R"("vector":[1],"textQueryString":"a")", "textQueryString: not available"},
      {R"("vector":[1],"namespace":5.5)", "namespace: expected a string"},
      {R"("vector":[1],"weight":"heavy")", "weight"},
  };
  for (const auto& [members, message] : wrong) {
    EXPECT_EQ(Refusal(members).substr(0, message.size()), message);
  }
  EXPECT_EQ(Query(R"({"vector":[1]})").failure().message, "tableName: required");
  EXPECT_EQ(Query(R"({"tableName":"","vector":[1]})").failure().message, "tableName: required");
}

TEST(VectorRequests, BadContentNamesTheField) {
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {R"("content":"a")", "modal: required"},
      {R"("content":"a","modal":"smell")", "modal: expected text, image, video or fusion"},
      {R"("modal":"text")", "content: required"},
      {R"("content":"  ","modal":"text")", "content: must not be empty"},
      {R"("content":5,"modal":"text")", "content: expected a string, got 5"},
      {R"("content":"a","modal":"text","contentType":"image_encode")", "contentType"},
      {R"("content":"a","modal":"text","contentType":"smell")", "contentType: expected text or"},
      {R"("modal":"fusion")", "contents: required"},
      {R"("contents":["a"],"modal":"fusion")", "contentType: 0 types for 1 contents"},
      {R"("contents":["a","b"],"contentType":"text","modal":"fusion")",
       "contentType: 1 types for 2 contents"},
      {R"("contents":["a","b"],"contentType":"text,","modal":"fusion")", "contentType: expected"},
      {R"("contents":"a,b","contentType":"text,text","modal":"fusion")",
       "contents: expected a list"},
      {R"("contents":["",""],"contentType":"text,text","modal":"fusion")", "contents[0]: must not"},
  };
  for (const auto& [members, message] : wrong) {
    EXPECT_EQ(Refusal(members, QueryUse::kContent).substr(0, message.size()), message) << members;
  }
  for (const char* members :
       {R"("content":"oss://b/v/7.mp4","modal":"video","contentType":"video_uri")",
        R"("content":"data:video/mp4;base64,AAAA","modal":"image")",
        R"("contents":["a","oss://x"],"contentType":"text,video_uri","modal":"fusion")"}) {
    const Outcome<QueryBody> query =
        Query(R"({"tableName":"t",)" + std::string(members) + "}", QueryUse::kContent);
    ASSERT_FALSE(query.ok());
    EXPECT_EQ(query.failure().id, ErrorId::kNotSupported) << members;
  }
}

TEST(VectorRequests, ReadsWhatThePythonClientSends) {
  const Outcome<QueryBody> query = Query(
      R"({"tableName":"t","vector":[1,2.5,"3"],"sorts":[],"queries":[],"outputFields":[],"filter":"",)"
      R"("namespace":"","searchParams":"","topK":5,"order":"desc","sparseData":{"count":[1],)"
      R"("indices":[7],"values":[0.5]},"scoreThreshold":-1e-07,"kvpairs":{"a":"b"},"unknown":1})");
  ASSERT_TRUE(query.ok()) << query.failure().message;
  EXPECT_EQ(*query->vector, (store::Vector{1, 2.5F, 3}));
  EXPECT_EQ(query->top_k, 5U);
  EXPECT_EQ(query->order, Order::kDescending);
  EXPECT_EQ(query->sparse->indices, std::vector<std::int64_t>{7});
  EXPECT_DOUBLE_EQ(*query->score_threshold, -1e-07);
  EXPECT_FALSE(query->timeout_ms.has_value());
}

TEST(VectorRequests, SearchParams) {
  const auto read = [](const Value& value) { return ReadSearchParams(value); };
  EXPECT_FALSE(read("")->crop);
  EXPECT_FALSE(read("{}")->crop);
  EXPECT_TRUE(read(R"({"crop":true,"qc.searcher.scan_ratio":0.02})")->crop);
  EXPECT_TRUE(read(Value(Value::Map{{"crop", true}}))->crop);
  const auto with_range = read(R"({"crop":true,"range":"40,30,200,160;"})");
  ASSERT_TRUE(with_range.ok());
  EXPECT_EQ(with_range->range->x, 40U);
  EXPECT_EQ(with_range->range->height, 160U);
  EXPECT_FALSE(read(R"({"range":"40,30,200,160"})")->range.has_value());  // without crop
  for (const char* range :
       {"40,30,200", "40,30,200,160,1", "-1,0,5,5", "0,0,0,5", "0,0,5,0", "a,b,c,d", "1.5,0,5,5",
        "0,0,5,99999999999", ",,,", "0,0,5,5;1,1,5,5"}) {
    const auto refused = read(std::string(R"({"crop":true,"range":")") + range + R"("})");
    ASSERT_FALSE(refused.ok()) << range;
    EXPECT_EQ(refused.status().message().find("searchParams.range: expected"), 0U);
  }
  EXPECT_FALSE(read(R"({"crop":"perhaps"})").ok());
}

TEST(VectorRequests, OtherBodies) {
  const auto json = [](const char* text) { return *ParseJson(text); };
  EXPECT_TRUE(ReadFetch(json(R"({"tableName":"t","ids":["1",2]})")).ok());
  EXPECT_TRUE(ReadFetch(json(R"({"tableName":"t"})"))->include_vector);
  EXPECT_FALSE(ReadFetch(json(R"({"tableName":"t","limit":-1})")).ok());
  EXPECT_FALSE(ReadFetch(json(R"({"tableName":"t","offset":-1})")).ok());
  EXPECT_FALSE(ReadFetch(json(R"({"tableName":"t","limit":10001})")).ok());
  EXPECT_FALSE(ReadFetch(json(R"({"tableName":"t","ids":"1"})")).ok());

  EXPECT_EQ(ReadMultiQuery(json(R"({"tableName":"t","queries":[]})"), {}).failure().message,
            "queries: required");
  EXPECT_EQ(ReadMultiQuery(json(R"({"tableName":"t","queries":[{"vector":"x"}]})"), {})
                .failure()
                .message.substr(0, 18),
            "queries[0].vector:");
  EXPECT_FALSE(
      ReadMultiQuery(json(R"({"tableName":"t","queries":[{"vector":[1]}],"mode":"avg"})"), {})
          .ok());
  const auto multi = ReadMultiQuery(
      json(R"({"tableName":"t","indexName":"i","topK":7,"mode":"MAX","queries":[{"vector":[1]},)"
           R"({"content":"a","modal":"text","indexName":"j","topK":3,"weight":0.5}]})"),
      {});
  ASSERT_TRUE(multi.ok()) << multi.failure().message;
  EXPECT_EQ(multi->mode, MultiQueryBody::Mode::kMax);
  EXPECT_EQ(multi->legs[0].index, "i");
  EXPECT_EQ(multi->legs[0].top_k, 100U);
  EXPECT_EQ(multi->legs[1].index, "j");
  EXPECT_EQ(multi->legs[1].top_k, 3U);

  EXPECT_FALSE(ReadHybrid(json(R"({"tableName":"t"})"), {}).ok());
  EXPECT_FALSE(ReadHybrid(json(R"({"tableName":"t","text":{"weight":1}})"), {}).ok());
  EXPECT_FALSE(
      ReadHybrid(json(R"({"tableName":"t","text":{"queryString":"a"},"size":600,"from":600})"), {})
          .ok());
  const auto hybrid = ReadHybrid(
      json(R"({"tableName":"t","text":{"queryString":"a","queryParams":{"default_op":"or"}},)"
           R"("rank":{"rrf":{"rankConstant":"10"}}})"),
      {});
  ASSERT_TRUE(hybrid.ok()) << hybrid.failure().message;
  EXPECT_EQ(*hybrid->rrf_constant, 10);
  EXPECT_TRUE(hybrid->text->any_word);

  EXPECT_FALSE(ReadAggregate(json(R"({"tableName":"t"})")).ok());
  EXPECT_FALSE(ReadAggregate(json(R"({"tableName":"t","aggFuncs":[{"func":"median"}]})")).ok());
  EXPECT_FALSE(ReadAggregate(json(R"({"tableName":"t","aggFuncs":[{"func":"sum"}]})")).ok());
  EXPECT_EQ(ReadAggregate(json(R"({"tableName":"t","aggFuncs":[{"func":"count","args":["id"]}]})"))
                ->functions[0]
                .name,
            "COUNT(id)");
  EXPECT_FALSE(ReadBatch(json(R"({"queries":[]})")).ok());
}

TEST(VectorRequests, BodiesAreJsonOrProtobuf) {
  Request request;
  request.body = "[]";
  EXPECT_FALSE(ReadBody(request, Message::kStatsQuery).ok());
  request.body = "";
  EXPECT_FALSE(ReadBody(request, Message::kStatsQuery).ok());
  request.headers = {{"content-type", "application/protobuf"}};
  request.body = std::string("\x0A\x01t");
  EXPECT_EQ(*ReadBody(request, Message::kStatsQuery), Value(Value::Map{{"tableName", "t"}}));
  request.body = "{}";
  EXPECT_FALSE(ReadBody(request, Message::kStatsQuery).ok());
}

}  // namespace
}  // namespace ocellus::api::vector
