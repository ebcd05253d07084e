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

constexpr const char* kGolden = "testdata/format1";  // from this folder, where tests run

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

// What the golden directory holds.
void WriteGolden(const std::string& path) {
  os::PosixFileSystem files;
  MetricsRegistry metrics;
  const auto store = OpenEmbeddedStore({.directory = path}, files, metrics);
  ASSERT_OK(store);
  ASSERT_OK((*store)->CreateTable(ProbeSchema("dropped")));
  ASSERT_OK((*store)->CreateTable(ProbeSchema()));
  ASSERT_OK((*store)->DropTable("dropped"));
  const auto table = *(*store)->OpenTable("probes");
  ASSERT_OK(table->Write(Upsert({ProbeRow("t", 1), ProbeRow("t", 2)})));
  ASSERT_OK(table->Write(Upsert({OddRow(), ProbeRow("t", 1)})));
  ASSERT_OK(table->Write(Delete({ProbeKey("t", 2)})));
}

void CheckGolden(const std::string& path) {
  os::PosixFileSystem files;
  MetricsRegistry metrics;
  const auto store = OpenEmbeddedStore({.directory = path}, files, metrics);
  ASSERT_OK(store);
  const auto tables = (*store)->ListTables();
  ASSERT_OK(tables);
  ASSERT_EQ(tables->size(), 1U);
  EXPECT_EQ(ToValue(tables->front()), ToValue(ProbeSchema()));
  const auto table = (*store)->OpenTable("probes");
  ASSERT_OK(table);
  const auto rows = (*table)->Scan({{}, AllColumns(), 0, 10});
  ASSERT_OK(rows);
  ASSERT_EQ(rows->size(), 2U);
  EXPECT_EQ((*rows)[0].cells, OddRow().cells);
  EXPECT_EQ((*rows)[1].cells, ProbeRow("t", 1).cells);
  EXPECT_EQ(*(*table)->Count(query::Filter::Where({"extra", "l"}, query::Op::kContains, "a")), 1U);
  EXPECT_OK((*table)->Write(Upsert({ProbeRow("t", 9)})));
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

// OCELLUS_WRITE_GOLDEN=1 makes the directory anew: only ever for a new version's, beside the old.
TEST(GoldenTest, WhatVersionOneWroteIsRead) {
  if (std::getenv("OCELLUS_WRITE_GOLDEN") != nullptr) {  // NOLINT(concurrency-mt-unsafe)
    std::filesystem::remove_all(kGolden);
    WriteGolden(kGolden);
    // Derived files are made again.
    std::filesystem::remove(std::string(kGolden) + "/tables/2/c8.vectors");
    std::filesystem::remove(std::string(kGolden) + "/tables/2/c9.vectors");
  }
  const os::TemporaryDirectory folder;
  std::filesystem::copy(kGolden, folder.File("data"), std::filesystem::copy_options::recursive);
  CheckGolden(folder.File("data"));
}

TEST(GoldenTest, TheShapeOfTheFilesIsThatOfVersionOne) {
  const os::TemporaryDirectory folder;
  std::filesystem::copy(kGolden, folder.File("old"), std::filesystem::copy_options::recursive);
  WriteGolden(folder.File("new"));
  CheckGolden(folder.File("new"));
  for (const char* file : {"/catalog.db", "/tables/2/rows.db"}) {
    EXPECT_EQ(Shape(folder.File("new") + file), Shape(folder.File("old") + file)) << file;
  }
  EXPECT_THAT(Shape(folder.File("old") + "/tables/2/rows.db"),
              testing::IsSupersetOf({"CREATE UNIQUE INDEX rows_key ON rows(c1, c0, c2)",
                                     "application_id 1331909239", "user_version 1"}));
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

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
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
  ASSERT_OK(embedded::SaveColumns(files, path, SmallColumns(), {.sequence = 258, .slots = 3}));
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
  ASSERT_OK(embedded::SaveColumns(files, path, SmallColumns(), state));
  ASSERT_OK(embedded::LoadColumns(files, path, 3, state));
  EXPECT_EQ(embedded::LoadColumns(files, path, 3, {.sequence = 259, .slots = 3}).status().code(),
            Code::kNotFound);
  EXPECT_EQ(embedded::LoadColumns(files, path, 3, {.sequence = 258, .slots = 4}).status().code(),
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
      EXPECT_EQ(embedded::LoadColumns(files, path, 3, state).status().code(), Code::kCorruption)
          << "byte " << i;
    }
  }
  std::ofstream(path, std::ios::binary) << whole + "x";
  EXPECT_EQ(embedded::LoadColumns(files, path, 3, state).status().code(), Code::kCorruption);
}

}  // namespace
}  // namespace ocellus::store
