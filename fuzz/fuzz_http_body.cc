// What of a request is taken apart by our own code: the target, ids and headers, and compressed
// bodies. The first byte chooses the encoding.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/utf8.h"
#include "http/content_encoding.h"
#include "http/request_parts.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  constexpr std::size_t kLimit = 1 << 16;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  const char* const encoding = data[0] % 2 == 0 ? "gzip" : "deflate";
  const auto body = ocellus::http::Decode(encoding, std::string(rest), kLimit);
  if (body.ok() && body->size() > kLimit) std::abort();

  const auto target = ocellus::http::ParseTarget(rest);
  if (target.ok() && (!ocellus::IsUtf8(target->path) || target->path.empty())) std::abort();
  if (ocellus::http::IsSaneRequestId(rest) && rest.find('\n') != std::string_view::npos)
    std::abort();
  if (ocellus::http::IsSaneHeader("x", rest) && rest.find('\r') != std::string_view::npos)
    std::abort();
  const std::size_t half = rest.size() / 2;
  (void)ocellus::http::CheckNotForeignPage(rest.substr(0, half), rest.substr(half)).ok();
  return 0;
}
