// Many threads on one table. Run it under the tsan preset as well.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "os/fault_file_system.h"
#include "store/embedded/test_tables.h"

namespace ocellus::store {
namespace {

using query::Filter;
using query::Op;

// Two rows that are always written together and carry one generation in every kind of cell.
std::vector<Row> Pair(std::int64_t pair, std::int64_t generation) {
  std::vector<Row> rows;
  for (const bool half : {false, true}) {
    Row row = ProbeRow("t", pair, half);
    row.cells[kReading] = Value(static_cast<double>(generation));
    row.cells[kExtra] = Value(Value::Map{{"generation", generation}});
    row.cells[kRaw] = Blob{std::string(static_cast<std::size_t>(generation % 50) * 100,
                                       static_cast<char>('a' + generation % 26))};
    row.cells[kShape] = Vector{static_cast<float>(pair), static_cast<float>(generation), 0};
    rows.push_back(std::move(row));
  }
  return rows;
}

// That every cell of a row tells of the same generation, which is returned.
std::int64_t CheckRow(const Row& row, std::int64_t pair) {
  const std::int64_t run = *std::get<Value>(row.cells[kRun]).as_int();
  EXPECT_EQ(run, pair);
  const auto generation =
      static_cast<std::int64_t>(*std::get<Value>(row.cells[kReading]).as_double());
  const Row want = Pair(pair, generation)[0];
  EXPECT_TRUE(row.cells[kExtra] == want.cells[kExtra]);
  EXPECT_TRUE(row.cells[kRaw] == want.cells[kRaw]);
  EXPECT_TRUE(row.cells[kShape] == want.cells[kShape]);
  return generation;
}

TEST(ConcurrencyTest, ReadersNeverSeePartOfABatchNorAnotherRow) {
  constexpr int kPairs = 8;
  constexpr int kGenerations = 60;
  StoreFixture fixture;
  const auto table = fixture.MakeProbes();
  for (int pair = 0; pair < kPairs; ++pair) ASSERT_OK(table->Write(Upsert(Pair(pair, 0))));

  std::atomic<bool> done = false;
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 2; ++writer) {
    writers.emplace_back([&, writer] {
      for (std::int64_t generation = 1; generation <= kGenerations; ++generation) {
        for (int pair = writer; pair < kPairs; pair += 2) {
          if (generation % 10 == 3) {
            EXPECT_OK(table->Write(Delete({ProbeKey("t", pair), ProbeKey("t", pair, true)})));
          }
          EXPECT_OK(table->Write(Upsert(Pair(pair, generation))));
        }
      }
    });
  }
  std::atomic<int> seen = 0;
  std::vector<std::thread> readers;
  for (int reader = 0; reader < 4; ++reader) {
    readers.emplace_back([&, reader] {
      std::vector<std::int64_t> last(kPairs, 0);
      for (int i = reader; !done; ++i) {
        const int pair = i % kPairs;
        SearchRequest request;
        request.vector_column = "shape";
        request.query = {static_cast<float>(pair), 0, 0};
        request.top_k = 10;
        request.columns = AllColumns();
        if (i % 3 == 0) {
          request.filter = Filter::And({Filter::Where({"run", ""}, Op::kEqual, pair),
                                        Filter::Where({"extra", "generation"}, Op::kExists, true)});
        } else {
          request.filter = Filter::Where({"run", ""}, Op::kEqual, pair);
        }
        const auto hits = table->Search(request);
        ASSERT_OK(hits);
        if (hits->empty()) continue;  // deleted just now
        ASSERT_EQ(hits->size(), 2U);
        const std::int64_t first = CheckRow((*hits)[0].row, pair);
        EXPECT_EQ(CheckRow((*hits)[1].row, pair), first);
        // What was seen once is not unseen.
        EXPECT_GE(first, last[static_cast<std::size_t>(pair)]);
        last[static_cast<std::size_t>(pair)] = first;

        const auto scanned = table->Scan({request.filter, AllColumns(), 0, 10});
        ASSERT_OK(scanned);
        ASSERT_TRUE(scanned->empty() || scanned->size() == 2U);
        const std::vector<Key> keys = {ProbeKey("t", pair), ProbeKey("t", pair, true)};
        const auto rows = table->Get(keys, AllColumns());
        ASSERT_OK(rows);
        EXPECT_EQ((*rows)[0].has_value(), (*rows)[1].has_value());
        if ((*rows)[0].has_value() && (*rows)[1].has_value()) {
          EXPECT_EQ(CheckRow(*(*rows)[0], pair), CheckRow(*(*rows)[1], pair));
        }
        const auto count = table->Count({});
        ASSERT_OK(count);
        EXPECT_EQ(*count % 2, 0U);
        ++seen;
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_GT(seen, 0);
  EXPECT_EQ(*table->Count(Filter::Where({"extra", "generation"}, Op::kEqual, kGenerations)),
            std::uint64_t{2} * kPairs);
}

double Commits(MetricsRegistry& metrics) {
  const std::string text = metrics.Expose();
  const std::string name = "\nocellus_store_commits_total ";
  const std::size_t at = text.find(name);
  return at == std::string::npos ? -1 : std::stod(text.substr(at + name.size()));
}

TEST(ConcurrencyTest, WritersFailAlone) {
  constexpr int kWriters = 16;
  constexpr int kRows = 12;
  StoreFixture fixture;
  const auto table = fixture.MakeProbes();
  {
    Row row = ProbeRow("full", 0);
    Value::Map keys;
    for (int i = 0; i < 1000; ++i) keys.emplace_back("k" + std::to_string(i), i);
    row.cells[kExtra] = Value(std::move(keys));
    ASSERT_OK(table->Write(Upsert({row})));
  }
  std::vector<std::thread> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&, writer] {
      for (int i = 0; i < kRows; ++i) {
        Row row = ProbeRow("w" + std::to_string(writer), i);
        row.cells[kExtra] = Value(Value::Map{{"k1", i}});
        const bool bad = writer % 4 == 0 && i % 3 == 0;
        if (bad) row.cells[kExtra] = Value(Value::Map{{"a key too many", i}});
        const Status status = table->Write(Upsert({row}));
        EXPECT_EQ(status.code(), bad ? Code::kInvalidArgument : Code::kOk) << status.message();
        // Acknowledged is visible.
        const std::vector<Key> keys = {ProbeKey("w" + std::to_string(writer), i)};
        const auto rows = table->Get(keys, {"run"});
        ASSERT_OK(rows);
        EXPECT_EQ((*rows)[0].has_value(), !bad);
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  const std::uint64_t bad = std::uint64_t{kWriters / 4} * (kRows / 3);
  EXPECT_EQ(*table->Count({}), 1 + std::uint64_t{kWriters} * kRows - bad);
}

// While one commit is under way the batches that arrive form the next one, and a bad one among them
// fails alone.
TEST(ConcurrencyTest, WaitingBatchesShareOneCommit) {
  constexpr int kWriters = 16;
  os::PosixFileSystem real;
  os::FaultFileSystem files(real);
  StoreFixture fixture(files);
  const auto table = fixture.MakeProbes();
  {
    Row row = ProbeRow("full", 0);
    Value::Map keys;
    for (int i = 0; i < 998; ++i) keys.emplace_back("k" + std::to_string(i), i);
    row.cells[kExtra] = Value(std::move(keys));
    ASSERT_OK(table->Write(Upsert({row, ProbeRow("full", 1)})));
  }
  const double before = Commits(fixture.metrics());
  // One commit has to make room in an index; it is held there until all others wait.
  std::atomic<bool> holding = false;
  std::atomic<int> arrived = 0;
  files.SetFaults([&](os::Operation operation, const std::string&, int) {
    if (operation == os::Operation::kAllocate && !holding.exchange(true)) {
      while (arrived < kWriters) std::this_thread::yield();
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
    return os::Fault::kNone;
  });
  std::vector<std::thread> writers;
  std::atomic<int> batches = 0;
  writers.emplace_back([&] {
    for (; !holding && batches < 100; ++batches) {
      std::vector<Row> rows;
      for (int i = 0; i < 1000; ++i) rows.push_back(ProbeRow("first", batches * 1000 + i));
      EXPECT_OK(table->Write(Upsert(std::move(rows))));
    }
    EXPECT_TRUE(holding.exchange(true));  // else no index had to grow
  });
  while (!holding) std::this_thread::yield();
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&, writer] {
      Row row = ProbeRow("t", writer);
      row.cells[kExtra] = Value(Value::Map{{writer == 5 ? "a key too many" : "k1", writer}});
      ++arrived;
      EXPECT_EQ(table->Write(Upsert({row})).code(),
                writer == 5 ? Code::kInvalidArgument : Code::kOk);
    });
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(*table->Count({}), static_cast<std::uint64_t>(2 + batches * 1000 + kWriters - 1));
  EXPECT_EQ(Commits(fixture.metrics()), before + batches + 1);
}

TEST(ConcurrencyTest, ATableMayBeDroppedUnderSearches) {
  StoreFixture fixture;
  const auto table = fixture.MakeProbes();
  for (int i = 0; i < 20; ++i) ASSERT_OK(table->Write(Upsert({ProbeRow("t", i)})));
  std::atomic<int> searches = 0;
  std::vector<std::thread> readers;
  for (int reader = 0; reader < 3; ++reader) {
    readers.emplace_back([&] {
      SearchRequest request;
      request.vector_column = "shape";
      request.query = {0, 0, 0};
      request.columns = AllColumns();
      for (;;) {
        const auto hits = table->Search(request);
        if (!hits.ok()) {
          EXPECT_EQ(hits.status().code(), Code::kNotFound);
          return;
        }
        EXPECT_EQ(hits->size(), 10U);
        ++searches;
      }
    });
  }
  while (searches < 20) std::this_thread::yield();
  EXPECT_OK(fixture.store().DropTable("probes"));
  os::PosixFileSystem files;
  EXPECT_THAT(*files.List(fixture.path() + "/tables"), testing::IsEmpty());
  for (std::thread& reader : readers) reader.join();
}

}  // namespace
}  // namespace ocellus::store
