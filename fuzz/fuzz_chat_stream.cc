// What a chat server may answer, in pieces of the first byte's size, and the arguments of its
// calls.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "api/responses/chat_reader.h"
#include "api/responses/chat_request.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ocellus::api::responses;  // NOLINT(google-build-using-namespace)
  if (size == 0) return 0;
  const std::size_t step = std::max<std::size_t>(1, data[0] & 0x7F);
  std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  ChatReader reader([](std::string_view) {});
  reader.Begin((data[0] & 0x80) != 0 ? 500 : 200, "text/event-stream");
  while (!bytes.empty() && reader.Feed(bytes.substr(0, step)).ok()) {
    bytes.remove_prefix(std::min(step, bytes.size()));
  }
  (void)reader.End().ok();
  (void)reader.FailureText();
  for (const ChatCall& call : reader.calls()) {
    (void)ReadPictureArguments(call.arguments, 2).ok();
    (void)ReadWordsArguments(call.arguments).ok();
  }
  return 0;
}
