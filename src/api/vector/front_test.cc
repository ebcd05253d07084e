#include "api/vector/front.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "api/testing/harness.h"
#include "base/base64.h"

namespace ocellus::api::vector {
namespace {

using engine::testing::JpegOf;
using engine::testing::kBlue;
using engine::testing::kGreen;
using engine::testing::kRed;
using testing::At;
using testing::BodyOf;
using testing::Harness;

constexpr char kTables[] = "/openapi/ha3/instances/ha-cn-1/tables";

class VectorFront : public ::testing::Test {
 protected:
  VectorFront() {
    Must(harness_.Call(
        "POST", kTables,
        R"({"name":"goods","primaryKey":"id","fieldSchema":{"id":"STRING","shop":"STRING",
      "price":"DOUBLE","v":"MULTI_FLOAT","photo":"STRING","pv":"MULTI_FLOAT","fv":"MULTI_FLOAT"},
      "vectorIndex":[
        {"indexName":"flat","vectorField":"v","dimension":"2","distanceType":"SquaredEuclidean"},
        {"indexName":"spaces","vectorField":"pv","dimension":"","distanceType":"InnerProduct","namespace":"shop"},
        {"indexName":"both","vectorField":"fv","dimension":"0","distanceType":"InnerProduct"}],
      "dataProcessConfig":[
        {"dstField":"pv","srcField":"photo","operator":"vectorize","params":{"vectorModal":"image","vectorModel":""}},
        {"dstField":"fv","srcField":"photo,shop","operator":"vectorize","params":{"vectorModal":"fusion"}}]})"));
    Value::List documents;
    const auto add = [&](const char* id, const char* shop, double price, int x,
                         engine::testing::Colour colour) {
      documents.push_back(
          Value::Map{{"cmd", "add"},
                     {"fields", Value::Map{{"id", id},
                                           {"shop", shop},
                                           {"price", price},
                                           {"v", Value::List{x, 0}},
                                           {"free", x},
                                           {"photo", EncodeBase64(AsBytes(JpegOf(colour)))}}}});
    };
    add("red", "a", 5, 0, kRed);
    add("green", "a", 20, 1, kGreen);
    add("blue", "b", 10, 2, kBlue);
    Must(harness_.Call("POST", "/update/ha-cn-1_goods/actions/bulk", WriteJson(documents)));
  }

  static void Must(const Response& response) {
    EXPECT_EQ(response.status, 200) << response.body;
    EXPECT_EQ(At(BodyOf(response), "errorCode"), Value()) << response.body;
  }

  Value Data(const std::string& call, const std::string& body) {
    const Response response = harness_.Call("POST", "/vector-service/" + call, body);
    EXPECT_EQ(response.status, 200) << response.body;
    return BodyOf(response);
  }
  Value Query(const std::string& members, const std::string& call = "query") {
    return Data(call, R"({"tableName":"goods",)" + members + "}");
  }
  std::string Ids(const Value& body) {
    EXPECT_EQ(At(body, "errorCode"), Value()) << WriteJson(body);
    std::string ids;
    const Value result = At(body, "result");
    if (result.as_list() == nullptr) return WriteJson(body);
    for (const Value& item : *result.as_list()) {
      ids += (ids.empty() ? "" : " ") + *At(item, "id").as_string();
    }
    return ids;
  }
  // The answer is a failure as clients look for it.
  void ExpectFailure(const Value& body, int code, const std::string& says) {
    EXPECT_EQ(At(body, "errorCode"), Value(code)) << WriteJson(body).substr(0, 500);
    const Value message = At(body, "errorMsg");
    ASSERT_NE(message.as_string(), nullptr);
    EXPECT_NE(message.as_string()->find(says), std::string::npos) << *message.as_string();
    EXPECT_EQ(At(body, "totalCount"), Value(0));
    ASSERT_NE(body.Find("result"), nullptr);
  }

  Harness harness_;
};

TEST_F(VectorFront, BadInputIsToldClearly) {
  ExpectFailure(Data("query", ""), 10001, "body:");
  ExpectFailure(Data("query", "[]"), 10001, "body:");
  ExpectFailure(Data("query", "{\"tableName\":"), 10001, "JSON");
  ExpectFailure(Data("query", R"({"tableName":"nope","vector":[1,2]})"), 10002, "no such table");
  ExpectFailure(Data("query", R"({"tableName":"ocellus.jobs","vector":[1,2]})"), 10002, "no such");
  ExpectFailure(Query(R"("vector":[1,2],"indexName":"nope")"), 10003, "flat, spaces, both");
  ExpectFailure(Query(R"("vector":[1,2,3])"), 10005, "2 dimensions");
  ExpectFailure(Query(R"("vector":[1,2],"vectorCount":2)"), 10005, "vectorCount is 2");
  ExpectFailure(Query(R"("vector":[1,2],"filter":"price >")"), 10004, "position 8");
  ExpectFailure(Query(R"("vector":[1,2],"filter":"colour=1")"), 10004, "unknown field \"colour\"");
  ExpectFailure(Query(R"("vector":[1,2],"filter":"v=1")"), 10004, "unknown field \"v\"");
  ExpectFailure(Query(R"("vector":[1,2],"outputFields":["colour"])"), 10001, "colour");
  ExpectFailure(Query(R"("vector":[1,2],"sort":"colour")"), 10004, "colour");
  ExpectFailure(Query(R"("vector":[1,2],"sort":"price price")"), 10004, "position 7");
  ExpectFailure(Query(R"("vector":[1,2],"sorts":[{"expression":"(","order":"ASC"}])"), 10004,
                "sorts[0].expression: position 2");
  ExpectFailure(Query(R"("vector":[1,2],"namespace":"a")"), 10001, "has no namespace");
  ExpectFailure(Query(R"("vector":[1,2],"sparseData":{"indices":[1],"values":[1]})"), 10001,
                "no sparse part");
  ExpectFailure(Query(R"("content":"red","modal":"text")", "inference-query"), 10001,
                "come from the caller");
  ExpectFailure(Query(R"("content":"red","modal":"text","indexName":"spaces")", "inference-query"),
                10001, "namespace: required");
  ExpectFailure(Query(R"("content":"!!","modal":"image","indexName":"both")", "inference-query"),
                10008, "content:");
  ExpectFailure(
      Query(R"("content":"oss://b/k.jpg","modal":"image","indexName":"both")", "inference-query"),
      10008, "content:");
  ExpectFailure(Query(R"("content":"x","modal":"video","indexName":"both")", "inference-query"),
                10023, "video");
  ExpectFailure(Data("multi-query", R"({"tableName":"goods","queries":[{"vector":[1]}]})"), 10005,
                "queries[0].vector");
  ExpectFailure(Data("fetch", R"({"tableName":"goods","filter":"("})"), 10004, "position 2");
  ExpectFailure(Data("aggregate", R"({"tableName":"goods","groupKeys":["nope"]})"), 10001, "nope");
  ExpectFailure(
      Data("aggregate", R"({"tableName":"goods","aggFuncs":[{"func":"sum","args":["shop"]}]})"),
      10001, "aggFuncs[0].args: expected numbers, shop is a text");
  ExpectFailure(Data("search", R"({"tableName":"goods","text":{"queryString":"price:'x'"}})"),
                10001, "text.queryString: position 1");
}

TEST_F(VectorFront, AnswersByRankFilterAndThreshold) {
  EXPECT_EQ(Ids(Query(R"("vector":[0.9,0])")), "green red blue");
  EXPECT_EQ(Ids(Query(R"("vector":[0.9,0],"order":"DESC")")), "blue red green");
  EXPECT_EQ(Ids(Query(R"("vector":[0.9,0],"topK":2,"order":"DESC")")), "red green");
  EXPECT_EQ(Ids(Query(R"("vector":[1,0],"scoreThreshold":1)")), "green");
  EXPECT_EQ(Ids(Query(R"("vector":[0,0],"filter":"price*2 > 15 AND shop != \"b\"")")), "green");
  EXPECT_EQ(Ids(Query(R"-("vector":[0,0],"filter":"free IN (0, 2)")-")), "red blue");
  EXPECT_EQ(Ids(Query(R"("vector":[0,0],"sort":"-price")")), "green blue red");
  EXPECT_EQ(Ids(Query(R"("vector":[0,0],"sort":"free*-1")")), "blue green red");
  EXPECT_EQ(Ids(Query(R"("vector":[0,0,2,0],"vectorCount":2,"topK":2)")), "red blue");
  EXPECT_EQ(Ids(Query(R"("vector":[0,0],"sorts":[],"outputFields":[],"filter":"")")),
            "red green blue");

  const Value sorted = Query(
      R"("vector":[0,0],"sorts":[{"expression":"shop","order":"DESC"},{"expression":"score","order":"ASC"}])");
  EXPECT_EQ(Ids(sorted), "blue red green");
  EXPECT_EQ(WriteJson(At(sorted, "result.2.score")), R"(["a",1.0])");

  const Value shown =
      Query(R"("vector":[1,0],"topK":1,"outputFields":["price","v","free"],"includeVector":true)");
  EXPECT_EQ(
      WriteJson(At(shown, "result.0")),
      R"({"id":"green","score":0.0,"fields":{"price":20.0,"v":[1.0,0.0],"free":1},"vector":[1.0,0.0]})");
}

TEST_F(VectorFront, InnerProductsKeepWhatIsLarger) {
  const std::string red = R"("indexName":"spaces","namespace":"a","modal":"text","content":"red")";
  EXPECT_EQ(Ids(Query(red + R"(,"order":"DESC")", "inference-query")), "red green");
  EXPECT_EQ(Ids(Query(red, "inference-query")), "green red");  // ASC: the nearest is last
  EXPECT_EQ(Ids(Query(red + R"(,"scoreThreshold":0.5)", "inference-query")), "red");
  EXPECT_EQ(At(Query(red + R"(,"topK":1,"order":"DESC")", "inference-query"), "result.0.namespace"),
            Value("a"));
}

TEST_F(VectorFront, PicturesAndFusion) {
  const std::string blue = EncodeBase64(AsBytes(JpegOf(kBlue)));
  const std::string picture = R"("indexName":"spaces","namespace":"b","modal":"image","content":")";
  EXPECT_EQ(Ids(Query(picture + blue + "\"", "inference-query")), "blue");
  EXPECT_EQ(Ids(Query(picture + "data:image/jpeg;base64," + blue + "\"", "inference-query")),
            "blue");
  EXPECT_EQ(
      Ids(Query(R"("indexName":"both","modal":"fusion","order":"DESC","topK":1,"contents":["blue",)"
                R"("data:image/jpeg;base64,)" +
                    blue + R"("],"contentType":"text,image_encode")",
                "inference-query")),
      "blue");
  ExpectFailure(
      Query(R"("indexName":"both","modal":"fusion","contents":["a","b"],"contentType":"text")",
            "inference-query"),
      10001, "contentType");
  const Value cropped =
      Query(picture + blue + R"(","searchParams":"{\"crop\":true,\"range\":\"2,3,20,10\"}")",
            "inference-query");
  EXPECT_EQ(At(cropped, "__meta__.__range__"), Value("2,3,20,10;")) << WriteJson(cropped);
  ExpectFailure(
      Query(picture + blue + R"(","searchParams":"{\"crop\":true,\"range\":\"9000,3,20,10\"}")",
            "inference-query"),
      10001, "searchParams.range");
}

TEST_F(VectorFront, MultiQueriesScoreEveryCandidateInFull) {
  const auto multi = [&](const std::string& rest) {
    return Data("multi-query", R"({"tableName":"goods",)" + rest + "}");
  };
  // Each leg looks at one row only, and still all candidates have the scores of both legs.
  const Value sum = multi(
      R"("queries":[{"vector":[0,0],"topK":1},{"vector":[2,0],"topK":1,"weight":2}],"outputFields":["price"])");
  EXPECT_EQ(Ids(sum), "blue red");
  EXPECT_EQ(At(sum, "result.0.score"), Value(4.0));
  EXPECT_EQ(At(sum, "result.1.score"), Value(8.0));
  EXPECT_EQ(At(sum, "result.1.fields.price"), Value(5.0));
  EXPECT_EQ(At(multi(R"("mode":"max","topK":1,"queries":[{"vector":[0,0]},{"vector":[2,0]}])"),
               "result.0.id"),
            Value("green"));
  EXPECT_EQ(
      At(multi(
             R"("mode":"min","topK":1,"filter":"free > 0","queries":[{"vector":[0,0]},{"vector":[2,0]}])"),
         "result.0.id"),
      Value("blue"));
  ExpectFailure(
      multi(R"("queries":[{"vector":[0,0]},{"content":"red","modal":"text","indexName":"both"}])"),
      10001, "cannot be merged");
  ExpectFailure(multi(R"("queries":[{"vector":[0,0],"filter":"("}])"), 10004, "queries[0].filter");
}

TEST_F(VectorFront, BatchesAnswerEachForItself) {
  const Value batch = Data(
      "batch-query",
      R"({"queries":[{"tableName":"goods","vector":[0,0],"topK":1},{"tableName":"nope","vector":[1]},5,
          {"tableName":"goods","indexName":"both","content":"red","modal":"text","topK":1,"order":"DESC"}]})");
  ASSERT_NE(batch.as_list(), nullptr) << WriteJson(batch);
  EXPECT_EQ(At(batch, "0.result.0.id"), Value("red"));
  EXPECT_EQ(At(batch, "1.errorCode"), Value(10002));
  EXPECT_EQ(At(batch, "2.errorCode"), Value(10001));
  EXPECT_EQ(At(batch, "3.result.0.id"), Value("red"));
  const Value late =
      Data("batch-query", R"({"timeout":0,"queries":[{"tableName":"goods","vector":[0,0]}]})");
  EXPECT_EQ(At(late, "0.errorCode"), Value(10007));
}

TEST_F(VectorFront, FetchesByIdAndByFilter) {
  EXPECT_EQ(Ids(Data("fetch", R"({"tableName":"goods","ids":["blue","nope","red"],"filter":"("})")),
            "blue red");
  EXPECT_EQ(Ids(Data("fetch", R"({"tableName":"goods","sort":"-price","limit":2})")), "green blue");
  EXPECT_EQ(Ids(Data("fetch", R"({"tableName":"goods","sort":"price","offset":1,"limit":1})")),
            "blue");
  EXPECT_EQ(Ids(Data("fetch", R"({"tableName":"goods","limit":0})")), "");
  const Value one = Data("fetch", R"({"tableName":"goods","ids":["red"]})");
  EXPECT_EQ(At(one, "result.0.fields.free"), Value(0));
  EXPECT_EQ(At(one, "result.0.fields.shop"), Value("a"));
  EXPECT_EQ(At(one, "result.0.fields.photo"), Value(EncodeBase64(AsBytes(JpegOf(kRed)))));
  EXPECT_EQ(WriteJson(At(one, "result.0.vector")), "[0.0,0.0]");
  EXPECT_EQ(At(one, "result.0").Find("score"), nullptr);
  const Value bare =
      Data("fetch",
           R"({"tableName":"goods","ids":["red"],"includeVector":false,"outputFields":["shop"]})");
  EXPECT_EQ(WriteJson(At(bare, "result.0")), R"({"id":"red","fields":{"shop":"a"}})");
}

TEST_F(VectorFront, AnswersAreHeldToALimit) {
  testing::HarnessOptions options;
  options.vector.max_answer_bytes = 10'000;
  const Harness harness(options);
  Must(harness.Call(
      "POST", kTables,
      R"({"name":"goods","primaryKey":"id","fieldSchema":{"id":"INT64","photo":"STRING",
      "v":"MULTI_FLOAT"},"vectorIndex":[{"vectorField":"v"}],"dataProcessConfig":[{"dstField":"v",
      "srcField":"photo","operator":"vectorize","params":{"vectorModal":"image"}}]})"));
  const std::string photo = EncodeBase64(AsBytes(JpegOf(kRed)));
  std::string body = "[";
  for (int i = 0; i < 40; ++i) {
    body += (i > 0 ? "," : "") + std::string(R"({"cmd":"add","fields":{"id":)") +
            std::to_string(i) + R"(,"photo":")" + photo + R"("}})";
  }
  Must(harness.Call("POST", "/update/goods/actions/bulk", body + "]"));
  const auto fetch = [&](const std::string& limit) {
    return BodyOf(harness.Call("POST", "/vector-service/fetch",
                               R"({"tableName":"goods","limit":)" + limit + "}"));
  };
  EXPECT_EQ(At(fetch("5"), "result.4.fields.photo"), Value(photo));
  ExpectFailure(fetch("40"), 10001, "ask for fewer");
  const Value query = BodyOf(harness.Call(
      "POST", "/vector-service/inference-query",
      R"({"tableName":"goods","modal":"text","content":"red","outputFields":["photo"]})"));
  ExpectFailure(query, 10001, "the limit of 10000 bytes");
}

TEST_F(VectorFront, StatsAndActive) {
  EXPECT_EQ(WriteJson(Data("stats", R"({"tableName":"goods"})")),
            R"({"stats":[{"totalDocCount":3,"totalSegmentCount":1,"partId":0}]})");
  EXPECT_EQ(harness_.Call("GET", "/network/active").body, R"({"status":"OK","code":200})");
}

TEST_F(VectorFront, ProtobufBodies) {
  // tableName=10 "goods", two packed floats, topK=3
  const std::string body = std::string("\x52\x05goods\x0A\x08") + std::string(8, '\0') + "\x18\x01";
  const Response response = harness_.Call("POST", "/vector-service/query", body, {},
                                          {{"content-type", "application/protobuf"}});
  EXPECT_EQ(Ids(BodyOf(response)), "red");
  ExpectFailure(BodyOf(harness_.Call("POST", "/vector-service/query", body.substr(0, 5), {},
                                     {{"content-type", "application/protobuf"}})),
                10001, "cut off");
}

TEST_F(VectorFront, TablesAreListedDescribedStoppedAndDeleted) {
  const std::string table = std::string(kTables) + "/goods";
  EXPECT_EQ(At(BodyOf(harness_.Call("GET", kTables)), "result.0.name"), Value("goods"));
  const Value described = At(BodyOf(harness_.Call("GET", table)), "result");
  EXPECT_EQ(At(described, "vectorIndex.1.dimension"), Value("4"));  // the model's
  EXPECT_EQ(At(described, "dataProcessConfig.0.params.vectorModel"), Value("colour"));
  EXPECT_EQ(At(described, "fieldSchema.price"), Value("DOUBLE"));
  EXPECT_EQ(At(described, "status"), Value("IN_USE"));

  const auto table_failure = [&](const Response& response, int status, const char* code) {
    EXPECT_EQ(response.status, status) << response.body;
    EXPECT_EQ(At(BodyOf(response), "code"), Value(code)) << response.body;
  };
  table_failure(harness_.Call("GET", std::string(kTables) + "/nope"), 404, "table.NotFound");
  table_failure(harness_.Call("DELETE", std::string(kTables) + "/nope"), 404, "table.NotFound");
  table_failure(harness_.Call("POST", kTables,
                              R"({"name":"goods","primaryKey":"id","fieldSchema":{"id":"INT8"}})"),
                409, "table.AlreadyExists");
  table_failure(harness_.Call("POST", kTables, "{"), 400, "InvalidParameter");
  table_failure(harness_.Call("POST", kTables, R"({"name":"x"})"), 400, "InvalidParameter");
  table_failure(
      harness_.Call(
          "POST", kTables,
          R"({"name":"x","primaryKey":"id","fieldSchema":{"id":"INT8","s":"STRING","v":"MULTI_FLOAT"},
      "vectorIndex":[{"vectorField":"v","dimension":"5"}],
      "dataProcessConfig":[{"dstField":"v","srcField":"s","operator":"vectorize","params":{"vectorModal":"text"}}]})"),
      400, "InvalidParameter");  // the model makes 4
  table_failure(harness_.Call("GET", table + "/index_versions/7"), 404, "path.NotFound");
  table_failure(harness_.Call("GET", "/openapi/ha3/nowhere"), 404, "path.NotFound");
  table_failure(harness_.Call("PATCH", table), 405, "MethodNotAllowed");

  const std::string dry = R"({"name":"dry","primaryKey":"id","fieldSchema":{"id":"INT8"}})";
  EXPECT_EQ(harness_.Call("POST", kTables, dry, {{"dryRun", "True"}}).status, 200);
  EXPECT_EQ(harness_.Call("GET", std::string(kTables) + "/dry").status, 404);

  EXPECT_EQ(At(BodyOf(harness_.Call("GET", table + "/index_versions")), "result.0.generationId"),
            Value(1));
  EXPECT_EQ(At(BodyOf(harness_.Call("GET", table + "/index_versions/1")), "result.status"),
            Value("ready"));
  EXPECT_EQ(WriteJson(At(BodyOf(harness_.Call("GET", "/openapi/ha3/instances/i/tasks")), "result")),
            "[]");

  const std::string index = "/openapi/ha3/instances/i/indexes/goods";
  EXPECT_EQ(harness_.Call("POST", index + "/stopIndex").status, 200);
  ExpectFailure(Query(R"("vector":[1,2])"), 10022, "stopped");
  EXPECT_EQ(At(BodyOf(harness_.Call("GET", kTables)), "result.0.status"), Value("NOT_USE"));
  EXPECT_EQ(harness_.Call("POST", index + "/startIndex").status, 200);
  EXPECT_EQ(Ids(Query(R"("vector":[0,0],"topK":1)")), "red");
  EXPECT_EQ(harness_.Call("POST", table + "/reindex", R"({"dataTimeSec":1})").status, 200);

  EXPECT_EQ(harness_.Call("DELETE", table).status, 200);
  EXPECT_EQ(harness_.Call("GET", table).status, 404);
}

TEST_F(VectorFront, ModifiesTables) {
  const std::string table = std::string(kTables) + "/goods";
  const Value described = At(BodyOf(harness_.Call("GET", table)), "result");
  Value fields = At(described, "fieldSchema");
  fields.as_map()->emplace_back("stock", "INT32");
  const Value body = Value::Map{{"fieldSchema", fields}, {"vectorIndex", Value::List()}};
  EXPECT_EQ(harness_.Call("PUT", table, WriteJson(body), {{"dryRun", "true"}}).status, 200);
  EXPECT_EQ(At(BodyOf(harness_.Call("GET", table)), "result.fieldSchema.stock"), Value());
  const Response changed = harness_.Call("PUT", table, WriteJson(body));
  EXPECT_EQ(changed.status, 200) << changed.body;
  EXPECT_EQ(At(BodyOf(harness_.Call("GET", table)), "result.fieldSchema.stock"), Value("INT32"));
  EXPECT_EQ(Ids(Query(R"("vector":[0,0],"topK":1,"outputFields":["stock"])")), "red");
  // A picture outlives the vector that was made from it.
  Value::Map rest = *fields.as_map();
  std::erase_if(rest, [](const auto& field) { return field.first == "pv" || field.first == "fv"; });
  const Value without =
      Value::Map{{"fieldSchema", rest},
                 {"vectorIndex", Value::List{At(described, "vectorIndex.0")}},
                 {"dataProcessConfig",
                  Value::List{Value::Map{
                      {"dstField", "price"}, {"srcField", "stock"}, {"operator", "copy"}}}}};
  Value kept_fields = without;
  kept_fields.as_map()->erase(kept_fields.as_map()->begin());
  EXPECT_EQ(harness_.Call("PUT", table, WriteJson(kept_fields)).status, 400);
  const Response smaller = harness_.Call("PUT", table, WriteJson(without));
  EXPECT_EQ(smaller.status, 200) << smaller.body;
  EXPECT_EQ(At(Data("fetch", R"({"tableName":"goods","ids":["red"]})"), "result.0.fields.photo"),
            Value(EncodeBase64(AsBytes(JpegOf(kRed)))));
  for (const char* wrong :
       {R"({"primaryKey":"shop"})", R"({"fieldSchema":{"id":"STRING","price":"STRING"}})", "[]", "",
        R"({"rawSchema":"{}"})", R"({"vectorIndex":[{"vectorField":"nope","dimension":"2"}]})"}) {
    EXPECT_EQ(harness_.Call("PUT", table, wrong).status, 400) << wrong;
  }
}

TEST_F(VectorFront, KeysMayDoWhatTheirRoleSays) {
  harness_.principal = {"reader", Role::kRead, std::nullopt};
  EXPECT_EQ(Ids(Query(R"("vector":[0,0],"topK":1)")), "red");
  const Response refused = harness_.Call("DELETE", std::string(kTables) + "/goods");
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(At(BodyOf(refused), "code"), Value("Forbidden"));
  harness_.principal = {"confined", Role::kAdmin, std::vector<std::string>{"other"}};
  const Response query =
      harness_.Call("POST", "/vector-service/query", R"({"tableName":"goods","vector":[0,0]})");
  EXPECT_EQ(query.status, 403);
  EXPECT_EQ(At(BodyOf(query), "errorCode"), Value(10010));
  EXPECT_EQ(WriteJson(At(BodyOf(harness_.Call("GET", kTables)), "result")), "[]");
}

TEST_F(VectorFront, LibrariesOfTheAnalyticDbFrontAreTables) {
  harness_.CreateLibrary("shoes");
  harness_.AddPicture("shoes", "r", kRed, {{"color", "red"}, {"price", 5}});
  harness_.AddPicture("shoes", "b", kBlue, {{"color", "blue"}, {"price", 9}});
  const Value described =
      At(BodyOf(harness_.Call("GET", std::string(kTables) + "/shoes")), "result");
  EXPECT_EQ(At(described, "primaryKey"), Value("image_id"));
  EXPECT_EQ(At(described, "vectorIndex.0.dimension"), Value("4"));
  EXPECT_EQ(Ids(Data("inference-query",
                     R"({"tableName":"shoes","modal":"text","content":"blue","order":"DESC"})")),
            "b r");
  EXPECT_EQ(
      Ids(Data(
          "inference-query",
          R"({"tableName":"shoes","modal":"text","content":"blue","filter":"color='red' AND price<6"})")),
      "r");
  const Value fetched = Data("fetch", R"({"tableName":"shoes","ids":["b"]})");
  EXPECT_EQ(At(fetched, "result.0.fields.image_uri"), Value("b.jpg"));
  EXPECT_EQ(At(fetched, "result.0.fields.color"), Value("blue"));
  EXPECT_EQ(At(fetched, "result.0.fields").Find("image"), nullptr);
  EXPECT_EQ(At(Data("fetch", R"({"tableName":"shoes","ids":["b"],"outputFields":["image"]})"),
               "result.0.fields.image"),
            Value(EncodeBase64(AsBytes(JpegOf(kBlue)))));
  EXPECT_EQ(harness_.Call("PUT", std::string(kTables) + "/shoes", "{}").status, 400);
}

TEST_F(VectorFront, PictureTablesAreLibrariesToRead) {
  Must(harness_.Call(
      "POST", kTables,
      R"({"name":"album","primaryKey":"id","fieldSchema":{"id":"INT64","shop":"STRING",
      "photo":"STRING","pv":"MULTI_FLOAT"},
      "vectorIndex":[{"indexName":"pv","vectorField":"pv","distanceType":"SquaredEuclidean"}],
      "dataProcessConfig":[{"dstField":"pv","srcField":"photo","operator":"vectorize","params":{"vectorModal":"image"}}]})"));
  const std::string red = EncodeBase64(AsBytes(JpegOf(kRed)));
  Must(harness_.Call("POST", "/update/album/actions/bulk",
                     R"([{"cmd":"add","fields":{"id":7,"shop":"a","free":1,"photo":")" + red +
                         R"("}},{"cmd":"add","fields":{"id":8,"shop":"b","photo":")" +
                         EncodeBase64(AsBytes(JpegOf(kBlue))) + R"("}}])"));
  const Value listed = BodyOf(harness_.Call("GET", "/api/v1/operators/image-search/library/list"));
  EXPECT_EQ(At(listed, "data.libraries.0.library_name"), Value("album")) << WriteJson(listed);
  EXPECT_EQ(At(listed, "data.libraries.0.image_count"), Value(2));
  EXPECT_EQ(At(listed, "data.libraries.1"), Value());  // goods has several vectors

  const Value found =
      BodyOf(harness_.Adb("/search/by-text", R"({"library_name":"album","text":"red"})"));
  EXPECT_EQ(At(found, "data.results.0.image_id"), Value("7")) << WriteJson(found);
  EXPECT_EQ(At(found, "data.results.0.image_base64"), Value(red));
  EXPECT_EQ(At(found, "data.results.0.tags"), Value(Value::Map{{"shop", "a"}, {"free", 1}}));
  EXPECT_GT(At(found, "data.results.0.score").number(), 0.9);
  for (const char* field : {"shop", "free"}) {
    const Value filtered = BodyOf(harness_.Adb(
        "/search/by-text",
        std::string(R"({"library_name":"album","text":"blue","tag_filter":[{"field":")") + field +
            R"(","op":"in","value":["a",1]}]})"));
    EXPECT_EQ(At(filtered, "data.results.0.image_id"), Value("7")) << WriteJson(filtered);
    EXPECT_EQ(At(filtered, "data.results.1"), Value());
  }
  EXPECT_EQ(harness_.Call("GET", "/images/album/7").body, JpegOf(kRed));
  EXPECT_EQ(harness_.Call("GET", "/images/album/x").status, 404);

  const Response refused = harness_.Adb("/image/add", Value(Value::Map{{"library_name", "album"},
                                                                       {"image_id", "9"},
                                                                       {"image_uri", "9.jpg"},
                                                                       {"image_base64", red}}));
  EXPECT_EQ(refused.status, 404);
  EXPECT_NE(refused.body.find("read-only"), std::string::npos);
  EXPECT_EQ(harness_.Adb("/library/delete", R"({"library_name":"album"})").status, 404);
}

TEST_F(VectorFront, AChangedTableIsSeenByTheNextCall) {
  const auto make = [&](const std::string& dimension) {
    Must(harness_.Call("POST", kTables,
                       R"({"name":"anew","primaryKey":"id","fieldSchema":{"id":"INT64",)"
                       R"("v":"MULTI_FLOAT"},"vectorIndex":[{"vectorField":"v","dimension":")" +
                           dimension + "\"}]}"));
  };
  const std::string two = R"({"tableName":"anew","vector":[1,2]})";
  make("2");
  EXPECT_EQ(Ids(Data("query", two)), "");
  Must(harness_.Call("DELETE", std::string(kTables) + "/anew", ""));
  ExpectFailure(Data("query", two), 10002, "no such table");
  make("3");
  ExpectFailure(Data("query", two), 10005, "3 dimensions");
  Must(harness_.Call("POST", "/update/anew/actions/bulk",
                     R"([{"cmd":"add","fields":{"id":1,"v":[1,2,3]}}])"));
  ExpectFailure(Data("query", R"({"tableName":"anew","vector":[1,2,3],"filter":"n=0"})"), 10004,
                "unknown field \"n\"");
  Must(harness_.Call("PUT", std::string(kTables) + "/anew",
                     R"({"fieldSchema":{"id":"INT64","v":"MULTI_FLOAT","n":"INT32"}})"));
  EXPECT_EQ(Ids(Data("query", R"({"tableName":"anew","vector":[1,2,3],"filter":"n=0"})")), "");
}

}  // namespace
}  // namespace ocellus::api::vector
