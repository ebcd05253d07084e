#include "api/vector/front.h"

#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "api/json.h"
#include "api/vector/envelope.h"
#include "api/vector/protobuf.h"
#include "api/vector/requests.h"

namespace ocellus::api::vector {
namespace {

constexpr std::string_view kDataPrefix = "/vector-service/";
constexpr std::string_view kPushPrefix = "/update/";
constexpr std::string_view kTablesPrefix = "/openapi/ha3/";
constexpr std::string_view kNetworkPrefix = "/network/";
constexpr std::string_view kInstance = "/openapi/ha3/instances/{instance}";

Value Text(const char* description) {
  return JsonSchema("string", description);
}

Value ListOf(Value item) {
  return Value::Map{{"type", "array"}, {"items", std::move(item)}};
}

constexpr char kNotRead[] = "Not read.";

Value Describe(const char* id, const char* summary, const char* body, Value answer) {
  Value::Map operation = {
      {"operationId", id}, {"summary", summary}, {"tags", Value::List{"vector"}}};
  if (body != nullptr) {
    Value::Map content = *JsonContent("", Value::Map{{"type", Value::List{"object", "array"}},
                                                     {"description", body}})
                              .as_map();
    content.front() = {"required", body != kNotRead};
    operation.emplace_back("requestBody", std::move(content));
  }
  operation.emplace_back(
      "responses",
      Value::Map{{"200", JsonContent("Success, or a failure with errorCode.", std::move(answer))},
                 {"default", JsonContent("A failure.", JsonSchema("object", ""))}});
  return operation;
}

Value DataAnswer() {
  return ObjectSchema(
      {{"totalCount", JsonSchema("integer", "Elements of result.")},
       {"result", ListOf(JsonSchema("object", "id, score, fields, vector, namespace."))},
       {"totalTime", JsonSchema("number", "Milliseconds.")},
       {"errorCode", JsonSchema("integer", "Of a failure. See docs/api/vector.md.")},
       {"errorMsg", Text("What is wrong; names the field.")}});
}

Value PushAnswer() {
  return ObjectSchema({{"status", Text("OK or FAIL.")},
                       {"code", JsonSchema("integer", "200 of a success.")},
                       {"errors", ListOf(JsonSchema("object", "code and message."))}});
}

Value TableAnswer() {
  return ObjectSchema({{"requestId", Text("Of the request.")},
                       {"result", Value::Map{{"description", "As the call says."}}}});
}

}  // namespace

void Front::AddRoutes(Router& router) {
  struct DataCall {
    const char* id;
    const char* path;
    const char* summary;
    Message message;
    std::function<Outcome<std::string>(const Principal&, const Value&)> run;
  };
  using P = const Principal&;
  using V = const Value&;
  const DataCall data_calls[] = {
      {"vector_query", "query", "Search by vector", Message::kVectorSearchQuery,
       [this](P who, V body) { return searcher_.Query(who, body, QueryUse::kVector); }},
      {"vector_inference_query", "inference-query", "Search by text or picture",
       Message::kVectorSearchQuery,
       [this](P who, V body) { return searcher_.Query(who, body, QueryUse::kContent); }},
      {"vector_multi_query", "multi-query", "Search by several vectors",
       Message::kVectorSearchQueries,
       [this](P who, V body) { return searcher_.MultiQuery(who, body); }},
      {"vector_batch_query", "batch-query", "Several queries in one request",
       Message::kVectorSearchQueries, [this](P who, V body) { return searcher_.Batch(who, body); }},
      {"vector_fetch", "fetch", "Documents by primary key or filter", Message::kFetchQuery,
       [this](P who, V body) { return searcher_.Fetch(who, body); }},
      {"vector_search", "search", "Search by keywords and a vector", Message::kHybridSearchQuery,
       [this](P who, V body) { return searcher_.Hybrid(who, body); }},
      {"vector_aggregate", "aggregate", "Groups and functions over them", Message::kAggregateQuery,
       [this](P who, V body) { return searcher_.Aggregate(who, body); }},
      {"vector_stats", "stats", "Count of documents", Message::kStatsQuery,
       [this](P who, V body) { return searcher_.Stats(who, body); }},
  };
  for (const DataCall& call : data_calls) {
    const auto handle = [run = call.run, message = call.message](const Request& request,
                                                                 const PathParameters&) {
      const Result<Value> body = ReadBody(request, message);
      if (!body.ok()) {
        return AnswerData(Failure{ErrorId::kInvalidParameter, body.status().message()});
      }
      return AnswerData(run(request.principal, *body));
    };
    router.Add(
        {"POST", std::string(kDataPrefix) + call.path,
         Describe(call.id, call.summary, "JSON or protobuf; see docs/api/vector.md.", DataAnswer()),
         handle});
  }

  router.Add({"POST", std::string(kPushPrefix) + "{source}/actions/bulk",
              Describe("vector_push", "Add, update and delete documents",
                       "A list of {cmd, fields}.", PushAnswer()),
              [this](const Request& request, const PathParameters& parameters) {
                const std::vector<Failure> failures =
                    pusher_.Push(request, parameters.at("source"));
                return failures.empty() ? PushDone() : PushFailed(failures);
              }});

  router.Add(
      {"GET", std::string(kNetworkPrefix) + "active",
       Describe("vector_active", "Whether the server and the key work", nullptr, PushAnswer()),
       [](const Request&, const PathParameters&) { return PushDone(); }});

  struct TableCall {
    const char* id;
    const char* method;
    const char* path;
    const char* summary;
    const char* body;
    std::function<Outcome<Value>(const Request&, const PathParameters&)> run;
  };
  using R = const Request&;
  using Q = const PathParameters&;
  const TableCall table_calls[] = {
      {"vector_list_tables", "GET", "/tables", "List the tables", nullptr,
       [this](R request, Q) { return tables_.List(request); }},
      {"vector_create_table", "POST", "/tables", "Create a table",
       "name, primaryKey, fieldSchema, "
       "vectorIndex, dataProcessConfig, dryRun.",
       [this](R request, Q) { return tables_.Create(request); }},
      {"vector_get_table", "GET", "/tables/{table}", "Describe a table", nullptr,
       [this](R request, Q path) { return tables_.Get(request, path.at("table")); }},
      {"vector_modify_table", "PUT", "/tables/{table}", "Change a table",
       "fieldSchema, vectorIndex, dataProcessConfig, dryRun.",
       [this](R request, Q path) { return tables_.Modify(request, path.at("table")); }},
      {"vector_delete_table", "DELETE", "/tables/{table}", "Delete a table and all that is in it",
       nullptr, [this](R request, Q path) { return tables_.Delete(request, path.at("table")); }},
      {"vector_stop_table", "POST", "/indexes/{table}/stopIndex", "Stop a table", kNotRead,
       [this](R request, Q path) { return tables_.Stop(request, path.at("table")); }},
      {"vector_start_table", "POST", "/indexes/{table}/startIndex", "Start a table", kNotRead,
       [this](R request, Q path) { return tables_.Start(request, path.at("table")); }},
      {"vector_reindex", "POST", "/tables/{table}/reindex", "Make vectors that are missing",
       kNotRead, [this](R request, Q path) { return tables_.Reindex(request, path.at("table")); }},
      {"vector_generations", "GET", "/tables/{table}/index_versions", "Versions of the index",
       nullptr,
       [this](R request, Q path) { return tables_.Generations(request, path.at("table")); }},
      {"vector_generation", "GET", "/tables/{table}/index_versions/{generation}",
       "One version of the index", nullptr,
       [this](R request, Q path) {
         return tables_.Generation(request, path.at("table"), path.at("generation"));
       }},
      {"vector_tasks", "GET", "/tasks", "Tasks", nullptr,
       [this](R request, Q) { return tables_.Tasks(request); }},
  };
  for (const TableCall& call : table_calls) {
    const auto handle = [run = call.run](const Request& request, const PathParameters& path) {
      return AnswerTables(request, run(request, path));
    };
    router.Add({call.method, std::string(kInstance) + call.path,
                Describe(call.id, call.summary, call.body, TableAnswer()), handle});
  }

  router.SetErrorWriter(std::string(kDataPrefix), WriteDataError);
  router.SetErrorWriter(std::string(kNetworkPrefix), WriteDataError);
  router.SetErrorWriter(std::string(kPushPrefix), WritePushError);
  router.SetErrorWriter(std::string(kTablesPrefix), WriteTableError);
}

}  // namespace ocellus::api::vector
