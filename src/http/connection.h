// One client's connection: reads a request, has it answered, writes the answer, and again; in the
// order of arrival, so pipelined requests need nothing more.
//
// One owner thread: the one that runs the io_context. A connection keeps itself alive while it has
// an operation under way or a worker has its request.

#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <unordered_set>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "http/service.h"

namespace ocellus::http {

class Connection;

// What the connections of one server share. Owned by the io thread.
struct Hub {
  Hub(Service& the_service, boost::asio::io_context& the_io) : service(the_service), io(the_io) {}

  Service& service;
  boost::asio::io_context& io;
  std::unordered_set<Connection*> connections;
  bool draining = false;
  // Until then a connection without a request waits for one that may be on its way.
  std::chrono::steady_clock::time_point drain_grace_until;
  std::function<void()> on_last_closed;  // called once, while draining
};

class Connection {
 public:
  virtual ~Connection() = default;

  // Serves requests until the client or the server has enough.
  static void Serve(boost::asio::ip::tcp::socket socket, Hub& hub);
  // Answers 503 and closes.
  static void Refuse(boost::asio::ip::tcp::socket socket, Hub& hub);

  // Hub::draining was set: ends after what has arrived.
  virtual void Drain() = 0;
  // Ends now.
  virtual void Abort() = 0;
};

}  // namespace ocellus::http
