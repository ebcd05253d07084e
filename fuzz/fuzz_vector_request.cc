// A request as the OpenSearch front sees it: "METHOD PATH?QUERY\nBODY", pushes above all, against
// the whole api in memory. Every answer has the shape of its kind: data, push or table.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "api/testing/harness.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using ocellus::Value;
using ocellus::api::Response;
using ocellus::api::testing::Harness;

constexpr char kTable[] = R"({
  "name": "t", "primaryKey": "id", "partitionCount": 1,
  "fieldSchema": {"id": "INT64", "small": "INT8", "price": "FLOAT", "text": "STRING", "tags": "MULTI_STRING",
                  "sizes": "MULTI_INT32", "shelf": "STRING", "vector": "MULTI_FLOAT", "spaced": "MULTI_FLOAT",
                  "keys": "MULTI_UINT32", "values": "MULTI_FLOAT"},
  "vectorIndex": [{"indexName": "vector", "vectorField": "vector", "dimension": "3", "distanceType": "InnerProduct",
                   "sparseIndexField": "keys", "sparseValueField": "values"},
                  {"indexName": "spaced", "vectorField": "spaced", "dimension": "2", "namespace": "shelf"}]})";
constexpr char kRows[] = R"([
  {"cmd": "add", "fields": {"id": 1, "small": 7, "text": "a cat", "tags": "x,y", "shelf": "s", "vector": [1, 2, 3],
                            "spaced": "1,2", "keys": [5], "values": [1.5], "extra": "e"}},
  {"cmd": "add", "fields": {"id": 2, "price": 2.5, "text": "a dog", "vector": [3, 2, 1]}}])";

// Fresh now and then, so that what is kept stays small.
Harness& FreshHarness() {
  static std::unique_ptr<Harness> harness;
  static int calls = 0;
  if (calls++ % 1000 == 0) {
    harness = std::make_unique<Harness>();
    if (harness->Call("POST", "/openapi/ha3/instances/x/tables", kTable).status != 200 ||
        harness->Call("POST", "/update/x_t/actions/bulk", kRows).body.find("OK") ==
            std::string::npos) {
      std::abort();
    }
  }
  return *harness;
}

std::map<std::string, std::string> QueryOf(std::string_view text) {
  std::map<std::string, std::string> query;
  while (!text.empty()) {
    const std::size_t end = text.find('&');
    const std::string_view pair = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const std::size_t equals = pair.find('=');
    query[std::string(pair.substr(0, equals))] =
        equals == std::string_view::npos ? "" : std::string(pair.substr(equals + 1));
  }
  return query;
}

bool IsText(const Value* value) {
  return value != nullptr && value->as_string() != nullptr && !value->as_string()->empty();
}

// A result, or the documented form of an error.
void CheckData(const Value& body) {
  const Value* code = body.Find("errorCode");
  if (code == nullptr) return;
  if (code->as_int() == nullptr || *code->as_int() == 0 || !IsText(body.Find("errorMsg"))) {
    std::abort();
  }
}

void CheckPush(const Value& body, int status) {
  const Value* said = body.Find("status");
  if (said == nullptr) return CheckData(body);
  if (*said == Value("OK")) {
    if (status != 200 || body.Find("errors") != nullptr) std::abort();
    return;
  }
  const Value* errors = body.Find("errors");
  if (*said != Value("FAIL") || errors == nullptr || errors->as_list() == nullptr ||
      errors->as_list()->empty() || !IsText(errors->as_list()->front().Find("message"))) {
    std::abort();
  }
}

void CheckTables(const Value& body, int status) {
  if (body.Find("requestId") == nullptr) return CheckData(body);
  if (status == 200 ? body.Find("result") == nullptr
                    : !IsText(body.Find("code")) || !IsText(body.Find("message"))) {
    std::abort();
  }
}

void Check(std::string_view path, const Response& response) {
  if (response.status < 200 || response.status > 599) std::abort();
  if (response.content_type != "application/json") return;
  const auto body = ocellus::ParseJson(response.body);
  if (!body.ok()) std::abort();
  if (path.starts_with("/vector-service/")) CheckData(*body);
  if (path.starts_with("/update/")) CheckPush(*body, response.status);
  if (path.starts_with("/openapi/")) CheckTables(*body, response.status);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t line = text.find('\n');
  const std::string_view head = text.substr(0, line);
  const std::size_t space = head.find(' ');
  if (line == std::string_view::npos || space == std::string_view::npos) return 0;
  const std::string_view target = head.substr(space + 1);
  const std::size_t question = target.find('?');
  const std::string path(target.substr(0, question));
  const Response response = FreshHarness().Call(
      std::string(head.substr(0, space)), path, std::string(text.substr(line + 1)),
      QueryOf(question == std::string_view::npos ? "" : target.substr(question + 1)));
  Check(path, response);
  return 0;
}
