// HTTP/1.1 server: sockets, limits, time-outs. Hands whole requests to a router and writes what it
// answers.
//
// Thread-safe after Start().

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "api/access.h"
#include "api/router.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/result.h"

namespace ocellus::http {

struct ServerOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 8000;  // 0: any free one
  unsigned workers = 0;       // threads that run handlers; 0: chosen from the cores
  std::size_t max_connections = 1024;
  // Requests that wait for a worker; one more is answered 503 with Retry-After.
  std::size_t max_queued_requests = 256;
  // Answers under way that are streamed or wait for another server, each with a thread that mostly
  // sleeps; one more is answered 503 with Retry-After.
  std::size_t max_long_answers = 512;
  std::size_t max_header_bytes = 16 << 10;
  // As sent, and again after Content-Encoding is undone: a 20 MB picture in base64 with room.
  std::size_t max_body_bytes = 32 << 20;
  // Bytes of bodies that all connections together may hold; beyond it, 503 with Retry-After.
  std::size_t max_buffered_bytes = 512 << 20;
  // Bytes that bodies may become while they are parsed and answered, of all requests together; what
  // does not fit waits a while, then 503 with Retry-After.
  std::size_t max_parsed_bytes = std::size_t{1} << 30;
  std::chrono::milliseconds header_timeout{10'000};  // for a whole header, from its first byte
  std::chrono::milliseconds idle_timeout{75'000};    // between requests of a connection
  // A body must keep this pace, with ten seconds of grace: one byte a second does not hold a slot.
  std::size_t min_body_bytes_per_second = 4096;
  std::chrono::milliseconds drain_timeout{30'000};
};

class Server {
 public:
  // What is borrowed outlives the server. `log` gets a line per request: no bodies, no query, no
  // secrets.
  Server(const ServerOptions& options, const api::Router& router, const api::KeyRing& keys,
         MetricsRegistry& metrics, Logger& log);
  ~Server();

  // Listens and serves in the background. InvalidArgument: an address that is none. IoError: it
  // cannot be bound, with the reason.
  Status Start();

  // The port in use. REQUIRES: Start() returned ok.
  std::uint16_t port() const;

  // Stops accepting, answers every request whose first byte arrived, then closes; at most
  // drain_timeout. Safe to call twice.
  void Stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ocellus::http
