#include "api/vector/push.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "api/testing/harness.h"
#include "base/base64.h"
#include "os/file_system.h"
#include "os/temporary_directory.h"

namespace ocellus::api::vector {
namespace {

using engine::testing::JpegOf;
using engine::testing::kBlue;
using engine::testing::kRed;
using testing::At;
using testing::BodyOf;
using testing::Harness;
using testing::HarnessOptions;

std::string Refusal(const std::string& body) {
  const Result<std::vector<Operation>> operations = ReadPush(body, {});
  EXPECT_FALSE(operations.ok()) << body.substr(0, 100);
  return operations.ok() ? "" : operations.status().message();
}

TEST(VectorPushBody, SurvivesTheWorst) {
  EXPECT_NE(Refusal(std::string((32 << 20) + 1, ' ')).find("the limit is 33554432"),
            std::string::npos);
  std::string many = "[";
  for (int i = 0; i < 10'001; ++i) {
    many += (i > 0 ? ",{" : "{") + std::string(R"("cmd":"delete","fields":{"id":1}})");
  }
  EXPECT_NE(Refusal(many + "]").find("10001 documents, the limit is 10000"), std::string::npos);
  std::string wide = R"([{"cmd":"add","fields":{)";
  for (int i = 0; i < 1025; ++i) wide += (i > 0 ? ",\"f" : "\"f") + std::to_string(i) + "\":1";
  EXPECT_EQ(Refusal(wide + "}}]"), "[0].fields: more than 1024 fields");
  EXPECT_FALSE(ReadPush(std::string(100'000, '['), {}).ok());
  EXPECT_EQ(Refusal(""), "body: expected a JSON array, got nothing");
  EXPECT_EQ(Refusal("{}").substr(0, 5), "body:");
  EXPECT_EQ(Refusal("[5]"), "[0]: expected an object, got integer");
  EXPECT_EQ(Refusal(R"([{"fields":{}}])"), "[0].cmd: required");
  EXPECT_EQ(Refusal(R"([{"cmd":"add"}])"), "[0].fields: required");
  EXPECT_EQ(Refusal(R"([{"cmd":"add","fields":[]}])"), "[0].fields: expected an object, got array");
  EXPECT_EQ(Refusal(R"([{"cmd":"drop","fields":{}}])"),
            "[0].cmd: expected add, update or delete, got \"drop\"");
  EXPECT_EQ(Refusal(R"([{"cmd":5,"fields":{}}])").substr(0, 8), "[0].cmd:");
  EXPECT_TRUE(ReadPush("[]", {}).ok());
  EXPECT_EQ(ReadPush(R"([{"fields":{"id":1},"cmd":"ADD"}])", {})->size(), 1U);
}

class VectorPush : public ::testing::Test {
 protected:
  VectorPush() {
    const Response created = harness_.Call(
        "POST", "/openapi/ha3/instances/i/tables",
        R"({"name":"t","primaryKey":"id","fieldSchema":{"id":"INT64","tag":"STRING","n":"INT8",
          "words":"MULTI_STRING","v":"MULTI_FLOAT","photo":"STRING","pv":"MULTI_FLOAT"},
          "vectorIndex":[{"indexName":"v","vectorField":"v","dimension":"2",
            "distanceType":"SquaredEuclidean"},
            {"indexName":"p","vectorField":"pv","distanceType":"InnerProduct"}],
          "dataProcessConfig":[{"dstField":"pv","srcField":"photo","operator":"vectorize",
            "params":{"vectorModal":"image"}}]})");
    EXPECT_EQ(created.status, 200) << created.body;
  }

  Response Push(const std::string& body, const std::string& source = "ha-cn-1_t") {
    return harness_.Call("POST", "/update/" + source + "/actions/bulk", body);
  }
  void Must(const std::string& body) {
    EXPECT_EQ(Push(body).body, R"({"status":"OK","code":200})") << body;
  }
  // The message of a push that is refused; nothing of it is there.
  std::string Refused(const std::string& body, int code = 10001) {
    const std::string before = All();
    const Response response = Push(body);
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(At(BodyOf(response), "status"), Value("FAIL")) << response.body;
    EXPECT_EQ(At(BodyOf(response), "errors.0.code"), Value(code)) << response.body;
    EXPECT_EQ(At(BodyOf(response), "errorCode"), Value(code));
    EXPECT_EQ(All(), before);
    const Value message = At(BodyOf(response), "errors.0.message");
    return message.as_string() != nullptr ? *message.as_string() : "";
  }
  std::string All() {
    return WriteJson(At(
        BodyOf(harness_.Call("POST", "/vector-service/fetch", R"({"tableName":"t","sort":"id"})")),
        "result"));
  }
  Value Field(int id, const std::string& path) {
    return At(BodyOf(harness_.Call("POST", "/vector-service/fetch",
                                   R"({"tableName":"t","ids":[)" + std::to_string(id) + "]}")),
              "result.0." + path);
  }

  Harness harness_;
};

TEST_F(VectorPush, RefusesWhatIsWrongAndKeepsNothingOfIt) {
  Must(R"([{"cmd":"add","fields":{"id":1,"v":[1,2]}}])");
  const std::string good = R"({"cmd":"add","fields":{"id":2,"v":[1,2]}},)";
  const auto add = [&](const std::string& fields) {
    return "[" + good + R"({"cmd":"add","fields":{)" + fields + "}}]";
  };
  EXPECT_EQ(Refused(add(R"("v":[1,2])")), "[1].fields.id: required, it is the primary key");
  EXPECT_EQ(Refused(add(R"("id":null)")), "[1].fields.id: required, it is the primary key");
  EXPECT_EQ(Refused(add(R"("id":"x")")).substr(0, 14), "[1].fields.id:");
  EXPECT_EQ(Refused(add(R"("id":3,"v":[1,2,3])"), 10005),
            "[1].fields.v: 3 elements, the index v has 2 dimensions");
  EXPECT_EQ(Refused(add(R"("id":3,"v":"1,x")")).substr(0, 13), "[1].fields.v:");
  EXPECT_EQ(Refused(add(R"("id":3,"v":"1,nan")")).substr(0, 13), "[1].fields.v:");
  EXPECT_EQ(Refused(add(R"("id":3,"v":{"a":1})")).substr(0, 13), "[1].fields.v:");
  EXPECT_EQ(Refused(add(R"("id":3,"tag":[1])")), "[1].fields.tag: expected STRING, got array");
  EXPECT_EQ(Refused(add(R"("id":3,"n":128)")).substr(0, 13), "[1].fields.n:");
  EXPECT_EQ(Refused(add(R"("id":3,"":128)")), "[1].fields: a field's name must not be empty");
  EXPECT_EQ(Refused(add(R"("id":3,"photo":"bm90IGEgcGljdHVyZQ==")"), 10008).substr(0, 17),
            "[1].fields.photo:");
  const std::string damaged = EncodeBase64(AsBytes(JpegOf(kRed).substr(0, 200)));
  EXPECT_EQ(Refused(add(R"("id":3,"photo":")" + damaged + "\""), 10008).substr(0, 18),
            "[1].fields.photo: ");
  EXPECT_EQ(Refused(add(R"("id":3,"photo":"https://example.org/x.jpg")"), 10008).substr(0, 17),
            "[1].fields.photo:");
  EXPECT_EQ(Refused(R"([{"cmd":"delete","fields":{"tag":"x"}}])"),
            "[0].fields.id: required, it is the primary key");
  // Every document that is wrong is named.
  const Value body =
      BodyOf(Push(R"([{"cmd":"add","fields":{"id":"x"}},{"cmd":"add","fields":{"id":5}},
                                     {"cmd":"add","fields":{"id":"y"}}])"));
  EXPECT_EQ(At(body, "errors").as_list()->size(), 2U);
  EXPECT_EQ(Field(5, "id"), Value());
}

TEST_F(VectorPush, FindsTheTableOfADataSource) {
  EXPECT_EQ(At(BodyOf(Push("[]", "t")), "status"), Value("OK"));
  EXPECT_EQ(At(BodyOf(Push("[]", "ha-cn_x_t")), "status"), Value("OK"));
  EXPECT_EQ(At(BodyOf(Push("[]", "ha-cn_nope")), "errorCode"), Value(10002));
  EXPECT_EQ(At(BodyOf(Push("[]", "tt")), "errorCode"), Value(10002));
  harness_.CreateLibrary("shoes");
  EXPECT_EQ(At(BodyOf(Push("[]", "shoes")), "errorCode"), Value(10001));
  const Response wrong_key = harness_.Call("POST", "/update/t/actions/bulk", "[]", {},
                                           {{"x-opensearch-swift-pk-field", "tag"}});
  EXPECT_EQ(At(BodyOf(wrong_key), "errorCode"), Value(10001));
  harness_.principal.role = Role::kRead;
  EXPECT_EQ(Push("[]").status, 403);
}

TEST_F(VectorPush, AddReplacesTheWholeRow) {
  Must(
      R"([{"cmd":"add","fields":{"id":1,"tag":"a","n":"7","words":"x,y","v":"0.5,1","free":{"a":[1]},
           "b":true,"none":null}}])");
  EXPECT_EQ(
      WriteJson(Field(1, "fields")),
      R"({"id":1,"tag":"a","n":7,"words":["x","y"],"photo":"","free":"{\"a\":[1]}","b":true})");
  EXPECT_EQ(WriteJson(Field(1, "vector")), "[0.5,1.0]");
  Must(R"([{"fields":{"id":"1","v":[2,2]},"cmd":"add"}])");
  EXPECT_EQ(WriteJson(Field(1, "fields")), R"({"id":1,"tag":"","n":0,"words":[],"photo":""})");
}

TEST_F(VectorPush, TheOrderWithinABodyCounts) {
  Must(R"([{"cmd":"add","fields":{"id":1,"tag":"first"}},{"cmd":"delete","fields":{"id":1}},
           {"cmd":"add","fields":{"id":1,"n":5}},{"cmd":"update","fields":{"id":1,"tag":"last"}},
           {"cmd":"add","fields":{"id":2}},{"cmd":"delete","fields":{"id":"2"}},
           {"cmd":"delete","fields":{"id":99}}])");
  EXPECT_EQ(Field(1, "fields.tag"), Value("last"));
  EXPECT_EQ(Field(1, "fields.n"), Value(5));
  EXPECT_EQ(Field(2, "id"), Value());
  // Deleted and updated: the update begins anew.
  Must(R"([{"cmd":"delete","fields":{"id":1}},{"cmd":"update","fields":{"id":1,"tag":"new"}}])");
  EXPECT_EQ(Field(1, "fields.n"), Value(0));
  EXPECT_EQ(Field(1, "fields.tag"), Value("new"));
}

TEST_F(VectorPush, UpdateChangesWhatItNames) {
  const auto photo = [](engine::testing::Colour colour) {
    return EncodeBase64(AsBytes(JpegOf(colour)));
  };
  Must(R"([{"cmd":"add","fields":{"id":1,"tag":"a","v":[1,2],"free":"x","photo":")" + photo(kRed) +
       R"("}}])");
  Must(R"([{"cmd":"update","fields":{"id":1,"n":3,"more":[1,2]}}])");
  EXPECT_EQ(Field(1, "fields.tag"), Value("a"));
  EXPECT_EQ(Field(1, "fields.n"), Value(3));
  EXPECT_EQ(Field(1, "fields.free"), Value("x"));
  EXPECT_EQ(WriteJson(Field(1, "fields.more")), "[1,2]");
  EXPECT_EQ(WriteJson(Field(1, "vector")), "[1.0,2.0]");
  EXPECT_EQ(Field(1, "fields.photo"), Value(photo(kRed)));

  const auto nearest = [&](const std::string& words) {
    const Response response = harness_.Call(
        "POST", "/vector-service/inference-query",
        R"({"tableName":"t","indexName":"p","modal":"text","topK":1,"content":")" + words + "\"}");
    return At(BodyOf(response), "result.0.score").number();
  };
  EXPECT_GT(nearest("red"), 0.9);
  Must(R"([{"cmd":"update","fields":{"id":1,"photo":")" + photo(kBlue) + R"("}},
           {"cmd":"update","fields":{"id":7,"tag":"new"}}])");
  EXPECT_GT(nearest("blue"), 0.9);
  EXPECT_LT(nearest("red"), 0.5);
  EXPECT_EQ(Field(1, "fields.tag"), Value("a"));
  EXPECT_EQ(Field(7, "fields.tag"), Value("new"));  // there was none
  EXPECT_EQ(Field(7, "fields.n"), Value(0));
}

TEST_F(VectorPush, AFullDiskLosesNothing) {
  Must(R"([{"cmd":"add","fields":{"id":1,"tag":"a"}}])");
  harness_.store.FailWrites(Status(Code::kResourceExhausted, "the disk is full"));
  EXPECT_EQ(
      Refused(R"([{"cmd":"delete","fields":{"id":1}},{"cmd":"add","fields":{"id":2}}])", 10019),
      "the disk is full");
}

TEST_F(VectorPush, ReadsPicturesWhereTheyAre) {
  const os::TemporaryDirectory folder;
  os::PosixFileSystem files;
  const std::string red = JpegOf(kRed);
  ASSERT_TRUE(os::PublishFile(files, folder.path() + "/red.jpg", AsBytes(red)).ok());
  HarnessOptions options;
  options.sources.import_roots = {folder.path()};
  options.sources.buckets = {{"bucket", folder.path()}};
  const Harness harness(options);
  ASSERT_EQ(harness
                .Call("POST", "/openapi/ha3/instances/i/tables",
                      R"({"name":"t","primaryKey":"id","fieldSchema":{"id":"INT64","photo":"STRING",
      "pv":"MULTI_FLOAT"},"vectorIndex":[{"vectorField":"pv"}],"dataProcessConfig":[{"dstField":"pv",
      "srcField":"photo","operator":"vectorize","params":{"vectorModal":"image"}}]})")
                .status,
            200);
  std::string body = "[";
  for (int i = 0; i < 40; ++i) {
    static const std::vector<std::string> kPlaces = {"red.jpg", "oss://bucket/red.jpg",
                                                     "file://" + folder.path() + "/red.jpg"};
    body += (i > 0 ? "," : "") + std::string(R"({"cmd":"add","fields":{"id":)") +
            std::to_string(i) + R"(,"photo":")" + kPlaces[static_cast<std::size_t>(i) % 3] + "\"}}";
  }
  const Response pushed = harness.Call("POST", "/update/t/actions/bulk", body + "]");
  EXPECT_EQ(pushed.body, R"({"status":"OK","code":200})");
  // What comes back is what was sent, and the vector is the picture's.
  const Value fetched =
      BodyOf(harness.Call("POST", "/vector-service/fetch", R"({"tableName":"t","sort":"id"})"));
  EXPECT_EQ(At(fetched, "result.31.fields.photo"), Value("oss://bucket/red.jpg"));
  EXPECT_EQ(At(fetched, "result").as_list()->size(), 40U);
  EXPECT_EQ(At(fetched, "result.39.vector").as_list()->size(), 4U);
  const Response outside =
      harness.Call("POST", "/update/t/actions/bulk",
                   R"([{"cmd":"add","fields":{"id":99,"photo":"file:///etc/passwd"}}])");
  EXPECT_EQ(At(BodyOf(outside), "errors.0.code"), Value(10008)) << outside.body;
}

}  // namespace
}  // namespace ocellus::api::vector
