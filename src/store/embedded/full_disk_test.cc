// A disk that fills up: the write that meets it fails whole, and the store goes on afterwards.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <csignal>

#include "os/fault_file_system.h"
#include "store/embedded/test_tables.h"

namespace ocellus::store {
namespace {

using query::Filter;
using query::Op;

Row RowWithBytes(std::int64_t run, std::size_t bytes) {
  Row row = ProbeRow("t", run);
  row.cells[kRaw] = Blob{std::string(bytes, 'x')};
  return row;
}

// The rows 0..count-1 of RowWithBytes() and no others.
void ExpectRows(Table& table, std::int64_t count) {
  EXPECT_EQ(*table.Count({}), static_cast<std::uint64_t>(count));
  EXPECT_EQ(*table.Count(Filter::Where({"run", ""}, Op::kLess, count)),
            static_cast<std::uint64_t>(count));
  SearchRequest request;
  request.vector_column = "shape";
  request.query = {0, 0, 0};
  request.top_k = 100'000;
  request.columns = {"run"};
  const auto hits = table.Search(request);
  ASSERT_OK(hits);
  ASSERT_EQ(hits->size(), static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < hits->size(); ++i) {
    EXPECT_EQ(std::get<Value>((*hits)[i].row.cells[kRun]), Value(static_cast<std::int64_t>(i)));
  }
}

TEST(FullDiskTest, AnIndexThatCannotGrowFailsTheWrite) {
  os::PosixFileSystem real;
  os::FaultFileSystem files(real);
  StoreFixture fixture(files);
  auto table = fixture.MakeProbes();
  ASSERT_OK(table->Write(Upsert({RowWithBytes(0, 10)})));
  // Write until an index has to grow, and cannot.
  files.FailFrom(os::Operation::kAllocate, os::Fault::kNoSpace);
  std::int64_t count = 1;
  Status status;
  while (status.ok() && count < 200'000) {
    std::vector<Row> rows;
    for (int i = 0; i < 2000; ++i) rows.push_back(ProbeRow("t", count + i));
    status = table->Write(Upsert(std::move(rows)));
    if (status.ok()) count += 2000;
  }
  EXPECT_EQ(status.code(), Code::kResourceExhausted) << status.message();
  EXPECT_EQ(*table->Count({}), static_cast<std::uint64_t>(count));
  // Changes that need no room still work, and so does everything once there is some.
  EXPECT_OK(table->Write(Upsert({RowWithBytes(0, 20)})));
  files.SetFaults(nullptr);
  EXPECT_OK(table->Write(Upsert({ProbeRow("t", count)})));
  ExpectRows(*table, count + 1);
  table.reset();
  ASSERT_OK(fixture.Reopen());
  ExpectRows(*fixture.Open("probes"), count + 1);
}

// A file that may not grow looks to a process as a full disk does.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() { setrlimit(RLIMIT_FSIZE, &before_); }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_ = {};
};

TEST(FullDiskTest, AFileThatMayNotGrowFailsTheWrite) {
  StoreFixture fixture;
  auto table = fixture.MakeProbes();
  std::int64_t count = 0;
  {
    const FileSizeLimit limit(2 << 20);
    Status status;
    while (status.ok() && count < 1000) {
      status = table->Write(Upsert({RowWithBytes(count, 50'000)}));
      if (status.ok()) ++count;
    }
    EXPECT_EQ(status.code(), Code::kResourceExhausted) << status.message();
    ExpectRows(*table, count);
    EXPECT_EQ(table->Write(Upsert({RowWithBytes(count, 3 << 20)})).code(),
              Code::kResourceExhausted);
    ExpectRows(*table, count);
  }
  EXPECT_OK(table->Write(Upsert({RowWithBytes(count, 50'000)})));
  ExpectRows(*table, count + 1);
  table.reset();
  ASSERT_OK(fixture.Reopen());
  ExpectRows(*fixture.Open("probes"), count + 1);
}

// A file system of a few megabytes, where the process may mount one.
class SmallDisk {
 public:
  SmallDisk() { mounted_ = ::mount("tmpfs", folder_.path().c_str(), "tmpfs", 0, "size=12m") == 0; }
  ~SmallDisk() {
    if (mounted_) ::umount2(folder_.path().c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  bool mounted() const { return mounted_; }
  std::string File(const std::string& name) const { return folder_.File(name); }

 private:
  os::TemporaryDirectory folder_;
  bool mounted_ = false;
};

TEST(FullDiskTest, ARealOne) {
  const SmallDisk disk;
  if (!disk.mounted()) GTEST_SKIP() << "mounting a small tmpfs needs root";
  os::PosixFileSystem files;
  MetricsRegistry metrics;
  auto store = OpenEmbeddedStore({.directory = disk.File("data")}, files, metrics);
  ASSERT_OK(store);
  ASSERT_OK((*store)->CreateTable(ProbeSchema()));
  auto table = *(*store)->OpenTable("probes");
  std::int64_t count = 0;
  Status status;
  while (status.ok() && count < 1000) {
    status = table->Write(Upsert({RowWithBytes(count, 50'000)}));
    if (status.ok()) ++count;
  }
  EXPECT_EQ(status.code(), Code::kResourceExhausted) << status.message();
  EXPECT_GT(count, 50);
  ExpectRows(*table, count);
  EXPECT_EQ((*store)->CreateTable(ProbeSchema("second")).code(), Code::kResourceExhausted);
  EXPECT_EQ((*store)->ListTables()->size(), 1U);

  // A restart on the full disk loses nothing either.
  table.reset();
  store->reset();
  store = OpenEmbeddedStore({.directory = disk.File("data")}, files, metrics);
  ASSERT_OK(store);
  const auto reopened = (*store)->OpenTable("probes");
  ASSERT_OK(reopened);
  table = *reopened;
  ExpectRows(*table, count);

  // With room again: the disk grows, as an operator would make it.
  ASSERT_EQ(::mount("tmpfs", disk.File("").c_str(), "tmpfs", MS_REMOUNT, "size=40m"), 0);
  EXPECT_OK(table->Write(Upsert({RowWithBytes(count, 50'000)})));
  ExpectRows(*table, count + 1);
  EXPECT_OK((*store)->CreateTable(ProbeSchema("second")));
  // A drop gives the disk back at once.
  const std::uint64_t before = *files.FreeBytes(disk.File("data"));
  EXPECT_OK((*store)->DropTable("probes"));
  EXPECT_GT(*files.FreeBytes(disk.File("data")), before + 4'000'000);
}

}  // namespace
}  // namespace ocellus::store
