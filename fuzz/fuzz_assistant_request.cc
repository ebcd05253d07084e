// Bodies of POST /mcp and POST /v1/embeddings against the fronts over doubles; the first byte says
// which, and with which headers. Whatever comes is answered, never with a failure of ours.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>

#include "api/testing/harness.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using ocellus::api::testing::Harness;
  static const Harness* const kHarness = [] {
    auto* made = new Harness;
    made->CreateLibrary("shoes");
    made->AddPicture("shoes", "red", ocellus::engine::testing::kRed);
    return made;
  }();
  if (size == 0) return 0;
  const std::string body(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::map<std::string, std::string> headers = {{"host", "localhost"}};
  if (data[0] == 'n') {
    headers["mcp-protocol-version"] = "2026-07-28";
    headers["mcp-method"] = "tools/call";
    headers["mcp-name"] = body.substr(0, body.find('\n'));
  }
  const bool embeddings = data[0] == 'e';
  const ocellus::api::Response response =
      kHarness->Call("POST", embeddings ? "/v1/embeddings" : "/mcp", body, {}, headers);
  if (response.status >= 500) std::abort();
  return 0;
}
