#include "cli/http_client.h"

#include <charconv>
#include <optional>
#include <utility>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

namespace ocellus::cli {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using asio::ip::tcp;
using beast::error_code;

constexpr std::chrono::seconds kConnectTimeout{10};
// An add may wait for a busy server; a server that says nothing for so long is gone.
constexpr std::chrono::seconds kAnswerTimeout{300};
constexpr std::uint64_t kMaxAnswerBytes = std::uint64_t{1} << 30;

}  // namespace

std::string ServerAddress::Url() const {
  const bool bare_v6 = host.find(':') != std::string::npos;
  return "http://" + (bare_v6 ? "[" + host + "]" : host) + ":" + std::to_string(port) + prefix;
}

Result<ServerAddress> ParseServerUrl(std::string_view url) {
  const auto wrong = [&](const std::string& why) {
    return Status(Code::kInvalidArgument, "'" + std::string(url) +
                                              "' is not the address of a server: " + why +
                                              ". Write it like http://127.0.0.1:8000");
  };
  std::string_view rest = url;
  const std::size_t scheme = rest.find("://");
  if (scheme != std::string_view::npos) {
    if (rest.substr(0, scheme) != "http") return wrong("only http:// is spoken here");
    rest.remove_prefix(scheme + 3);
  }
  ServerAddress out;
  const std::size_t slash = rest.find('/');
  if (slash != std::string_view::npos) {
    out.prefix = rest.substr(slash);
    while (!out.prefix.empty() && out.prefix.back() == '/') out.prefix.pop_back();
    rest = rest.substr(0, slash);
  }
  std::string_view port;
  if (!rest.empty() && rest.front() == '[') {
    const std::size_t end = rest.find(']');
    if (end == std::string_view::npos) return wrong("a ']' is missing");
    out.host = rest.substr(1, end - 1);
    rest.remove_prefix(end + 1);
    if (!rest.empty() && rest.front() != ':') return wrong("what follows ']' is no port");
    if (!rest.empty()) port = rest.substr(1);
  } else {
    const std::size_t colon = rest.find(':');
    out.host = rest.substr(0, colon);
    if (colon != std::string_view::npos) port = rest.substr(colon + 1);
  }
  if (out.host.empty()) return wrong("the host is missing");
  for (const char c : out.host + out.prefix) {
    if (c <= ' ' || c == '\x7f') return wrong("it has a space or control character");
  }
  if (!port.empty()) {
    const auto parsed = std::from_chars(port.data(), port.data() + port.size(), out.port);
    if (parsed.ec != std::errc() || parsed.ptr != port.data() + port.size() || out.port == 0) {
      return wrong("'" + std::string(port) + "' is no port");
    }
  }
  return out;
}

struct HttpClient::Impl {
  Impl(ServerAddress the_address, std::string the_key)
      : address(std::move(the_address)), api_key(std::move(the_key)) {}

  // Runs the one operation that was started; its time limit is the stream's.
  void Run() {
    io.restart();
    io.run();
  }

  error_code Connect() {
    buffer.clear();
    stream.emplace(io);
    error_code ec;
    tcp::resolver resolver(io);
    const auto endpoints = resolver.resolve(address.host, std::to_string(address.port), ec);
    if (ec) return ec;
    stream->expires_after(kConnectTimeout);
    stream->async_connect(endpoints, [&](error_code e, const tcp::endpoint&) { ec = e; });
    Run();
    if (ec) {
      stream.reset();
      return ec;
    }
    error_code ignored;
    stream->socket().set_option(tcp::no_delay(true), ignored);
    return {};
  }

  error_code Exchange(const bhttp::request<bhttp::string_body>& request,
                      bhttp::response_parser<bhttp::string_body>& parser) {
    error_code write_ec;
    stream->expires_after(kAnswerTimeout);
    bhttp::async_write(*stream, request, [&](error_code e, std::size_t) { write_ec = e; });
    Run();
    // A server that refuses a body answers before it has read all of it, so an answer may be there
    // even when the write failed.
    error_code read_ec;
    stream->expires_after(kAnswerTimeout);
    bhttp::async_read(*stream, buffer, parser, [&](error_code e, std::size_t) { read_ec = e; });
    Run();
    if (read_ec || !parser.get().keep_alive() || write_ec) stream.reset();
    return read_ec;
  }

  ServerAddress address;
  std::string api_key;
  asio::io_context io{1};
  std::optional<beast::tcp_stream> stream;
  beast::flat_buffer buffer;
};

HttpClient::HttpClient(ServerAddress address, std::string api_key)
    : impl_(std::make_unique<Impl>(std::move(address), std::move(api_key))) {}
HttpClient::~HttpClient() = default;
HttpClient::HttpClient(HttpClient&&) noexcept = default;

const ServerAddress& HttpClient::address() const {
  return impl_->address;
}

Result<HttpAnswer> HttpClient::Call(
    const std::string& method, const std::string& path, std::string body,
    const std::vector<std::pair<std::string, std::string>>& headers) {
  const std::string url = impl_->address.Url();
  bhttp::request<bhttp::string_body> request;
  request.method_string(method);
  request.target(impl_->address.prefix + path);
  request.version(11);
  request.set(bhttp::field::host, url.substr(7, url.size() - 7 - impl_->address.prefix.size()));
  request.set(bhttp::field::user_agent, "ocellus");
  request.set(bhttp::field::accept, "application/json");
  if (!impl_->api_key.empty()) {
    request.set(bhttp::field::authorization, "Bearer " + impl_->api_key);
  }
  if (!body.empty()) request.set(bhttp::field::content_type, "application/json");
  for (const auto& [name, value] : headers) request.set(name, value);
  request.body() = std::move(body);
  request.prepare_payload();

  for (bool again = true;; again = false) {
    const bool kept = impl_->stream.has_value();
    if (!kept) {
      if (const error_code ec = impl_->Connect()) {
        return Status(Code::kUnavailable,
                      "no server at " + url + " (" + ec.message() +
                          "): start one with `ocellus serve --data ./data`, or name another with "
                          "--server URL");
      }
    }
    bhttp::response_parser<bhttp::string_body> parser;
    parser.body_limit(kMaxAnswerBytes);
    const error_code ec = impl_->Exchange(request, parser);
    if (ec && kept && again && !parser.got_some()) continue;
    if (ec == beast::error::timeout) {
      return Status(Code::kUnavailable, "the server at " + url + " did not answer in " +
                                            std::to_string(kAnswerTimeout.count()) + " s");
    }
    if (ec) {
      return Status(Code::kUnavailable, "the connection to " + url + " broke: " + ec.message());
    }
    HttpAnswer answer;
    answer.status = static_cast<int>(parser.get().result_int());
    const auto after = parser.get()[bhttp::field::retry_after];
    int seconds = 0;
    if (std::from_chars(after.data(), after.data() + after.size(), seconds).ec == std::errc()) {
      answer.retry_after = std::chrono::seconds(seconds);
    }
    answer.body = std::move(parser.get().body());
    return answer;
  }
}

}  // namespace ocellus::cli
