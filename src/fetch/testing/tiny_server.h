// A server for tests that answers each connection with whatever bytes it is told to, on a port of
// loopback, and counts the connections.

#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace ocellus::fetch::testing {

// One end of a connection whose request has been read.
class Peer {
 public:
  explicit Peer(int socket) : socket_(socket) {}

  // False once the other end has gone.
  bool Send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t sent = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  void WaitUntilItLeaves() const {
    char byte = 0;
    while (recv(socket_, &byte, 1, 0) > 0) {
    }
  }

 private:
  const int socket_;
};

class TinyServer {
 public:
  using Answer = std::function<void(const Peer&)>;

  explicit TinyServer(Answer answer, const char* address = "127.0.0.1", std::uint16_t port = 0)
      : answer_(std::move(answer)), address_(address) {
    listener_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in bound{};
    bound.sin_family = AF_INET;
    bound.sin_port = htons(port);
    EXPECT_EQ(inet_pton(AF_INET, address, &bound.sin_addr), 1);
    socklen_t size = sizeof bound;
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&bound), size), 0);
    EXPECT_EQ(listen(listener_, 8), 0);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&bound), &size);
    port_ = ntohs(bound.sin_port);
    thread_ = std::thread([this] { Serve(); });
  }
  explicit TinyServer(std::string answer)
      : TinyServer([answer = std::move(answer)](const Peer& peer) { peer.Send(answer); }) {}
  ~TinyServer() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }
  TinyServer(const TinyServer&) = delete;
  TinyServer& operator=(const TinyServer&) = delete;

  std::uint16_t port() const { return port_; }
  int connections() const { return connections_; }
  std::string url(const std::string& host) const {
    return "http://" + host + ":" + std::to_string(port_) + "/picture.jpg";
  }
  std::string url() const { return url(address_); }

 private:
  void Serve() {
    while (true) {
      const int connection = accept(listener_, nullptr, nullptr);
      if (connection < 0) return;
      ++connections_;
      char request[4096];
      if (recv(connection, request, sizeof request, 0) > 0) answer_(Peer(connection));
      shutdown(connection, SHUT_WR);
      close(connection);
    }
  }

  const Answer answer_;
  const std::string address_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<int> connections_{0};
  std::thread thread_;
};

}  // namespace ocellus::fetch::testing
