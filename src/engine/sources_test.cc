#include "engine/sources.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "os/temporary_directory.h"

namespace ocellus::engine {
namespace {

class FakeUrls final : public UrlReader {
 public:
  Result<std::string> Get(const std::string& url, std::size_t max_bytes) override {
    const std::string body = "body of " + url;
    if (body.size() > max_bytes) return Status(Code::kInvalidArgument, "too long");
    return body;
  }
};

class SourcesTest : public ::testing::Test {
 protected:
  SourcesTest() {
    for (const char* folder : {"/root", "/root/dir", "/other", "/bucket", "/root-evil"}) {
      EXPECT_EQ(::mkdir((top_.path() + folder).c_str(), 0700), 0);
    }
    Write("/root/a b.txt", "spaces");
    Write("/root/dir/b.txt", "below");
    Write("/root/c:d.txt", "colon");
    Write("/other/secret.txt", "secret");
    Write("/root-evil/x.txt", "secret");
    Write("/bucket/key.txt", "object");
    EXPECT_EQ(::symlink((top_.path() + "/other").c_str(), (top_.path() + "/root/out").c_str()), 0);
    EXPECT_EQ(::symlink("dir", (top_.path() + "/root/in").c_str()), 0);
    EXPECT_EQ(::symlink("../other/secret.txt", (top_.path() + "/bucket/link").c_str()), 0);
    EXPECT_EQ(::mkfifo((top_.path() + "/root/pipe").c_str(), 0600), 0);
  }

  void Write(const std::string& path, const std::string& text) {
    std::ofstream(top_.path() + path) << text;
  }

  Sources Make(UrlReader* urls = nullptr) {
    return Sources(files_, urls,
                   {{top_.path() + "/missing", top_.path() + "/root"},
                    {{"bucket", top_.path() + "/bucket"}},
                    30});
  }

  // The content, or the code of the failure.
  std::string Read(const std::string& location) {
    Sources sources = Make();
    const Result<std::string> all = sources.ReadAll(location, 100);
    EXPECT_EQ(sources.Check(location).code(), all.ok() ? Code::kOk : all.status().code());
    if (all.ok()) return *all;
    message_ = all.status().message();
    return all.status().code() == Code::kNotFound ? "not found" : "refused";
  }

  os::TemporaryDirectory top_;
  os::PosixFileSystem files_;
  std::string message_;
};

TEST_F(SourcesTest, ReadsBelowItsRoots) {
  EXPECT_EQ(Read(top_.path() + "/root/dir/b.txt"), "below");
  EXPECT_EQ(Read("dir/b.txt"), "below");
  EXPECT_EQ(Read("./dir/../dir/b.txt"), "below");
  EXPECT_EQ(Read("in/b.txt"), "below");  // a link that stays inside
  EXPECT_EQ(Read("c:d.txt"), "colon");
  EXPECT_EQ(Read("file://" + top_.path() + "/root/a%20b.txt"), "spaces");
  EXPECT_EQ(Read("file://localhost" + top_.path() + "/root/a b.txt"), "spaces");
  EXPECT_EQ(Read("file:" + top_.path() + "/root/a b.txt"), "spaces");
  EXPECT_EQ(Read("oss://bucket/key.txt"), "object");
  EXPECT_EQ(Read("oss://bucket//key.txt"), "object");
}

TEST_F(SourcesTest, NeverReadsBeyondThem) {
  EXPECT_EQ(Read(top_.path() + "/other/secret.txt"), "not found");
  EXPECT_EQ(Read("../other/secret.txt"), "not found");
  EXPECT_EQ(Read("out/secret.txt"), "not found");
  EXPECT_EQ(Read("file://" + top_.path() + "/root/%2e%2e/other/secret.txt"), "not found");
  EXPECT_EQ(Read(top_.path() + "/root-evil/x.txt"), "not found");
  EXPECT_EQ(Read("oss://bucket/../other/secret.txt"), "not found");
  EXPECT_EQ(Read("oss://bucket/link"), "not found");
  EXPECT_EQ(Read("oss://bucket/" + top_.path() + "/other/secret.txt"), "not found");
  // The answer does not tell whether there is such a file.
  (void)Read(top_.path() + "/other/secret.txt");
  const std::string there = message_;
  (void)Read(top_.path() + "/other/nothing.x");
  EXPECT_EQ(there.substr(0, 40), message_.substr(0, 40));
}

TEST_F(SourcesTest, RefusesWhatIsNoFileOrNoLocation) {
  EXPECT_EQ(Read("dir"), "refused");
  EXPECT_NE(message_.find("not a regular file"), std::string::npos);
  EXPECT_EQ(Read("pipe"), "refused");
  EXPECT_EQ(Read(std::string("a\0b", 3)), "refused");
  EXPECT_EQ(Read("oss://nobody/key"), "refused");
  EXPECT_EQ(Read("oss://bucket"), "refused");
  EXPECT_EQ(Read("oss://bucket/"), "refused");
  EXPECT_EQ(Read("ftp://host/x"), "refused");
  EXPECT_EQ(Read("file://host/x"), "refused");
  EXPECT_EQ(Read(""), "not found");
  EXPECT_EQ(Read("http://host/x"), "refused");
  EXPECT_EQ(message_, "not available: fetching URLs is off");
  Write("/root/large", std::string(101, 'x'));
  Sources sources = Make();
  EXPECT_EQ(sources.ReadAll("large", 100).status().code(), Code::kInvalidArgument);
  Sources none(files_, nullptr, {});
  EXPECT_NE(none.Check("dir/b.txt").message().find("without import roots"), std::string::npos);
}

TEST_F(SourcesTest, StreamsAndFetches) {
  Sources sources = Make();
  auto stream = sources.Open("dir/b.txt");
  ASSERT_TRUE(stream.ok());
  std::uint8_t buffer[3];
  EXPECT_EQ(*(*stream)->Read(buffer), 3U);
  EXPECT_EQ(*(*stream)->Read(buffer), 2U);
  EXPECT_EQ(*(*stream)->Read(buffer), 0U);
  FakeUrls urls;
  Sources fetching = Make(&urls);
  EXPECT_EQ(*fetching.ReadAll("http://x/y", 100), "body of http://x/y");
  EXPECT_TRUE(fetching.Check("https://x/y").ok());
  EXPECT_TRUE(fetching.Open("https://x/y").ok());
  EXPECT_FALSE(fetching.Open("https://x/yyyyyyyyyyyyyyyyyyyyyyy").ok());
}

}  // namespace
}  // namespace ocellus::engine
