#include "cli/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ocellus::cli {
namespace {

using testing::HasSubstr;

TEST(ManifestTest, ReadsALine) {
  const auto line = ParseManifestLine(
      R"({"image_id":"sku","image_uri":"a/1.jpg","tags":{"color":"red"},"save_image":false,"image_base64":"QUJD"})");
  ASSERT_TRUE(line.ok()) << line.status().message();
  EXPECT_EQ(line->image_id, "sku");
  EXPECT_EQ(line->image_uri, "a/1.jpg");
  EXPECT_EQ(*line->bytes, "ABC");
  EXPECT_FALSE(line->save_image);
  EXPECT_EQ(line->tags.size(), 1U);
}

TEST(ManifestTest, NeedsOnlyTheUri) {
  const auto line =
      ParseManifestLine(R"({"image_uri":"a/b.c/1.tar.jpg","image_id":null,"tags":null})");
  ASSERT_TRUE(line.ok()) << line.status().message();
  EXPECT_EQ(line->image_id, "1.tar");
  EXPECT_FALSE(line->bytes.has_value());
  EXPECT_TRUE(line->save_image);
}

TEST(ManifestTest, NamesTheField) {
  const std::pair<const char*, const char*> cases[] = {
      {"{", "JSON"},
      {"[1]", "object"},
      {"{}", "image_uri"},
      {R"({"image_uri":5})", "image_uri"},
      {R"({"image_uri":"a","image_id":5})", "image_id"},
      {R"({"image_uri":"a","image_base64":"*"})", "image_base64"},
      {R"({"image_uri":"a","tags":[]})", "tags"},
      {R"({"image_uri":"a","save_image":"no"})", "save_image"},
  };
  for (const auto& [text, wanted] : cases) {
    const auto line = ParseManifestLine(text);
    ASSERT_FALSE(line.ok()) << text;
    EXPECT_THAT(line.status().message(), HasSubstr(wanted)) << text;
  }
}

TEST(ManifestTest, Stems) {
  EXPECT_EQ(StemOf("a/b.jpg"), "b");
  EXPECT_EQ(StemOf("b"), "b");
  EXPECT_EQ(StemOf("a.d/.b"), ".b");
  EXPECT_EQ(StemOf("x.y.z"), "x.y");
}

}  // namespace
}  // namespace ocellus::cli
