#include "engine/library.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "engine/testing/colour_embedder.h"
#include "engine/testing/memory_store.h"

namespace ocellus::engine {
namespace {

using testing::JpegOf;
using testing::kBlue;
using testing::kRed;

class LibraryTest : public ::testing::Test {
 protected:
  LibraryTest() {
    auto embedder = std::make_unique<testing::ColourEmbedder>();
    embedder_ = embedder.get();
    EXPECT_TRUE(bundles_.Add(std::move(embedder)).ok());
    engine_ = std::make_unique<Engine>(store_, bundles_, EngineOptions{}, metrics_);
    libraries_ = std::make_unique<Libraries>(*engine_, LibraryOptions{2});
  }
  Status Put(const std::string& id, const std::string& uri, const std::string& bytes,
             Value::Map tags = {}, bool keep = true) {
    return libraries_->Put("l", {{id, uri}, bytes, std::move(tags), keep});
  }

  testing::MemoryStore store_;
  testing::ColourEmbedder* embedder_;  // owned by bundles_
  embed::BundleRegistry bundles_;
  MetricsRegistry metrics_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Libraries> libraries_;
};

TEST_F(LibraryTest, IsATableThatRemembersWhatItIs) {
  const Result<Library> made = libraries_->Create("l", LibraryMode::kWholePicture, "words");
  ASSERT_TRUE(made.ok());
  const Result<Library> found = libraries_->Find("l");
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->description, "words");
  EXPECT_EQ(found->create_time_ms, made->create_time_ms);
  EXPECT_EQ(*libraries_->FindMode("l"), LibraryMode::kWholePicture);
  // docs/format/server_tables.md
  const Result<store::TableSchema> schema = engine_->Schema("l");
  EXPECT_EQ(Value(schema->attributes), Value(Value::Map{{"kind", "library"},
                                                        {"mode", "whole_picture"},
                                                        {"description", "words"},
                                                        {"create_time", made->create_time_ms}}));
  std::vector<std::string> columns;
  for (const store::Column& column : schema->columns) columns.push_back(column.name);
  EXPECT_EQ(columns, (std::vector<std::string>{"image_id", "image_uri", "image", "tags", "digest",
                                               "created", "embedding"}));
  EXPECT_EQ(schema->primary_key, (std::vector<std::string>{"image_id", "image_uri"}));
  EXPECT_EQ(schema->Find("embedding")->vector.source_column, "image");
  EXPECT_EQ(schema->Find("embedding")->vector.bundle, "colour");
}

TEST_F(LibraryTest, ScoresAreTheBundlesOrTheCosine) {
  ASSERT_TRUE(libraries_->Create("l", LibraryMode::kWholePicture, "").ok());
  ASSERT_TRUE(Put("a", "1", JpegOf(kRed)).ok());
  const std::string red = JpegOf(kRed);
  const LibrarySearch by_picture{"l", PictureQuery{AsBytes(red)}, 5, {}};
  const LibrarySearch by_text{"l", TextQuery{"red"}, 5, {}};
  const LibraryHit plain = libraries_->Search(by_picture)->hits.front();
  EXPECT_EQ(plain.score, double{plain.cosine});

  embedder_->Calibrate({10, -8}, {4, -1});
  const LibraryHit picture = libraries_->Search(by_picture)->hits.front();
  const LibraryHit text = libraries_->Search(by_text)->hits.front();
  EXPECT_NEAR(picture.score, 1 / (1 + std::exp(-(10 * double{picture.cosine} - 8))), 1e-12);
  EXPECT_NEAR(text.score, 1 / (1 + std::exp(-(4 * double{text.cosine} - 1))), 1e-12);
  EXPECT_EQ(picture.cosine, plain.cosine);
}

TEST_F(LibraryTest, CountsOnlyLibraries) {
  store::TableSchema table;
  table.name = "table";
  table.columns = {{"id", store::ColumnType::kInt64, false, true, {}}};
  table.primary_key = {"id"};
  ASSERT_TRUE(engine_->CreateTable(table).ok());
  EXPECT_EQ(libraries_->Create("table", LibraryMode::kWholePicture, "").status().code(),
            Code::kAlreadyExists);
  EXPECT_EQ(libraries_->Find("table").status().code(), Code::kNotFound);
  EXPECT_EQ(libraries_->Drop("table").code(), Code::kNotFound);
  ASSERT_TRUE(libraries_->Create("a", LibraryMode::kWholePicture, "").ok());
  ASSERT_TRUE(libraries_->Create("b", LibraryMode::kWholePicture, "").ok());
  EXPECT_EQ(libraries_->Create("c", LibraryMode::kWholePicture, "").status().code(),
            Code::kResourceExhausted);
  EXPECT_EQ(libraries_->Create("a", LibraryMode::kWholePicture, "").status().code(),
            Code::kAlreadyExists);
  EXPECT_EQ(libraries_->List()->size(), 2U);
  ASSERT_TRUE(libraries_->Drop("a").ok());
  EXPECT_TRUE(libraries_->Create("c", LibraryMode::kWholePicture, "").ok());
}

TEST_F(LibraryTest, KeepsAndFindsPictures) {
  ASSERT_TRUE(libraries_->Create("l", LibraryMode::kWholePicture, "").ok());
  ASSERT_TRUE(Put("a", "1", JpegOf(kRed), {{"n", 1}}).ok());
  ASSERT_TRUE(Put("a", "2", JpegOf(kBlue), {{"n", 2}}, false).ok());
  EXPECT_EQ(libraries_->Find("l")->pictures, 2U);

  const Result<KeptPicture> first = libraries_->Fetch("l", "a", std::nullopt);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->bytes, JpegOf(kRed));
  EXPECT_EQ(first->digest, Sha256Hex(AsBytes(JpegOf(kRed))));
  EXPECT_EQ(libraries_->Fetch("l", "a", "2").status().code(), Code::kNotFound);
  EXPECT_EQ(libraries_->Fetch("l", "b", std::nullopt).status().code(), Code::kNotFound);

  const auto bytes = libraries_->ReadBytes("l", {{"a", "2"}, {"a", "1"}, {"x", "y"}});
  ASSERT_TRUE(bytes.ok());
  EXPECT_FALSE((*bytes)[0].has_value());
  EXPECT_EQ((*bytes)[1], JpegOf(kRed));
  EXPECT_FALSE((*bytes)[2].has_value());

  LibrarySearch search{"l", TextQuery{"blue"}, 5, {}};
  const auto answer = libraries_->Search(search);
  ASSERT_TRUE(answer.ok());
  const LibraryHit& nearest = answer->hits[0];
  EXPECT_EQ(nearest.key.uri, "2");
  EXPECT_GT(nearest.cosine, 0.99F);
  EXPECT_FALSE(nearest.region.has_value());
  EXPECT_EQ(nearest.tags, Value(Value::Map{{"n", 2}}));
  search.filter = query::Filter::Where({kLibraryTagsColumn, "n"}, query::Op::kLess, 2);
  EXPECT_EQ(libraries_->Search(search)->hits.size(), 1U);
}

TEST_F(LibraryTest, SaysWhatIsWrongWithThePictureAlone) {
  ASSERT_TRUE(libraries_->Create("l", LibraryMode::kWholePicture, "").ok());
  EXPECT_EQ(Put("a", "1", "").message(), "the picture has 0 bytes");
  EXPECT_EQ(libraries_->Search({"l", TextQuery{" "}, 5, {}}).status().message(), "no word in it");
  EXPECT_EQ(libraries_->Put("none", {{"a", "1"}, JpegOf(kRed), {}, true}).code(), Code::kNotFound);
  EXPECT_EQ(libraries_->Search({"none", TextQuery{"red"}, 5, {}}).status().code(), Code::kNotFound);
}

TEST_F(LibraryTest, KnowsManyPicturesOfOneContent) {
  ASSERT_TRUE(libraries_->Create("l", LibraryMode::kWholePicture, "").ok());
  const std::string red = JpegOf(kRed);
  for (int i = 0; i < 1001; ++i) ASSERT_TRUE(Put(std::to_string(i), "u", red).ok());
  ASSERT_TRUE(Put("blue", "u", JpegOf(kBlue)).ok());
  const auto known = libraries_->Known(
      "l", {Sha256Hex(AsBytes(red)), Sha256Hex(AsBytes(JpegOf(kBlue))), std::string(64, '0')});
  ASSERT_TRUE(known.ok());
  EXPECT_EQ(known->size(), 2U);
}

// The steps of a read between which a table may change; more than any read has.
constexpr int kSteps = 12;

TEST_F(LibraryTest, ReadsAPictureTableThatIsAlteredMeanwhile) {
  using store::ColumnType;
  store::VectorSpec vector;
  vector.source_column = "photo";
  store::TableSchema before;
  before.name = "album";
  before.columns = {{"id", ColumnType::kInt64, false, true, {}},
                    {"shop", ColumnType::kString, false, false, {}},
                    {"photo", ColumnType::kBlob, false, false, {}},
                    {"vector", ColumnType::kVector, false, false, vector}};
  before.primary_key = {"id"};
  before = *engine_->Completed(before);
  store::TableSchema after = before;  // every cell is elsewhere
  after.columns.insert(after.columns.begin(), {"brand", ColumnType::kString, false, false, {}});
  const auto altered_after = [&](int others, const auto& read) {
    (void)store_.DropTable("album").ok();
    ASSERT_TRUE(engine_->CreateTable(before).ok());
    ASSERT_TRUE(engine_
                    ->Upsert("album", {{{7, "a", store::Blob{JpegOf(kRed)}, {}}},
                                       {{8, "b", store::Blob{JpegOf(kBlue)}, {}}}})
                    .ok());
    store_.AfterOpens(others, [&] { ASSERT_TRUE(store_.AlterTable(after).ok()); });
    SCOPED_TRACE(others);
    read();
    store_.AfterOpens(0, nullptr);
  };
  for (int others = 0; others < kSteps; ++others) {
    altered_after(others, [&] {
      const LibrarySearch search{
          "album", TextQuery{"blue"}, 5,
          query::Filter::Where({kLibraryTagsColumn, "shop"}, query::Op::kEqual, "a")};
      const auto hits = libraries_->Search(search);
      ASSERT_TRUE(hits.ok()) << hits.status().message();
      ASSERT_EQ(hits->hits.size(), 1U);
      EXPECT_EQ(hits->hits.front().key.id, "7");
      EXPECT_EQ(hits->hits.front().tags, Value(Value::Map{{"shop", "a"}}));
    });
    altered_after(others, [&] {
      const auto picture = libraries_->Fetch("album", "8", std::nullopt);
      ASSERT_TRUE(picture.ok()) << picture.status().message();
      EXPECT_EQ(picture->bytes, JpegOf(kBlue));
    });
  }
}

// Another bundle: the vectors of the colours, each turned by one number.
store::Vector Turned(store::Vector vector) {
  std::rotate(vector.begin(), vector.begin() + 1, vector.end());
  return vector;
}
class TurnedEmbedder final : public embed::Embedder {
 public:
  const embed::BundleInfo& info() const override { return colours_.info(); }
  Result<std::vector<float>> EmbedPicture(const image::Picture& picture) override {
    return Turned(*colours_.EmbedPicture(picture));
  }
  Result<std::vector<float>> EmbedText(std::string_view text) override {
    return Turned(*colours_.EmbedText(text));
  }

 private:
  testing::ColourEmbedder colours_{"turned", "digest-turned"};
};

TEST_F(LibraryTest, WaitsForTheVectorsOfAModelThatHasChanged) {
  ASSERT_TRUE(libraries_->Create("l", LibraryMode::kWholePicture, "").ok());
  ASSERT_TRUE(Put("red", "1", JpegOf(kRed)).ok());
  embed::BundleRegistry changed;
  ASSERT_TRUE(changed.Add(std::make_unique<testing::ColourEmbedder>("colour", "digest-9")).ok());
  Engine engine(store_, changed, {}, metrics_);
  Libraries after(engine, LibraryOptions{2});
  EXPECT_EQ(after.Put("l", {{"blue", "2"}, JpegOf(kBlue), {}}).code(), Code::kUnavailable);
  const auto found = after.Search({"l", TextQuery{"red"}, 5, {}});
  EXPECT_EQ(found.status().code(), Code::kUnavailable);
  EXPECT_NE(found.status().message().find("the model colour has changed"), std::string::npos);
  // A vector of the caller's own needs no model.
  const store::Vector any((*engine_->Schema("l")).Find(kLibraryVectorColumn)->vector.dimension,
                          0.1F);
  EXPECT_TRUE(after.Search({"l", VectorQuery{any}, 5, {}}).ok());
}

TEST_F(LibraryTest, SearchesALibraryThatChangesItsBundleMeanwhile) {
  ASSERT_TRUE(bundles_.Add(std::make_unique<TurnedEmbedder>()).ok());
  for (int others = 0; others < kSteps; ++others) {
    SCOPED_TRACE(others);
    ASSERT_TRUE(libraries_->Create("l", LibraryMode::kWholePicture, "").ok());
    ASSERT_TRUE(Put("red", "1", JpegOf(kRed)).ok());
    ASSERT_TRUE(Put("green", "2", JpegOf(testing::kGreen)).ok());
    ASSERT_TRUE(Put("blue", "3", JpegOf(kBlue)).ok());
    store::TableSchema next = *engine_->Schema("l");
    std::vector<store::Row> rows = *engine_->Scan(
        "l",
        {.filter = {},
         .columns = {"image_id", "image_uri", "tags", "digest", "created", kLibraryVectorColumn}});
    for (store::Row& row : rows) {
      store::Cell& cell = row.cells[next.IndexOf(kLibraryVectorColumn)];
      cell = Turned(std::get<store::Vector>(cell));
    }
    next.name = ReplacementOf("l");
    next.columns[next.IndexOf(kLibraryVectorColumn)].vector.bundle = "turned";
    next.columns[next.IndexOf(kLibraryVectorColumn)].vector.bundle_digest = "digest-turned";
    ASSERT_TRUE(store_.CreateTable(next).ok());
    ASSERT_TRUE((*store_.OpenTable(next.name))->Write({std::move(rows), {}}).ok());

    store_.AfterOpens(others, [&] { ASSERT_TRUE(store_.ReplaceTable("l", next.name).ok()); });
    const auto found = libraries_->SearchAll({"l"}, {"", TextQuery{"red"}, 1, {}});
    store_.AfterOpens(0, nullptr);
    ASSERT_TRUE(found.ok()) << found.status().message();
    ASSERT_EQ(found->size(), 1U);
    EXPECT_EQ(found->front().hit.key.id, "red");
    EXPECT_GT(found->front().hit.cosine, 0.99F);
    ASSERT_TRUE(libraries_->Drop("l").ok());
  }
}

}  // namespace
}  // namespace ocellus::engine
