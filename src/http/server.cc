#include "http/server.h"

#include <chrono>
#include <future>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "http/connection.h"
#include "http/service.h"

namespace ocellus::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

// Connections beyond the limit that may be told so at one time; more are closed without a word.
constexpr std::size_t kRefusals = 64;
// A client with an open connection may have sent a request that is still on its way when the drain
// begins.
constexpr std::chrono::milliseconds kDrainGrace{250};
// Without descriptors or memory for a socket, accepting again at once would only spin.
constexpr std::chrono::milliseconds kAcceptPause{100};

}  // namespace

class Server::Impl {
 public:
  Impl(const ServerOptions& options, const api::Router& router, const api::KeyRing& keys,
       MetricsRegistry& metrics, Logger& log)
      : service_(options, router, keys, metrics, log),
        hub_(service_, io_),
        work_(io_.get_executor()),
        acceptor_(io_),
        accept_timer_(io_) {}

  // What Stop() calls throws on misuse only.
  ~Impl() { Stop(); }  // NOLINT(bugprone-exception-escape)

  Status Start() {
    const ServerOptions& options = service_.options();
    error_code ec;
    const std::string literal = options.address == "localhost" ? "127.0.0.1" : options.address;
    const asio::ip::address address = asio::ip::make_address(literal, ec);
    if (ec) {
      return {Code::kInvalidArgument,
              "'" + options.address + "' is not an IP address to listen on"};
    }
    const tcp::endpoint endpoint(address, options.port);
    if (!ec) acceptor_.open(endpoint.protocol(), ec);
    if (!ec) acceptor_.set_option(tcp::acceptor::reuse_address(true), ec);
    // "::" takes IPv4 too.
    if (!ec && address.is_v6()) acceptor_.set_option(asio::ip::v6_only(false), ec);
    if (!ec) acceptor_.bind(endpoint, ec);
    if (!ec) acceptor_.listen(asio::socket_base::max_listen_connections, ec);
    if (!ec) acceptor_.non_blocking(true, ec);
    if (ec) {
      return {Code::kIoError, "listen on " + options.address + ":" + std::to_string(options.port) +
                                  ": " + ec.message()};
    }
    port_ = acceptor_.local_endpoint(ec).port();
    Accept();
    thread_ = std::thread([this] { io_.run(); });
    return {};
  }

  std::uint16_t port() const { return port_; }

  void Stop() {
    if (!thread_.joinable()) return service_.Stop();
    std::promise<void> drained;
    std::future<void> is_drained = drained.get_future();
    asio::post(io_, [this, &drained] { BeginDrain(drained); });
    if (is_drained.wait_for(service_.options().drain_timeout) == std::future_status::timeout) {
      service_.log().Write(LogLevel::kWarning,
                           "connections were still open after the time to drain; closing them");
      asio::post(io_, [this] {
        for (Connection* connection : hub_.connections) connection->Abort();
      });
      // Handlers that run now still find their connection.
      service_.Stop();
      is_drained.wait();
    }
    service_.Stop();
    work_.reset();
    io_.stop();
    thread_.join();
  }

 private:
  void Accept() {
    acceptor_.async_accept([this](error_code ec, tcp::socket socket) {
      if (hub_.draining || ec == asio::error::operation_aborted) return;
      if (!ec) Take(std::move(socket));
      if (ec == asio::error::no_descriptors || ec == asio::error::no_memory ||
          ec == asio::error::no_buffer_space) {
        service_.log().Write(LogLevel::kWarning, "cannot accept a connection",
                             {{"reason", ec.message()}});
        accept_timer_.expires_after(kAcceptPause);
        accept_timer_.async_wait([this](error_code) {
          if (!hub_.draining) Accept();
        });
        return;
      }
      Accept();
    });
  }

  void Take(tcp::socket socket) {
    const std::size_t limit = service_.options().max_connections;
    if (hub_.connections.size() < limit) return Connection::Serve(std::move(socket), hub_);
    if (hub_.connections.size() < limit + kRefusals) Connection::Refuse(std::move(socket), hub_);
  }

  void BeginDrain(std::promise<void>& drained) {
    hub_.draining = true;
    hub_.drain_grace_until = std::chrono::steady_clock::now() + kDrainGrace;
    hub_.on_last_closed = [&drained] { drained.set_value(); };
    accept_timer_.cancel();
    // Connections that the kernel has completed are accepted ones to their clients.
    for (error_code ec; !ec;) {
      tcp::socket socket(io_);
      acceptor_.accept(socket, ec);
      if (!ec) Take(std::move(socket));
    }
    error_code ignored;
    acceptor_.close(ignored);
    const std::vector<Connection*> now(hub_.connections.begin(), hub_.connections.end());
    for (Connection* connection : now) connection->Drain();
    if (!hub_.connections.empty()) return;
    if (const auto last = std::exchange(hub_.on_last_closed, nullptr)) last();
  }

  Service service_;
  Hub hub_;
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  tcp::acceptor acceptor_;
  asio::steady_timer accept_timer_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

Server::Server(const ServerOptions& options, const api::Router& router, const api::KeyRing& keys,
               MetricsRegistry& metrics, Logger& log)
    : impl_(std::make_unique<Impl>(options, router, keys, metrics, log)) {}

Server::~Server() = default;

Status Server::Start() {
  return impl_->Start();
}
std::uint16_t Server::port() const {
  return impl_->port();
}
void Server::Stop() {
  impl_->Stop();
}

}  // namespace ocellus::http
