// Fetcher: bytes of a URL that a caller named.
//
// A server that opens whatever URL it is told is a way into its own network. So every connection,
// also that of a redirect, is checked at the moment it is opened, on the very address it is opened
// to: a name that changes its address between a check and its use gains nothing. Only http and
// https, only the allowed ports, no proxy of the environment, no credentials in the URL.
//
// Thread-safe.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "fetch/address.h"

namespace ocellus::fetch {

struct FetchOptions {
  bool enabled = false;
  std::vector<std::uint16_t> ports = {80, 443};
  std::vector<Network> opened;  // private networks that may be reached all the same
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds timeout{30'000};  // of the whole, redirects included
  long max_redirects = 3;
};

class Fetcher {
 public:
  explicit Fetcher(FetchOptions options);

  // The body of a 200 answer. FailedPrecondition: fetching is off. InvalidArgument: the URL, an
  // address that may not be reached, a status other than 200, more than `max_bytes`. Unavailable:
  // no connection, or a time-out.
  Result<std::string> Get(const std::string& url, std::size_t max_bytes) const;

 private:
  const FetchOptions options_;
};

}  // namespace ocellus::fetch
