// A disk that fills up: the write that meets it fails whole, and the store goes on afterwards.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <csignal>
#include <functional>
#include <string>

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

// ProbeSchema() and a column more.
TableSchema WithOneMore() {
  TableSchema schema = ProbeSchema();
  schema.columns.push_back({.name = "late", .type = ColumnType::kString});
  return schema;
}

// Runs `change` with `fault` from the first file operation on, from the second, and so on until
// none is left. After each the disk is well again: `check` gets whether the change was made.
void AtEveryOperation(os::FaultFileSystem& files, os::Fault fault,
                      const std::function<Status()>& change,
                      const std::function<void(bool)>& check) {
  bool failed = true;
  for (int first = 0; failed; ++first) {
    SCOPED_TRACE(first);
    int operations = 0;
    failed = false;
    files.SetFaults([&](os::Operation, const std::string&, int) {
      if (operations++ < first) return os::Fault::kNone;
      failed = true;
      return fault;
    });
    const Status status = change();
    files.SetFaults(nullptr);
    EXPECT_TRUE(failed || status.ok()) << status.message();
    check(status.ok());
    ASSERT_LT(first, 1000);
  }
}

TEST(FullDiskTest, ATableIsAlteredOrAsItWas) {
  os::PosixFileSystem real;
  os::FaultFileSystem files(real);
  StoreFixture fixture(files);
  ASSERT_OK(fixture.MakeProbes()->Write(
      Upsert({RowWithBytes(0, 10), RowWithBytes(1, 10), RowWithBytes(2, 10)})));
  AtEveryOperation(
      files, os::Fault::kNoSpace, [&] { return fixture.store().AlterTable(WithOneMore()); },
      [&](bool) {
        // It failed before the decision or after it; the table is one of the two, and whole.
        const auto table = fixture.Open("probes");
        ASSERT_NE(table, nullptr);
        EXPECT_LE(table->schema().columns.size() - ProbeSchema().columns.size(), 1U);
        ExpectRows(*table, 3);
        EXPECT_OK(fixture.store().AlterTable(ProbeSchema()));
        const auto before = fixture.Open("probes");
        ASSERT_NE(before, nullptr);
        EXPECT_OK(before->Write(Upsert({RowWithBytes(1, 20)})));
        ExpectRows(*before, 3);
      });
  ASSERT_OK(fixture.Reopen());
  ExpectRows(*fixture.Open("probes"), 3);
}

TEST(FullDiskTest, ATableIsReplacedOrBothAreAsTheyWere) {
  os::PosixFileSystem real;
  os::FaultFileSystem files(real);
  StoreFixture fixture(files);
  ASSERT_OK(fixture.MakeProbes()->Write(Upsert({RowWithBytes(0, 10)})));
  const auto make_next = [&] {
    ASSERT_OK(fixture.store().CreateTable(ProbeSchema("next")));
    ASSERT_OK(fixture.Open("next")->Write(Upsert({RowWithBytes(0, 10), RowWithBytes(1, 10)})));
  };
  make_next();
  AtEveryOperation(
      files, os::Fault::kIoError, [&] { return fixture.store().ReplaceTable("probes", "next"); },
      [&](bool replaced) {
        const auto table = fixture.Open("probes");
        ASSERT_NE(table, nullptr);
        ExpectRows(*table, replaced ? 2 : 1);
        if (!replaced) return ExpectRows(*fixture.Open("next"), 2);
        EXPECT_EQ(fixture.store().OpenTable("next").status().code(), Code::kNotFound);
        EXPECT_OK(table->Write(Delete({ProbeKey("t", 1)})));
        make_next();
      });
  ASSERT_OK(fixture.Reopen());
  ExpectRows(*fixture.Open("probes"), 1);
  ExpectRows(*fixture.Open("next"), 2);
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

  // A column cannot be added, or is; the rows stay.
  const Status altered = (*store)->AlterTable(WithOneMore());
  EXPECT_TRUE(altered.ok() || altered.code() == Code::kResourceExhausted) << altered.message();
  const auto still = (*store)->OpenTable("probes");
  ASSERT_OK(still);
  table = *still;
  ExpectRows(*table, count);

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
  EXPECT_OK((*store)->AlterTable(ProbeSchema()));
  table = *(*store)->OpenTable("probes");
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
