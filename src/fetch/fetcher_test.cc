#include "fetch/fetcher.h"

#include <gtest/gtest.h>

#include "fetch/testing/tiny_server.h"

namespace ocellus::fetch {
namespace {

using testing::Peer;
using testing::TinyServer;

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
  const TinyServer server("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbytes");
  const auto body = Fetcher(Open(server.port())).Get(server.url(), 5);
  ASSERT_TRUE(body.ok()) << body.status().message();
  EXPECT_EQ(*body, "bytes");
}

TEST(Fetcher, NeverConnectsToAPrivateAddress) {
  const TinyServer server("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbytes");
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
  const TinyServer server("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbytes");
  FetchOptions options = Open(server.port());
  options.ports = {80, 443};
  EXPECT_FALSE(Fetcher(options).Get(server.url(), 100).ok());
  EXPECT_EQ(server.connections(), 0);
}

TEST(Fetcher, ChecksEveryRedirect) {
  const TinyServer secret("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret");
  const TinyServer server("HTTP/1.1 302 Found\r\nLocation: " + secret.url() +
                          "\r\nContent-Length: 0\r\n\r\n");
  const auto body = Fetcher(Open(server.port())).Get(server.url(), 100);  // the other port is shut
  ASSERT_FALSE(body.ok());
  EXPECT_EQ(secret.connections(), 0);
}

TEST(Fetcher, FollowsNoRedirectToAnotherScheme) {
  const TinyServer server(
      "HTTP/1.1 302 Found\r\nLocation: file:///etc/hostname\r\nContent-Length: 0\r\n\r\n");
  EXPECT_FALSE(Fetcher(Open(server.port())).Get(server.url(), 100).ok());
}

TEST(Fetcher, EndsARedirectLoop) {
  const TinyServer server(
      "HTTP/1.1 302 Found\r\nLocation: /picture.jpg\r\nContent-Length: 0\r\n"
      "Connection: close\r\n\r\n");
  EXPECT_FALSE(Fetcher(Open(server.port())).Get(server.url(), 100).ok());
  EXPECT_LE(server.connections(), 4);
}

TEST(Fetcher, StopsAtTheByteLimit) {
  const TinyServer server("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsix...");
  const auto body = Fetcher(Open(server.port())).Get(server.url(), 5);
  ASSERT_FALSE(body.ok());
  EXPECT_NE(body.status().message().find("larger than 5 bytes"), std::string::npos);
}

TEST(Fetcher, ReportsOtherStatuses) {
  const TinyServer server("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
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
  const TinyServer server("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort");
  const auto body = Fetcher(Open(server.port())).Get(server.url(), 1000);
  EXPECT_EQ(body.status().code(), Code::kUnavailable);
}

TEST(Fetcher, GivesUpInTime) {
  const TinyServer server([](const Peer& peer) {
    peer.Send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort");
    peer.WaitUntilItLeaves();
  });
  FetchOptions options = Open(server.port());
  options.timeout = std::chrono::milliseconds(300);
  EXPECT_EQ(Fetcher(options).Get(server.url(), 1000).status().code(), Code::kUnavailable);
}

}  // namespace
}  // namespace ocellus::fetch
