// What is there after a restart, clean or not, and after damage.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "store/embedded/sqlite.h"
#include "store/embedded/test_tables.h"

namespace ocellus::store {
namespace {

using query::Filter;
using query::Op;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void WriteFile(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

// Opens the directory and gives the failure, or the store.
Result<std::unique_ptr<EmbeddedStore>> OpenAt(const std::string& path,
                                              std::vector<std::string>* log = nullptr) {
  static os::PosixFileSystem files;
  static MetricsRegistry metrics;
  EmbeddedStoreOptions options;
  options.directory = path;
  if (log != nullptr) options.log = [log](const std::string& line) { log->push_back(line); };
  return OpenEmbeddedStore(options, files, metrics);
}

SearchRequest Nearest(float x) {
  SearchRequest request;
  request.vector_column = "shape";
  request.query = {x, 0, 0};
  request.top_k = 1;
  request.columns = AllColumns();
  return request;
}

class DurabilityTest : public testing::Test {
 protected:
  // 100 rows, of which a third were replaced and some deleted.
  void SetUp() override {
    table_ = fixture_.MakeProbes();
    std::vector<Row> rows;
    for (int i = 0; i < 100; ++i) rows.push_back(ProbeRow("t", i));
    ASSERT_OK(table_->Write(Upsert(rows)));
    rows.resize(33);
    ASSERT_OK(table_->Write(Upsert(rows)));
    ASSERT_OK(table_->Write(Delete({ProbeKey("t", 40), ProbeKey("t", 50)})));
    // Loads columns, so that there is a column file after a clean end.
    EXPECT_EQ(*table_->Count(Filter::Where({"labels", ""}, Op::kEqual, "n3")), 14U);
    EXPECT_EQ(*table_->Count(Filter::Where({"extra", "n"}, Op::kLess, 9)), 9U);
    EXPECT_EQ(*table_->Count(Filter::Where({"reading", ""}, Op::kExists, false)), 0U);
  }

  void CloseStore() {
    table_.reset();
    fixture_.Close();
  }

  static void ExpectAll(EmbeddedStore& store) {
    const auto table = store.OpenTable("probes");
    ASSERT_OK(table);
    EXPECT_EQ(*(*table)->Count({}), 98U);
    EXPECT_EQ(*(*table)->Count(Filter::Where({"labels", ""}, Op::kEqual, "n3")), 14U);
    for (const int run : {0, 32, 33, 99}) {
      const auto hits = (*table)->Search(Nearest(static_cast<float>(run)));
      ASSERT_OK(hits);
      ASSERT_EQ(hits->size(), 1U);
      EXPECT_EQ(hits->front().row.cells, ProbeRow("t", run).cells);
    }
    EXPECT_OK((*table)->Write(Upsert({ProbeRow("u", 1)})));
    EXPECT_EQ(*(*table)->Count({}), 99U);
  }

  std::string RowsFile() const { return fixture_.path() + "/tables/1/rows.db"; }

  StoreFixture fixture_;
  std::shared_ptr<Table> table_;
};

TEST_F(DurabilityTest, CleanReopeningRebuildsNothing) {
  CloseStore();
  std::vector<std::string> log;
  auto store = OpenAt(fixture_.path(), &log);
  ASSERT_OK(store);
  EXPECT_THAT(log, IsEmpty());
  EXPECT_TRUE(std::filesystem::exists(fixture_.path() + "/tables/1/columns"));
  ExpectAll(**store);
  // The log of a closed store is empty: the file alone holds everything.
  store->reset();
  EXPECT_FALSE(std::filesystem::exists(RowsFile() + "-wal"));
}

// The files as a crash leaves them: copied while the store is open.
TEST_F(DurabilityTest, UncleanReopeningRebuildsTheIndexes) {
  os::TemporaryDirectory image;
  std::filesystem::copy(fixture_.path(), image.File("data"),
                        std::filesystem::copy_options::recursive);
  std::vector<std::string> log;
  auto store = OpenAt(image.File("data"), &log);
  ASSERT_OK(store);
  EXPECT_THAT(log, Contains(AllOf(HasSubstr("shape"), HasSubstr("98 rows"))));
  ExpectAll(**store);
}

TEST_F(DurabilityTest, LostOrDamagedDerivedFilesAreMadeAgain) {
  CloseStore();
  const std::string folder = fixture_.path() + "/tables/1/";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string path = entry.path();
    if (path == RowsFile()) continue;
    SCOPED_TRACE(path);
    const std::string whole = ReadFile(path);
    for (const std::size_t keep : {std::size_t{0}, whole.size() / 2, whole.size()}) {
      std::string damaged = whole.substr(0, keep);
      if (keep == whole.size()) damaged[damaged.size() / 3] ^= 1;
      WriteFile(path, damaged);
      auto store = OpenAt(fixture_.path());
      ASSERT_OK(store);
      const auto table = (*store)->OpenTable("probes");
      ASSERT_OK(table);
      const auto hits = (*table)->Search(Nearest(99));
      ASSERT_OK(hits);
      EXPECT_EQ(hits->front().row.cells, ProbeRow("t", 99).cells);
      EXPECT_EQ(*(*table)->Count(Filter::Where({"labels", ""}, Op::kEqual, "n3")), 14U);
    }
  }
  auto store = OpenAt(fixture_.path());
  ASSERT_OK(store);
  ExpectAll(**store);
}

TEST_F(DurabilityTest, WhatACrashLeftOfATableIsRemoved) {
  CloseStore();
  const std::string orphan = fixture_.path() + "/tables/7";
  std::filesystem::create_directory(orphan);
  WriteFile(orphan + "/rows.db", "half a table");
  auto store = OpenAt(fixture_.path());
  ASSERT_OK(store);
  EXPECT_FALSE(std::filesystem::exists(orphan));
  ExpectAll(**store);
}

TEST_F(DurabilityTest, ANewerFormatIsRefusedWithBothNumbers) {
  CloseStore();
  WriteFile(fixture_.path() + "/VERSION", "12\n");
  const Status status = OpenAt(fixture_.path()).status();
  EXPECT_EQ(status.code(), Code::kFailedPrecondition);
  EXPECT_THAT(status.message(), AllOf(HasSubstr("12"), HasSubstr("up to 2")));
  // Nothing was touched.
  WriteFile(fixture_.path() + "/VERSION", "2\n");
  auto store = OpenAt(fixture_.path());
  ASSERT_OK(store);
  ExpectAll(**store);
}

TEST_F(DurabilityTest, ADamagedDirectoryIsNamed) {
  CloseStore();
  const std::string version = fixture_.path() + "/VERSION";
  for (const char* text : {"", "one\n", "2", "2\n\n", "-1\n", "99999999999999999999\n"}) {
    WriteFile(version, text);
    const Status status = OpenAt(fixture_.path()).status();
    EXPECT_EQ(status.code(), Code::kCorruption) << text;
    EXPECT_THAT(status.message(), HasSubstr(version));
  }
  std::filesystem::remove(version);
  EXPECT_EQ(OpenAt(fixture_.path()).status().code(), Code::kCorruption);
  WriteFile(version, "2\n");

  const std::string catalog = fixture_.path() + "/catalog.db";
  const std::string whole = ReadFile(catalog);
  for (const std::string& damaged : {std::string("not a database at all, but long enough"),
                                     std::string(4096, 'x'), std::string()}) {
    WriteFile(catalog, damaged);
    const Status status = OpenAt(fixture_.path()).status();
    EXPECT_EQ(status.code(), Code::kCorruption);
    EXPECT_THAT(status.message(), HasSubstr(catalog));
  }
  std::filesystem::remove(catalog);
  EXPECT_EQ(OpenAt(fixture_.path()).status().code(), Code::kCorruption);
  EXPECT_TRUE(std::filesystem::exists(RowsFile()));  // not taken for an orphan
  WriteFile(catalog, whole);
  auto store = OpenAt(fixture_.path());
  ASSERT_OK(store);
  ExpectAll(**store);
}

TEST_F(DurabilityTest, ADamagedTableLeavesTheOthersAlone) {
  ASSERT_OK(fixture_.store().CreateTable(ProbeSchema("other")));
  CloseStore();
  std::string rows = ReadFile(RowsFile());
  rows.replace(0, 100, std::string(100, 'x'));
  WriteFile(RowsFile(), rows);
  auto store = OpenAt(fixture_.path());
  ASSERT_OK(store);
  const Status status = (*store)->OpenTable("probes").status();
  EXPECT_EQ(status.code(), Code::kCorruption);
  EXPECT_THAT(status.message(), HasSubstr(RowsFile()));
  EXPECT_OK((*store)->OpenTable("other"));
  EXPECT_EQ((*store)->ListTables()->size(), 2U);
  EXPECT_OK((*store)->DropTable("probes"));
  EXPECT_OK((*store)->CreateTable(ProbeSchema()));
}

TEST_F(DurabilityTest, DamagedBytesOfABlobAreFound) {
  CloseStore();
  std::string rows = ReadFile(RowsFile());
  const std::size_t at = rows.find("raw 77");
  ASSERT_NE(at, std::string::npos);
  rows[at] ^= 1;
  WriteFile(RowsFile(), rows);
  auto store = OpenAt(fixture_.path());
  ASSERT_OK(store);
  const auto table = (*store)->OpenTable("probes");
  ASSERT_OK(table);
  const std::vector<Key> keys = {ProbeKey("t", 77)};
  const auto damaged = (*table)->Get(keys, {"raw"});
  EXPECT_EQ(damaged.status().code(), Code::kCorruption);
  EXPECT_THAT(damaged.status().message(), AllOf(HasSubstr(RowsFile()), HasSubstr("raw")));
  EXPECT_OK((*table)->Get(keys, {"run"}));
}

TEST_F(DurabilityTest, ASlotOutOfAllProportionIsFound) {
  CloseStore();
  {
    auto database = embedded::Database::Open(RowsFile(), embedded::Database::Role::kWriter);
    ASSERT_OK(database);
    ASSERT_OK((*database)->Execute("UPDATE rows SET slot=4000000000 WHERE slot=60"));
  }
  auto store = OpenAt(fixture_.path());
  ASSERT_OK(store);
  const Status status = (*store)->OpenTable("probes").status();
  EXPECT_EQ(status.code(), Code::kCorruption);
  EXPECT_THAT(status.message(), AllOf(HasSubstr(RowsFile()), HasSubstr("4000000000")));
}

// Whatever bytes the file has, the answer is a Status.
TEST_F(DurabilityTest, RandomDamageNeverCrashes) {
  CloseStore();
  const std::string whole = ReadFile(RowsFile());
  const auto seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 30; ++round) {
    std::string damaged = whole;
    for (int i = 0; i < 8; ++i) damaged[random() % damaged.size()] ^= static_cast<char>(random());
    if (round % 5 == 0) damaged.resize(random() % damaged.size());
    WriteFile(RowsFile(), damaged);
    auto store = OpenAt(fixture_.path());
    ASSERT_OK(store);
    const auto table = (*store)->OpenTable("probes");
    if (!table.ok()) continue;
    for (int run = 0; run < 100; run += 9) {
      [[maybe_unused]] const auto hits = (*table)->Search(Nearest(static_cast<float>(run)));
    }
    [[maybe_unused]] const auto rows =
        (*table)->Scan({Filter::Where({"extra", "n"}, Op::kGreater, 3), AllColumns(), 0, 1000});
    [[maybe_unused]] const Status written = (*table)->Write(Upsert({ProbeRow("t", 5)}));
  }
}

// The same of a table with full text, whose index SQLite cannot verify.
TEST(TextDurabilityTest, RandomDamageNeverCrashes) {
  StoreFixture fixture;
  ASSERT_OK(fixture.Open());
  TableSchema schema;
  schema.name = "notes";
  schema.columns = {{.name = "id", .type = ColumnType::kInt64},
                    {.name = "text", .type = ColumnType::kString, .full_text = true}};
  schema.primary_key = {"id"};
  ASSERT_OK(fixture.store().CreateTable(schema));
  {
    const auto table = fixture.Open("notes");
    std::vector<Row> rows;
    for (int i = 0; i < 400; ++i) {
      rows.push_back({{Value(i), Value("word" + std::to_string(i % 50) + " w" + std::to_string(i) +
                                       " \xE7\xBA\xA2\xE8\x89\xB2")}});
    }
    ASSERT_OK(table->Write(Upsert(rows)));
    rows.resize(100);
    ASSERT_OK(table->Write(Upsert(rows)));
  }
  fixture.Close();
  const std::string path = fixture.path() + "/tables/1/rows.db";
  const std::string whole = ReadFile(path);
  const auto seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 40; ++round) {
    std::string damaged = whole;
    for (int i = 0; i < 12; ++i) damaged[random() % damaged.size()] ^= static_cast<char>(random());
    WriteFile(path, damaged);
    auto store = OpenAt(fixture.path());
    ASSERT_OK(store);
    const auto table = (*store)->OpenTable("notes");
    if (!table.ok()) continue;
    for (const char* text : {"word7", "w9 word9", "\xE7\xBA\xA2"}) {
      [[maybe_unused]] const auto hits =
          (*table)->SearchText({.query = query::TextQuery::Text(text), .columns = {"id"}});
    }
    [[maybe_unused]] const Status written = (*table)->Write(Upsert({{{Value(5), Value("new")}}}));
    [[maybe_unused]] const Status deleted = (*table)->Write(Delete({{Value(6)}, {Value(77)}}));
  }
}

}  // namespace
}  // namespace ocellus::store
