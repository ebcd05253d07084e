// A request as a handler sees it: "METHOD PATH?QUERY\nBODY" against the whole api in memory. Every
// answer has a sensible status; those of the AnalyticDB front have its envelope.

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

// Fresh now and then, so that what is kept stays small.
Harness& FreshHarness() {
  static std::unique_ptr<Harness> harness;
  static int calls = 0;
  if (calls++ % 1000 == 0) {
    harness = std::make_unique<Harness>();
    harness->CreateLibrary("shoes");
    harness->CreateLibrary("items", "item_search");
    harness->AddPicture("items", "a", ocellus::engine::testing::kRed);
    harness->AddPicture("shoes", "a", ocellus::engine::testing::kRed, {{"color", "red"}});
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

void Check(std::string_view path, const Response& response) {
  if (response.status < 200 || response.status > 599) std::abort();
  if (response.content_type != "application/json") return;
  const auto body = ocellus::ParseJson(response.body);
  if (!body.ok()) std::abort();
  if (!path.starts_with("/api/v1/operators/image-search")) return;
  const Value* status = body->Find("status");
  const Value* message = body->Find("message");
  const Value* result = body->Find("data");
  if (status == nullptr || message == nullptr || result == nullptr) std::abort();
  const bool success = *status == Value("SUCCESS");
  if (success != (response.status == 200) || success != message->is_null()) std::abort();
  if (!success && !result->is_null()) std::abort();
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
