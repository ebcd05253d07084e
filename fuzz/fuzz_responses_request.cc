// Bodies of POST /responses against the whole front over doubles, and forms of POST /files: the
// first byte says which. Whatever comes is answered, never with a failure of ours.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
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
  const bool form = data[0] == 'f';
  const ocellus::api::Response response =
      form ? kHarness->Call("POST", "/v1/files", body, {},
                            {{"content-type", "multipart/form-data; boundary=b"}})
           : kHarness->Call("POST", "/v1/responses", body, {}, {{"host", "localhost"}});
  if (response.status >= 500) std::abort();
  return 0;
}
