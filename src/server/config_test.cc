#include "server/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/file_system.h"

namespace ocellus::server {
namespace {

using testing::HasSubstr;

TEST(ConfigTest, SetsWhatItSays) {
  Config config;
  const Status status = ApplyToml(R"(
data = "/srv/ocellus"
log_level = "warning"
[http]
listen = "[::1]:9000"
workers = 7
header_timeout_ms = 1500
[libraries]
max = 50
[import]
roots = ["/srv/a", "/srv/b"]
buckets = {pictures = "/srv/c"}
[fetch]
enabled = true
ports = [80, 8080]
allow_networks = []
[adb.paths]
library_create = "/v2/lib"
)",
                                  config);
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(config.data, "/srv/ocellus");
  EXPECT_EQ(config.log_level, LogLevel::kWarning);
  EXPECT_EQ(config.http.address, "::1");
  EXPECT_EQ(config.http.port, 9000);
  EXPECT_EQ(config.http.workers, 7U);
  EXPECT_EQ(config.http.header_timeout, std::chrono::milliseconds(1500));
  EXPECT_EQ(config.max_libraries, 50U);
  EXPECT_EQ(config.import_roots, (std::vector<std::string>{"/srv/a", "/srv/b"}));
  EXPECT_EQ(config.buckets.at("pictures"), "/srv/c");
  EXPECT_TRUE(config.fetch_enabled);
  EXPECT_EQ(config.fetch_ports, (std::vector<std::uint16_t>{80, 8080}));
  EXPECT_EQ(config.adb_paths.at("library_create"), "/v2/lib");
  EXPECT_EQ(config.max_top_k, 1000U);
}

TEST(ConfigTest, SaysWhatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"dada = \"x\"", "no setting 'dada'; did you mean 'data'?"},
      {"[http]\nworker = 3", "did you mean 'http.workers'?"},
      {"workers = 3", "did you mean 'http.workers'?"},
      {"[htpp]\nworkers = 3", "line 1: there is no setting 'htpp'"},
      {"something_else_entirely = 3", "no setting 'something_else_entirely'"},
      {"data = 3", "data must be a string"},
      {"[http]\nworkers = -1", "http.workers must be an integer from 0 to 1024"},
      {"[http]\nworkers = 1.5", "http.workers must be"},
      {"[http]\nworkers = \"many\"", "line 2: http.workers must be"},
      {"[http]\nlisten = \"here\"", "http.listen must be"},
      {"http = 3", "no setting 'http'"},
      {"log_level = \"loud\"", "log_level must be"},
      {"[fetch]\nports = [0]", "fetch.ports must be"},
      {"[fetch]\nports = [80, \"x\"]", "fetch.ports must be"},
      {"[import]\nroots = \"/srv\"", "import.roots must be a list"},
      {"data = ", "line 1"},
      {"data = \"a\"\ndata = \"b\"", "line 2"},
  };
  for (const auto& [text, wanted] : cases) {
    Config config;
    const Status status = ApplyToml(text, config);
    EXPECT_EQ(status.code(), Code::kInvalidArgument) << text;
    EXPECT_THAT(status.message(), HasSubstr(wanted)) << text;
  }
}

TEST(ConfigTest, HostileTextIsAnError) {
  Config config;
  EXPECT_FALSE(ApplyToml("a = " + std::string(100'000, '['), config).ok());
  EXPECT_FALSE(ApplyToml(std::string(2 << 20, ' '), config).ok());
  EXPECT_FALSE(ApplyToml(std::string_view("\xff\xfe\0x", 4), config).ok());
}

TEST(ConfigTest, AddressesToListenOn) {
  http::ServerOptions options;
  ASSERT_TRUE(ParseListen("0.0.0.0:80", options).ok());
  EXPECT_EQ(options.address, "0.0.0.0");
  EXPECT_EQ(options.port, 80);
  ASSERT_TRUE(ParseListen("[::]:0", options).ok());
  EXPECT_EQ(options.address, "::");
  ASSERT_TRUE(ParseListen("9000", options).ok());
  EXPECT_EQ(options.address, "127.0.0.1");
  EXPECT_EQ(options.port, 9000);
  for (const char* wrong : {"", ":", "a:b", "127.0.0.1:", "127.0.0.1:70000", "::1:80", ":80"}) {
    EXPECT_FALSE(ParseListen(wrong, options).ok()) << wrong;
  }
}

// The document has every key, and no other.
TEST(ConfigTest, EveryKeyIsDocumented) {
  os::PosixFileSystem files;
  const auto bytes = os::ReadWholeFile(files, "../../docs/operations.md", 1 << 20);
  ASSERT_TRUE(bytes.ok()) << bytes.status().message();
  const std::string document(AsText(*bytes));
  std::size_t rows = 0;
  for (std::size_t at = 0; (at = document.find("\n| `", at)) != std::string::npos; ++at) ++rows;
  for (const KeyHelp& key : AllKeys()) {
    EXPECT_THAT(document, HasSubstr("\n| `" + key.name + "` |"));
  }
  EXPECT_EQ(rows, AllKeys().size());
}

}  // namespace
}  // namespace ocellus::server
