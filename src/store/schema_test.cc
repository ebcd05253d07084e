#include "store/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

namespace ocellus::store {
namespace {

using testing::HasSubstr;

TableSchema Shelf() {
  TableSchema schema;
  schema.name = "shelf";
  schema.columns = {{.name = "tenant", .type = ColumnType::kString},
                    {.name = "number", .type = ColumnType::kInt64},
                    {.name = "labels", .type = ColumnType::kString, .multi = true},
                    {.name = "tags", .type = ColumnType::kMap},
                    {.name = "picture", .type = ColumnType::kBlob, .required = true},
                    {.name = "vector",
                     .type = ColumnType::kVector,
                     .vector = {.dimension = 4,
                                .metric = Metric::kInnerProduct,
                                .bundle = "small",
                                .bundle_digest = "ab12",
                                .source_column = "picture"}}};
  schema.primary_key = {"tenant", "number"};
  schema.namespace_column = "tenant";
  schema.attributes = {{"front", "adb"}, {"mode", 3}};
  return schema;
}

TEST(SchemaTest, FindsColumns) {
  const TableSchema schema = Shelf();
  EXPECT_EQ(schema.Find("tags"), &schema.columns[3]);
  EXPECT_EQ(schema.Find("TAGS"), nullptr);
  EXPECT_EQ(schema.IndexOf("picture"), 4U);
  EXPECT_EQ(schema.IndexOf("none"), schema.columns.size());
}

TEST(SchemaTest, JsonRoundTrip) {
  const Value json = ToValue(Shelf());
  const auto parsed = ParseJson(WriteJson(json));
  ASSERT_TRUE(parsed.ok());
  const auto schema = SchemaFromValue(*parsed);
  ASSERT_TRUE(schema.ok()) << schema.status().message();
  EXPECT_EQ(ToValue(*schema), json);
  EXPECT_EQ(schema->columns[5].vector.source_column, "picture");
  EXPECT_EQ(schema->attributes, Shelf().attributes);
}

// On disk: what this writes must be readable for ever.
TEST(SchemaTest, JsonGolden) {
  EXPECT_EQ(WriteJson(ToValue(Shelf())),
            R"({"name":"shelf","columns":[{"name":"tenant","type":"string"},)"
            R"({"name":"number","type":"int64"},{"name":"labels","type":"string","multi":true},)"
            R"({"name":"tags","type":"map"},{"name":"picture","type":"blob","required":true},)"
            R"({"name":"vector","type":"vector","vector":{"dimension":4,"metric":"inner_product",)"
            R"("bundle":"small","bundle_digest":"ab12","source_column":"picture"}}],)"
            R"("primary_key":["tenant","number"],"namespace_column":"tenant",)"
            R"("attributes":{"front":"adb","mode":3}})");
}

TEST(SchemaTest, PartsOfPicturesAreKeptByTheirWords) {
  TableSchema schema = Shelf();
  schema.columns[5].vector.part = SourcePart::kFace;
  const std::string json = WriteJson(ToValue(schema));
  EXPECT_THAT(json, HasSubstr(R"("source_column":"picture","part":"face"})"));
  EXPECT_EQ(SchemaFromValue(*ParseJson(json))->columns[5].vector.part, SourcePart::kFace);
  std::string later = json;
  later.replace(later.find("\"face\""), 6, "\"paws\"");
  EXPECT_THAT(SchemaFromValue(*ParseJson(later)).status().message(), HasSubstr("paws"));
}

TEST(SchemaTest, FieldsOfLaterVersionsAreIgnored) {
  auto json = ToValue(Shelf());
  json.as_map()->emplace_back("colour", "red");
  EXPECT_TRUE(SchemaFromValue(json).ok());
}

TEST(SchemaTest, BadJson) {
  for (const char* text : {"[]", "{}", R"({"name":"x","columns":[{"name":"a","type":"date"}]})",
                           R"({"name":"x","columns":[{"name":"a","type":"vector"}]})",
                           R"({"name":"x","columns":[{"name":"a","type":"vector","vector":)"
                           R"({"dimension":-1,"metric":"cosine"}}]})",
                           R"({"name":"x","columns":[{"name":"a","type":"string"}],)"
                           R"("primary_key":[1]})"}) {
    const auto json = ParseJson(text);
    ASSERT_TRUE(json.ok()) << text;
    EXPECT_EQ(SchemaFromValue(*json).status().code(), Code::kInvalidArgument) << text;
  }
}

TEST(SchemaTest, Validation) {
  ASSERT_TRUE(Validate(Shelf()).ok());
  const auto refused = [](const std::function<void(TableSchema&)>& change) {
    TableSchema schema = Shelf();
    change(schema);
    const Status status = Validate(schema);
    EXPECT_EQ(status.code(), Code::kInvalidArgument);
    return status.message();
  };
  EXPECT_THAT(refused([](auto& s) { s.name = ""; }), HasSubstr("empty"));
  EXPECT_THAT(refused([](auto& s) { s.name = "a\nb"; }), HasSubstr("control"));
  EXPECT_THAT(refused([](auto& s) { s.name = std::string(129, 'a'); }), HasSubstr("128"));
  EXPECT_THAT(refused([](auto& s) { s.name = "\xFF"; }), HasSubstr("UTF-8"));
  EXPECT_THAT(refused([](auto& s) { s.columns[3].name = ""; }), HasSubstr("empty"));
  EXPECT_THAT(refused([](auto& s) { s.columns[3].name = "labels"; }), HasSubstr("labels"));
  EXPECT_THAT(refused([](auto& s) { s.columns[3].multi = true; }), HasSubstr("tags"));
  EXPECT_THAT(refused([](auto& s) { s.primary_key = {}; }), HasSubstr("no primary key"));
  EXPECT_THAT(refused([](auto& s) { s.primary_key = {"labels"}; }), HasSubstr("labels"));
  EXPECT_THAT(refused([](auto& s) { s.primary_key = {"tags"}; }), HasSubstr("tags"));
  EXPECT_THAT(refused([](auto& s) { s.primary_key = {"vector"}; }), HasSubstr("vector"));
  EXPECT_THAT(refused([](auto& s) { s.primary_key = {"none"}; }), HasSubstr("none"));
  EXPECT_THAT(refused([](auto& s) { s.primary_key = {"tenant", "tenant"}; }), HasSubstr("twice"));
  EXPECT_THAT(refused([](auto& s) { s.columns[5].vector.dimension = 0; }), HasSubstr("vector"));
  EXPECT_THAT(refused([](auto& s) { s.columns[5].vector.dimension = 4097; }), HasSubstr("4097"));
  EXPECT_THAT(refused([](auto& s) { s.columns[5].vector.source_column = "none"; }),
              HasSubstr("none"));
  EXPECT_THAT(refused([](auto& s) { s.columns[5].vector.source_column = "number"; }),
              HasSubstr("number"));
  EXPECT_THAT(refused([](auto& s) { s.namespace_column = "number"; }), HasSubstr("number"));
  EXPECT_THAT(refused([](auto& s) {
                for (int i = 0; i < 1000; ++i) {
                  s.columns.push_back({.name = "c" + std::to_string(i)});
                }
              }),
              HasSubstr("1000"));
}

}  // namespace
}  // namespace ocellus::store
