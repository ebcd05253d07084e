// Tables that get and lose columns, and crashes on the way.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "store/embedded/catalog.h"
#include "store/embedded/table_loader.h"
#include "store/embedded/test_tables.h"

namespace ocellus::store {
namespace {

using query::Filter;
using query::Op;
using query::TextQuery;
using testing::HasSubstr;
using testing::IsEmpty;

TableSchema OldSchema() {
  TableSchema schema;
  schema.name = "things";
  schema.columns = {
      {.name = "id", .type = ColumnType::kInt64},
      {.name = "old", .type = ColumnType::kDouble},
      {.name = "bytes", .type = ColumnType::kBlob},
      {.name = "name", .type = ColumnType::kString, .full_text = true},
      {.name = "tags", .type = ColumnType::kMap},
      {.name = "shape", .type = ColumnType::kVector, .vector = {.dimension = 2}},
      {.name = "gone", .type = ColumnType::kVector, .vector = {.dimension = 3}},
  };
  schema.primary_key = {"id"};
  return schema;
}

// Without old, tags and gone; with a text, a vector, a map and a number of the removed one's name.
TableSchema NewSchema() {
  TableSchema schema;
  schema.name = "things";
  schema.columns = {
      {.name = "extra", .type = ColumnType::kMap},
      {.name = "id", .type = ColumnType::kInt64},
      {.name = "bytes", .type = ColumnType::kBlob},
      {.name = "text", .type = ColumnType::kString, .full_text = true},
      {.name = "name", .type = ColumnType::kString, .full_text = true},
      {.name = "old", .type = ColumnType::kDouble},
      {.name = "shape", .type = ColumnType::kVector, .vector = {.dimension = 2}},
      {.name = "sound",
       .type = ColumnType::kVector,
       .vector = {.dimension = 2, .source_column = "bytes"}},
  };
  schema.primary_key = {"id"};
  return schema;
}

Row OldRow(std::int64_t id) {
  const auto x = static_cast<float>(id);
  return {{Value(id), Value(0.5), Blob{"b" + std::to_string(id)},
           Value("name n" + std::to_string(id)), Value(Value::Map{{"k", id}}), Vector{x, 1},
           Vector{x, 0, 0}}};
}

// What an old row is under the new schema.
Row AlteredRow(std::int64_t id) {
  const auto x = static_cast<float>(id);
  return {{Cell(), Value(id), Blob{"b" + std::to_string(id)}, Cell(),
           Value("name n" + std::to_string(id)), Cell(), Vector{x, 1}, Cell()}};
}

std::vector<std::string> NamesOf(const TableSchema& schema) {
  std::vector<std::string> names;
  for (const Column& column : schema.columns) names.push_back(column.name);
  return names;
}

class AlterTableTest : public testing::Test {
 protected:
  static constexpr int kRows = 20;

  void SetUp() override {
    ASSERT_OK(fixture_.Open());
    TableSchema first = OldSchema();
    first.columns.pop_back();  // so that numbers and positions differ from the start
    ASSERT_OK(fixture_.store().CreateTable(first));
    // NewSchema() holds a vector without `old` twice; see below.
    table_ = fixture_.Open("things");
    ASSERT_OK(fixture_.store().AlterTable(OldSchema()));
    table_ = fixture_.Open("things");
    std::vector<Row> rows;
    for (int i = 0; i < kRows; ++i) rows.push_back(OldRow(i));
    ASSERT_OK(table_->Write(Upsert(std::move(rows))));
    EXPECT_EQ(*table_->Count(Filter::Where({"tags", "k"}, Op::kLess, 5)), 5U);
  }

  static TableSchema WithoutOld() {
    TableSchema schema = OldSchema();
    schema.columns.erase(schema.columns.begin() + 1);
    return schema;
  }

  static void ExpectOld(Table& table) {
    EXPECT_EQ(ToValue(table.schema()), ToValue(OldSchema()));
    const auto rows = table.Scan({{}, NamesOf(OldSchema()), 0, 100});
    ASSERT_OK(rows);
    ASSERT_EQ(rows->size(), std::size_t{kRows});
    for (int i = 0; i < kRows; ++i) {
      EXPECT_EQ((*rows)[static_cast<std::size_t>(i)].cells, OldRow(i).cells);
    }
    EXPECT_EQ(*table.Count(Filter::Where({"tags", "k"}, Op::kLess, 5)), 5U);
    EXPECT_EQ(*table.Count(Filter::Where({"old", ""}, Op::kEqual, 0.5)), std::uint64_t{kRows});
    const auto hits = table.SearchText({.query = TextQuery::Text("n7"), .columns = {"id"}});
    ASSERT_OK(hits);
    ASSERT_EQ(hits->size(), 1U);
    EXPECT_EQ(hits->front().row.cells[0], Cell(Value(7)));
    SearchRequest search;
    search.vector_column = "gone";
    search.query = {1, 0, 0};
    EXPECT_EQ(table.Search(search)->size(), 10U);
    EXPECT_OK(table.Write(Upsert({OldRow(3)})));
    EXPECT_OK(table.Write(Delete({{Value(3)}})));
  }

  static void ExpectNew(Table& table) {
    EXPECT_EQ(ToValue(table.schema()), ToValue(NewSchema()));
    const auto rows = table.Scan({{}, NamesOf(NewSchema()), 0, 100});
    ASSERT_OK(rows);
    ASSERT_EQ(rows->size(), std::size_t{kRows});
    for (int i = 0; i < kRows; ++i) {
      EXPECT_EQ((*rows)[static_cast<std::size_t>(i)].cells, AlteredRow(i).cells);
    }
    EXPECT_EQ(*table.Count(Filter::Where({"extra", "k"}, Op::kExists, true)), 0U);
    EXPECT_EQ(*table.Count(Filter::Where({"old", ""}, Op::kExists, true)), 0U);
    EXPECT_EQ(table.Count(Filter::Where({"tags", "k"}, Op::kExists, true)).status().code(),
              Code::kInvalidArgument);
    // New rows have all of it.
    Row row = AlteredRow(100);
    row.cells[0] = Value(Value::Map{{"k", 1}});
    row.cells[3] = Value("written later");
    row.cells[5] = Value(2.5);
    row.cells[7] = Vector{1, 0};
    ASSERT_OK(table.Write(Upsert({row})));
    for (const char* text : {"later", "n100"}) {
      const auto hits = table.SearchText({.query = TextQuery::Text(text), .columns = {"id"}});
      ASSERT_OK(hits);
      EXPECT_EQ(hits->size(), 1U) << text;
    }
    EXPECT_EQ(table.SearchText({.query = TextQuery::Text("name"), .top_k = 99})->size(),
              std::size_t{kRows} + 1);
    EXPECT_EQ(*table.Count(Filter::Where({"old", ""}, Op::kEqual, 2.5)), 1U);
    SearchRequest search;
    search.vector_column = "sound";
    search.query = {1, 0};
    EXPECT_EQ(table.Search(search)->size(), 1U);
    ASSERT_OK(table.Write(Delete({{Value(100)}})));
  }

  void Reopen() {
    table_.reset();
    ASSERT_OK(fixture_.Reopen());
    table_ = fixture_.Open("things");
  }

  std::string Folder() const { return fixture_.path() + "/tables/1"; }

  StoreFixture fixture_;
  std::shared_ptr<Table> table_;
};

TEST_F(AlterTableTest, ColumnsComeAndGo) {
  ExpectOld(*table_);
  ASSERT_OK(table_->Write(Upsert({OldRow(3)})));
  // `old` goes and comes back: nothing of what it held does.
  ASSERT_OK(fixture_.store().AlterTable(WithoutOld()));
  ASSERT_OK(fixture_.store().AlterTable(NewSchema()));
  EXPECT_EQ(table_->Count({}).status().code(), Code::kFailedPrecondition);  // the old holder
  EXPECT_THAT(table_->Count({}).status().message(), HasSubstr("open it again"));
  table_ = fixture_.Open("things");
  // Row 3 was written last.
  ASSERT_OK(table_->Write(Delete({{Value(3)}})));
  EXPECT_EQ(*table_->Count({}), std::uint64_t{kRows} - 1);
  Reopen();
  EXPECT_THAT(fixture_.log(), IsEmpty());
  std::vector<Row> rows;
  for (int i = 0; i < kRows; ++i) rows.push_back(AlteredRow(i));
  ASSERT_OK(table_->Write(Upsert(std::move(rows))));
  ExpectNew(*table_);
  Reopen();
  EXPECT_THAT(fixture_.log(), IsEmpty());
  ExpectNew(*table_);
  int vectors = 0;
  for (const auto& entry : std::filesystem::directory_iterator(Folder())) {
    if (entry.path().extension() == ".vectors") ++vectors;
  }
  EXPECT_EQ(vectors, 2);
}

TEST_F(AlterTableTest, TheSameSchemaChangesNothing) {
  ASSERT_OK(fixture_.store().AlterTable(OldSchema()));
  EXPECT_THAT(fixture_.log(), IsEmpty());
  ExpectOld(*fixture_.Open("things"));
}

TEST_F(AlterTableTest, WhatCannotBeDoneIsRefusedAndChangesNothing) {
  const auto refused = [&](auto change) {
    TableSchema schema = OldSchema();
    change(schema);
    const Status status = fixture_.store().AlterTable(schema);
    EXPECT_EQ(status.code(), Code::kInvalidArgument);
    return status.message();
  };
  EXPECT_THAT(refused([](TableSchema& s) { s.columns[1].type = ColumnType::kInt64; }),
              HasSubstr("'old': its type"));
  EXPECT_THAT(refused([](TableSchema& s) { s.columns[1].multi = true; }), HasSubstr("type"));
  EXPECT_THAT(refused([](TableSchema& s) { s.columns[5].vector.dimension = 3; }),
              HasSubstr("dimension"));
  EXPECT_THAT(refused([](TableSchema& s) { s.columns[5].vector.metric = Metric::kInnerProduct; }),
              HasSubstr("metric"));
  EXPECT_THAT(refused([](TableSchema& s) { s.columns[5].vector.bundle = "b"; }),
              HasSubstr("model bundle"));
  EXPECT_THAT(refused([](TableSchema& s) { s.primary_key = {"name"}; }), HasSubstr("key"));
  EXPECT_THAT(refused([](TableSchema& s) { s.namespace_column = "name"; }), HasSubstr("namespace"));
  EXPECT_THAT(refused([](TableSchema& s) { s.columns.erase(s.columns.begin()); }),
              HasSubstr("key"));
  EXPECT_THAT(refused([](TableSchema& s) { s.columns[1].required = true; }), HasSubstr("required"));
  EXPECT_THAT(refused([](TableSchema& s) { s.columns.push_back({.name = "x", .required = true}); }),
              HasSubstr("required"));
  TableSchema other = OldSchema();
  other.name = "none";
  EXPECT_EQ(fixture_.store().AlterTable(other).code(), Code::kNotFound);
  ExpectOld(*table_);  // not even closed
}

// The files as a crash leaves them between the steps of AlterTable().
TEST_F(AlterTableTest, ACrashOnTheWayLeavesTheOldTableOrTheNewOne) {
  ASSERT_OK(table_->Write(Delete({{Value(3)}})));
  ASSERT_OK(table_->Write(Upsert({OldRow(3)})));
  std::vector<Row> rows;  // 3 last no more
  for (int i = 0; i < kRows; ++i) rows.push_back(OldRow(i));
  ASSERT_OK(table_->Write(Upsert(std::move(rows))));
  table_.reset();
  fixture_.Close();
  for (const bool decided : {false, true}) {
    SCOPED_TRACE(decided);
    os::TemporaryDirectory image;
    const std::string path = image.File("data");
    std::filesystem::copy(fixture_.path(), path, std::filesystem::copy_options::recursive);
    {
      auto catalog = embedded::Catalog::Open(path + "/catalog.db", false);
      ASSERT_OK(catalog);
      const embedded::CatalogEntry old = (*catalog)->List()->front();
      embedded::CatalogEntry altered = {old.id, NewSchema(), {}, old.next_column_id};
      for (const Column& column : altered.schema.columns) {
        const std::size_t before = old.schema.IndexOf(column.name);
        // As if `old` had been removed before.
        const bool kept = before < old.schema.columns.size() && column.name != "old";
        altered.column_ids.push_back(kept ? old.column_ids[before] : altered.next_column_id++);
      }
      ASSERT_OK(embedded::PrepareTable(path + "/tables/1", altered, old.column_ids));
      if (decided) ASSERT_OK((*catalog)->Replace(altered));
    }
    os::PosixFileSystem files;
    MetricsRegistry metrics;
    for (int opening = 0; opening < 2; ++opening) {
      std::vector<std::string> log;
      const auto store = OpenEmbeddedStore(
          {.directory = path, .log = [&](const std::string& line) { log.push_back(line); }}, files,
          metrics);
      ASSERT_OK(store);
      const auto table = (*store)->OpenTable("things");
      ASSERT_OK(table);
      if (decided) {
        ExpectNew(**table);
        EXPECT_THAT(log, IsEmpty());
      } else {
        ExpectOld(**table);
        ASSERT_OK((*table)->Write(Upsert({OldRow(3)})));
        std::vector<Row> again;
        for (int i = 0; i < kRows; ++i) again.push_back(OldRow(i));
        ASSERT_OK((*table)->Write(Upsert(std::move(again))));
      }
    }
    // What was begun can be done again.
    const auto store = OpenEmbeddedStore({.directory = path}, files, metrics);
    ASSERT_OK(store);
    if (!decided) {
      ASSERT_OK((*store)->AlterTable(WithoutOld()));
      ASSERT_OK((*store)->AlterTable(NewSchema()));
      ExpectNew(**(*store)->OpenTable("things"));
    }
  }
}

TEST_F(AlterTableTest, VectorsAreFilledIn) {
  ASSERT_OK(fixture_.store().AlterTable(WithoutOld()));
  ASSERT_OK(fixture_.store().AlterTable(NewSchema()));
  table_ = fixture_.Open("things");
  Row without_source = AlteredRow(50);
  without_source.cells[2] = Cell();
  Row with_vector = AlteredRow(51);
  with_vector.cells[7] = Vector{0, 9};
  ASSERT_OK(table_->Write(Upsert({without_source, with_vector})));

  ScanRequest lacking = {{}, {"id"}, 0, 100};
  lacking.lacking_vector = "sound";
  EXPECT_EQ(table_->Scan(lacking)->size(), std::size_t{kRows} + 1);
  lacking.lacking_vector = "shape";
  EXPECT_THAT(*table_->Scan(lacking), IsEmpty());
  lacking.lacking_vector = "name";
  EXPECT_EQ(table_->Scan(lacking).status().code(), Code::kInvalidArgument);

  std::vector<VectorFill> fills;
  for (const std::int64_t id : {0, 5, 5, 50, 51, 99}) {
    fills.push_back({{Value(id)}, Vector{static_cast<float>(id), 1}});
  }
  EXPECT_EQ(table_->FillVectors("name", fills).code(), Code::kInvalidArgument);
  EXPECT_EQ(table_->FillVectors("sound", {{{Value(1)}, Vector{1}}}).code(), Code::kInvalidArgument);
  EXPECT_EQ(table_->FillVectors("sound", {{{Value("x")}, Vector{1, 1}}}).code(),
            Code::kInvalidArgument);
  ASSERT_OK(table_->FillVectors("sound", fills));
  for (int opening = 0; opening < 2; ++opening) {
    const std::vector<Key> keys = {{0}, {5}, {50}, {51}, {6}};
    const auto rows = table_->Get(keys, {"sound", "shape"});
    ASSERT_OK(rows);
    EXPECT_EQ((*rows)[0]->cells[7], Cell(Vector{0, 1}));
    EXPECT_EQ((*rows)[1]->cells[7], Cell(Vector{5, 1}));
    EXPECT_EQ((*rows)[2]->cells[7], Cell());              // nothing to make it from
    EXPECT_EQ((*rows)[3]->cells[7], Cell(Vector{0, 9}));  // had one
    EXPECT_EQ((*rows)[4]->cells[7], Cell());
    SearchRequest search;
    search.vector_column = "sound";
    search.query = {1, 0};
    search.columns = {"id"};
    const auto hits = table_->Search(search);
    ASSERT_OK(hits);
    ASSERT_EQ(hits->size(), 3U);
    EXPECT_EQ(hits->front().row.cells[1], Cell(Value(5)));
    // The rows are where they were.
    const auto first = table_->Scan({{}, {"id"}, 0, 1});
    EXPECT_EQ(first->front().cells[1], Cell(Value(0)));
    Reopen();
    EXPECT_THAT(fixture_.log(), IsEmpty());
  }
}

TEST_F(AlterTableTest, TextsCanComeLater) {
  TableSchema schema = OldSchema();
  schema.columns[3].full_text = false;
  ASSERT_OK(fixture_.store().AlterTable(schema));
  const auto text = TextSearchRequest{.query = TextQuery::Text("n7")};
  EXPECT_EQ(fixture_.Open("things")->SearchText(text).status().code(), Code::kInvalidArgument);
  ASSERT_OK(fixture_.store().AlterTable(OldSchema()));
  EXPECT_EQ(fixture_.Open("things")->SearchText(text)->size(), 1U);
}

// Readers and writers that open the table for every call notice nothing but FailedPrecondition.
TEST_F(AlterTableTest, TheTableIsUsedWhileItIsAltered) {
  std::atomic<bool> done = false;
  std::atomic<int> answers = 0;
  const auto use = [&](int thread) {
    for (int i = 0; !done; ++i) {
      const auto table = fixture_.store().OpenTable("things");
      ASSERT_OK(table);
      Status status;
      if (thread == 0) {
        Row row;
        row.cells.resize((*table)->schema().columns.size());
        row.cells[(*table)->schema().IndexOf("id")] = Value(1000 + i);
        status = (*table)->Write(Upsert({row}));
      } else {
        const auto rows = (*table)->Scan({{}, {"id", "bytes"}, 0, 100});
        if (!rows.ok()) status = rows.status();
        EXPECT_TRUE(!rows.ok() || rows->size() >= std::size_t{kRows});
      }
      EXPECT_TRUE(status.ok() || status.code() == Code::kFailedPrecondition) << status.message();
      if (status.ok()) ++answers;
    }
  };
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 3; ++thread) threads.emplace_back(use, thread);
  for (int i = 0; i < 3; ++i) {
    EXPECT_OK(fixture_.store().AlterTable(WithoutOld()));
    EXPECT_OK(fixture_.store().AlterTable(NewSchema()));
    EXPECT_OK(fixture_.store().AlterTable(WithoutOld()));
    EXPECT_OK(fixture_.store().AlterTable(OldSchema()));
  }
  done = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(answers, 0);
  EXPECT_EQ(fixture_.store().ListTables()->size(), 1U);
}

}  // namespace
}  // namespace ocellus::store
