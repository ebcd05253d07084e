// The configuration and the keys file.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "server/config.h"
#include "server/keys.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  ocellus::server::Config config;
  (void)ocellus::server::ApplyToml(text, config).ok();
  const auto keys = ocellus::server::ParseKeys(text);
  if (!keys.ok()) return 0;
  for (const auto& key : *keys) {
    if (key.secret.size() < 16 || key.name.empty()) std::abort();
  }
  return 0;
}
