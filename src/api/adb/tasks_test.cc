// Imports in the background, through the front.

#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <string>

#include "api/testing/harness.h"
#include "base/base64.h"
#include "os/temporary_directory.h"

namespace ocellus::api::adb {
namespace {

using engine::testing::JpegOf;
using engine::testing::kBlue;
using engine::testing::kRed;
using testing::At;
using testing::BodyOf;

void WriteFile(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

class Tasks : public ::testing::Test {
 protected:
  Tasks() : harness_(Options()) { harness_.CreateLibrary("shoes"); }

  testing::HarnessOptions Options() const {
    testing::HarnessOptions options;
    options.sources.import_roots = {folder_.path()};
    options.sources.buckets = {{"bucket", folder_.path()}};
    return options;
  }

  Response Create(const std::string& field, const std::string& location) const {
    return harness_.Adb("/image/tasks/create",
                        Value(Value::Map{{"library_name", "shoes"}, {field, location}}));
  }

  Value Import(const std::string& lines) const {
    WriteFile(folder_.File("import.jsonl"), lines);
    const Response response = Create("oss_path", "oss://bucket/import.jsonl");
    EXPECT_EQ(response.status, 200) << response.body;
    return harness_.Finished(*At(BodyOf(response), "data.task_id").as_string());
  }

  static std::string Line(const std::string& id, engine::testing::Colour colour) {
    return WriteJson(Value::Map{{"image_id", id},
                                {"image_uri", id + ".jpg"},
                                {"image_base64", EncodeBase64(AsBytes(JpegOf(colour)))},
                                {"tags", Value::Map{{"n", id}}}});
  }

  os::TemporaryDirectory folder_;
  testing::Harness harness_;
};

TEST_F(Tasks, ImportsLinesWithAndWithoutTheirPictures) {
  WriteFile(folder_.File("18.jpg"), JpegOf(kBlue));
  const Value task =
      Import(Line("a", kRed) + "\n\n" + R"({"image_id":"b","image_uri":"oss://bucket/18.jpg"})" +
             "\r\n" + R"({"image_id":"c","image_uri":"18.jpg","save_image":false})");
  EXPECT_EQ(At(task, "status"), Value("SUCCEEDED")) << WriteJson(task);
  EXPECT_EQ(At(task, "library_name"), Value("shoes"));
  EXPECT_EQ(At(task, "total"), Value(3));
  EXPECT_EQ(At(task, "success"), Value(3));
  EXPECT_EQ(At(task, "failed"), Value(0));
  EXPECT_EQ(At(task, "errors"), Value(Value::List()));
  EXPECT_NE(At(task, "finish_time").as_string(), nullptr);

  const Value found = BodyOf(harness_.Adb(
      "/search/by-text", R"({"library_name":"shoes","text":"blue","return_frame":true})"));
  ASSERT_EQ(At(found, "data.results").as_list()->size(), 3U);
  // "b" and "c" are one picture under two names: equal scores, in either order.
  const bool b_first = At(found, "data.results.0.image_id") == Value("b");
  const std::string b = b_first ? "data.results.0" : "data.results.1";
  const std::string c = b_first ? "data.results.1" : "data.results.0";
  EXPECT_EQ(At(found, b + ".image_uri"), Value("oss://bucket/18.jpg"));
  EXPECT_NE(At(found, b + ".image_base64").as_string(), nullptr);
  EXPECT_EQ(At(found, c + ".image_uri"), Value("18.jpg"));
  EXPECT_TRUE(At(found, c + ".image_base64").is_null());
  EXPECT_EQ(At(found, "data.results.2.tags.n"), Value("a"));
}

TEST_F(Tasks, ReportsEachBadLineAndGoesOn) {
  WriteFile(folder_.File("text.jpg"), "no picture at all");
  const Value task = Import(Line("a", kRed) + "\n" +                                     // 1
                            "{broken\n" +                                                // 2
                            R"({"image_uri":"x"})" + "\n" +                              // 3
                            R"({"image_id":"d","image_uri":"text.jpg"})" + "\n" +        // 4
                            R"({"image_id":"e","image_uri":"none.jpg"})" + "\n" +        // 5
                            R"({"image_id":"f","image_uri":"/etc/passwd"})" + "\n" +     // 6
                            R"({"image_id":"g","image_uri":"http://x/y.jpg"})" + "\n" +  // 7
                            R"({"image_id":"h","image_uri":"h","tags":7})" + "\n" +      // 8
                            "{\"image_id\":\"\xFF\"}\n" +                                // 9
                            Line("z", kBlue) + "\n");                                    // 10
  EXPECT_EQ(At(task, "status"), Value("PARTIAL")) << WriteJson(task);
  EXPECT_EQ(At(task, "total"), Value(10));
  EXPECT_EQ(At(task, "success"), Value(2));
  EXPECT_EQ(At(task, "failed"), Value(8));
  const struct {
    int line;
    const char* id;
    const char* says;
  } expected[] = {
      {2, nullptr, "line: not valid JSON"},
      {3, nullptr, "image_id: required"},
      {4, "d", "image_uri: "},
      {5, "e", "image_uri: no such file below the import roots: none.jpg"},
      {6, "f", "image_uri: no such file below the import roots: /etc/passwd"},
      {7, "g", "image_uri: not available: fetching URLs is off"},
      {8, "h", "tags: expected an object"},
      {9, nullptr, "image_id: not valid UTF-8"},
  };
  ASSERT_EQ(At(task, "errors").as_list()->size(), std::size(expected));
  for (std::size_t i = 0; i < std::size(expected); ++i) {
    const Value error = At(task, "errors." + std::to_string(i));
    EXPECT_EQ(At(error, "line"), Value(expected[i].line));
    EXPECT_EQ(At(error, "image_id"), expected[i].id == nullptr ? Value() : Value(expected[i].id));
    EXPECT_NE(At(error, "message").as_string()->find(expected[i].says), std::string::npos)
        << WriteJson(error);
  }
}

TEST_F(Tasks, FailsWhenEveryLineDoes) {
  const Value task = Import("{}\n{}\n");
  EXPECT_EQ(At(task, "status"), Value("FAILED"));
  EXPECT_EQ(At(task, "failed"), Value(2));
  EXPECT_TRUE(At(task, "message").is_null());
}

TEST_F(Tasks, StopsOnAFullDisk) {
  std::string lines;
  for (int i = 0; i < 50; ++i) lines += Line(std::to_string(i), kRed) + "\n";
  WriteFile(folder_.File("import.jsonl"), lines);
  harness_.store.FailWrites(Status(Code::kResourceExhausted, "the disk is full"), 5);
  const Response response = Create("path", "import.jsonl");
  const Value task = harness_.Finished(*At(BodyOf(response), "data.task_id").as_string());
  EXPECT_EQ(At(task, "status"), Value("FAILED"));
  EXPECT_EQ(At(task, "message"), Value("the disk is full"));
}

TEST_F(Tasks, EveryAliasOfTheLocationWorks) {
  WriteFile(folder_.File("import.jsonl"), Line("a", kRed));
  for (const char* name : {"oss_path", "oss_uri", "oss_url", "file_path", "file_uri", "jsonl_path",
                           "jsonl_uri", "input_path", "path"}) {
    const Response response = Create(name, "file://" + folder_.File("import.jsonl"));
    ASSERT_EQ(response.status, 200) << name << response.body;
    const Value task = harness_.Finished(*At(BodyOf(response), "data.task_id").as_string());
    EXPECT_EQ(At(task, "status"), Value("SUCCEEDED")) << name;
  }
}

TEST_F(Tasks, RefusesLocationsThatCannotBeRead) {
  const auto expect = [&](const std::string& location, int http_status, const std::string& status,
                          const std::string& says) {
    const Response response = Create("file_uri", location);
    EXPECT_EQ(response.status, http_status) << location << response.body;
    EXPECT_EQ(At(BodyOf(response), "status"), Value(status));
    EXPECT_NE(response.body.find("file_uri: " + says), std::string::npos) << response.body;
  };
  expect("none.jsonl", 400, "INVALID_PARAMETER", "no such file");
  expect("/etc/passwd", 400, "INVALID_PARAMETER", "no such file");
  expect("oss://other/x", 400, "INVALID_PARAMETER", "no folder is configured for the bucket");
  expect("ftp://host/x", 400, "INVALID_PARAMETER", "locations of the form ftp://");
  expect("https://host/x", 403, "FORBIDDEN", "not available: fetching URLs is off");
  expect("", 400, "INVALID_PARAMETER", "must not be empty");
  EXPECT_EQ(harness_.Adb("/image/tasks/create", R"({"library_name":"hats","path":"x"})").status,
            404);
  EXPECT_NE(harness_.Adb("/image/tasks/create", R"({"library_name":"shoes"})")
                .body.find("oss_path: required"),
            std::string::npos);
}

TEST_F(Tasks, UnknownAndForeignTasksAreNotFound) {
  const std::string path = "/api/v1/operators/image-search/image/tasks/results/";
  EXPECT_EQ(harness_.Call("GET", path + "nothing").status, 404);
  WriteFile(folder_.File("import.jsonl"), Line("a", kRed));
  const std::string id = *At(BodyOf(Create("path", "import.jsonl")), "data.task_id").as_string();
  (void)harness_.Finished(id);
  harness_.principal = {"other", Role::kRead, std::vector<std::string>{"hats"}};
  const Response response = harness_.Call("GET", path + id);
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(At(BodyOf(response), "status"), Value("TASK_NOT_FOUND"));
}

class OnePage final : public engine::UrlReader {
 public:
  explicit OnePage(std::string page) : page_(std::move(page)) {}
  Result<std::string> Get(const std::string& /*url*/, std::size_t /*max_bytes*/) override {
    ++calls;
    return page_;
  }
  std::atomic<int> calls = 0;

 private:
  const std::string page_;
};

TEST(TasksWithUrls, AreForKeysThatMayFetch) {
  const os::TemporaryDirectory folder;
  OnePage web(JpegOf(kRed));
  testing::HarnessOptions options;
  options.sources.buckets = {{"bucket", folder.path()}};
  options.urls = &web;
  testing::Harness harness(options);
  harness.CreateLibrary("shoes");
  const auto create = [&](const std::string& location) {
    return harness.Adb("/image/tasks/create",
                       Value(Value::Map{{"library_name", "shoes"}, {"oss_path", location}}));
  };
  WriteFile(folder.File("a.jsonl"), R"({"image_id":"a","image_uri":"HTTP://e/a.jpg"})");

  harness.principal = {"uploader", Role::kWrite, std::nullopt, false};
  const Response by_url = create("https://e/a.jsonl");
  EXPECT_EQ(by_url.status, 403) << by_url.body;
  const Response by_line = create("oss://bucket/a.jsonl");
  ASSERT_EQ(by_line.status, 200) << by_line.body;
  const Value refused = harness.Finished(*At(BodyOf(by_line), "data.task_id").as_string());
  EXPECT_EQ(At(refused, "failed"), Value(1));
  EXPECT_NE(WriteJson(At(refused, "errors.0.message")).find("may not have URLs fetched"),
            std::string::npos)
      << WriteJson(refused);
  EXPECT_EQ(web.calls, 0);

  harness.principal.may_fetch = true;
  const Response allowed = create("oss://bucket/a.jsonl");
  const Value done = harness.Finished(*At(BodyOf(allowed), "data.task_id").as_string());
  EXPECT_EQ(At(done, "success"), Value(1)) << WriteJson(done);
  EXPECT_EQ(web.calls, 1);
}

}  // namespace
}  // namespace ocellus::api::adb
