#include "http/server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace ocellus::http {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// A client that sends exactly what it is told.
class Client {
 public:
  explicit Client(std::uint16_t port) {
    fd_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  }
  ~Client() { close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  bool connected() const { return connected_; }

  bool Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  // What comes until `end` stands in it, the connection ends, or five seconds pass.
  std::string ReceiveUntil(std::string_view end) {
    std::string got;
    pollfd ready{fd_, POLLIN, 0};
    while (got.find(end) == std::string::npos && poll(&ready, 1, 5000) == 1) {
      char buffer[4096];
      const ssize_t count = recv(fd_, buffer, sizeof(buffer), 0);
      if (count <= 0) {
        ended_ = true;
        break;
      }
      got.append(buffer, static_cast<std::size_t>(count));
    }
    return got;
  }
  std::string ReceiveAll() { return ReceiveUntil("this is never sent"); }
  bool ended() const { return ended_; }

 private:
  int fd_ = -1;
  bool connected_ = false;
  bool ended_ = false;
};

class ServerTest : public testing::Test {
 protected:
  ServerTest() {
    options_.port = 0;
    options_.workers = 4;
    options_.max_header_bytes = 2048;
    options_.max_body_bytes = 100'000;
    router_.Add({"POST", "/echo", Value(), [](const api::Request& request, const auto&) {
                   api::Response response;
                   response.content_type = "text/plain";
                   response.body = request.body;
                   return response;
                 }});
    router_.Add({"POST", "/slow", Value(), [this](const api::Request& request, const auto&) {
                   ++in_handler_;
                   std::this_thread::sleep_for(slow_);
                   api::Response response;
                   response.body = request.body;
                   return response;
                 }});
    router_.Add({"GET", "/about", Value(), [](const api::Request& request, const auto&) {
                   api::Response response;
                   response.body = request.principal.name + " " + request.id;
                   response.headers = {{"X-Good", "yes"}, {"X-Bad", "a\r\nX-Evil: b"}};
                   return response;
                 }});
    router_.Add({"GET", "/open", Value(),
                 [](const api::Request&, const auto&) {
                   return api::Response{200, "text/plain", "open", {}};
                 },
                 true});
    router_.Add({"GET", "/unchanged", Value(), [](const api::Request&, const auto&) {
                   return api::Response{304, "", "no", {}};
                 }});
    router_.Add({"GET", "/stream", Value(), [this](const api::Request&, const auto&) {
                   api::Response response;
                   response.content_type = "text/event-stream";
                   response.stream = [this](api::BodySink& sink) { stream_(sink); };
                   return response;
                 }});
    router_.Add({"POST", "/later", Value(), [this](const api::Request& request, const auto&) {
                   api::Response response;
                   response.later = [this, body = request.body](const api::Caller& caller) {
                     ++in_handler_;
                     while (hold_ && !caller.gone()) std::this_thread::sleep_for(milliseconds(5));
                     if (caller.gone()) ++gone_;
                     api::Response answer;
                     answer.status = 201;
                     answer.body = body;
                     return answer;
                   };
                   return response;
                 }});
    router_.SetErrorWriter("/", [](const Status& status, int http_status) {
      return api::Response{
          http_status, "application/json", "{\"why\":\"" + status.message() + "\"}", {}};
    });
  }

  void Start(std::vector<api::ApiKey> keys = {}) {
    keys_ = std::make_unique<api::KeyRing>(std::move(keys));
    server_ = std::make_unique<Server>(options_, router_, *keys_, metrics_, log_);
    const Status started = server_->Start();
    ASSERT_TRUE(started.ok()) << started.message();
  }

  std::string Exchange(std::string_view request) {
    Client client(server_->port());
    EXPECT_TRUE(client.connected());
    client.Send(request);
    return client.ReceiveAll();
  }

  // A request to end the connection with, so that all is received at once.
  static std::string Post(const std::string& path, const std::string& body,
                          const std::string& more = "Connection: close\r\n") {
    return "POST " + path +
           " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n" + more + "\r\n" + body;
  }

  ServerOptions options_;
  milliseconds slow_{300};
  std::atomic<int> in_handler_{0};
  std::atomic<bool> hold_{false};
  std::atomic<int> gone_{0};
  std::function<void(api::BodySink&)> stream_ = [](api::BodySink&) {};
  api::Router router_;
  MetricsRegistry metrics_;
  Logger log_{LogLevel::kError};
  std::unique_ptr<api::KeyRing> keys_;
  std::unique_ptr<Server> server_;
};

TEST_F(ServerTest, AnswersAndEchoesTheRequestId) {
  Start();
  const std::string answer = Exchange(
      "GET /about HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: abc-1\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("X-Request-Id: abc-1\r\n"));
  EXPECT_THAT(answer, HasSubstr("X-Good: yes\r\n"));
  EXPECT_THAT(answer, Not(HasSubstr("X-Evil")));
  EXPECT_THAT(answer, HasSubstr("\r\n\r\nanonymous abc-1"));
  const std::string made = Exchange(
      "GET /about HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: a b\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(made, Not(HasSubstr("X-Request-Id: a b")));
}

TEST_F(ServerTest, PipelinedRequestsAreAnsweredInOrder) {
  Start();
  std::string requests;
  for (int i = 0; i < 20; ++i) {
    requests += Post(i % 5 == 0 ? "/slow" : "/echo", "body-" + std::to_string(i) + ".", "");
  }
  slow_ = milliseconds(20);
  Client client(server_->port());
  client.Send(requests);
  std::string got = client.ReceiveUntil("body-19.");
  std::size_t at = 0;
  for (int i = 0; i < 20; ++i) {
    const std::size_t next = got.find("body-" + std::to_string(i) + ".", at);
    ASSERT_NE(next, std::string::npos) << i;
    at = next;
  }
}

TEST_F(ServerTest, ChunkedBodiesAndContinue) {
  Start();
  EXPECT_THAT(Exchange("POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
                       "Connection: close\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"),
              HasSubstr("\r\n\r\nabcde"));
  Client client(server_->port());
  client.Send(
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nExpect: "
      "100-continue\r\n\r\n");
  EXPECT_THAT(client.ReceiveUntil("\r\n\r\n"), StartsWith("HTTP/1.1 100 Continue\r\n\r\n"));
  client.Send("ok");
  EXPECT_THAT(client.ReceiveUntil("\r\n\r\nok"), StartsWith("HTTP/1.1 200"));
}

TEST_F(ServerTest, HeadAndNotModifiedHaveNoBody) {
  Start();
  const std::string head = Exchange(
      "HEAD /about HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: i\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(head, HasSubstr("Content-Length: 11\r\n"));
  EXPECT_EQ(head.substr(head.size() - 4), "\r\n\r\n");
  const std::string unchanged =
      Exchange("GET /unchanged HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(unchanged, StartsWith("HTTP/1.1 304"));
  EXPECT_EQ(unchanged.substr(unchanged.size() - 4), "\r\n\r\n");
}

TEST_F(ServerTest, WhatIsNoRequestIsToldWhy) {
  Start();
  const std::pair<const char*, const char*> cases[] = {
      {"nonsense\r\n\r\n", "HTTP/1.1 400"},
      {"\x16\x03\x01\x02\x05\x01\x01\xfc", "TLS"},
      {"GET /about HTTP/1.1\r\n\r\n", "Host"},
      {"GET /about HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "Host"},
      {"GET /%zz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", "HTTP/1.1 400"},
      {"GET /about HTTP/3.0\r\nHost: localhost\r\n\r\n", "HTTP/1.1 400"},
      {"GET /about HTTP/1.1\r\nHost localhost\r\n\r\n", "HTTP/1.1 400"},
      {"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 400"},
      {"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nContent-Length: "
       "4\r\n\r\nabcd",
       "HTTP/1.1 400"},
      {"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: "
       "chunked\r\n\r\n"
       "0\r\n\r\n",
       "HTTP/1.1 400"},
      {"POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
       "HTTP/1.1 400"},
      {"POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, "
       "chunked\r\n\r\n0\r\n\r\n",
       "HTTP/1.1 501"},
      {"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: br\r\nContent-Length: "
       "1\r\n\r\na",
       "HTTP/1.1 415"},
      {"POST /echo HTTP/1.1\r\nHost: localhost\r\nExpect: tea\r\nContent-Length: 1\r\n\r\na",
       "HTTP/1.1 417"},
      {"GET /none HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", "HTTP/1.1 404"},
      {"DELETE /about HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", "HTTP/1.1 405"},
  };
  for (const auto& [request, wanted] : cases) {
    const std::string answer = Exchange(request);
    EXPECT_THAT(answer, HasSubstr(wanted)) << request;
    EXPECT_THAT(answer, HasSubstr("{\"why\":\"")) << request;
  }
}

TEST_F(ServerTest, LimitsOfHeadAndBody) {
  Start();
  EXPECT_THAT(Exchange("GET /about HTTP/1.1\r\nHost: localhost\r\nX-Long: " +
                       std::string(4000, 'a') + "\r\n\r\n"),
              StartsWith("HTTP/1.1 431"));
  // Declared, and refused before it is sent.
  EXPECT_THAT(Exchange("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100001\r\n"
                       "Expect: 100-continue\r\n\r\n"),
              StartsWith("HTTP/1.1 413"));
  // Sent all the same: the answer still arrives.
  EXPECT_THAT(Exchange(Post("/echo", std::string(5'000'000, 'a'))), StartsWith("HTTP/1.1 413"));
  std::string chunks =
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 11; ++i) chunks += "2710\r\n" + std::string(10'000, 'a') + "\r\n";
  EXPECT_THAT(Exchange(chunks), StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(Exchange(Post("/echo", std::string(100'000, 'a'))), StartsWith("HTTP/1.1 200"));
}

TEST_F(ServerTest, SlowClientsAreCutOff) {
  options_.header_timeout = milliseconds(200);
  options_.idle_timeout = milliseconds(300);
  Start();
  Client slow(server_->port());
  slow.Send("GET /about HT");
  EXPECT_THAT(slow.ReceiveAll(), StartsWith("HTTP/1.1 408"));
  EXPECT_TRUE(slow.ended());
  Client silent(server_->port());
  EXPECT_EQ(silent.ReceiveAll(), "");
  EXPECT_TRUE(silent.ended());
}

TEST_F(ServerTest, KeysAreAskedForBeforeTheBody) {
  Start({{"uploader", "a-secret-of-some-length", api::Role::kWrite, std::nullopt}});
  EXPECT_THAT(Exchange("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n"),
              HasSubstr("401"));
  EXPECT_THAT(Exchange(Post("/echo", "x", "Authorization: Bearer wrong\r\nConnection: close\r\n")),
              HasSubstr("WWW-Authenticate: Bearer"));
  EXPECT_THAT(Exchange("GET /about HTTP/1.1\r\nHost: any.name\r\nConnection: close\r\n"
                       "Authorization: Bearer a-secret-of-some-length\r\n\r\n"),
              HasSubstr("uploader"));
  EXPECT_THAT(Exchange("GET /open HTTP/1.1\r\nHost: any.name\r\nConnection: close\r\n\r\n"),
              HasSubstr("\r\n\r\nopen"));
}

TEST_F(ServerTest, AnOpenServerIsNoServantOfForeignPages) {
  Start();
  EXPECT_THAT(Exchange("GET /about HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"),
              StartsWith("HTTP/1.1 403"));
  EXPECT_THAT(Exchange("GET /about HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\n"
                       "Connection: close\r\n\r\n"),
              StartsWith("HTTP/1.1 403"));
}

TEST_F(ServerTest, TooManyConnectionsAreToldSo) {
  options_.max_connections = 2;
  Start();
  Client first(server_->port());
  Client second(server_->port());
  first.Send("GET /open HTTP/1.1\r\nHost: localhost\r\n\r\n");
  second.Send("GET /open HTTP/1.1\r\nHost: localhost\r\n\r\n");
  first.ReceiveUntil("\r\n\r\nopen");
  second.ReceiveUntil("\r\n\r\nopen");
  const std::string answer = Exchange("GET /open HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(answer, HasSubstr("Retry-After: 1"));
}

TEST_F(ServerTest, AFullQueueIsToldAndPublicRoutesStillAnswer) {
  options_.workers = 1;
  options_.max_queued_requests = 1;
  Start();
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 2; ++i) {
    clients.push_back(std::make_unique<Client>(server_->port()));
    clients.back()->Send(Post("/slow", "x"));
    // The first must be in its handler before the second queues.
    while (in_handler_ == 0) std::this_thread::sleep_for(milliseconds(1));
  }
  std::this_thread::sleep_for(milliseconds(50));
  const std::string busy = Exchange(Post("/slow", "x"));
  EXPECT_THAT(busy, StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(busy, HasSubstr("Retry-After"));
  EXPECT_THAT(Exchange("GET /open HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
              HasSubstr("\r\n\r\nopen"));
  for (const auto& client : clients) EXPECT_THAT(client->ReceiveAll(), StartsWith("HTTP/1.1 200"));
}

TEST_F(ServerTest, LargeBodiesTogetherAreBounded) {
  options_.max_buffered_bytes = 150'000;
  Start();
  Client first(server_->port());
  first.Send(Post("/slow", std::string(100'000, 'a')));
  while (in_handler_ == 0) std::this_thread::sleep_for(milliseconds(1));
  EXPECT_THAT(Exchange(Post("/echo", std::string(100'000, 'b'))), StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(first.ReceiveUntil("aaa"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(Exchange(Post("/echo", std::string(100'000, 'b'))), StartsWith("HTTP/1.1 200"));
}

TEST_F(ServerTest, ADrainAnswersWhatHasArrived) {
  options_.header_timeout = milliseconds(5000);
  Start();
  Client in_handler(server_->port());
  in_handler.Send(Post("/slow", "one", "") + Post("/echo", "two", ""));
  while (in_handler_ == 0) std::this_thread::sleep_for(milliseconds(1));
  Client half_sent(server_->port());
  half_sent.Send("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nth");
  Client in_backlog(server_->port());
  in_backlog.Send(Post("/echo", "four", ""));
  Client idle(server_->port());
  std::this_thread::sleep_for(milliseconds(50));

  std::thread stop([this] { server_->Stop(); });
  std::this_thread::sleep_for(milliseconds(100));
  half_sent.Send("ree");
  EXPECT_THAT(half_sent.ReceiveAll(), HasSubstr("\r\n\r\nthree"));
  const std::string both = in_handler.ReceiveAll();
  EXPECT_THAT(both, HasSubstr("\r\n\r\none"));
  EXPECT_THAT(both, HasSubstr("\r\n\r\ntwo"));
  EXPECT_THAT(both, HasSubstr("Connection: close"));
  EXPECT_THAT(in_backlog.ReceiveAll(), HasSubstr("\r\n\r\nfour"));
  EXPECT_EQ(idle.ReceiveAll(), "");
  stop.join();
  EXPECT_FALSE(Client(server_->port()).connected());
}

TEST_F(ServerTest, ADrainEndsInTime) {
  options_.drain_timeout = milliseconds(200);
  Start();
  Client stuck(server_->port());
  stuck.Send("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nth");
  std::this_thread::sleep_for(milliseconds(50));
  const auto start = std::chrono::steady_clock::now();
  server_->Stop();
  EXPECT_LT(std::chrono::steady_clock::now() - start, milliseconds(2000));
}

TEST_F(ServerTest, ManyClientsAtOnce) {
  Start();
  slow_ = milliseconds(1);
  std::atomic<int> right{0};
  std::vector<std::thread> clients;
  clients.reserve(16);
  for (int i = 0; i < 16; ++i) {
    clients.emplace_back([&, i] {
      Client client(server_->port());
      for (int n = 0; n < 50; ++n) {
        const std::string body = "<" + std::to_string(i) + "/" + std::to_string(n) + ">";
        client.Send(Post(n % 7 == 0 ? "/slow" : "/echo", body, ""));
        if (client.ReceiveUntil(body).find(body) != std::string::npos) ++right;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(right, 16 * 50);
  EXPECT_THAT(metrics_.Expose(),
              HasSubstr("ocellus_http_requests_total{method=\"POST\",status=\"200\"}"));
}

constexpr std::string_view kGetStream = "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n";

bool Becomes(const std::function<bool()>& condition) {
  for (int i = 0; i < 1000 && !condition(); ++i) std::this_thread::sleep_for(milliseconds(5));
  return condition();
}

TEST_F(ServerTest, AStreamIsSentAsItIsMade) {
  std::atomic<bool> go_on{false};
  stream_ = [&](api::BodySink& sink) {
    EXPECT_TRUE(sink.Write("one"));
    while (!go_on) std::this_thread::sleep_for(milliseconds(1));
    EXPECT_TRUE(sink.Write(""));
    EXPECT_TRUE(sink.Write("seventeen letters"));
  };
  Start();
  Client client(server_->port());
  client.Send(kGetStream);
  const std::string head = client.ReceiveUntil("one\r\n");
  EXPECT_THAT(head, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(head, HasSubstr("Transfer-Encoding: chunked\r\n"));
  EXPECT_THAT(head, HasSubstr("Content-Type: text/event-stream\r\n"));
  EXPECT_THAT(head, Not(HasSubstr("Content-Length")));
  EXPECT_THAT(head, HasSubstr("\r\n\r\n3\r\none\r\n"));
  go_on = true;
  EXPECT_THAT(client.ReceiveUntil("0\r\n\r\n"),
              testing::EndsWith("11\r\nseventeen letters\r\n0\r\n\r\n"));
  // The connection goes on, with what came meanwhile too.
  client.Send(Post("/echo", "next", ""));
  EXPECT_THAT(client.ReceiveUntil("next"), HasSubstr("200 OK"));
  client.Send(std::string(kGetStream) + Post("/echo", "pipelined", ""));
  EXPECT_THAT(client.ReceiveUntil("pipelined"), HasSubstr("0\r\n\r\nHTTP/1.1 200 OK"));
}

TEST_F(ServerTest, AStreamForAnOldClientEndsWithTheConnection) {
  stream_ = [](api::BodySink& sink) { sink.Write("all of it"); };
  Start();
  const std::string answer = Exchange("GET /stream HTTP/1.0\r\nHost: localhost\r\n\r\n");
  EXPECT_THAT(answer, testing::EndsWith("\r\n\r\nall of it"));
  EXPECT_THAT(answer, Not(HasSubstr("chunked")));
}

TEST_F(ServerTest, AStreamSeesItsClientGo) {
  std::atomic<bool> ended{false};
  stream_ = [&](api::BodySink& sink) {
    sink.Write("one");
    ended = Becomes([&] { return sink.gone(); }) && !sink.Write("two");
  };
  Start();
  {
    Client client(server_->port());
    client.Send(kGetStream);
    client.ReceiveUntil("one");
  }
  EXPECT_TRUE(Becomes([&] { return ended.load(); }));
}

TEST_F(ServerTest, AClientThatTakesNothingHoldsTheStreamBack) {
  std::atomic<std::size_t> written{0};
  std::atomic<bool> ended{false};
  stream_ = [&](api::BodySink& sink) {
    const std::string part(64 << 10, 'x');
    while (written < (256U << 20) && sink.Write(part)) written += part.size();
    ended = true;
  };
  Start();
  {
    Client client(server_->port());
    client.Send(kGetStream);
    std::size_t before = 1;
    ASSERT_TRUE(Becomes([&] {
      std::this_thread::sleep_for(milliseconds(100));
      return before == std::exchange(before, written.load());
    }));
    // What the kernel takes for both sides, and the bound of the outlet.
    EXPECT_LT(written, 32U << 20);
    EXPECT_FALSE(ended);
  }
  EXPECT_TRUE(Becomes([&] { return ended.load(); }));
}

TEST_F(ServerTest, AStreamThatThrowsIsCutOff) {
  stream_ = [](api::BodySink& sink) {
    sink.Write("one");
    throw std::bad_alloc();
  };
  Start();
  Client client(server_->port());
  client.Send(kGetStream);
  EXPECT_THAT(client.ReceiveAll(), Not(HasSubstr("0\r\n\r\n")));
  EXPECT_TRUE(client.ended());
}

TEST_F(ServerTest, LongAnswersDoNotHoldTheWorkers) {
  hold_ = true;
  options_.workers = 1;
  options_.max_long_answers = 8;
  Start();
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 8; ++i) {
    clients.push_back(std::make_unique<Client>(server_->port()));
    clients.back()->Send(Post("/later", "body " + std::to_string(i), ""));
  }
  ASSERT_TRUE(Becomes([&] { return in_handler_ == 8; }));
  EXPECT_THAT(Exchange(Post("/echo", "quick")), testing::EndsWith("quick"));
  const std::string busy = Exchange(Post("/later", "too many"));
  EXPECT_THAT(busy, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(busy, HasSubstr("Retry-After: 1"));
  EXPECT_THAT(metrics_.Expose(), HasSubstr("ocellus_http_long_answers 8"));
  clients.pop_back();
  EXPECT_TRUE(Becomes([&] { return gone_ == 1; }));
  hold_ = false;
  for (std::size_t i = 0; i < clients.size(); ++i) {
    const std::string body = "body " + std::to_string(i);
    const std::string answer = clients[i]->ReceiveUntil(body);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 201 "));
    EXPECT_THAT(answer, testing::EndsWith(body));
  }
}

TEST_F(ServerTest, StoppingWaitsForALongAnswerAndNotForEver) {
  options_.drain_timeout = milliseconds(400);
  std::atomic<bool> gone{false};
  stream_ = [&](api::BodySink& sink) {
    sink.Write("one");
    std::this_thread::sleep_for(milliseconds(100));
    sink.Write("two");
  };
  Start();
  {
    Client client(server_->port());
    client.Send(kGetStream);
    client.ReceiveUntil("one");
    server_->Stop();
    EXPECT_THAT(client.ReceiveAll(), HasSubstr("two\r\n0\r\n\r\n"));
  }
  stream_ = [&](api::BodySink& sink) {
    sink.Write("one");
    gone = Becomes([&] { return sink.gone(); });
  };
  Start();
  Client client(server_->port());
  client.Send(kGetStream);
  client.ReceiveUntil("one");
  server_->Stop();
  EXPECT_TRUE(gone);
}

TEST_F(ServerTest, ARouteVouchesForARequestWithoutAKey) {
  router_.Add({"GET", "/signed/{name}", Value(),
               [](const api::Request& request, const auto&) {
                 return api::Response{200, "text/plain", request.principal.name, {}};
               },
               false,
               [](const api::Request& request,
                  const api::PathParameters& parameters) -> std::optional<api::Principal> {
                 const std::string* word = request.Query("word");
                 if (word == nullptr || *word != parameters.at("name")) return std::nullopt;
                 return api::Principal{"vouched", api::Role::kRead, {}};
               }});
  Start({{"a", "0123456789abcdef", api::Role::kAdmin, {}}});
  const auto get = [&](const std::string& target) {
    return Exchange("GET " + target + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  };
  EXPECT_THAT(get("/signed/x?word=x"), testing::EndsWith("vouched"));
  EXPECT_THAT(get("/signed/x?word=y"), StartsWith("HTTP/1.1 401 "));
  EXPECT_THAT(get("/signed/x"), StartsWith("HTTP/1.1 401 "));
}

TEST_F(ServerTest, AnAddressInUseIsAFailure) {
  Start();
  options_.port = server_->port();
  Server second(options_, router_, *keys_, metrics_, log_);
  const Status started = second.Start();
  ASSERT_FALSE(started.ok());
  EXPECT_THAT(started.message(), HasSubstr("in use"));
  options_.address = "nowhere";
  Server third(options_, router_, *keys_, metrics_, log_);
  EXPECT_EQ(third.Start().code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace ocellus::http
