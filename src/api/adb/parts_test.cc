// Libraries of items and of faces over the AnalyticDB front: every field of theirs, and its limits.

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "api/testing/harness.h"
#include "base/base64.h"
#include "engine/testing/block_pictures.h"
#include "os/temporary_directory.h"

namespace ocellus::api::adb {
namespace {

using engine::testing::BlockPicture;
using engine::testing::Colour;
using engine::testing::JpegOf;
using engine::testing::kBlack;
using engine::testing::kBlue;
using engine::testing::kGreen;
using engine::testing::kPersons;
using engine::testing::kRed;
using engine::testing::kWhite;
using testing::At;
using testing::BodyOf;
using testing::Harness;
using testing::HarnessOptions;

constexpr Colour kDark = {40, 40, 40};

std::string Scene(Colour thing, Colour background = kWhite) {
  return BlockPicture(320, 240, background).Block({208, 32, 64, 64}, thing).Jpeg();
}

std::string Base64Of(const std::string& bytes) {
  return EncodeBase64(AsBytes(bytes));
}

constexpr std::int64_t kLargest = 0xFFFFFFFF;

Value Region(Value x, Value y, Value width, Value height) {
  return Value::Map{{"x", std::move(x)},
                    {"y", std::move(y)},
                    {"width", std::move(width)},
                    {"height", std::move(height)}};
}

class PartsOfAdb : public ::testing::Test {
 protected:
  PartsOfAdb() : harness_(Options()) {
    harness_.CreateLibrary("general");
    harness_.CreateLibrary("items", "item_search");
    harness_.CreateLibrary("faces", "adaptive_search");
  }
  HarnessOptions Options() {
    HarnessOptions options;
    options.engine.faces = &faces_;
    options.sources.import_roots = {folder_.path()};
    return options;
  }

  Response Add(const std::string& library, const std::string& id, const std::string& picture,
               const Value::Map& more = {}) {
    Value::Map body = {{"library_name", library},
                       {"image_id", id},
                       {"image_uri", "u"},
                       {"image_base64", Base64Of(picture)}};
    body.insert(body.end(), more.begin(), more.end());
    return harness_.Adb("/image/add", Value(std::move(body)));
  }
  Response Search(const std::string& library, const std::string& picture,
                  const Value::Map& more = {}) {
    Value::Map body = {
        {"library_name", library}, {"image_base64", Base64Of(picture)}, {"return_frame", false}};
    body.insert(body.end(), more.begin(), more.end());
    return harness_.Adb("/search/by-image", Value(std::move(body)));
  }
  Value Found(const std::string& library, const std::string& picture, const Value::Map& more = {}) {
    const Response response = Search(library, picture, more);
    EXPECT_EQ(response.status, 200) << response.body;
    return At(BodyOf(response), "data");
  }
  Value CountOf(const std::string& library) {
    const Value list =
        At(BodyOf(harness_.Call("GET", "/api/v1/operators/image-search/library/list")),
           "data.libraries");
    for (const Value& one : *list.as_list()) {
      if (At(one, "library_name") == Value(library)) return At(one, "image_count");
    }
    return nullptr;
  }
  static void ExpectRefused(const Response& response, const std::string& status,
                            const std::string& begin) {
    EXPECT_EQ(response.status, 400) << response.body;
    EXPECT_EQ(At(BodyOf(response), "status"), Value(status)) << response.body;
    const Value message = At(BodyOf(response), "message");
    ASSERT_NE(message.as_string(), nullptr);
    EXPECT_EQ(message.as_string()->find(begin), 0U) << *message.as_string();
  }

  os::TemporaryDirectory folder_;
  engine::testing::BlockFaces faces_;
  Harness harness_;
};

TEST_F(PartsOfAdb, HostileFieldsAreRefused) {
  const std::vector<std::pair<Value::Map, std::string>> wrong = {
      {{{"region", "1,2,3,4"}}, "region: "},
      {{{"region", Value::List{1, 2, 3, 4}}}, "region: "},
      {{{"region", Value::Map{}}}, "region.x: "},
      {{{"region", Region(-1, 0, 5, 5)}}, "region.x: "},
      {{{"region", Region(0, 1.5, 5, 5)}}, "region.y: "},
      {{{"region", Region(0, 0, 0, 5)}}, "region.width: "},
      {{{"region", Region(0, 0, 5, "5")}}, "region.height: "},
      {{{"region", Region(std::int64_t{1} << 32, 0, 5, 5)}}, "region.x: "},
      {{{"region", Region(0, 0, INT64_MAX, 5)}}, "region.width: "},
      {{{"region", Region(320, 0, 5, 5)}}, "region: the region 320,0,5,5 is not in the picture"},
      {{{"region", Region(kLargest, kLargest, kLargest, kLargest)}}, "region: the"},
      {{{"crop", "no"}}, "crop: "},
      {{{"crop", 1}}, "crop: "}};
  for (const auto& [fields, begin] : wrong) {
    ExpectRefused(Add("items", "a", Scene(kRed), fields), "INVALID_PARAMETER", begin);
    ExpectRefused(Search("items", Scene(kRed), fields), "INVALID_PARAMETER", begin);
  }
  for (const Value& count :
       {Value(0), Value(9), Value(-1), Value(1.5), Value("2"), Value(INT64_MAX)}) {
    const Value::Map fields = {{"max_items", count}};
    ExpectRefused(Add("items", "a", Scene(kRed), fields), "INVALID_PARAMETER", "max_items: ");
    ExpectRefused(Search("items", Scene(kRed), fields), "INVALID_PARAMETER", "max_items: ");
  }
  for (const Value::Map& fields : {Value::Map{{"max_items", 2}, {"crop", false}},
                                   Value::Map{{"max_items", 2}, {"region", Region(0, 0, 9, 9)}}}) {
    ExpectRefused(Add("items", "a", Scene(kRed), fields), "INVALID_PARAMETER", "max_items: ");
    ExpectRefused(Search("items", Scene(kRed), fields), "INVALID_PARAMETER", "max_items: ");
  }
  for (const Value& face : {Value("smallest"), Value(""), Value(1), Value(true)}) {
    ExpectRefused(Search("faces", Scene(kRed), {{"face", face}}), "INVALID_PARAMETER", "face: ");
  }
  ExpectRefused(Search("items", Scene(kRed), {{"return_region", "yes"}}), "INVALID_PARAMETER",
                "return_region: ");
  for (const char* library : {"items", "faces"}) {
    ExpectRefused(Add(library, "a", "no picture"), "INVALID_IMAGE", "image_base64: ");
    ExpectRefused(Search(library, Scene(kRed).substr(0, Scene(kRed).size() / 2)), "INVALID_IMAGE",
                  "image_base64: ");
    EXPECT_EQ(CountOf(library), Value(0));
  }
}

TEST_F(PartsOfAdb, WhatAModeCannotDoIsRefused) {
  for (const char* library : {"general", "faces"}) {
    ExpectRefused(Add(library, "a", Scene(kRed), {{"max_items", 2}}), "INVALID_PARAMETER",
                  "max_items: only");
    ExpectRefused(Search(library, Scene(kRed), {{"max_items", 2}}), "INVALID_PARAMETER",
                  "max_items: only");
    ExpectRefused(Add(library, "a", Scene(kRed), {{"region", Region(0, 0, 9, 9)}}),
                  "INVALID_PARAMETER", "region: only");
    ExpectRefused(Add(library, "a", Scene(kRed), {{"crop", true}}), "INVALID_PARAMETER",
                  "crop: only");
    EXPECT_EQ(Add(library, "a", Scene(kRed), {{"crop", false}, {"max_items", 1}}).status, 200);
  }
  ExpectRefused(Search("general", Scene(kRed), {{"face", "all"}}), "INVALID_PARAMETER",
                "face: only");
  ExpectRefused(Search("items", Scene(kRed), {{"face", "all"}}), "INVALID_PARAMETER", "face: only");
  ExpectRefused(Search("faces", Scene(kRed), {{"crop", true}}), "INVALID_PARAMETER", "crop: ");
  for (const char* library : {"items", "faces"}) {
    const Response words = harness_.Adb(
        "/search/by-text", Value(Value::Map{{"library_name", library}, {"text", "red"}}));
    ExpectRefused(words, "UNSUPPORTED_MODE", "library_name: ");
  }
}

TEST_F(PartsOfAdb, AnItemIsFoundWhereverItStands) {
  ASSERT_EQ(Add("items", "red", Scene(kRed, kBlack), {{"tags", Value::Map{{"n", 1}}}}).status, 200);
  ASSERT_EQ(Add("items", "green", Scene(kGreen, kDark)).status, 200);
  const Value found = Found("items", Scene(kRed, kDark), {{"return_region", true}});
  EXPECT_EQ(At(found, "results.0.image_id"), Value("red"));
  EXPECT_EQ(At(found, "results.0.tags.n"), Value(1));
  EXPECT_EQ(At(found, "results.0.region.kind"), Value("item"));
  EXPECT_NEAR(At(found, "results.0.region.x").number(), 208, 12);
  EXPECT_NEAR(At(found, "query_regions.0.y").number(), 32, 12);
  // Sent back as it came, it finds the same.
  const Value again = Found("items", Scene(kRed, kDark),
                            {{"region", At(found, "query_regions.0")}, {"return_region", true}});
  EXPECT_EQ(At(again, "results.0.score"), At(found, "results.0.score"));
  EXPECT_EQ(At(again, "query_regions.0.score"), Value(1.0));
  // Not asked for, not told; and null where a picture is its own region.
  EXPECT_EQ(Found("items", Scene(kRed, kDark)).Find("query_regions"), nullptr);
  EXPECT_EQ(At(Found("items", Scene(kRed, kDark)), "results.0").Find("region"), nullptr);
  ASSERT_EQ(Add("general", "red", Scene(kRed)).status, 200);
  const Value general = Found("general", Scene(kRed), {{"return_region", true}});
  EXPECT_TRUE(At(general, "results.0").Find("region")->is_null());
  EXPECT_TRUE(At(general, "query_regions").as_list()->empty());
  const Value cropped = Found("general", Scene(kRed), {{"crop", true}, {"return_region", true}});
  EXPECT_NEAR(At(cropped, "query_regions.0.x").number(), 208, 12);
}

TEST_F(PartsOfAdb, SeveralItemsAndTheWholePicture) {
  const std::string both =
      BlockPicture(320, 240).Block({32, 80, 64, 64}, kRed).Block({208, 80, 64, 64}, kGreen).Jpeg();
  ASSERT_EQ(Add("items", "both", both, {{"max_items", 8}, {"save_image", false}}).status, 200);
  ASSERT_EQ(Add("items", "given", both, {{"region", Region(208, 80, 64, 64)}}).status, 200);
  ASSERT_EQ(Add("items", "whole", both, {{"crop", false}}).status, 200);
  EXPECT_EQ(CountOf("items"), Value(3));
  const Value green = Found("items", Scene(kGreen), {{"return_region", true}});
  ASSERT_EQ(At(green, "results").as_list()->size(), 3U);
  EXPECT_EQ(At(green, "results.2.image_id"), Value("whole"));
  EXPECT_EQ(At(green, "results.2.region.kind"), Value("whole"));
  EXPECT_EQ(At(green, "results.2.region.width"), Value(320));
  EXPECT_EQ(At(Found("items", both, {{"crop", false}}), "results.0.image_id"), Value("whole"));
  // A query may be about any of what is in it.
  const auto regions = [&](Value::Map fields) {
    fields.emplace_back("return_region", true);
    return At(Found("items", both, std::move(fields)), "query_regions").as_list()->size();
  };
  EXPECT_EQ(regions({}), 2U);
  EXPECT_EQ(regions({{"max_items", 1}}), 1U);
  EXPECT_EQ(regions({{"crop", false}}), 0U);
  const Value frames = At(Found("items", Scene(kGreen), {{"return_frame", true}}), "results");
  for (const Value& one : *frames.as_list()) {
    EXPECT_EQ(At(one, "image_base64").is_null(), At(one, "image_id") == Value("both"));
  }
}

TEST_F(PartsOfAdb, FacesAndTheirDeletion) {
  const std::string pair = BlockPicture(320, 240)
                               .Block({16, 80, 48, 48}, kPersons[0])
                               .Block({160, 80, 96, 96}, kPersons[1])
                               .Jpeg();
  ASSERT_EQ(Add("faces", "pair", pair).status, 200);
  ASSERT_EQ(Add("faces", "plain", JpegOf(kBlue, 320, 240)).status, 200);
  ASSERT_EQ(Add("faces", "a", Scene(kPersons[0])).status, 200);
  EXPECT_EQ(CountOf("faces"), Value(3));
  const Value one = Found("faces", Scene(kPersons[0], kBlack), {{"return_region", true}});
  EXPECT_EQ(At(one, "results").as_list()->size(), 3U);
  EXPECT_EQ(At(one, "results.2.image_id"), Value("plain"));
  EXPECT_LT(At(one, "results.2.score").number(), 0.5);
  EXPECT_EQ(At(one, "results.0.region.kind"), Value("face"));
  EXPECT_EQ(At(one, "query_regions.0.kind"), Value("face"));
  EXPECT_EQ(At(Found("faces", pair, {{"face", "largest"}}), "results.0.image_id"), Value("pair"));
  EXPECT_LT(At(Found("faces", pair, {{"top_k", 2}}), "results.1.score").number(), 0.5);
  EXPECT_GT(At(Found("faces", pair, {{"top_k", 2}, {"face", "all"}}), "results.1.score").number(),
            0.5);
  EXPECT_EQ(At(Found("faces", JpegOf(kBlue)), "results.0.image_id"), Value("plain"));

  const auto remove = [&](const Value::Map& body) {
    return harness_.Adb("/image/delete", Value(body));
  };
  ExpectRefused(remove({{"library_name", "faces"}}), "INVALID_PARAMETER", "image_id: ");
  ExpectRefused(remove({{"library_name", "faces"}, {"image_id", "a"}, {"image_uri", ""}}),
                "INVALID_PARAMETER", "image_uri: ");
  EXPECT_EQ(remove({{"library_name", "none"}, {"image_id", "a"}}).status, 404);
  const Response none = remove({{"library_name", "faces"}, {"image_id", "a"}, {"image_uri", "v"}});
  EXPECT_EQ(At(BodyOf(none), "data.deleted"), Value(0));
  EXPECT_EQ(At(BodyOf(remove({{"library_name", "faces"}, {"image_id", "pair"}})), "data.deleted"),
            Value(1));
  EXPECT_EQ(*(*harness_.store.OpenTable("faces"))->Count({}), 3U);  // two pictures, one face
  const Value left = Found("faces", pair, {{"face", "all"}});
  EXPECT_EQ(At(left, "results").as_list()->size(), 2U);
}

TEST_F(PartsOfAdb, ABatchIsImportedTheSameWay) {
  const std::string path = folder_.path() + "/import.jsonl";
  std::ofstream(path) << R"({"image_id":"two","image_uri":"u","max_items":2,"image_base64":")"
                      << Base64Of(BlockPicture(320, 240)
                                      .Block({32, 80, 64, 64}, kRed)
                                      .Block({208, 80, 64, 64}, kGreen)
                                      .Jpeg())
                      << "\"}\n"
                      << R"({"image_id":"bad","image_uri":"u","region":{"x":999},"image_base64":")"
                      << Base64Of(Scene(kRed)) << "\"}\n"
                      << R"({"image_id":"out","image_uri":"u","image_base64":")"
                      << Base64Of(Scene(kRed))
                      << R"(","region":{"x":999,"y":0,"width":5,"height":5}})"
                      << "\n";
  const Response created = harness_.Adb(
      "/image/tasks/create", Value(Value::Map{{"library_name", "items"}, {"oss_path", path}}));
  ASSERT_EQ(created.status, 200) << created.body;
  const Value done = harness_.Finished(*At(BodyOf(created), "data.task_id").as_string());
  EXPECT_EQ(At(done, "success"), Value(1)) << WriteJson(done);
  EXPECT_EQ(At(done, "errors.0.message").as_string()->find("region.y: "), 0U) << WriteJson(done);
  EXPECT_EQ(At(done, "errors.1.message").as_string()->find("region: "), 0U) << WriteJson(done);
  EXPECT_EQ(*(*harness_.store.OpenTable("items"))->Count({}), 2U);
  EXPECT_EQ(CountOf("items"), Value(1));
}

// What another front says of the same library.
TEST_F(PartsOfAdb, TheVectorFrontSeesPicturesOnce) {
  const std::string both =
      BlockPicture(320, 240).Block({32, 80, 64, 64}, kRed).Block({208, 80, 64, 64}, kGreen).Jpeg();
  ASSERT_EQ(Add("items", "both", both, {{"max_items", 2}}).status, 200);
  ASSERT_EQ(Add("items", "blue", Scene(kBlue)).status, 200);
  const auto query = [&](Value::Map more) {
    more.insert(more.begin(), {{"tableName", "items"}, {"topK", 10}, {"order", "DESC"}});
    const Response response =
        harness_.Call("POST", "/vector-service/inference-query", WriteJson(Value(std::move(more))));
    return BodyOf(response);
  };
  const Value found = query({{"content", Base64Of(Scene(kGreen))}, {"modal", "image"}});
  ASSERT_NE(At(found, "result").as_list(), nullptr) << WriteJson(found);
  EXPECT_EQ(At(found, "result").as_list()->size(), 2U);
  EXPECT_EQ(At(found, "result.0.id"), Value("both"));
  EXPECT_GT(At(found, "result.0.score").number(), 0.9);
  const Value words = query({{"content", "green"}, {"modal", "text"}});
  EXPECT_NE(WriteJson(words).find("searched by picture only"), std::string::npos)
      << WriteJson(words);
}

}  // namespace
}  // namespace ocellus::api::adb
