// What the tests of this folder share: a table of no particular use, and rows for it.

#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/metrics.h"
#include "os/file_system.h"
#include "os/temporary_directory.h"
#include "store/embedded/embedded_store.h"

namespace ocellus::store {

// Fails the test with the status's message.
#define ASSERT_OK(expr)                                             \
  do {                                                              \
    const auto& ocellus_ok = (expr);                                \
    ASSERT_TRUE(ocellus_ok.ok()) << StatusOf(ocellus_ok).message(); \
  } while (false)
#define EXPECT_OK(expr)                                             \
  do {                                                              \
    const auto& ocellus_ok = (expr);                                \
    EXPECT_TRUE(ocellus_ok.ok()) << StatusOf(ocellus_ok).message(); \
  } while (false)

inline const Status& StatusOf(const Status& status) {
  return status;
}
template <typename T>
const Status& StatusOf(const Result<T>& result) {
  return result.status();
}

// A key of three parts, two vector columns of different metrics and dimensions, a namespace, many
// values in one cell, a map, blobs.
inline TableSchema ProbeSchema(std::string name = "probes") {
  TableSchema schema;
  schema.name = std::move(name);
  schema.columns = {
      {.name = "tenant", .type = ColumnType::kString},
      {.name = "run", .type = ColumnType::kInt64},
      {.name = "dry", .type = ColumnType::kBool},
      {.name = "reading", .type = ColumnType::kDouble},
      {.name = "labels", .type = ColumnType::kString, .multi = true},
      {.name = "counts", .type = ColumnType::kInt64, .multi = true},
      {.name = "extra", .type = ColumnType::kMap},
      {.name = "raw", .type = ColumnType::kBlob},
      {.name = "shape",
       .type = ColumnType::kVector,
       .required = true,
       .vector = {.dimension = 3, .metric = Metric::kSquaredEuclidean}},
      {.name = "sound",
       .type = ColumnType::kVector,
       .vector = {.dimension = 5, .metric = Metric::kInnerProduct}},
  };
  schema.primary_key = {"run", "tenant", "dry"};
  schema.namespace_column = "tenant";
  return schema;
}

inline std::vector<std::string> AllColumns() {
  std::vector<std::string> names;
  for (const Column& column : ProbeSchema().columns) names.push_back(column.name);
  return names;
}

// Positions in ProbeSchema().
enum Probe { kTenant, kRun, kDry, kReading, kLabels, kCounts, kExtra, kRaw, kShape, kSound };

inline Row ProbeRow(const std::string& tenant, std::int64_t run, bool dry = false) {
  const auto x = static_cast<float>(run);
  return {{Value(tenant), Value(run), Value(dry), Value(static_cast<double>(run) / 4),
           Value(Value::List{"all", "n" + std::to_string(run % 7)}),
           Value(Value::List{run, run * 2}),
           Value(Value::Map{{"color", run % 2 == 0 ? "red" : "blue"}, {"n", run}}),
           Blob{"raw " + std::to_string(run)}, Vector{x, 0, 0}, Vector{x, 1, 1, 1, 1}}};
}

inline Key ProbeKey(const std::string& tenant, std::int64_t run, bool dry = false) {
  return {run, tenant, dry};
}

inline WriteBatch Upsert(std::vector<Row> rows) {
  WriteBatch batch;
  batch.upserts = std::move(rows);
  return batch;
}

inline WriteBatch Delete(std::vector<Key> keys) {
  WriteBatch batch;
  batch.deletes = std::move(keys);
  return batch;
}

// A store in a folder of its own that can be closed and opened again.
class StoreFixture {
 public:
  StoreFixture() = default;
  // With a file system that the test controls.
  explicit StoreFixture(os::FileSystem& files) : files_(&files) {}

  Status Open() {
    EmbeddedStoreOptions options;
    options.directory = path();
    options.log = [this](const std::string& line) { log_.push_back(line); };
    auto opened = OpenEmbeddedStore(options, *files_, metrics_);
    if (!opened.ok()) return std::move(opened).status();
    store_ = *std::move(opened);
    return {};
  }
  Status Reopen() {
    Close();
    return Open();
  }
  void Close() { store_.reset(); }

  std::string path() const { return folder_.File("data"); }
  EmbeddedStore& store() { return *store_; }
  MetricsRegistry& metrics() { return metrics_; }
  const std::vector<std::string>& log() const { return log_; }

  // Null, and a failed test, when it cannot be opened.
  std::shared_ptr<Table> Open(const std::string& table) {
    auto opened = store_->OpenTable(table);
    EXPECT_OK(opened);
    return opened.ok() ? *opened : nullptr;
  }

  // Opens the store and makes the table of ProbeSchema().
  std::shared_ptr<Table> MakeProbes() {
    EXPECT_OK(Open());
    EXPECT_OK(store_->CreateTable(ProbeSchema()));
    return Open("probes");
  }

 private:
  os::TemporaryDirectory folder_;
  os::PosixFileSystem real_;
  os::FileSystem* files_ = &real_;
  MetricsRegistry metrics_;
  std::vector<std::string> log_;
  std::unique_ptr<EmbeddedStore> store_;
};

}  // namespace ocellus::store
