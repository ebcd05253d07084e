#include "api/vector/definition.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ocellus::api::vector {
namespace {

constexpr char kTable[] =
    R"({"name":"t","primaryKey":"id","fieldSchema":{"id":"int64","name":"STRING",
  "ns":"INT32","count":"uint8","words":"MULTI_STRING","v":"MULTI_FLOAT","w":"multi_float",
  "si":"MULTI_UINT32","sv":"MULTI_FLOAT","photo":"STRING","note":"STRING"},
  "vectorIndex":[{"indexName":"i","vectorField":"v","dimension":"4","distanceType":"innerproduct",
    "vectorIndexType":"HNSW","namespace":"ns","sparseIndexField":"si","sparseValueField":"sv",
    "advanceParams":{"buildIndexParams":"{}"}},
   {"vectorField":"w","dimension":""}],
  "dataProcessConfig":[{"dstField":"w","srcField":"photo","operator":"vectorize",
    "params":{"vectorModal":"image","vectorModel":"","srcFieldConfig":{"ossBucket":"b"}}},
   {"dstField":"note","srcField":"name","operator":"copy"}],
  "dataSource":{"type":"odps","config":{"accessKey":"k","accessSecret":"s","table":"x"}}})";

// kTable with a part of its text replaced.
Outcome<Definition> Changed(const std::string& from, const std::string& to) {
  std::string text = kTable;
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  text.replace(at, from.size(), to);
  const Result<Value> body = ParseJson(text);
  EXPECT_TRUE(body.ok()) << text;
  return ReadDefinition(*body);
}

TEST(VectorDefinition, RefusesWhatIsWrong) {
  struct Case {
    const char* from;
    const char* to;
    const char* message;
  };
  const std::vector<Case> cases = {
      {R"("name":"t",)", R"("name":"",)", "name: expected 1 to 128 bytes"},
      {R"("name":"t",)", R"("name":"a/b",)", "name: expected"},
      {R"("name":"t",)", R"("name":5,)", "name: required"},
      {R"("primaryKey":"id")", R"("primaryKey":"nope")", "primaryKey: \"nope\" is not a field"},
      {R"("primaryKey":"id")", R"("primaryKey":"words")", "primaryKey: expected an integer"},
      {R"("primaryKey":"id")", R"("primaryKey":"")", "primaryKey: required"},
      {R"("count":"uint8")", R"("count":"uint9")", "fieldSchema.count: expected INT8"},
      {R"("count":"uint8")", R"("count":8)", "fieldSchema.count: expected INT8"},
      {R"("count":"uint8")", R"("count":"MULTI_TEXT")", "fieldSchema.count: MULTI_TEXT"},
      {R"("count":"uint8")", R"("co unt":"uint8")", "fieldSchema.co unt: a field's name"},
      {R"("count":"uint8")", R"("extra_fields":"uint8")", "fieldSchema.extra_fields: this name"},
      {R"("count":"uint8")", R"("id":"uint8")", "fieldSchema.id: stands twice"},
      {R"("dimension":"4")", R"("dimension":"4097")", "vectorIndex[0].dimension: expected 1 to"},
      {R"("dimension":"4")", R"("dimension":"-4")", "vectorIndex[0].dimension"},
      {R"("dimension":"4")", R"("dimension":"")", "vectorIndex[0].dimension: required"},
      {R"("dimension":"4")", R"("dimension":"0")", "vectorIndex[0].dimension: required"},
      {R"("vectorField":"v")", R"("vectorField":"name")", "vectorIndex[0].vectorField: expected a"},
      {R"("vectorField":"v")", R"("vectorField":"x")", "vectorIndex[0].vectorField: \"x\" is not"},
      {R"("vectorField":"w")", R"("vectorField":"v")", "vectorIndex[1].vectorField: has an index"},
      {R"("indexName":"i")", R"("indexName":"w")", "vectorIndex[1].indexName: stands twice"},
      {R"("innerproduct")", R"("taxicab")", "vectorIndex[0].distanceType: expected"},
      {R"("innerproduct")", R"("SquaredEuclidean")", "vectorIndex[0].distanceType: an index with"},
      {R"("HNSW")", R"("Magic")", "vectorIndex[0].vectorIndexType: expected"},
      {R"("namespace":"ns")", R"("namespace":"x")", "vectorIndex[0].namespace: \"x\" is not"},
      {R"("namespace":"ns")", R"("namespace":"words")", "vectorIndex[0].namespace: expected"},
      {R"("sparseIndexField":"si")", R"("sparseIndexField":"")", "vectorIndex[0].sparseIndexField"},
      {R"("sparseIndexField":"si")", R"("sparseIndexField":"words")", "vectorIndex[0].sparseIndex"},
      {R"("sparseValueField":"sv")", R"("sparseValueField":"v")", "vectorIndex[0].sparseValueF"},
      {R"("operator":"vectorize")", R"("operator":"guess")", "dataProcessConfig[0].operator"},
      {R"("srcField":"photo")", R"("srcField":"words")", "dataProcessConfig[0].srcField: expected"},
      {R"("srcField":"photo")", R"("srcField":"x")", "dataProcessConfig[0].srcField: \"x\""},
      {R"("srcField":"photo")", R"("srcField":"photo,note")", "dataProcessConfig[0].srcField"},
      {R"("vectorModal":"image")", R"("vectorModal":"smell")",
       "dataProcessConfig[0].params.vectorModal: expected"},
      {R"("vectorModal":"image")", R"("vectorModal":"fusion")", "dataProcessConfig[0].srcField: a"},
      {R"("dstField":"note")", R"("dstField":"w")", "dataProcessConfig[1].dstField: stands twice"},
      {R"("dstField":"note")", R"("dstField":"id")", "dataProcessConfig[1].dstField: a copy"},
      {R"("dataSource":{)", R"("partitionCount":257,"dataSource":{)", "partitionCount: expected"},
      {R"("vectorIndex":[)", R"("vectorIndex":[5,)", "vectorIndex[0]: expected an object"},
  };
  for (const Case& wrong : cases) {
    const Outcome<Definition> definition = Changed(wrong.from, wrong.to);
    ASSERT_FALSE(definition.ok()) << wrong.to;
    EXPECT_EQ(definition.failure().message.find(wrong.message), 0U)
        << wrong.to << ": " << definition.failure().message;
    EXPECT_EQ(definition.failure().id, ErrorId::kInvalidParameter);
  }
  EXPECT_EQ(Changed(R"("vectorModal":"image")", R"("vectorModal":"video")").failure().id,
            ErrorId::kNotSupported);
}

TEST(VectorDefinition, BecomesATable) {
  const Outcome<Definition> definition = Changed("x", "x");
  ASSERT_TRUE(definition.ok()) << definition.failure().message;
  const store::TableSchema schema = SchemaOf(*definition);
  EXPECT_EQ(schema.primary_key, std::vector<std::string>{"id"});
  EXPECT_TRUE(schema.Find("id")->required);
  EXPECT_EQ(schema.Find("count")->type, store::ColumnType::kInt64);
  EXPECT_TRUE(schema.Find("words")->multi);
  EXPECT_EQ(schema.Find("v")->vector.metric, store::Metric::kInnerProduct);
  EXPECT_EQ(schema.Find("v")->vector.dimension, 4U);
  EXPECT_EQ(schema.Find("v")->vector.sparse_indices_column, "si");
  EXPECT_EQ(schema.Find("w")->vector.metric, store::Metric::kSquaredEuclidean);
  EXPECT_EQ(schema.Find("w")->vector.source_column, "photo.picture");
  EXPECT_EQ(schema.Find("photo.picture")->type, store::ColumnType::kBlob);
  EXPECT_EQ(schema.Find(kExtraColumn)->type, store::ColumnType::kMap);
  EXPECT_TRUE(schema.Find("name")->full_text);
  EXPECT_TRUE(schema.Find("note")->full_text);
  EXPECT_FALSE(schema.Find("photo")->full_text);
  EXPECT_FALSE(schema.Find("words")->full_text);

  const std::string kept = WriteJson(ToValue(DefinitionOf(schema)));
  EXPECT_EQ(kept.find("accessSecret"), std::string::npos);
  EXPECT_NE(kept.find(R"("indexName":"w")"), std::string::npos) << kept;
  // What is kept reads back as it was.
  EXPECT_EQ(WriteJson(ToValue(*ReadDefinition(ToValue(*definition)))),
            WriteJson(ToValue(*definition)));
}

TEST(VectorDefinition, AFusionHoldsTextsAndPictures) {
  const Outcome<Definition> definition = Changed(
      R"("srcField":"photo","operator":"vectorize",
    "params":{"vectorModal":"image")",
      R"("srcField":"photo, name","operator":"vectorize","params":{"vectorModal":"fusion")");
  ASSERT_TRUE(definition.ok()) << definition.failure().message;
  const store::TableSchema schema = SchemaOf(*definition);
  EXPECT_EQ(schema.Find("w")->vector.source_columns,
            (std::vector<std::string>{"photo.text", "photo.picture", "name.text", "name.picture"}));
  EXPECT_EQ(RoleOf(*definition, "photo"), SourceRole::kEither);
  EXPECT_EQ(RoleOf(*definition, "note"), SourceRole::kNone);
  EXPECT_NE(schema.Find("name.text"), nullptr);
}

TEST(VectorDefinition, TextFieldsAreSearchedAloneWhenThereAreAny) {
  const store::TableSchema schema = SchemaOf(*Changed(R"("note":"STRING")", R"("note":"TEXT")"));
  EXPECT_TRUE(schema.Find("note")->full_text);
  EXPECT_FALSE(schema.Find("name")->full_text);
}

TEST(VectorDefinition, IsModifiedByParts) {
  const Definition definition = *Changed("x", "x");
  const auto modified = [&](const char* json) { return Modified(definition, *ParseJson(json)); };
  // Clients send empty lists for what they leave out.
  const Outcome<Definition> same =
      modified(R"({"vectorIndex":[],"dataProcessConfig":[],"fieldSchema":{}})");
  ASSERT_TRUE(same.ok()) << same.failure().message;
  EXPECT_EQ(ToValue(*same), ToValue(definition));
  const Outcome<Definition> less = modified(
      R"({"fieldSchema":{"id":"INT64","v":"MULTI_FLOAT"},"vectorIndex":[{"vectorField":"v","dimension":4}]})");
  ASSERT_FALSE(less.ok());  // the processes name fields that are gone
  EXPECT_EQ(less.failure().message.find("dataProcessConfig[0].dstField"), 0U);
  EXPECT_FALSE(modified("[]").ok());
}

}  // namespace
}  // namespace ocellus::api::vector
