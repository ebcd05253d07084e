#include "store/embedded/embedded_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/embedded/test_tables.h"

namespace ocellus::store {
namespace {

using query::Filter;
using query::Op;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::int64_t> Runs(const Result<std::vector<Row>>& rows) {
  EXPECT_OK(rows);
  std::vector<std::int64_t> runs;
  if (!rows.ok()) return runs;
  for (const Row& row : *rows) runs.push_back(*std::get<Value>(row.cells[kRun]).as_int());
  return runs;
}

std::vector<std::int64_t> Runs(const Result<std::vector<Hit>>& hits) {
  EXPECT_OK(hits);
  std::vector<std::int64_t> runs;
  if (!hits.ok()) return runs;
  for (const Hit& hit : *hits) runs.push_back(*std::get<Value>(hit.row.cells[kRun]).as_int());
  return runs;
}

SearchRequest Near(float x, std::uint32_t top_k, Filter filter = {}) {
  SearchRequest request;
  request.vector_column = "shape";
  request.query = {x, 0, 0};
  request.top_k = top_k;
  request.filter = std::move(filter);
  request.columns = {"run"};
  return request;
}

ScanRequest AllRuns(Filter filter = {}, std::uint64_t offset = 0, std::uint64_t limit = 1000) {
  return {std::move(filter), {"run"}, offset, limit};
}

TEST(EmbeddedStoreTest, TablesAreCreatedListedAndDropped) {
  StoreFixture fixture;
  ASSERT_OK(fixture.Open());
  EXPECT_OK(fixture.store().CreateTable(ProbeSchema("b")));
  EXPECT_OK(fixture.store().CreateTable(ProbeSchema("a")));
  EXPECT_EQ(fixture.store().CreateTable(ProbeSchema("b")).code(), Code::kAlreadyExists);
  EXPECT_EQ(fixture.store().CreateTable(TableSchema()).code(), Code::kInvalidArgument);
  EXPECT_EQ(fixture.store().OpenTable("c").status().code(), Code::kNotFound);
  EXPECT_EQ(fixture.store().DropTable("c").code(), Code::kNotFound);

  ASSERT_OK(fixture.Reopen());
  auto tables = fixture.store().ListTables();
  ASSERT_OK(tables);
  ASSERT_EQ(tables->size(), 2U);
  EXPECT_EQ(ToValue((*tables)[0]), ToValue(ProbeSchema("b")));
  EXPECT_EQ((*tables)[1].name, "a");

  const auto held = fixture.Open("b");
  ASSERT_OK(held->Write(Upsert({ProbeRow("t", 1)})));
  EXPECT_OK(fixture.store().DropTable("b"));
  EXPECT_EQ(held->schema().name, "b");
  EXPECT_EQ(held->Count({}).status().code(), Code::kNotFound);
  EXPECT_EQ(held->Write(Upsert({ProbeRow("t", 2)})).code(), Code::kNotFound);
  os::PosixFileSystem files;
  EXPECT_THAT(*files.List(fixture.path() + "/tables"), ElementsAre("2"));

  // The name is free again, and nothing of the old table is left.
  EXPECT_OK(fixture.store().CreateTable(ProbeSchema("b")));
  EXPECT_EQ(*fixture.Open("b")->Count({}), 0U);
  EXPECT_THAT(*files.List(fixture.path() + "/tables"), ElementsAre("2", "3"));
}

TEST(EmbeddedStoreTest, ATableTakesTheOthersPlace) {
  StoreFixture fixture;
  ASSERT_OK(fixture.Open());
  ASSERT_OK(fixture.store().CreateTable(ProbeSchema("a")));
  ASSERT_OK(fixture.store().CreateTable(ProbeSchema("next")));
  const auto old = fixture.Open("a");
  ASSERT_OK(old->Write(Upsert({ProbeRow("t", 1)})));
  ASSERT_OK(fixture.Open("next")->Write(Upsert({ProbeRow("t", 2), ProbeRow("t", 3)})));
  EXPECT_EQ(fixture.store().ReplaceTable("a", "none").code(), Code::kNotFound);
  EXPECT_EQ(fixture.store().ReplaceTable("none", "next").code(), Code::kNotFound);
  EXPECT_EQ(*fixture.Open("next")->Count({}), 2U);

  ASSERT_OK(fixture.store().ReplaceTable("a", "next"));
  EXPECT_EQ(old->Count({}).status().code(), Code::kNotFound);
  for (int round = 0; round < 2; ++round) {  // the second after a restart
    EXPECT_THAT(Runs(fixture.Open("a")->Scan(AllRuns())), ElementsAre(2, 3));
    EXPECT_EQ(fixture.Open("a")->schema().name, "a");
    EXPECT_EQ(fixture.store().OpenTable("next").status().code(), Code::kNotFound);
    EXPECT_EQ(fixture.store().ListTables()->size(), 1U);
    os::PosixFileSystem files;
    EXPECT_THAT(*files.List(fixture.path() + "/tables"), ElementsAre("2"));
    ASSERT_OK(fixture.Reopen());
  }
}

TEST(EmbeddedStoreTest, RowsComeBackWhole) {
  StoreFixture fixture;
  auto table = fixture.MakeProbes();
  Row full = ProbeRow("t", 1);
  full.cells[kTenant] = Value(std::string("a\0b'\"\xE7\xBA\xA2", 8));
  full.cells[kExtra] = Value(Value::Map{{"s", "x"},
                                        {"i", 1},
                                        {"d", 1.0},
                                        {"b", true},
                                        {"none", nullptr},
                                        {"list", Value::List{1, "a", 2.5, false, nullptr}},
                                        {"\n'\"", "odd key"}});
  full.cells[kRaw] = Blob{std::string("\0\xFF\n", 3)};
  Row bare;
  bare.cells.resize(full.cells.size());
  bare.cells[kTenant] = Value("");
  bare.cells[kRun] = Value(std::int64_t{-9223372036854775807 - 1});
  bare.cells[kDry] = Value(true);
  bare.cells[kShape] = Vector{-1, 0.1F, 1e-30F};
  ASSERT_OK(table->Write(Upsert({full, bare})));

  for (int round = 0; round < 2; ++round) {
    const std::vector<Key> keys = {KeyOf(table->schema(), bare), ProbeKey("none", 1),
                                   KeyOf(table->schema(), full)};
    const auto rows = table->Get(keys, AllColumns());
    ASSERT_OK(rows);
    ASSERT_EQ(rows->size(), 3U);
    EXPECT_FALSE((*rows)[1].has_value());
    ASSERT_TRUE((*rows)[0].has_value() && (*rows)[2].has_value());
    EXPECT_EQ((*rows)[0]->cells, bare.cells);
    EXPECT_EQ((*rows)[2]->cells, full.cells);
    table.reset();
    ASSERT_OK(fixture.Reopen());
    table = fixture.Open("probes");
  }
  EXPECT_THAT(fixture.log(), IsEmpty());
}

TEST(EmbeddedStoreTest, OnlyWantedColumnsAreRead) {
  StoreFixture fixture;
  const auto table = fixture.MakeProbes();
  ASSERT_OK(table->Write(Upsert({ProbeRow("t", 1)})));
  const std::vector<Key> keys = {ProbeKey("t", 1)};
  const auto rows = table->Get(keys, {"raw", "run", "raw"});
  ASSERT_OK(rows);
  const Row& row = *(*rows)[0];
  EXPECT_EQ(std::get<Blob>(row.cells[kRaw]).bytes, "raw 1");
  EXPECT_EQ(std::get<Value>(row.cells[kRun]), Value(1));
  EXPECT_TRUE(std::holds_alternative<std::monostate>(row.cells[kTenant]));
  EXPECT_TRUE(std::holds_alternative<std::monostate>(row.cells[kShape]));
  EXPECT_EQ(table->Get(keys, {"none"}).status().code(), Code::kInvalidArgument);
}

TEST(EmbeddedStoreTest, BatchesReplaceAndDelete) {
  StoreFixture fixture;
  const auto table = fixture.MakeProbes();
  ASSERT_OK(table->Write(Upsert({ProbeRow("t", 1), ProbeRow("t", 2), ProbeRow("t", 3)})));
  // Deletes come first; of two changes of one key the later wins; missing keys are no error.
  WriteBatch batch;
  batch.deletes = {ProbeKey("t", 1), ProbeKey("t", 9), ProbeKey("t", 3)};
  Row first = ProbeRow("t", 3);
  first.cells[kReading] = Value(100.0);
  Row second = first;
  second.cells[kReading] = Value(200);  // an integer in a double column
  batch.upserts = {first, second, ProbeRow("u", 3)};
  ASSERT_OK(table->Write(std::move(batch)));
  EXPECT_EQ(*table->Count({}), 3U);
  EXPECT_THAT(Runs(table->Scan(AllRuns())), ElementsAre(2, 3, 3));
  const auto rows = table->Get(std::vector<Key>{ProbeKey("t", 3)}, {"reading"});
  EXPECT_EQ(std::get<Value>((*rows)[0]->cells[kReading]), Value(200.0));
  EXPECT_EQ(*table->Count(Filter::Where({"reading", ""}, Op::kEqual, 100)), 0U);
  EXPECT_EQ(*table->Count(Filter::Where({"reading", ""}, Op::kEqual, 200)), 1U);
  EXPECT_EQ(table->Stats()->rows, 3U);
  EXPECT_GT(table->Stats()->bytes_on_disk, 0U);
  EXPECT_OK(table->Write({}));
}

TEST(EmbeddedStoreTest, InvalidRowsAreRefusedWhole) {
  StoreFixture fixture;
  const auto table = fixture.MakeProbes();
  Row bad = ProbeRow("t", 2);
  bad.cells[kShape] = Vector{1};
  EXPECT_EQ(table->Write(Upsert({ProbeRow("t", 1), bad})).code(), Code::kInvalidArgument);
  bad.cells[kShape] = Vector{1e30F, 0, 0};  // beyond what an index can square
  EXPECT_THAT(table->Write(Upsert({bad})).message(), HasSubstr("shape"));
  EXPECT_EQ(table->Write(Delete({Key{1}})).code(), Code::kInvalidArgument);
  EXPECT_EQ(*table->Count({}), 0U);
}

TEST(EmbeddedStoreTest, NearestFirst) {
  StoreFixture fixture;
  const auto table = fixture.MakeProbes();
  std::vector<Row> rows;
  for (int i = 0; i < 100; ++i) rows.push_back(ProbeRow(i < 50 ? "low" : "high", i));
  rows[7].cells[kSound] = {};
  ASSERT_OK(table->Write(Upsert(std::move(rows))));

  const auto hits = table->Search(Near(41.9F, 3));
  EXPECT_THAT(Runs(hits), ElementsAre(42, 41, 43));
  EXPECT_NEAR((*hits)[0].score, 0.01, 1e-4);
  // The other metric and dimension; rows without that vector are not there.
  SearchRequest sound;
  sound.vector_column = "sound";
  sound.query = {-1, 0, 0, 0, 0};
  sound.top_k = 1000;
  sound.columns = {"run", "sound"};
  const auto heard = table->Search(sound);
  ASSERT_OK(heard);
  ASSERT_EQ(heard->size(), 99U);
  EXPECT_EQ(heard->front().score, 0);
  EXPECT_EQ(heard->back().score, -99);
  EXPECT_EQ(std::get<Vector>(heard->back().row.cells[kSound]), (Vector{99, 1, 1, 1, 1}));

  // Filtered before the scan: exactly those that the filter admits.
  EXPECT_THAT(
      Runs(table->Search(Near(0, 10, Filter::Where({"run", ""}, Op::kIn, Value::List{90, 3, 55})))),
      ElementsAre(3, 55, 90));
  EXPECT_THAT(Runs(table->Search(Near(50, 2, Filter::Where({"tenant", ""}, Op::kEqual, "low")))),
              ElementsAre(49, 48));
  EXPECT_THAT(
      Runs(table->Search(Near(50, 2,
                              Filter::And({Filter::Where({"extra", "color"}, Op::kEqual, "red"),
                                           Filter::Where({"labels", ""}, Op::kEqual, "n0")})))),
      ElementsAre(56, 42));
  EXPECT_THAT(Runs(table->Search(Near(0, 10, Filter::Or({})))), IsEmpty());
  EXPECT_THAT(Runs(table->Search(Near(0, 0))), IsEmpty());

  SearchRequest bad = Near(0, 1);
  bad.query = {1};
  EXPECT_EQ(table->Search(bad).status().code(), Code::kInvalidArgument);
  bad.vector_column = "run";
  EXPECT_EQ(table->Search(bad).status().code(), Code::kInvalidArgument);
  for (const query::Field& field :
       {query::Field{"none", ""}, {"raw", ""}, {"shape", ""}, {"extra", ""}, {"run", "key"}}) {
    const auto refused = table->Search(Near(0, 1, Filter::Where(field, Op::kExists, true)));
    EXPECT_EQ(refused.status().code(), Code::kInvalidArgument);
    EXPECT_THAT(refused.status().message(), HasSubstr(field.column));
  }
}

TEST(EmbeddedStoreTest, TiesComeInTheOrderOfInsertionAlsoInReusedSlots) {
  StoreFixture fixture;
  auto table = fixture.MakeProbes();
  const auto same = [](std::int64_t run) {
    Row row = ProbeRow("t", run);
    row.cells[kShape] = Vector{1, 1, 1};
    return row;
  };
  for (int i = 0; i < 10; ++i) ASSERT_OK(table->Write(Upsert({same(i)})));
  ASSERT_OK(table->Write(Delete({ProbeKey("t", 0), ProbeKey("t", 1)})));
  for (int i = 10; i < 12; ++i) ASSERT_OK(table->Write(Upsert({same(i)})));
  for (int round = 0; round < 2; ++round) {
    EXPECT_THAT(Runs(table->Search(Near(0, 3))), ElementsAre(2, 3, 4));
    EXPECT_THAT(Runs(table->Search(Near(0, 9))), ElementsAre(2, 3, 4, 5, 6, 7, 8, 9, 10));
    EXPECT_THAT(Runs(table->Scan(AllRuns())), ElementsAre(2, 3, 4, 5, 6, 7, 8, 9, 10, 11));
    EXPECT_THAT(Runs(table->Scan(AllRuns({}, 8, 5))), ElementsAre(10, 11));
    table.reset();
    ASSERT_OK(fixture.Reopen());
    table = fixture.Open("probes");
  }
}

TEST(EmbeddedStoreTest, ScansPageThroughTheOrderOfInsertion) {
  StoreFixture fixture;
  const auto table = fixture.MakeProbes();
  std::vector<Row> rows;
  for (int i = 0; i < 200; ++i) rows.push_back(ProbeRow("t", 200 - i));
  ASSERT_OK(table->Write(Upsert(std::move(rows))));
  EXPECT_THAT(Runs(table->Scan(AllRuns({}, 0, 3))), ElementsAre(200, 199, 198));
  EXPECT_THAT(Runs(table->Scan(AllRuns({}, 70, 2))), ElementsAre(130, 129));
  EXPECT_THAT(Runs(table->Scan(AllRuns({}, 199, 2))), ElementsAre(1));
  EXPECT_THAT(Runs(table->Scan(AllRuns({}, 200, 2))), IsEmpty());
  EXPECT_THAT(Runs(table->Scan(AllRuns({}, 0, 0))), IsEmpty());
  const Filter small = Filter::Where({"run", ""}, Op::kLessOrEqual, 5);
  EXPECT_THAT(Runs(table->Scan(AllRuns(small, 1, 3))), ElementsAre(4, 3, 2));
  EXPECT_EQ(*table->Count(small), 5U);
}

TEST(EmbeddedStoreTest, MapKeysAreLimited) {
  StoreFixture fixture;
  auto table = fixture.MakeProbes();
  Row row = ProbeRow("t", 1);
  Value::Map many;
  for (int i = 0; i < 999; ++i) many.emplace_back("k" + std::to_string(i), i);
  row.cells[kExtra] = Value(many);
  ASSERT_OK(table->Write(Upsert({row})));
  row.cells[kRun] = Value(2);
  row.cells[kExtra] = Value(Value::Map{{"x", 1}, {"y", 1}});
  for (int round = 0; round < 2; ++round) {
    const Status refused = table->Write(Upsert({row}));
    EXPECT_EQ(refused.code(), Code::kInvalidArgument);
    EXPECT_THAT(refused.message(), HasSubstr("extra"));
    EXPECT_THAT(refused.message(), HasSubstr("1000"));
    table.reset();
    ASSERT_OK(fixture.Reopen());
    table = fixture.Open("probes");
  }
  // What was refused took no place.
  row.cells[kExtra] = Value(Value::Map{{"z", 1}, {"k5", 7}});
  EXPECT_OK(table->Write(Upsert({row})));
  EXPECT_EQ(*table->Count(Filter::Where({"extra", "k5"}, Op::kGreater, 4)), 2U);
  EXPECT_EQ(*table->Count(Filter::Where({"extra", "x"}, Op::kExists, false)), 2U);
}

TEST(EmbeddedStoreTest, OneProcessAtATime) {
  StoreFixture fixture;
  ASSERT_OK(fixture.Open());
  os::PosixFileSystem files;
  MetricsRegistry metrics;
  const auto second = OpenEmbeddedStore({.directory = fixture.path()}, files, metrics);
  EXPECT_EQ(second.status().code(), Code::kFailedPrecondition);
  fixture.store().Close();
  EXPECT_OK(OpenEmbeddedStore({.directory = fixture.path()}, files, metrics));
  EXPECT_EQ(fixture.store().ListTables().status().code(), Code::kUnavailable);
}

TEST(EmbeddedStoreTest, AHolderMayOutliveTheStore) {
  StoreFixture fixture;
  const auto table = fixture.MakeProbes();
  fixture.Close();
  EXPECT_EQ(table->Count({}).status().code(), Code::kUnavailable);
  EXPECT_EQ(table->schema().name, "probes");
}

}  // namespace
}  // namespace ocellus::store
