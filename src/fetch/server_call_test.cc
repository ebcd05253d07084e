#include "fetch/server_call.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <thread>

namespace ocellus::fetch {
namespace {

using std::chrono::milliseconds;

// Serves one connection as it is told, after its request has arrived.
class Scripted {
 public:
  explicit Scripted(std::function<void(int)> script) {
    listener_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(listener_, 8), 0);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    url_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/v1/chat/completions";
    thread_ = std::thread([this, script = std::move(script)] {
      const int connection = accept(listener_, nullptr, nullptr);
      if (connection < 0) return;
      char bytes[4096];
      while (request_.find("}") == std::string::npos) {
        const ssize_t got = recv(connection, bytes, sizeof bytes, 0);
        if (got <= 0) break;
        request_.append(bytes, static_cast<std::size_t>(got));
      }
      script(connection);
      close(connection);
    });
  }
  ~Scripted() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }
  Scripted(const Scripted&) = delete;
  Scripted& operator=(const Scripted&) = delete;

  const std::string& url() const { return url_; }
  // Once the call is over.
  const std::string& request() const { return request_; }

 private:
  int listener_ = -1;
  std::string url_;
  std::string request_;
  std::thread thread_;
};

void Send(int connection, const std::string& bytes) {
  (void)send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

// Until the other side has hung up.
void WaitForEnd(int connection) {
  char byte = 0;
  while (recv(connection, &byte, 1, 0) > 0) {
  }
}

struct Heard : ServerCallListener {
  void OnHead(int http_status, std::string_view content_type) override {
    status = http_status;
    type = content_type;
  }
  bool OnBytes(std::string_view more) override {
    bytes += more;
    return bytes.find(stop_at) == std::string::npos || stop_at.empty();
  }
  bool OnTick() override { return ++ticks < max_ticks; }

  int status = 0;
  std::string type;
  std::string bytes;
  std::string stop_at;
  int ticks = 0;
  int max_ticks = 1 << 30;
};

TEST(ServerCall, SendsABodyAndHearsTheAnswer) {
  const Scripted server([](int connection) {
    Send(connection,
         "HTTP/1.1 429 Too Many Requests\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\n"
         "slow");
  });
  Heard heard;
  const Status status =
      PostJson({.url = server.url(), .headers = {"Authorization: Bearer k"}}, R"({"a":1})", heard);
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(heard.status, 429);
  EXPECT_EQ(heard.type, "text/plain");
  EXPECT_EQ(heard.bytes, "slow");
  EXPECT_NE(server.request().find("POST /v1/chat/completions"), std::string::npos);
  EXPECT_NE(server.request().find("Authorization: Bearer k\r\n"), std::string::npos);
  EXPECT_NE(server.request().find("\r\n\r\n{\"a\":1}"), std::string::npos);
}

TEST(ServerCall, HearsBytesAsTheyCome) {
  const Scripted server([](int connection) {
    Send(connection, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n");
    WaitForEnd(connection);  // sends nothing more
  });
  Heard heard;
  heard.stop_at = "data: 1";
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(PostJson({.url = server.url()}, "{}", heard).code(), Code::kCancelled);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  EXPECT_EQ(heard.bytes, "data: 1\n\n");
}

TEST(ServerCall, IsGivenUpWhileNothingComes) {
  const Scripted server([](int connection) { WaitForEnd(connection); });
  Heard heard;
  heard.max_ticks = 2;
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(PostJson({.url = server.url()}, "{}", heard).code(), Code::kCancelled);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

TEST(ServerCall, HasLimits) {
  {
    const Scripted server([](int connection) { WaitForEnd(connection); });
    Heard heard;
    const Status status =
        PostJson({.url = server.url(), .idle_timeout = milliseconds(200)}, "{}", heard);
    EXPECT_EQ(status.code(), Code::kUnavailable);
    EXPECT_NE(status.message().find("nothing for 200 ms"), std::string::npos);
  }
  {
    const Scripted server([](int connection) {
      Send(connection, "HTTP/1.1 200 OK\r\n\r\n" + std::string(1 << 20, 'x'));
    });
    Heard heard;
    const Status status = PostJson({.url = server.url(), .max_bytes = 1000}, "{}", heard);
    EXPECT_EQ(status.code(), Code::kInvalidArgument);
    EXPECT_LE(heard.bytes.size(), 1000U);
  }
  {
    const Scripted server([](int connection) {
      Send(connection,
           "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n"
           "Content-Length: 0\r\n\r\n");
    });
    Heard heard;
    EXPECT_TRUE(PostJson({.url = server.url()}, "{}", heard).ok());
    EXPECT_EQ(heard.status, 302);  // not followed
  }
}

TEST(ServerCall, WithoutAServerSaysSo) {
  Heard heard;
  EXPECT_EQ(PostJson({.url = "http://127.0.0.1:1/"}, "{}", heard).code(), Code::kUnavailable);
  EXPECT_EQ(PostJson({.url = "file:///etc/passwd"}, "{}", heard).code(), Code::kInvalidArgument);
  EXPECT_EQ(heard.bytes, "");
  const Scripted server([](int connection) {
    Send(connection, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ncut off");
  });
  EXPECT_EQ(PostJson({.url = server.url()}, "{}", heard).code(), Code::kUnavailable);
}

}  // namespace
}  // namespace ocellus::fetch
