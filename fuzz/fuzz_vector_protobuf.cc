// Protobuf bodies of the OpenSearch front: an object that JSON can carry, or a refusal. The first
// byte chooses the message.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "api/vector/protobuf.h"
#include "base/value.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using ocellus::api::vector::DecodeProtobuf;
  using ocellus::api::vector::Message;
  if (size == 0) return 0;
  constexpr auto kMessages = static_cast<std::uint8_t>(Message::kStatsQuery) + 1;
  const auto message = static_cast<Message>(data[0] % kMessages);
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto object = DecodeProtobuf(message, body);
  if (!object.ok()) {
    if (object.status().message().empty()) std::abort();
    return 0;
  }
  if (object->as_map() == nullptr) std::abort();
  // What is made of `size` bytes is of their order: nothing was announced and believed.
  const std::string json = ocellus::WriteJson(*object);
  if (json.size() > 4096 + 64 * size) std::abort();
  return 0;
}
