#include "engine/engine.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/testing/colour_embedder.h"
#include "engine/testing/memory_store.h"

namespace ocellus::engine {
namespace {

using store::ColumnType;
using testing::ColourEmbedder;
using testing::JpegOf;
using testing::kBlue;
using testing::kGreen;
using testing::kRed;

class EngineTest : public ::testing::Test {
 protected:
  EngineTest() {
    embedder_ = AddBundle("colour", "digest-1", true);
    AddBundle("silent", "digest-2", false);
    engine_ = std::make_unique<Engine>(store_, bundles_, EngineOptions{}, metrics_);
  }

  ColourEmbedder* AddBundle(const std::string& name, const std::string& digest, bool embeds_text) {
    auto embedder = std::make_unique<ColourEmbedder>(name, digest, embeds_text);
    ColourEmbedder* borrowed = embedder.get();
    EXPECT_TRUE(bundles_.Add(std::move(embedder)).ok());
    return borrowed;
  }

  // An article: an integer key, a picture and a title with a vector each, and a vector of the
  // caller's own.
  static store::TableSchema Articles() {
    store::TableSchema schema;
    schema.name = "articles";
    schema.columns = {{"number", ColumnType::kInt64, false, true, {}},
                      {"title", ColumnType::kString, false, false, {}},
                      {"photo", ColumnType::kBlob, false, false, {}},
                      {"sizes", ColumnType::kInt64, true, false, {}},
                      {"photo_vector", ColumnType::kVector, false, false, {}},
                      {"title_vector", ColumnType::kVector, false, false, {}},
                      {"own", ColumnType::kVector, false, false, {}}};
    schema.columns[4].vector.source_column = "photo";
    schema.columns[5].vector.source_column = "title";
    schema.columns[6].vector.dimension = 2;
    schema.columns[6].vector.metric = store::Metric::kSquaredEuclidean;
    schema.primary_key = {"number"};
    return schema;
  }

  static store::Row Article(int number, const std::string& title, const std::string& photo,
                            std::vector<float> own = {}) {
    store::Row row;
    row.cells.resize(7);
    row.cells[0] = Value(number);
    if (!title.empty()) row.cells[1] = Value(title);
    if (!photo.empty()) row.cells[2] = store::Blob{photo};
    row.cells[3] = Value(Value::List{number, number * 10});
    if (!own.empty()) row.cells[6] = std::move(own);
    return row;
  }

  std::vector<std::int64_t> Numbers(const SearchSpec& spec) {
    std::vector<std::int64_t> numbers;
    const Result<SearchResult> found = engine_->Search(spec);
    if (!found.ok()) {
      ADD_FAILURE() << found.status().message();
      return numbers;
    }
    for (const store::Hit& hit : found->hits) {
      numbers.push_back(*std::get<Value>(hit.row.cells[0]).as_int());
    }
    return numbers;
  }

  std::string FailureOf(const SearchSpec& spec, Code code) {
    const Result<SearchResult> hits = engine_->Search(spec);
    if (hits.ok()) return "";
    EXPECT_EQ(hits.status().code(), code);
    return hits.status().message();
  }

  static SearchSpec Spec(const std::string& column, Query query) {
    SearchSpec spec;
    spec.table = "articles";
    spec.vector_column = column;
    spec.query = std::move(query);
    spec.columns = {"number"};
    return spec;
  }

  testing::MemoryStore store_;
  embed::BundleRegistry bundles_;
  MetricsRegistry metrics_;
  ColourEmbedder* embedder_ = nullptr;
  std::unique_ptr<Engine> engine_;
};

// The engine knows no library: a table of another shape, with three vector columns.
TEST_F(EngineTest, ServesATableOfAnyShape) {
  const Result<store::TableSchema> schema = engine_->CreateTable(Articles());
  ASSERT_TRUE(schema.ok()) << schema.status().message();
  EXPECT_EQ(schema->Find("photo_vector")->vector.bundle, "colour");
  EXPECT_EQ(schema->Find("photo_vector")->vector.bundle_digest, "digest-1");
  EXPECT_EQ(schema->Find("title_vector")->vector.dimension, 4U);
  EXPECT_EQ(schema->Find("own")->vector.bundle, "");

  const std::string red = JpegOf(kRed);
  const std::string blue = JpegOf(kBlue);
  std::vector<store::Row> rows = {Article(1, "a blue thing", red, {0, 0}),
                                  Article(2, "a red thing", blue, {3, 4}),
                                  Article(3, "", "", {1, 1})};
  ASSERT_TRUE(engine_->Upsert("articles", std::move(rows)).ok());

  EXPECT_EQ(Numbers(Spec("photo_vector", PictureQuery{AsBytes(red)})),
            (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(Numbers(Spec("photo_vector", TextQuery{"red"})), (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(Numbers(Spec("title_vector", TextQuery{"red"})), (std::vector<std::int64_t>{2, 1}));
  EXPECT_EQ(Numbers(Spec("title_vector", PictureQuery{AsBytes(blue)})),
            (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(Numbers(Spec("own", VectorQuery{{1, 1}})), (std::vector<std::int64_t>{3, 1, 2}));

  SearchSpec filtered = Spec("own", VectorQuery{{1, 1}});
  filtered.filter = query::Filter::Where({"sizes", ""}, query::Op::kEqual, 20);
  EXPECT_EQ(Numbers(filtered), (std::vector<std::int64_t>{2}));
  EXPECT_EQ(*engine_->Count("articles", {}), 3U);

  ASSERT_TRUE(engine_->Delete("articles", {{Value(3)}}).ok());
  const std::vector<store::Key> keys = {{Value(3)}, {Value(2)}};
  const auto got = engine_->Get("articles", keys, {"photo"});
  ASSERT_TRUE(got.ok());
  EXPECT_FALSE((*got)[0].has_value());
  EXPECT_EQ(std::get<store::Blob>((*got)[1]->cells[2]).bytes, blue);
  EXPECT_EQ(engine_->DescribeTable("articles")->stats.rows, 2U);
  ASSERT_TRUE(engine_->DropTable("articles").ok());
  EXPECT_EQ(engine_->Schema("articles").status().code(), Code::kNotFound);
}

TEST_F(EngineTest, WritesAllRowsOrNone) {
  ASSERT_TRUE(engine_->CreateTable(Articles()).ok());
  const Status status = engine_->Upsert(
      "articles",
      {Article(1, "", JpegOf(kRed)), Article(2, "", "no picture"), Article(3, "", JpegOf(kGreen))});
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_TRUE(status.message().starts_with("row 1: photo: ")) << status.message();
  EXPECT_EQ(*engine_->Count("articles", {}), 0U);
  const Status single = engine_->Upsert("articles", {Article(2, "", "no picture")});
  EXPECT_TRUE(single.message().starts_with("photo: ")) << single.message();
  const Status huge =
      engine_->Upsert("articles", {Article(2, "", testing::PngHeaderOf(60000, 60000))});
  EXPECT_EQ(huge.code(), Code::kInvalidArgument);
  EXPECT_EQ(engine_->Upsert("articles", {store::Row{}}).code(), Code::kInvalidArgument);
}

TEST_F(EngineTest, KeepsTheVectorsOfTheCallerAndDropsWhatIsNotKept) {
  ASSERT_TRUE(engine_->CreateTable(Articles()).ok());
  store::Row row = Article(1, "red", JpegOf(kRed));
  row.cells[4] = store::Vector{0, 0, 1, 0};
  ASSERT_TRUE(engine_->Upsert("articles", {row}, {{"photo"}}).ok());
  const std::vector<store::Key> keys = {{Value(1)}};
  const auto got = engine_->Get("articles", keys, {"photo", "photo_vector"});
  EXPECT_TRUE(std::holds_alternative<std::monostate>((*got)[0]->cells[2]));
  EXPECT_EQ(std::get<store::Vector>((*got)[0]->cells[4]), (store::Vector{0, 0, 1, 0}));
  EXPECT_EQ(embedder_->calls(), 1);  // the title alone
}

TEST_F(EngineTest, RefusesTablesThatItCouldNotFill) {
  const auto refuse = [&](const std::function<void(store::TableSchema&)>& change, Code code,
                          const std::string& says) {
    store::TableSchema schema = Articles();
    change(schema);
    const Result<store::TableSchema> made = engine_->CreateTable(schema);
    ASSERT_FALSE(made.ok());
    EXPECT_EQ(made.status().code(), code);
    EXPECT_NE(made.status().message().find(says), std::string::npos) << made.status().message();
  };
  refuse([](auto& s) { s.name = "ocellus.jobs"; }, Code::kInvalidArgument, "prefix");
  refuse([](auto& s) { s.columns[4].vector.dimension = 5; }, Code::kInvalidArgument,
         "photo_vector: dimension 5");
  refuse([](auto& s) { s.columns[4].vector.bundle = "none"; }, Code::kNotFound, "none");
  refuse([](auto& s) { s.columns[5].vector.bundle = "silent"; }, Code::kInvalidArgument,
         "does not embed text");
  refuse([](auto& s) { s.columns[4].vector.source_column = "sizes"; }, Code::kInvalidArgument,
         "neither a picture nor a text");
  refuse([](auto& s) { s.columns[4].vector.source_column = "nothing"; }, Code::kInvalidArgument,
         "");
  ASSERT_TRUE(engine_->CreateTable(Articles()).ok());
  refuse([](auto&) {}, Code::kAlreadyExists, "articles");
}

TEST_F(EngineTest, RefusesSearchesThatCannotBeAnswered) {
  ASSERT_TRUE(engine_->CreateTable(Articles()).ok());
  SearchSpec spec = Spec("photo_vector", TextQuery{"red"});
  spec.top_k = 0;
  EXPECT_EQ(FailureOf(spec, Code::kInvalidArgument), "top_k: expected 1 to 1000, got 0");
  spec.top_k = 1001;
  EXPECT_NE(FailureOf(spec, Code::kInvalidArgument), "");
  EXPECT_NE(FailureOf(Spec("", TextQuery{"red"}), Code::kInvalidArgument).find("several"),
            std::string::npos);
  EXPECT_NE(FailureOf(Spec("title", TextQuery{"red"}), Code::kInvalidArgument)
                .find("no vector column named title"),
            std::string::npos);
  EXPECT_NE(FailureOf(Spec("own", TextQuery{"red"}), Code::kFailedPrecondition).find("own: "),
            std::string::npos);
  EXPECT_EQ(FailureOf(Spec("photo_vector", TextQuery{" "}), Code::kInvalidArgument),
            "text: no word in it");
  EXPECT_EQ(FailureOf(Spec("photo_vector", PictureQuery{}), Code::kInvalidArgument),
            "picture: the picture has 0 bytes");
  spec = Spec("photo_vector", TextQuery{"red"});
  spec.table = "ocellus.jobs";
  EXPECT_NE(FailureOf(spec, Code::kNotFound), "");
}

TEST_F(EngineTest, NeverMixesTheVectorsOfTwoBundles) {
  ASSERT_TRUE(engine_->CreateTable(Articles()).ok());
  embed::BundleRegistry other;
  ASSERT_TRUE(other.Add(std::make_unique<ColourEmbedder>("colour", "digest-9")).ok());
  Engine engine(store_, other, {}, metrics_);
  const auto found = engine.Search(Spec("photo_vector", TextQuery{"red"}));
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.status().code(), Code::kUnavailable);
  EXPECT_NE(found.status().message().find("the model colour has changed"), std::string::npos);
  EXPECT_EQ(engine.Upsert("articles", {Article(1, "", JpegOf(kRed))}).code(), Code::kUnavailable);
  // Vectors of one's own need no bundle.
  EXPECT_TRUE(engine.Search(Spec("own", VectorQuery{{1, 1}})).ok());

  embed::BundleRegistry none;
  ASSERT_TRUE(none.Add(std::make_unique<ColourEmbedder>("another", "digest-1")).ok());
  Engine without(store_, none, {}, metrics_);
  EXPECT_NE(without.Search(Spec("photo_vector", TextQuery{"red"}))
                .status()
                .message()
                .find("which is not loaded"),
            std::string::npos);
}

TEST_F(EngineTest, HidesTheServersOwnTables) {
  store::TableSchema schema = Articles();
  schema.name = "ocellus.secret";
  schema.columns.resize(4);
  ASSERT_TRUE(store_.CreateTable(schema).ok());
  EXPECT_TRUE(engine_->ListTables()->empty());
  EXPECT_EQ(engine_->DropTable("ocellus.secret").code(), Code::kNotFound);
  EXPECT_EQ(engine_->Count("ocellus.secret", {}).status().code(), Code::kNotFound);
}

TEST_F(EngineTest, SearchesWithABoxAtTheEdges) {
  ASSERT_TRUE(engine_->CreateTable(Articles()).ok());
  ASSERT_TRUE(engine_->Upsert("articles", {Article(1, "red", JpegOf(kRed))}).ok());
  ASSERT_TRUE(engine_->Upsert("articles", {Article(2, "blue", JpegOf(kBlue))}).ok());
  // Red on the left, blue on the right.
  image::Picture picture;
  picture.width = 400;
  picture.height = 100;
  for (std::uint32_t i = 0; i < 400 * 100; ++i) {
    const bool left = i % 400 < 200;
    picture.rgb.push_back(left ? 255 : 0);
    picture.rgb.push_back(0);
    picture.rgb.push_back(left ? 0 : 255);
  }
  const auto jpeg = image::EncodeJpeg(picture, 95);
  ASSERT_TRUE(jpeg.ok());
  const auto nearest = [&](std::optional<image::Box> region) {
    SearchSpec spec;
    spec.table = "articles";
    spec.vector_column = "photo_vector";
    spec.query = PictureQuery{*jpeg, region};
    spec.columns = {"number"};
    const auto found = engine_->Search(spec);
    return found.ok() ? found->hits.front().score : -1.0F;
  };
  EXPECT_GT(nearest(image::Box{0, 0, 192, 100}), 0.99);
  EXPECT_GT(nearest(image::Box{208, 0, 192, 100}), 0.99);
  EXPECT_GT(nearest(image::Box{399, 99, 1, 1}), 0.9);
  EXPECT_LT(nearest(std::nullopt), 0.9);
  for (const image::Box& bad :
       {image::Box{0, 0, 0, 100}, image::Box{400, 0, 10, 10}, image::Box{0, 100, 10, 10}}) {
    EXPECT_EQ(nearest(bad), -1);
  }
  const auto info = engine_->Measure(*jpeg);
  ASSERT_TRUE(info.ok());
  EXPECT_EQ(info->width, 400U);
  EXPECT_EQ(std::string(info->content_type), "image/jpeg");
  EXPECT_EQ(engine_->Measure({}).status().code(), Code::kInvalidArgument);
}

TEST_F(EngineTest, RendersPictures) {
  const std::string jpeg = JpegOf(kRed, 400, 200);
  const Result<PictureFile> whole = engine_->Render(jpeg, 0);
  ASSERT_TRUE(whole.ok());
  EXPECT_EQ(whole->bytes, jpeg);
  EXPECT_STREQ(whole->content_type, "image/jpeg");
  const Result<PictureFile> small = engine_->Render(jpeg, 100);
  ASSERT_TRUE(small.ok());
  const Result<image::Info> info = image::Probe(AsBytes(small->bytes), {});
  EXPECT_EQ(info->width, 100U);
  EXPECT_EQ(info->height, 50U);
  EXPECT_FALSE(engine_->Render("text", 0).ok());
}

// A red square of 40 x 40 at (60, 20) on a blue picture of 160 x 80.
std::string RedOnBlue() {
  image::Picture picture = {160, 80, {}};
  for (std::uint32_t y = 0; y < 80; ++y) {
    for (std::uint32_t x = 0; x < 160; ++x) {
      const bool red = x >= 60 && x < 100 && y >= 20 && y < 60;
      picture.rgb.insert(picture.rgb.end(), {static_cast<std::uint8_t>(red ? 255 : 0), 0,
                                             static_cast<std::uint8_t>(red ? 0 : 255)});
    }
  }
  const auto jpeg = image::EncodeJpeg(picture, 95);
  return jpeg.ok() ? std::string(AsText(*jpeg)) : std::string();
}

TEST_F(EngineTest, SearchesWithAPartOfAPicture) {
  ASSERT_TRUE(engine_->CreateTable(Articles()).ok());
  ASSERT_TRUE(
      engine_->Upsert("articles", {Article(1, "", JpegOf(kRed)), Article(2, "", JpegOf(kBlue))})
          .ok());
  const std::string bytes = RedOnBlue();
  const auto first = [&](const PictureQuery& query) {
    auto found = engine_->Search(Spec("photo_vector", query));
    EXPECT_TRUE(found.ok()) << found.status().message();
    return found.ok() ? *std::move(found) : SearchResult();
  };
  const auto number = [](const SearchResult& result) {
    return *std::get<Value>(result.hits.front().row.cells[0]).as_int();
  };
  PictureQuery query = {AsBytes(bytes)};
  const SearchResult whole = first(query);
  EXPECT_EQ(number(whole), 2);
  EXPECT_TRUE(whole.boxes.empty());

  query.region = image::Box{60, 20, 40, 40};
  const SearchResult part = first(query);
  EXPECT_EQ(number(part), 1);
  EXPECT_GT(part.hits.front().score, 0.95);
  ASSERT_EQ(part.boxes.size(), 1U);
  EXPECT_EQ(part.boxes[0].box.x, 60U);
  EXPECT_EQ(part.boxes[0].box.width, 40U);

  // A region given is the part, whether a subject is asked for or not; what is outside is cut off.
  query.region = image::Box{100, 0, 1000, 4'000'000'000};
  query.find_subject = true;
  const SearchResult clipped = first(query);
  EXPECT_EQ(number(clipped), 2);
  EXPECT_EQ(clipped.boxes[0].box.width, 60U);
  EXPECT_EQ(clipped.boxes[0].box.height, 80U);

  query.region.reset();
  const SearchResult subject = first(query);
  EXPECT_EQ(number(subject), 1);
  ASSERT_FALSE(subject.boxes.empty());
  EXPECT_NEAR(subject.boxes[0].box.x, 60, 6);
  EXPECT_NEAR(subject.boxes[0].box.y, 20, 6);
  EXPECT_NEAR(subject.boxes[0].box.width, 40, 10);
  EXPECT_NEAR(subject.boxes[0].box.height, 40, 10);

  for (const image::Box& box :
       {image::Box{160, 0, 5, 5}, image::Box{0, 80, 5, 5}, image::Box{0, 0, 0, 5},
        image::Box{0, 0, 5, 0}, image::Box{4'000'000'000, 0, 4'000'000'000, 5}}) {
    query.region = box;
    EXPECT_NE(FailureOf(Spec("photo_vector", query), Code::kInvalidArgument).find("the region"),
              std::string::npos);
  }
}

TEST_F(EngineTest, SearchesWithSeveralPartsAsOne) {
  ASSERT_TRUE(engine_->CreateTable(Articles()).ok());
  ASSERT_TRUE(engine_
                  ->Upsert("articles", {Article(1, "red", ""), Article(2, "blue", ""),
                                        Article(3, "red and blue", "")})
                  .ok());
  const std::string blue = JpegOf(kBlue);
  FusionQuery fusion;
  fusion.parts = {TextQuery{"red"}, PictureQuery{AsBytes(blue)}};
  const auto found = engine_->Search(Spec("title_vector", fusion));
  ASSERT_TRUE(found.ok()) << found.status().message();
  EXPECT_EQ(*std::get<Value>(found->hits.front().row.cells[0]).as_int(), 3);
  EXPECT_NEAR(found->hits.front().score, 1, 0.01);
  fusion.parts.pop_back();  // one part is as that part alone
  EXPECT_EQ(Numbers(Spec("title_vector", fusion)), Numbers(Spec("title_vector", TextQuery{"red"})));

  fusion.parts.emplace_back(PictureQuery{AsBytes(std::string_view("no picture"))});
  EXPECT_TRUE(FailureOf(Spec("title_vector", fusion), Code::kInvalidArgument)
                  .starts_with("part 2: picture: "));
  fusion.parts.clear();
  EXPECT_NE(FailureOf(Spec("title_vector", fusion), Code::kInvalidArgument), "");
  fusion.parts.assign(17, TextQuery{"red"});
  EXPECT_NE(FailureOf(Spec("title_vector", fusion), Code::kInvalidArgument), "");
}

TEST_F(EngineTest, AVectorOfSeveralSources) {
  store::TableSchema schema = Articles();
  schema.columns[4].vector.source_column = "";
  schema.columns[4].vector.source_columns = {"photo", "title"};
  ASSERT_TRUE(engine_->CreateTable(schema).ok());
  ASSERT_TRUE(
      engine_
          ->Upsert("articles", {Article(1, "red", JpegOf(kBlue)), Article(2, "", JpegOf(kBlue)),
                                Article(3, "red", ""), Article(4, "", "")})
          .ok());
  FusionQuery both;
  const std::string blue = JpegOf(kBlue);
  both.parts = {TextQuery{"red"}, PictureQuery{AsBytes(blue)}};
  EXPECT_EQ(Numbers(Spec("photo_vector", both)).front(), 1);
  EXPECT_EQ(Numbers(Spec("photo_vector", TextQuery{"red"})).front(), 3);
  EXPECT_EQ(Numbers(Spec("photo_vector", TextQuery{"blue"})).front(), 2);
  EXPECT_EQ(Numbers(Spec("photo_vector", TextQuery{"red"})).size(), 3U);  // 4 has none
}

TEST_F(EngineTest, AltersATableAndMakesTheVectorsThatItsRowsLack) {
  store::TableSchema schema = Articles();
  schema.columns.erase(schema.columns.begin() + 4);  // photo_vector
  ASSERT_TRUE(engine_->CreateTable(schema).ok());
  std::vector<store::Row> rows;
  for (int i = 0; i < 150; ++i) {
    const std::string photo = i % 10 == 0 ? "" : i % 10 == 1 ? "damaged" : JpegOf(kRed);
    rows.push_back(Article(i, "", photo));
    rows.back().cells.erase(rows.back().cells.begin() + 4);
  }
  ASSERT_TRUE(engine_->Upsert("articles", std::move(rows)).ok());

  store::TableSchema wanted = *engine_->Schema("articles");
  wanted.columns.push_back({.name = "late", .type = ColumnType::kVector});
  wanted.columns.back().vector.source_column = "photo";
  const auto altered = engine_->AlterTable(wanted);
  ASSERT_TRUE(altered.ok()) << altered.status().message();
  EXPECT_EQ(altered->Find("late")->vector.bundle, "colour");
  EXPECT_TRUE(Numbers(Spec("late", TextQuery{"red"})).empty());

  EXPECT_EQ(engine_->FillVectors("articles", "late", [] { return true; }).status().code(),
            Code::kCancelled);
  const auto filled = engine_->FillVectors("articles", "late");
  ASSERT_TRUE(filled.ok()) << filled.status().message();
  EXPECT_EQ(filled->made, 120U);
  EXPECT_EQ(filled->failed, 15U);
  EXPECT_EQ(filled->without_source, 15U);
  EXPECT_NE(filled->first_failure.find("photo: "), std::string::npos);
  SearchSpec all = Spec("late", TextQuery{"red"});
  all.top_k = 1000;
  EXPECT_EQ(Numbers(all).size(), 120U);
  EXPECT_EQ(engine_->FillVectors("articles", "late")->made, 0U);
  EXPECT_EQ(engine_->FillVectors("articles", "own").status().code(), Code::kInvalidArgument);
  EXPECT_EQ(engine_->FillVectors("articles", "nope").status().code(), Code::kInvalidArgument);

  wanted.name = "ocellus.jobs";
  EXPECT_EQ(engine_->AlterTable(wanted).status().code(), Code::kNotFound);
}

}  // namespace
}  // namespace ocellus::engine
