#include "api/router.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace ocellus::api {
namespace {

Handler Say(const std::string& what) {
  return [what](const Request&, const PathParameters& parameters) {
    Response response;
    response.body = what;
    for (const auto& [name, value] : parameters) response.body += " " + name + "=" + value;
    return response;
  };
}

class RouterTest : public ::testing::Test {
 protected:
  RouterTest() {
    router_.Add({"GET", "/", {}, Say("home"), true});
    router_.Add({"GET", "/a", {}, Say("get a")});
    router_.Add({"POST", "/a", {}, Say("post a")});
    router_.Add({"GET", "/a/{x}/c", {}, Say("x")});
    router_.Add({"GET", "/a/b/c", {}, Say("literal")});
    router_.Add({"GET", "/files/{library}/{rest*}", {}, Say("rest")});
    router_.Add({"DELETE", "/files/{library}", {}, Say("delete")});
    router_.Add({"GET", "/throws", {}, [](const auto&, const auto&) -> Response {
                   throw std::runtime_error("out of memory");
                 }});
    router_.SetErrorWriter("", Writer("default"));
    router_.SetErrorWriter("/api", Writer("api"));
    router_.SetErrorWriter("/api/v2", Writer("v2"));
  }

  static ErrorWriter Writer(const std::string& name) {
    return [name](const Status& status, int http_status) {
      Response response;
      response.status = http_status;
      response.body = name + ": " + status.message();
      return response;
    };
  }

  Response Handle(const std::string& method, const std::string& path) const {
    Request request;
    request.method = method;
    request.path = path;
    return router_.Handle(request);
  }

  Router router_;
};

TEST_F(RouterTest, FindsTheRoute) {
  EXPECT_EQ(Handle("GET", "/").body, "home");
  EXPECT_EQ(Handle("GET", "/a").body, "get a");
  EXPECT_EQ(Handle("GET", "/a/").body, "get a");
  EXPECT_EQ(Handle("HEAD", "/a").body, "get a");
  EXPECT_EQ(Handle("POST", "/a").body, "post a");
  EXPECT_EQ(Handle("GET", "/a/1/c").body, "x x=1");
  EXPECT_EQ(Handle("GET", "/a/b/c").body, "literal");
  EXPECT_EQ(Handle("GET", "/files/l/one/two//three/").body, "rest library=l rest=one/two//three/");
  EXPECT_EQ(Handle("DELETE", "/files/l").body, "delete library=l");
  EXPECT_EQ(Handle("DELETE", "/files/l/").body, "delete library=l");
}

TEST_F(RouterTest, SaysWhatIsNotThere) {
  for (const char* path :
       {"", "a", "/b", "/a/1", "/a//c", "/a/1/c/d", "/a//", "/files/", "/files//x"}) {
    EXPECT_EQ(Handle("GET", path).status, 404) << path;
  }
  const Response wrong = Handle("PUT", "/a");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.headers.at(0).second, "GET, HEAD, POST");
  EXPECT_EQ(Handle("GET", "/files/l").headers.at(0).second, "DELETE");
  EXPECT_EQ(Handle("HEAD", "/files/l").status, 405);
}

TEST_F(RouterTest, WritesErrorsInTheWordsOfTheFront) {
  EXPECT_EQ(Handle("GET", "/nowhere").body, "default: no such path: /nowhere");
  EXPECT_EQ(Handle("GET", "/api/x").body, "api: no such path: /api/x");
  EXPECT_EQ(router_.Error("/api/v2/x", Status(Code::kInternal, "oops"), 500).body, "v2: oops");
  const Response thrown = Handle("GET", "/throws");
  EXPECT_EQ(thrown.status, 500);
  EXPECT_EQ(thrown.body, "default: out of memory");
  EXPECT_EQ(Router().Error("/", Status(Code::kInternal, "bare"), 500).body,
            R"({"error":{"message":"bare"}})");
}

TEST_F(RouterTest, KnowsWhatIsPublic) {
  EXPECT_TRUE(router_.IsPublic("GET", "/"));
  EXPECT_TRUE(router_.IsPublic("HEAD", "/"));
  EXPECT_FALSE(router_.IsPublic("POST", "/"));
  EXPECT_FALSE(router_.IsPublic("GET", "/a"));
  EXPECT_FALSE(router_.IsPublic("GET", "/nowhere"));
}

TEST_F(RouterTest, DescribesItsRoutes) {
  const Value document = router_.OpenApi("1.2.3");
  EXPECT_EQ(*document.Find("info")->Find("version"), Value("1.2.3"));
  const Value* files = document.Find("paths")->Find("/files/{library}/{rest}");
  ASSERT_NE(files, nullptr);
  EXPECT_EQ(files->Find("get")->Find("parameters")->as_list()->size(), 2U);
  EXPECT_EQ(document.Find("paths")->Find("/a")->as_map()->size(), 2U);
  EXPECT_TRUE(document.Find("paths")->Find("/")->Find("get")->Find("security")->as_list()->empty());
}

}  // namespace
}  // namespace ocellus::api
