// A connection to one HTTP server, kept open between calls. Blocks.
//
// One owner thread.

#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace ocellus::cli {

struct ServerAddress {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8000;
  std::string prefix;  // of every path: "" or "/behind/a/proxy"

  std::string Url() const;
};

// "http://host[:port][/prefix]" or "host:port"; a host in brackets is IPv6. InvalidArgument.
Result<ServerAddress> ParseServerUrl(std::string_view url);

struct HttpAnswer {
  int status = 0;
  std::string body;
  std::chrono::seconds retry_after{0};
};

class HttpClient {
 public:
  HttpClient(ServerAddress address, std::string api_key);
  ~HttpClient();
  HttpClient(HttpClient&&) noexcept;

  // Whatever the server answers is ok here. Unavailable: nobody listens there, or it went silent or
  // away. A call on a kept connection that the server had closed meanwhile is made once more on a
  // new one, so calls are to be such that twice does no harm.
  // `headers` go with the client's own.
  Result<HttpAnswer> Call(const std::string& method, const std::string& path, std::string body,
                          const std::vector<std::pair<std::string, std::string>>& headers = {});

  const ServerAddress& address() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ocellus::cli
