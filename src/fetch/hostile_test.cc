// Requests that would turn the fetcher against its own network, and servers that do not want to be
// done with it.

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <netdb.h>

#include <chrono>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "fetch/fetcher.h"
#include "fetch/testing/tiny_server.h"

namespace ocellus::fetch {
namespace {

// What the system's resolver says of a name that a test has made up: the first answer to the first
// question and so on, the last one for good.
class Resolver {
 public:
  using Addresses = std::vector<std::string>;

  static Resolver& Get() {
    static Resolver resolver;
    return resolver;
  }

  void Set(const std::string& name, std::vector<Addresses> answers,
           std::chrono::milliseconds delay = {}) {
    const std::scoped_lock lock(mutex_);
    names_[name] = {std::move(answers), 0, delay};
  }
  std::size_t Questions(const std::string& name) {
    const std::scoped_lock lock(mutex_);
    return names_[name].questions;
  }

  // Whether the name is a test's.
  bool Answer(const std::string& name, Addresses& addresses) {
    std::chrono::milliseconds delay{};
    {
      const std::scoped_lock lock(mutex_);
      const auto found = names_.find(name);
      if (found == names_.end()) return false;
      Name& known = found->second;
      addresses = known.answers[std::min(known.questions, known.answers.size() - 1)];
      ++known.questions;
      delay = known.delay;
    }
    std::this_thread::sleep_for(delay);
    return true;
  }

 private:
  struct Name {
    std::vector<Addresses> answers;
    std::size_t questions = 0;
    std::chrono::milliseconds delay{};
  };
  std::mutex mutex_;
  std::map<std::string, Name> names_;
};

}  // namespace
}  // namespace ocellus::fetch

// Stands before the C library's, for libcurl too.
extern "C" int getaddrinfo(const char* name, const char* service, const addrinfo* hints,
                           addrinfo** result) {
  using Function = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static const auto system = reinterpret_cast<Function>(dlsym(RTLD_NEXT, "getaddrinfo"));
  ocellus::fetch::Resolver::Addresses addresses;
  if (name == nullptr || !ocellus::fetch::Resolver::Get().Answer(name, addresses)) {
    return system(name, service, hints, result);
  }
  addrinfo* first = nullptr;
  addrinfo** next = &first;
  for (const std::string& address : addresses) {
    addrinfo wanted{};
    wanted.ai_flags = AI_NUMERICHOST;
    wanted.ai_socktype = SOCK_STREAM;
    if (system(address.c_str(), service, &wanted, next) != 0) return EAI_FAIL;
    while (*next != nullptr) next = &(*next)->ai_next;
  }
  *result = first;
  return first == nullptr ? EAI_NONAME : 0;
}

namespace ocellus::fetch {
namespace {

using std::chrono::milliseconds;
using testing::Peer;
using testing::TinyServer;

constexpr char kAnswer[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbytes";
constexpr char kSecret[] = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret";

FetchOptions PublicOnly(std::uint16_t port) {
  FetchOptions options;
  options.enabled = true;
  options.ports = {port};
  return options;
}

// 127.0.0.1 stands for the public internet, 127.0.0.2 for the private network.
FetchOptions OneAddress(std::uint16_t port) {
  FetchOptions options = PublicOnly(port);
  options.opened = {*ParseNetwork("127.0.0.1")};
  return options;
}

milliseconds Took(const std::function<void()>& what) {
  const auto start = std::chrono::steady_clock::now();
  what();
  return std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - start);
}

TEST(HostileUrls, NoSpellingOfLoopbackGetsThrough) {
  const TinyServer server(kSecret);
  const Fetcher fetcher(PublicOnly(server.port()));
  for (const char* host : {
           "127.0.0.1",
           "127.0.0.1.",
           "127.1",
           "127.0.1",
           "127.255.255.254",
           "2130706433",    // decimal
           "017700000001",  // octal
           "0177.0.0.1",
           "0177.0.0.01",
           "00000177.0.0.1",
           "0x7f000001",  // hexadecimal
           "0x7F.0.0.1",
           "0x7f.0x0.0x0.0x1",
           "0x7f.1",
           "127.0x0.1",
           "0",
           "0.0.0.0",
           "00.0",
           "4294967297",  // 2^32 + 1
           "localhost",
           "LOCALHOST",
           "localhost.",
           "%31%32%37.0.0.1",
           "127.0.0.1%00.example.com",
           "127%2e0%2e0%2e1",
           "１２７.0.0.1",  // full-width digits
           "①②⑦.⓪.⓪.①",
           "127。0。0。1",  // ideographic full stops
           "[::1]",
           "[::]",
           "[0:0:0:0:0:0:0:1]",
           "[0000:0000:0000:0000:0000:0000:0000:0001]",
           "[::ffff:127.0.0.1]",
           "[::ffff:7f00:1]",
           "[0:0:0:0:0:ffff:127.0.0.1]",
           "[::127.0.0.1]",
           "[::ffff:0:127.0.0.1]",
           "[64:ff9b::7f00:1]",
           "[64:ff9b::127.0.0.1]",
           "[2002:7f00:1::]",  // 6to4
           "[2002:7f00:0001::1]",
           "[2001:0:7f00:1:0:0:80ff:fffe]",  // Teredo
           "[fe80::1%25lo]",
           "[::1%25lo]",
           "[fd00::1]",
           "[ff02::1]",
       }) {
    const auto body = fetcher.Get(server.url(host), 100);
    ASSERT_FALSE(body.ok()) << host;
    EXPECT_EQ(body.status().code(), Code::kInvalidArgument)
        << host << ": " << body.status().message();
  }
  EXPECT_EQ(server.connections(), 0);
}

TEST(HostileUrls, NoMetadataServiceIsAsked) {
  FetchOptions options = PublicOnly(80);
  for (const char* host : {"169.254.169.254", "2852039166", "0xA9FEA9FE", "0251.0376.0251.0376",
                           "100.100.100.200", "168.63.129.16", "192.0.0.192", "[fd00:ec2::254]",
                           "[::ffff:169.254.169.254]", "[64:ff9b::a9fe:a9fe]"}) {
    const auto body = Fetcher(options).Get(std::string("http://") + host + "/latest", 100);
    ASSERT_FALSE(body.ok()) << host;
    EXPECT_NE(body.status().message().find("may not reach"), std::string::npos)
        << host << ": " << body.status().message();
  }
}

TEST(HostileUrls, OddFormsAreRefused) {
  const TinyServer server(kSecret);
  FetchOptions options = OneAddress(server.port());
  const std::string port = std::to_string(server.port());
  for (const std::string& url : {
           "http://user@127.0.0.1:" + port + "/",
           "http://user:pass@127.0.0.1:" + port + "/",
           "http://:pass@127.0.0.1:" + port + "/",
           "http://example.com:80@127.0.0.1:" + port + "/",
           "http://127.0.0.1:" + port + "\\@example.com/",
           "ftp://127.0.0.1:" + port + "/",
           "gopher://127.0.0.1:" + port + "/_GET",
           "dict://127.0.0.1:" + port + "/",
           "ldap://127.0.0.1:" + port + "/",
           std::string("smb://127.0.0.1/share"),
           "telnet://127.0.0.1:" + port + "/",
           std::string("file:///etc/hostname"),
           std::string("FILE:///etc/hostname"),
           std::string("data:text/plain,abc"),
           std::string("javascript:alert(1)"),
           std::string("jar:http://127.0.0.1!/"),
           std::string("//127.0.0.1/"),
           std::string("http:///picture.jpg"),
           "http://127.0.0.1:" + port + " /",
           "http://127.0.0.1:" + port + "/\r\nX: y",
           std::string("http://127.0.0.1:99999/"),
           std::string("http://127.0.0.1:-1/"),
           "http://127.0.0.1:" + port + "/" + std::string(9000, 'a'),
       }) {
    const auto body = Fetcher(options).Get(url, 100);
    ASSERT_FALSE(body.ok()) << url.substr(0, 60);
    EXPECT_EQ(body.status().code(), Code::kInvalidArgument)
        << url.substr(0, 60) << ": " << body.status().message();
    EXPECT_LT(body.status().message().size(), 500U);
  }
  EXPECT_EQ(server.connections(), 0);
}

TEST(HostileUrls, OddPortsAreRefused) {
  FetchOptions options = OneAddress(80);
  options.ports = {80, 443};
  for (const char* port : {"22", "25", "6379", "8080", "11211", "65535", "0"}) {
    const auto body = Fetcher(options).Get("http://127.0.0.1:" + std::string(port) + "/", 100);
    ASSERT_FALSE(body.ok()) << port;
    EXPECT_EQ(body.status().code(), Code::kInvalidArgument) << port;
  }
}

TEST(HostileRedirects, EveryHopIsChecked) {
  const TinyServer secret([](const Peer& peer) { peer.Send(kSecret); }, "127.0.0.2");
  for (const std::string& location :
       {secret.url(), secret.url("0x7f000002"), secret.url("[::ffff:127.0.0.2]"),
        secret.url("127.2"), std::string("http://169.254.169.254/"),
        std::string("//127.0.0.2:") + std::to_string(secret.port()) + "/",
        std::string("file:///etc/hostname"), std::string("ftp://127.0.0.2/"),
        std::string("gopher://127.0.0.2/")}) {
    const TinyServer server("HTTP/1.1 302 Found\r\nLocation: " + location +
                            "\r\nContent-Length: 0\r\n\r\n");
    FetchOptions options = OneAddress(server.port());
    options.ports = {80, server.port(), secret.port()};
    const auto body = Fetcher(options).Get(server.url(), 100);
    ASSERT_FALSE(body.ok()) << location;
    EXPECT_EQ(body.status().code(), Code::kInvalidArgument) << body.status().message();
    EXPECT_EQ(server.connections(), 1) << location;
  }
  EXPECT_EQ(secret.connections(), 0);
}

TEST(HostileNames, ANameThatLeadsInsideIsRefused) {
  const TinyServer secret([](const Peer& peer) { peer.Send(kSecret); }, "127.0.0.2");
  const Fetcher fetcher(OneAddress(secret.port()));
  Resolver::Get().Set("inside.test", {{"127.0.0.2"}});
  Resolver::Get().Set("all-inside.test", {{"127.0.0.2", "::1", "10.0.0.1", "169.254.169.254"}});
  for (const char* name : {"inside.test", "all-inside.test"}) {
    const auto body = fetcher.Get(secret.url(name), 100);
    ASSERT_FALSE(body.ok()) << name;
    EXPECT_NE(body.status().message().find("may not reach"), std::string::npos)
        << body.status().message();
  }
  EXPECT_EQ(secret.connections(), 0);
}

TEST(HostileNames, ANameThatChangesItsAddressGainsNothing) {
  // The very port on both addresses, so that only the address tells them apart.
  const TinyServer server([](const Peer& peer) { peer.Send(kAnswer); });
  const TinyServer secret([](const Peer& peer) { peer.Send(kSecret); }, "127.0.0.2", server.port());
  const Fetcher fetcher(OneAddress(server.port()));

  // Good when it is asked first, bad ever after: what was asked is what is used.
  Resolver::Get().Set("changes.test", {{"127.0.0.1"}, {"127.0.0.2"}});
  const auto first = fetcher.Get(server.url("changes.test"), 100);
  ASSERT_TRUE(first.ok()) << first.status().message();
  EXPECT_EQ(*first, "bytes");
  EXPECT_EQ(Resolver::Get().Questions("changes.test"), 1U);
  EXPECT_FALSE(fetcher.Get(server.url("changes.test"), 100).ok());

  // A good and a bad one at the same time.
  Resolver::Get().Set("both.test", {{"127.0.0.2", "127.0.0.1"}});
  const auto both = fetcher.Get(server.url("both.test"), 100);
  if (both.ok()) {
    EXPECT_EQ(*both, "bytes");
  }
  EXPECT_EQ(secret.connections(), 0);
}

TEST(HostileNames, ANameThatChangesBetweenRedirectsGainsNothing) {
  const TinyServer server([](const Peer& peer) {
    peer.Send(
        "HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n"
        "Connection: close\r\n\r\n");
  });
  const TinyServer secret([](const Peer& peer) { peer.Send(kSecret); }, "127.0.0.2", server.port());
  Resolver::Get().Set("turns.test", {{"127.0.0.1"}, {"127.0.0.2"}});
  const auto body = Fetcher(OneAddress(server.port())).Get(server.url("turns.test"), 100);
  EXPECT_FALSE(body.ok());
  EXPECT_GE(server.connections(), 1);
  EXPECT_EQ(secret.connections(), 0);
}

TEST(HostileNames, ANameServerThatStallsIsNotWaitedFor) {
  Resolver::Get().Set("stalls.test", {{"127.0.0.1"}}, milliseconds(1200));
  FetchOptions options = OneAddress(80);
  options.connect_timeout = milliseconds(200);
  Status status;
  const milliseconds took =
      Took([&] { status = Fetcher(options).Get("http://stalls.test/", 100).status(); });
  EXPECT_EQ(status.code(), Code::kUnavailable) << status.message();
  EXPECT_LT(took, milliseconds(1000));
  std::this_thread::sleep_for(milliseconds(1300));  // until libcurl's thread has ended
}

TEST(HostileAnswers, AnEndlessBodyEndsAtTheLimit) {
  const std::string block(64 << 10, 'x');
  for (const char* head :
       {"HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n"}) {
    const TinyServer server([&](const Peer& peer) {
      peer.Send(head);
      while (peer.Send(block)) {
      }
    });
    const auto body = Fetcher(OneAddress(server.port())).Get(server.url(), 1 << 20);
    ASSERT_FALSE(body.ok());
    EXPECT_EQ(body.status().code(), Code::kInvalidArgument);
    EXPECT_NE(body.status().message().find("larger than 1048576"), std::string::npos)
        << body.status().message();
  }
}

TEST(HostileAnswers, AnEndlessChunkedBodyEndsAtTheLimit) {
  const TinyServer server([](const Peer& peer) {
    peer.Send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    while (peer.Send("5\r\nbytes\r\n")) {
    }
  });
  const auto body = Fetcher(OneAddress(server.port())).Get(server.url(), 1000);
  EXPECT_EQ(body.status().code(), Code::kInvalidArgument) << body.status().message();
}

TEST(HostileAnswers, AnEndlessHeaderEnds) {
  for (const std::pair<const std::string, std::string>& parts : std::map<std::string, std::string>{
           {"HTTP/1.1 200 OK\r\n", "X-Filler: " + std::string(1000, 'x') + "\r\n"},
           {"", "HTTP/1.1 100 Continue\r\nX-Filler: y\r\n\r\n"}}) {
    const TinyServer server([&](const Peer& peer) {
      peer.Send(parts.first);
      while (peer.Send(parts.second)) {
      }
    });
    const auto body = Fetcher(OneAddress(server.port())).Get(server.url(), 1000);
    ASSERT_FALSE(body.ok());
    EXPECT_NE(body.status().message().find("the header of the answer is over"), std::string::npos)
        << body.status().message();
  }
}

TEST(HostileAnswers, ASlowBodyEndsInTime) {
  const TinyServer server([](const Peer& peer) {
    peer.Send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    while (peer.Send("x")) std::this_thread::sleep_for(milliseconds(50));
  });
  FetchOptions options = OneAddress(server.port());
  options.timeout = milliseconds(400);
  Status status;
  const milliseconds took =
      Took([&] { status = Fetcher(options).Get(server.url(), 1000).status(); });
  EXPECT_EQ(status.code(), Code::kUnavailable) << status.message();
  EXPECT_LT(took, milliseconds(3000));
}

// 64 MB of zeros in gzip (RFC 1951, fixed codes): one zero, then copies of 258 of it.
std::string GzipBomb() {
  std::string out("\x1f\x8b\x08\0\0\0\0\0\0\x03", 10);
  int used = 8;
  const auto put = [&](std::uint32_t code, int bits) {  // the highest bit first
    for (int i = bits - 1; i >= 0; --i) {
      if (used == 8) {
        out += '\0';
        used = 0;
      }
      out.back() = static_cast<char>(out.back() | static_cast<char>((code >> i & 1) << used++));
    }
  };
  put(0b110, 3);       // the last block, with fixed codes
  put(0b00110000, 8);  // a zero
  for (int copied = 0; copied < 64 << 20; copied += 258) put(0b11000101'00000, 13);
  put(0, 7);  // the end
  return out.append(8, '\0');
}

TEST(HostileAnswers, AGzipBombDoesNotGoOff) {
  const std::string bomb = GzipBomb();
  ASSERT_LT(bomb.size(), 512U << 10);
  const std::string length = std::to_string(bomb.size());
  // As the content's encoding it is not undone; as the transfer's it ends at the limit.
  const TinyServer content(
      "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: " + length + "\r\n\r\n" + bomb);
  const auto body = Fetcher(OneAddress(content.port())).Get(content.url(), 1 << 20);
  ASSERT_TRUE(body.ok()) << body.status().message();
  EXPECT_EQ(*body, bomb);
  const TinyServer transfer(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nConnection: close\r\n\r\n" + bomb);
  const auto limited = Fetcher(OneAddress(transfer.port())).Get(transfer.url(), 1 << 20);
  EXPECT_TRUE(!limited.ok() || limited->size() <= std::size_t{1} << 20);
}

TEST(HostileAnswers, RubbishIsNoAnswer) {
  for (const std::string& rubbish :
       {std::string(), std::string("\0\0\0\0", 4), std::string("bytes and nothing else"),
        std::string("HTTP/9.9 200\r\n\r\n"), std::string("HTTP/1.1 999999 X\r\n\r\n"),
        std::string("HTTP/1.1 204 No Content\r\n\r\n"), std::string("HTTP/1.1 302 Found\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nbytes"),
        std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")}) {
    const TinyServer server(rubbish);
    EXPECT_FALSE(Fetcher(OneAddress(server.port())).Get(server.url(), 1000).ok())
        << rubbish.substr(0, 40);
  }
}

}  // namespace
}  // namespace ocellus::fetch
