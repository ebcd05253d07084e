// The bytes on disk, held to what docs/format/store.md says and to what version 1 wrote.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/bytes.h"
#include "store/embedded/column_file.h"
#include "store/embedded/sqlite.h"
#include "store/embedded/test_tables.h"

namespace ocellus::store {
namespace {

// From this folder, where tests run.
constexpr const char* kGolden1 = "testdata/format1";
constexpr const char* kGolden2 = "testdata/format2";

Row OddRow() {
  Row row = ProbeRow("", 3, true);
  row.cells[kTenant] = Value(std::string("nul\0 \xE7\xBA\xA2", 8));
  row.cells[kReading] = {};
  row.cells[kLabels] = Value(Value::List{});
  row.cells[kCounts] = Value(Value::List{-1, std::int64_t{9223372036854775807}});
  row.cells[kExtra] = Value(Value::Map{{"s", "x"}, {"d", 1.0}, {"l", Value::List{1, "a", true}}});
  row.cells[kRaw] = Blob{std::string("\0\xFF", 2)};
  row.cells[kSound] = {};
  return row;
}

// What version 1 had already: the table that both golden directories hold.
void WriteProbes(EmbeddedStore& store) {
  ASSERT_OK(store.CreateTable(ProbeSchema("dropped")));
  ASSERT_OK(store.CreateTable(ProbeSchema()));
  ASSERT_OK(store.DropTable("dropped"));
  const auto table = *store.OpenTable("probes");
  ASSERT_OK(table->Write(Upsert({ProbeRow("t", 1), ProbeRow("t", 2)})));
  ASSERT_OK(table->Write(Upsert({OddRow(), ProbeRow("t", 1)})));
  ASSERT_OK(table->Write(Delete({ProbeKey("t", 2)})));
}

void CheckProbes(EmbeddedStore& store) {
  const auto table = store.OpenTable("probes");
  ASSERT_OK(table);
  EXPECT_EQ(ToValue((*table)->schema()), ToValue(ProbeSchema()));
  const auto rows = (*table)->Scan({{}, AllColumns(), 0, 10});
  ASSERT_OK(rows);
  ASSERT_EQ(rows->size(), 2U);
  EXPECT_EQ((*rows)[0].cells, OddRow().cells);
  EXPECT_EQ((*rows)[1].cells, ProbeRow("t", 1).cells);
  EXPECT_EQ(*(*table)->Count(query::Filter::Where({"extra", "l"}, query::Op::kContains, "a")), 1U);
  EXPECT_OK((*table)->Write(Upsert({ProbeRow("t", 9)})));
}

// Version 2: texts, a sparse part, a vector of two sources; the table was altered twice, so that
// its columns' numbers are not their positions.
TableSchema ArticleSchema() {
  TableSchema schema;
  schema.name = "articles";
  schema.columns = {
      {.name = "id", .type = ColumnType::kInt64},
      {.name = "title", .type = ColumnType::kString, .full_text = true},
      {.name = "note", .type = ColumnType::kMap},
      {.name = "body", .type = ColumnType::kString, .full_text = true},
      {.name = "words", .type = ColumnType::kInt64, .multi = true},
      {.name = "weights", .type = ColumnType::kDouble, .multi = true},
      {.name = "meaning",
       .type = ColumnType::kVector,
       .vector = {.dimension = 2,
                  .metric = Metric::kInnerProduct,
                  .source_columns = {"title", "body"},
                  .sparse_indices_column = "words",
                  .sparse_values_column = "weights"}},
  };
  schema.primary_key = {"id"};
  return schema;
}

Row Article(std::int64_t id, const std::string& title, const std::string& body) {
  return {{Value(id), Value(title), Value(Value::Map{{"k", id}}), Value(body),
           Value(Value::List{id, 7}), Value(Value::List{0.5, 2.0}), Vector{1, 0}}};
}

void WriteArticles(EmbeddedStore& store) {
  TableSchema first = ArticleSchema();
  first.columns.erase(first.columns.begin() + 3);  // body
  first.columns.back().vector.source_columns = {"title"};
  first.columns.insert(first.columns.begin(), {.name = "gone", .type = ColumnType::kBlob});
  ASSERT_OK(store.CreateTable(first));
  first.columns.erase(first.columns.begin());
  ASSERT_OK(store.AlterTable(first));
  ASSERT_OK(store.AlterTable(ArticleSchema()));
  const auto table = *store.OpenTable("articles");
  ASSERT_OK(table->Write(Upsert({Article(1, "A red Café", "with tables"),
                                 Article(2, "红色的苹果", "an apple"), Article(3, "x", "y")})));
  ASSERT_OK(table->Write(Delete({{3}})));
}

void CheckArticles(EmbeddedStore& store) {
  const auto opened = store.OpenTable("articles");
  ASSERT_OK(opened);
  Table& table = **opened;
  EXPECT_EQ(ToValue(table.schema()), ToValue(ArticleSchema()));
  const auto found = [&](const char* text) {
    std::vector<std::int64_t> ids;
    const auto hits = table.SearchText({.query = query::TextQuery::Text(text), .columns = {"id"}});
    EXPECT_OK(hits);
    for (const Hit& hit : *hits) ids.push_back(*std::get<Value>(hit.row.cells[0]).as_int());
    return ids;
  };
  EXPECT_EQ(found("cafe RED"), std::vector<std::int64_t>{1});
  EXPECT_EQ(found("苹果"), std::vector<std::int64_t>{2});
  EXPECT_EQ(found("y"), std::vector<std::int64_t>{});
  SearchRequest search;
  search.vector_column = "meaning";
  search.query = {1, 0};
  search.columns = {"id", "body"};
  search.sparse = SparseVector{{2}, {4}};
  const auto hits = table.Search(search);
  ASSERT_OK(hits);
  ASSERT_EQ(hits->size(), 2U);
  EXPECT_EQ(hits->front().score, 3);
  EXPECT_EQ(hits->front().row.cells[3], Cell(Value("an apple")));
  EXPECT_EQ(*table.Count(query::Filter::Where({"note", "k"}, query::Op::kEqual, 2)), 1U);
  EXPECT_OK(table.Write(Upsert({Article(9, "z", "z")})));
}

// Runs `use` with the store of the directory.
template <typename Use>
void WithStore(const std::string& path, Use use) {
  os::PosixFileSystem files;
  MetricsRegistry metrics;
  const auto store = OpenEmbeddedStore({.directory = path}, files, metrics);
  ASSERT_OK(store);
  use(**store);
}

void WriteGolden(const std::string& path) {
  WithStore(path, [](EmbeddedStore& store) {
    WriteProbes(store);
    WriteArticles(store);
  });
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Every statement that made the file, and the numbers in its header.
std::vector<std::string> Shape(const std::string& path) {
  std::vector<std::string> shape;
  auto database = embedded::Database::Open(path, embedded::Database::Role::kWriter);
  EXPECT_OK(database);
  auto statement =
      (*database)->Prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name");
  EXPECT_OK(statement);
  while (*statement->Step()) shape.emplace_back(statement->Text(0));
  for (const char* pragma : {"application_id", "user_version", "page_size", "auto_vacuum"}) {
    const auto number = (*database)->QueryInt(std::string("PRAGMA ") + pragma);
    EXPECT_OK(number);
    shape.push_back(pragma + (" " + std::to_string(*number)));
  }
  return shape;
}

TEST(GoldenTest, WhatVersionOneWroteIsReadAndMigrated) {
  const os::TemporaryDirectory folder;
  const std::string path = folder.File("data");
  std::filesystem::copy(kGolden1, path, std::filesystem::copy_options::recursive);
  ASSERT_EQ(ReadFile(path + "/VERSION"), "1\n");
  WithStore(path, [](EmbeddedStore& store) {
    EXPECT_EQ(store.ListTables()->size(), 1U);
    CheckProbes(store);
  });
  EXPECT_EQ(ReadFile(path + "/VERSION"), "2\n");
  // From here on it is as any other.
  WithStore(path, WriteArticles);
  WithStore(path, CheckArticles);
}

// A crash within the migration leaves some files at the new version.
TEST(GoldenTest, AMigrationCutShortIsRunAgain) {
  const os::TemporaryDirectory folder;
  const std::string path = folder.File("data");
  std::filesystem::copy(kGolden1, path, std::filesystem::copy_options::recursive);
  {
    auto database =
        embedded::Database::Open(path + "/tables/2/rows.db", embedded::Database::Role::kWriter);
    ASSERT_OK(database);
    ASSERT_OK((*database)->Execute("PRAGMA user_version=2"));
  }
  WithStore(path, CheckProbes);
  EXPECT_EQ(ReadFile(path + "/VERSION"), "2\n");
}

// OCELLUS_WRITE_GOLDEN=1 makes the directory anew: only ever for a new version's, beside the old.
TEST(GoldenTest, WhatVersionTwoWroteIsRead) {
  if (std::getenv("OCELLUS_WRITE_GOLDEN") != nullptr) {  // NOLINT(concurrency-mt-unsafe)
    std::filesystem::remove_all(kGolden2);
    WriteGolden(kGolden2);
    // Derived files are made again.
    for (const auto& entry : std::filesystem::recursive_directory_iterator(kGolden2)) {
      if (entry.path().extension() == ".vectors") std::filesystem::remove(entry.path());
    }
  }
  const os::TemporaryDirectory folder;
  std::filesystem::copy(kGolden2, folder.File("data"), std::filesystem::copy_options::recursive);
  WithStore(folder.File("data"), [](EmbeddedStore& store) {
    EXPECT_EQ(store.ListTables()->size(), 2U);
    CheckProbes(store);
    CheckArticles(store);
  });
}

TEST(GoldenTest, TheShapeOfTheFilesIsThatOfVersionTwo) {
  const os::TemporaryDirectory folder;
  std::filesystem::copy(kGolden2, folder.File("old"), std::filesystem::copy_options::recursive);
  WriteGolden(folder.File("new"));
  WithStore(folder.File("new"), CheckArticles);
  for (const char* file : {"/catalog.db", "/tables/2/rows.db", "/tables/3/rows.db"}) {
    EXPECT_EQ(Shape(folder.File("new") + file), Shape(folder.File("old") + file)) << file;
  }
  EXPECT_THAT(Shape(folder.File("old") + "/tables/2/rows.db"),
              testing::IsSupersetOf({"CREATE UNIQUE INDEX rows_key ON rows(c1, c0, c2)",
                                     "application_id 1331909239", "user_version 2"}));
  EXPECT_THAT(Shape(folder.File("old") + "/tables/3/rows.db"),
              testing::Contains("CREATE VIRTUAL TABLE texts USING "
                                "fts5(c2,c7,content='',tokenize='ocellus1')"));
}

std::string Hex(const std::string& bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 15];
  }
  return hex;
}

embedded::ColumnSet SmallColumns() {
  embedded::ColumnSetBuilder builder(embedded::ColumnSet(3));
  builder.Load(0);
  builder.Load(2);
  builder.Set(0, 1, Value("red"));
  builder.Set(2, 0, Value(Value::Map{{"k", Value::List{1, true, nullptr}}}));
  builder.Set(2, 2, Value(Value::Map{{"k", -0.5}}));
  return builder.Finish();
}

TEST(GoldenTest, ColumnFileBytes) {
  os::PosixFileSystem files;
  const os::TemporaryDirectory folder;
  const std::string path = folder.File("columns");
  ASSERT_OK(
      embedded::SaveColumns(files, path, SmallColumns(), {0, 1, 2}, {.sequence = 258, .slots = 3}));
  const std::string bytes = ReadFile(path);
  EXPECT_EQ(Hex(bytes.substr(0, 28)),
            "4f43454c434f4c53"  // OCELCOLS
            "01000000"          // version
            "02000000"          // fields
            "0201000000000000"  // sequence
            "03000000");        // slots
  EXPECT_EQ(Hex(bytes.substr(32, 40)),
            "00000000"
            "00000000"
            "01000000"
            "0800000000000000"  // column 0, no key, one value
            "04000000"
            "73726564"  // "red"
            "00000000"
            "01000000"
            "00000000");  // slot 1 has it
  EXPECT_EQ(Hex(bytes.substr(76, bytes.size() - 80)),
            "02000000"
            "01000000"
            "02000000"
            "2800000000000000"
            "6b"  // column 2, key "k"
            "17000000"
            "6c"
            "09000000"
            "690100000000000000"
            "01000000"
            "74"
            "00000000"
            "09000000"
            "64000000000000e0bf"
            "01000000"
            "00000000"
            "02000000");
}

TEST(GoldenTest, ADamagedColumnFileIsRefused) {
  os::PosixFileSystem files;
  const os::TemporaryDirectory folder;
  const std::string path = folder.File("columns");
  const embedded::ColumnFileState state = {.sequence = 258, .slots = 3};
  ASSERT_OK(embedded::SaveColumns(files, path, SmallColumns(), {0, 1, 2}, state));
  ASSERT_OK(embedded::LoadColumns(files, path, {0, 1, 2}, state));
  EXPECT_EQ(
      embedded::LoadColumns(files, path, {0, 1, 2}, {.sequence = 259, .slots = 3}).status().code(),
      Code::kNotFound);
  EXPECT_EQ(
      embedded::LoadColumns(files, path, {0, 1, 2}, {.sequence = 258, .slots = 4}).status().code(),
      Code::kNotFound);
  const std::string whole = ReadFile(path);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    for (const bool cut : {false, true}) {
      std::string damaged = whole;
      if (cut) {
        damaged.resize(i);
      } else {
        damaged[i] ^= 0x10;
      }
      std::ofstream(path, std::ios::binary) << damaged;
      EXPECT_EQ(embedded::LoadColumns(files, path, {0, 1, 2}, state).status().code(),
                Code::kCorruption)
          << "byte " << i;
    }
  }
  std::ofstream(path, std::ios::binary) << whole + "x";
  EXPECT_EQ(embedded::LoadColumns(files, path, {0, 1, 2}, state).status().code(),
            Code::kCorruption);
}

}  // namespace
}  // namespace ocellus::store
