#include "api/adb/front.h"

#include <algorithm>
#include <utility>

#include "api/adb/envelope.h"
#include "api/adb/names.h"
#include "api/json.h"

namespace ocellus::api::adb {
namespace {

constexpr std::string_view kTaskIdPart = "{task_id}";

// What the OpenAPI document says about a call.
struct Description {
  const char* summary;
  Value request;  // a schema; null: no body
  Value data;     // the schema of a success
};

Value Text(const char* description) {
  return JsonSchema("string", description);
}
Value Count(const char* description) {
  return JsonSchema("integer", description);
}
Value Flag(const char* description) {
  return JsonSchema("boolean", description);
}

Value Nullable(const char* type, const char* description) {
  return Value::Map{{"type", Value::List{type, "null"}}, {"description", description}};
}

Value ListOf(Value item) {
  return Value::Map{{"type", "array"}, {"items", std::move(item)}};
}

Value TopK() {
  return Value::Map{{"type", "integer"},
                    {"minimum", 1},
                    {"default", 10},
                    {"description", "Largest number of results."}};
}

Value TagFilter() {
  return Value::Map{{"description",
                     "A list of conditions, all of which must hold, or one condition, or and, or, "
                     "not of them. See docs/api/adb.md."},
                    {"type", Value::List{"array", "object", "null"}}};
}

Value Region(const char* description) {
  return Value::Map{{"type", Value::List{"object", "null"}},
                    {"description", description},
                    {"properties", Value::Map{{"x", Count("Pixels of the upright picture.")},
                                              {"y", Count("The same.")},
                                              {"width", Count("The same.")},
                                              {"height", Count("The same.")}}}};
}

Value Results() {
  return ObjectSchema(
      {{"query_regions", ListOf(Region("What of the query counted; with return_region."))},
       {"results",
        ListOf(ObjectSchema({{"image_id", Text("As imported.")},
                             {"image_uri", Text("As imported.")},
                             {"image_base64", Nullable("string", "The kept bytes.")},
                             {"score", JsonSchema("number", "0 to 1; larger is more similar.")},
                             {"tags", JsonSchema("object", "As imported.")},
                             {"region", Region("What was found; with return_region.")}}))}});
}

Value SearchRequest(const char* name, const char* description, Value::Map more = {}) {
  Value::Map properties = {{"library_name", Text("The library.")},
                           {name, Text(description)},
                           {"top_k", TopK()},
                           {"tag_filter", TagFilter()},
                           {"return_frame", Flag("False: results carry no picture bytes.")},
                           {"return_region", Flag("True: what was found, and where.")}};
  properties.insert(properties.end(), more.begin(), more.end());
  return ObjectSchema(std::move(properties), {"library_name", name});
}

// What of a picture is meant.
Value::Map PartFields() {
  return {{"region", Region("The part that is meant.")},
          {"crop", Flag("Whether the part that is meant is looked for.")}};
}

Value LibraryData(bool listed) {
  Value::Map properties = {{"library_name", Text("Its name.")},
                           {"mode", Text("general_search, item_search or adaptive_search.")},
                           {"create_time", Text("ISO 8601, UTC.")}};
  if (listed) {
    properties.emplace_back("image_count", Count("Pictures in it."));
    properties.emplace_back("description", Text("As given at creation."));
  }
  return ObjectSchema(std::move(properties));
}

Value TaskData() {
  return ObjectSchema(
      {{"task_id", Text("The task.")},
       {"library_name", Text("The library it imports into.")},
       {"status", Text("PENDING, RUNNING, SUCCEEDED, PARTIAL or FAILED.")},
       {"message", Nullable("string", "Why the task as a whole failed.")},
       {"total", Count("Lines.")},
       {"success", Count("Lines imported.")},
       {"failed", Count("Lines refused.")},
       {"errors", ListOf(ObjectSchema({{"line", Count("From 1.")},
                                       {"image_id", Nullable("string", "Of the line.")},
                                       {"image_uri", Nullable("string", "Of the line.")},
                                       {"message", Text("What is wrong with it.")}}))},
       {"errors_left_out", Count("Refused lines beyond those listed.")},
       {"create_time", Text("ISO 8601, UTC.")},
       {"finish_time", Nullable("string", "ISO 8601, UTC.")}});
}

Description Describe(Call call) {
  switch (call) {
    case Call::kCreateLibrary:
      return {"Create a library",
              ObjectSchema({{"library_name", Text("1 to 128 of A-Z a-z 0-9 _ -")},
                            {"mode", Text("general_search, item_search or adaptive_search.")},
                            {"description", Text("Free text.")}},
                           {"library_name", "mode"}),
              LibraryData(false)};
    case Call::kListLibraries:
      return {"List the libraries", nullptr,
              ObjectSchema({{"libraries", ListOf(LibraryData(true))}})};
    case Call::kDeleteLibrary:
      return {"Delete a library and all that is in it",
              ObjectSchema({{"library_name", Text("The library.")}}, {"library_name"}),
              Value::Map{{"type", "null"}}};
    case Call::kAddImage:
      return {"Import a picture, or replace the one of the same image_id and image_uri",
              ObjectSchema({{"library_name", Text("The library.")},
                            {"image_id", Text("Business id; several pictures may share it.")},
                            {"image_uri", Text("Tells the picture; not downloaded.")},
                            {"image_base64", Text("The picture in base64.")},
                            {"tags", JsonSchema("object", "Scalars or lists of scalars.")},
                            {"save_image", Flag("False: the bytes are not kept.")},
                            PartFields()[0],
                            PartFields()[1],
                            {"max_items", Count("Items of the picture to keep, 1 to 8.")}},
                           {"library_name", "image_id", "image_uri", "image_base64"}),
              ObjectSchema({{"image_id", Text("As sent.")}, {"image_uri", Text("As sent.")}})};
    case Call::kDeleteImage:
      return {"Delete a picture, or all of an image_id",
              ObjectSchema({{"library_name", Text("The library.")},
                            {"image_id", Text("Of the picture.")},
                            {"image_uri", Text("Of the picture; without it all of the id.")}},
                           {"library_name", "image_id"}),
              ObjectSchema({{"deleted", Count("Pictures that were there.")}})};
    case Call::kCreateTask:
      return {"Import a JSONL file in the background",
              ObjectSchema({{"library_name", Text("The library.")},
                            {"oss_path", Text("The file: file, oss, http or https.")},
                            {"save_image", Flag("False: the bytes are not kept.")}},
                           {"library_name", "oss_path"}),
              ObjectSchema({{"task_id", Text("To ask for its results.")}})};
    case Call::kTaskResults:
      return {"State of an import in the background", nullptr, TaskData()};
    case Call::kSearchByImage: {
      Value::Map more = PartFields();
      more.emplace_back("face", Text("largest or all: which faces of the query count."));
      more.emplace_back("max_items", Count("Items of the query to look for, 1 to 8."));
      return {"Search by picture",
              SearchRequest("image_base64", "The query picture in base64.", std::move(more)),
              Results()};
    }
    case Call::kSearchByText:
      return {"Search by words", SearchRequest("text", "The query text."), Results()};
  }
  return {};
}

Value Envelope(Value data) {
  return ObjectSchema({{"status", Text("SUCCESS, or the reason of a failure.")},
                       {"message", Nullable("string", "Null on success.")},
                       {"data", std::move(data)}});
}

Value OperationOf(Call call, const std::string& id) {
  Description description = Describe(call);
  Value::Map operation = {
      {"operationId", id}, {"summary", description.summary}, {"tags", Value::List{"adb"}}};
  if (!description.request.is_null()) {
    Value::Map body = *JsonContent("", std::move(description.request)).as_map();
    body.front() = {"required", true};
    operation.emplace_back("requestBody", std::move(body));
  }
  operation.emplace_back(
      "responses",
      Value::Map{{"200", JsonContent("Success.", Envelope(std::move(description.data)))},
                 {"default", JsonContent("A failure; data is null.",
                                         Envelope(Value::Map{{"type", "null"}}))}});
  return operation;
}

const CallName* FindCall(std::string_view name) {
  const auto* found = std::find_if(std::begin(kCalls), std::end(kCalls),
                                   [&](const CallName& row) { return row.name == name; });
  return found == std::end(kCalls) ? nullptr : found;
}

}  // namespace

Status Front::AddRoutes(Router& router) {
  const auto handler = [this](Call call) -> Handler {
    switch (call) {
      case Call::kCreateLibrary:
        return [this](const Request& request, const auto&) { return CreateLibrary(request); };
      case Call::kListLibraries:
        return [this](const Request& request, const auto&) { return ListLibraries(request); };
      case Call::kDeleteLibrary:
        return [this](const Request& request, const auto&) { return DeleteLibrary(request); };
      case Call::kAddImage:
        return [this](const Request& request, const auto&) { return AddImage(request); };
      case Call::kDeleteImage:
        return [this](const Request& request, const auto&) { return DeleteImage(request); };
      case Call::kCreateTask:
        return [this](const Request& request, const auto&) { return CreateTask(request); };
      case Call::kTaskResults:
        return [this](const Request& request, const PathParameters& parameters) {
          return TaskResults(request, parameters);
        };
      case Call::kSearchByImage:
        return [this](const Request& request, const auto&) { return SearchByImage(request); };
      case Call::kSearchByText:
        break;
    }
    return [this](const Request& request, const auto&) { return SearchByText(request); };
  };

  std::map<std::string, int> ids;  // one operationId for each path of a call
  const auto add = [&](const CallName& call, std::string path) {
    if (router.Has(call.method, path)) return;
    const int count = ++ids[std::string(call.name)];
    const std::string id = std::string(call.name) + (count > 1 ? std::to_string(count) : "");
    router.Add({std::string(call.method), std::move(path), OperationOf(call.call, id),
                handler(call.call)});
  };
  for (const CallName& call : kCalls) add(call, std::string(kPrefix) + std::string(call.path));
  for (const auto& [name, path] : options_.paths) {
    const CallName* call = FindCall(name);
    if (call == nullptr) {
      return Status(Code::kInvalidArgument, "no call named \"" + name + "\"");
    }
    const bool wants_id = call->call == Call::kTaskResults;
    const bool has_id = path.find(kTaskIdPart) != std::string::npos;
    if (!path.starts_with('/') || wants_id != has_id) {
      return Status(Code::kInvalidArgument, name + ": expected a path from /" +
                                                (wants_id ? " with {task_id} in it" : "") +
                                                ", got " + path);
    }
    add(*call, path);
    router.SetErrorWriter(path.substr(0, path.find('{')), WriteError);
  }
  router.SetErrorWriter(std::string(kPrefix), WriteError);
  return {};
}

}  // namespace ocellus::api::adb
