#include "fetch/fetcher.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <thread>

namespace ocellus::fetch {
namespace {

// Answers each connection on a loopback port with fixed bytes, and counts the connections. A
// holding one then waits for the client to leave.
class OneAnswerServer {
 public:
  explicit OneAnswerServer(std::string answer, bool hold = false)
      : answer_(std::move(answer)), hold_(hold) {
    listener_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(listener_, 8), 0);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Serve(); });
  }
  ~OneAnswerServer() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }
  OneAnswerServer(const OneAnswerServer&) = delete;
  OneAnswerServer& operator=(const OneAnswerServer&) = delete;

  std::uint16_t port() const { return port_; }
  int connections() const { return connections_; }
  std::string url(const std::string& host = "127.0.0.1") const {
    return "http://" + host + ":" + std::to_string(port_) + "/picture.jpg";
  }

 private:
  void Serve() {
    while (true) {
      const int connection = accept(listener_, nullptr, nullptr);
      if (connection < 0) return;
      ++connections_;
      char request[4096];
      if (recv(connection, request, sizeof request, 0) > 0) {
        (void)send(connection, answer_.data(), answer_.size(), MSG_NOSIGNAL);
      }
      while (hold_ && recv(connection, request, sizeof request, 0) > 0) {
      }
      shutdown(connection, SHUT_WR);
      close(connection);
    }
  }

  const std::string answer_;
  const bool hold_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<int> connections_{0};
  std::thread thread_;
};

FetchOptions Open(std::uint16_t port) {
  FetchOptions options;
  options.enabled = true;
  options.ports = {port};
  options.opened = {*ParseNetwork("127.0.0.0/8")};
  return options;
}

TEST(Fetcher, IsOffUnlessEnabled) {
  const auto body = Fetcher({}).Get("http://127.0.0.1/", 10);
  EXPECT_EQ(body.status().code(), Code::kFailedPrecondition);
}

TEST(Fetcher, GetsABodyFromAnOpenedNetwork) {
  const OneAnswerServer server("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbytes");
  const auto body = Fetcher(Open(server.port())).Get(server.url(), 5);
  ASSERT_TRUE(body.ok()) << body.status().message();
  EXPECT_EQ(*body, "bytes");
}

TEST(Fetcher, NeverConnectsToAPrivateAddress) {
  const OneAnswerServer server("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbytes");
  FetchOptions options = Open(server.port());
  options.opened.clear();
  // The ways to write a loopback address are many; the check is on the address that is connected.
  for (const char* host :
       {"127.0.0.1", "localhost", "127.1", "0x7f000001", "2130706433", "[::ffff:127.0.0.1]"}) {
    const auto body = Fetcher(options).Get(server.url(host), 100);
    ASSERT_FALSE(body.ok()) << host;
    EXPECT_EQ(body.status().code(), Code::kInvalidArgument) << body.status().message();
  }
  EXPECT_EQ(server.connections(), 0);
}

TEST(Fetcher, ChecksThePort) {
  const OneAnswerServer server("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbytes");
  FetchOptions options = Open(server.port());
  options.ports = {80, 443};
  EXPECT_FALSE(Fetcher(options).Get(server.url(), 100).ok());
  EXPECT_EQ(server.connections(), 0);
}

TEST(Fetcher, ChecksEveryRedirect) {
  const OneAnswerServer secret("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret");
  const OneAnswerServer server("HTTP/1.1 302 Found\r\nLocation: " + secret.url() +
                               "\r\nContent-Length: 0\r\n\r\n");
  const auto body = Fetcher(Open(server.port())).Get(server.url(), 100);  // the other port is shut
  ASSERT_FALSE(body.ok());
  EXPECT_EQ(secret.connections(), 0);
}

TEST(Fetcher, FollowsNoRedirectToAnotherScheme) {
  const OneAnswerServer server(
      "HTTP/1.1 302 Found\r\nLocation: file:///etc/hostname\r\nContent-Length: 0\r\n\r\n");
  EXPECT_FALSE(Fetcher(Open(server.port())).Get(server.url(), 100).ok());
}

TEST(Fetcher, EndsARedirectLoop) {
  const OneAnswerServer server(
      "HTTP/1.1 302 Found\r\nLocation: /picture.jpg\r\nContent-Length: 0\r\n"
      "Connection: close\r\n\r\n");
  EXPECT_FALSE(Fetcher(Open(server.port())).Get(server.url(), 100).ok());
  EXPECT_LE(server.connections(), 4);
}

TEST(Fetcher, StopsAtTheByteLimit) {
  const OneAnswerServer server("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsix...");
  const auto body = Fetcher(Open(server.port())).Get(server.url(), 5);
  ASSERT_FALSE(body.ok());
  EXPECT_NE(body.status().message().find("larger than 5 bytes"), std::string::npos);
}

TEST(Fetcher, ReportsOtherStatuses) {
  const OneAnswerServer server("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
  const auto body = Fetcher(Open(server.port())).Get(server.url(), 5);
  ASSERT_FALSE(body.ok());
  EXPECT_NE(body.status().message().find("404"), std::string::npos);
}

TEST(Fetcher, RefusesOddUrls) {
  for (const std::string& url :
       {std::string("file:///etc/hostname"), std::string("gopher://127.0.0.1/"), std::string(),
        std::string("http://"), std::string("http://user:secret@127.0.0.1/"),
        std::string("http://127.0.0.1/\0x", 19)}) {
    const auto body = Fetcher(Open(80)).Get(url, 100);
    ASSERT_FALSE(body.ok()) << url;
    EXPECT_EQ(body.status().code(), Code::kInvalidArgument) << url;
  }
}

TEST(Fetcher, RefusesABodyThatIsCutShort) {
  const OneAnswerServer server("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort");
  const auto body = Fetcher(Open(server.port())).Get(server.url(), 1000);
  EXPECT_EQ(body.status().code(), Code::kUnavailable);
}

TEST(Fetcher, GivesUpInTime) {
  const OneAnswerServer server("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", true);
  FetchOptions options = Open(server.port());
  options.timeout = std::chrono::milliseconds(300);
  EXPECT_EQ(Fetcher(options).Get(server.url(), 1000).status().code(), Code::kUnavailable);
}

}  // namespace
}  // namespace ocellus::fetch
