// store_crash_test [ROUNDS [SEED]]: kills a process that writes to a store, again and again, and
// looks each time at what it left.
//
// A child writes pairs of rows from several threads, makes and drops tables, and alters one. It
// tells of every change through a pipe before it begins and after it was acknowledged. It is killed
// with SIGKILL after a random time: while opening, writing, checkpointing or closing. Then the
// parent opens the directory and checks that
//   - every acknowledged change is there, and of those under way all or nothing,
//   - the two rows of a pair, written in one batch, are of one generation, whole, with their
//     vectors found by search, their fields by filter and their words by full-text search,
//   - the altered table is as before or as after, with its rows, and nothing is left of the columns
//     that it has no more,
//   - the oracle row, written once at the start, is as it was,
//   - no folder is left of a table that is not there.
// Some rounds are not checked, so that a process also meets what two crashes left.
//
// Not modelled: a power cut, which loses what was written and not synced.

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/metrics.h"
#include "os/file_system.h"
#include "os/temporary_directory.h"
#include "store/embedded/embedded_store.h"

namespace ocellus::store {
namespace {

using query::Filter;
using query::Op;

constexpr int kThreads = 3;
constexpr int kPairs = 12;  // of each thread
constexpr int kSideTables = 3;

[[noreturn]] void Die(const std::string& what) {
  std::fprintf(stderr, "store_crash_test: %s\n", what.c_str());
  std::_Exit(1);
}

void Check(bool holds, const std::string& what) {
  if (!holds) Die(what);
}

template <typename T>
T Must(Result<T> result, const std::string& what) {
  if (!result.ok()) Die(what + ": " + result.status().message());
  return *std::move(result);
}

void Must(const Status& status, const std::string& what) {
  if (!status.ok()) Die(what + ": " + status.message());
}

std::uint32_t Draw(std::mt19937& random) {
  return static_cast<std::uint32_t>(random());
}

// What happens to a thing: a pair of rows, or a table. Generation 0: it is not there.
struct Report {
  std::uint32_t thing = 0;
  std::uint32_t generation = 0;
  std::uint32_t acknowledged = 0;
};

constexpr std::uint32_t kFirstTable = 1000;  // things below are pairs
constexpr std::uint32_t kAltered = 2000;
constexpr int kAlteredRows = 50;

TableSchema Schema(const std::string& name) {
  TableSchema schema;
  schema.name = name;
  schema.columns = {
      {.name = "pair", .type = ColumnType::kInt64},
      {.name = "half", .type = ColumnType::kBool},
      {.name = "generation", .type = ColumnType::kInt64},
      {.name = "tags", .type = ColumnType::kMap},
      {.name = "bytes", .type = ColumnType::kBlob},
      {.name = "vector",
       .type = ColumnType::kVector,
       .required = true,
       .vector = {.dimension = 32, .metric = Metric::kSquaredEuclidean}},
      {.name = "text", .type = ColumnType::kString, .full_text = true},
  };
  schema.primary_key = {"pair", "half"};
  return schema;
}

// The altered table: every generation has other columns than the one before.
TableSchema AlteredSchema(std::uint32_t generation) {
  TableSchema schema;
  schema.name = "altered";
  schema.columns = {
      {.name = "id", .type = ColumnType::kInt64},
      {.name = "word", .type = ColumnType::kString, .full_text = true},
      {.name = "vector", .type = ColumnType::kVector, .vector = {.dimension = 8}},
  };
  const std::string own = std::to_string(generation % 3);
  schema.columns.push_back(
      {.name = "text" + own, .type = ColumnType::kString, .full_text = generation % 2 == 0});
  schema.columns.push_back({.name = "blob" + own, .type = ColumnType::kBlob});
  schema.columns.insert(
      schema.columns.begin(),
      {.name = "vector" + own, .type = ColumnType::kVector, .vector = {.dimension = 8}});
  schema.primary_key = {"id"};
  schema.attributes = {{"generation", generation}};
  return schema;
}

Row AlteredRow(const TableSchema& schema, std::int64_t id) {
  Row row;
  row.cells.resize(schema.columns.size());
  for (std::size_t i = 0; i < schema.columns.size(); ++i) {
    const std::string& name = schema.columns[i].name;
    if (name == "id") row.cells[i] = Value(id);
    if (name == "word") row.cells[i] = Value("w" + std::to_string(id));
    if (name == "vector") row.cells[i] = Vector(8, static_cast<float>(id));
  }
  return row;
}

constexpr std::int64_t kOracle = -1;

std::vector<std::string> AllColumns() {
  return {"pair", "half", "generation", "tags", "bytes", "vector", "text"};
}

Row MakeRow(std::int64_t pair, bool half, std::uint32_t generation) {
  Vector vector(32, 0.5F);
  vector[0] = static_cast<float>(pair);
  vector[1] = half ? 1 : 0;
  vector[2] = static_cast<float>(generation);
  const std::size_t bytes = generation * 7919 % 30'000;
  return {{Value(pair), Value(half), Value(generation),
           Value(Value::Map{{"g", generation}, {"p", pair}}),
           Blob{std::string(bytes, static_cast<char>('a' + generation % 26))}, std::move(vector),
           Value("p" + std::to_string(pair) + "x g" + std::to_string(generation))}};
}

std::unique_ptr<EmbeddedStore> OpenStore(const std::string& directory, MetricsRegistry& metrics) {
  static os::PosixFileSystem files;
  return Must(OpenEmbeddedStore({.directory = directory}, files, metrics), "open");
}

std::string SideTable(std::uint32_t thing) {
  return "side" + std::to_string(thing - kFirstTable);
}

// ---- the child

class Child {
 public:
  Child(std::string directory, int pipe, std::uint32_t seed, std::uint32_t first_generation)
      : directory_(std::move(directory)),
        pipe_(pipe),
        seed_(seed),
        first_generation_(first_generation) {}

  [[noreturn]] void Run() {
    MetricsRegistry metrics;
    for (;;) {
      store_ = OpenStore(directory_, metrics);
      std::vector<std::thread> threads;
      for (int i = 0; i < kThreads; ++i) threads.emplace_back([this, i] { WritePairs(i); });
      threads.emplace_back([this] { MakeAndDropTables(); });
      threads.emplace_back([this] { AlterTables(); });
      for (std::thread& thread : threads) thread.join();
      store_->Close();
      store_.reset();
      ++cycle_;
    }
  }

 private:
  static constexpr std::uint32_t kChanges = 60;  // of each thread between opening and closing

  void Tell(std::uint32_t thing, std::uint32_t generation, bool acknowledged) const {
    const Report report = {thing, generation, acknowledged ? 1U : 0U};
    if (::write(pipe_, &report, sizeof report) != sizeof report) Die("the pipe broke");
  }

  std::mt19937 Random(std::uint32_t thread) const {
    return std::mt19937(seed_ * 131 + cycle_ * 17 + thread);
  }

  void WritePairs(int thread) {
    auto random = Random(static_cast<std::uint32_t>(thread));
    const auto table = Must(store_->OpenTable("pairs"), "open table");
    for (std::uint32_t i = 0; i < kChanges; ++i) {
      const std::uint32_t pair =
          static_cast<std::uint32_t>(thread) * kPairs + Draw(random) % kPairs;
      const bool remove = Draw(random) % 5 == 0;
      const std::uint32_t generation = remove ? 0 : first_generation_ + cycle_ * kChanges + i + 1;
      WriteBatch batch;
      if (remove) {
        batch.deletes = {{Value(pair), false}, {Value(pair), true}};
      } else {
        batch.upserts = {MakeRow(pair, false, generation), MakeRow(pair, true, generation)};
      }
      Tell(pair, generation, false);
      Must(table->Write(std::move(batch)), "write");
      Tell(pair, generation, true);
    }
  }

  void MakeAndDropTables() {
    auto random = Random(kThreads);
    for (int i = 0; i < 6; ++i) {
      const std::uint32_t thing = kFirstTable + Draw(random) % kSideTables;
      const std::string name = SideTable(thing);
      const bool there = store_->OpenTable(name).ok();
      Tell(thing, there ? 0 : 1, false);
      Must(there ? store_->DropTable(name) : store_->CreateTable(Schema(name)), "side table");
      Tell(thing, there ? 0 : 1, true);
    }
  }

  // Fills what the last columns brought, then takes others.
  void AlterTables() {
    for (std::uint32_t i = 0; i < 4; ++i) {
      const auto table = Must(store_->OpenTable("altered"), "open altered");
      const TableSchema& schema = table->schema();
      WriteBatch batch;
      for (int id = 0; id < kAlteredRows; ++id) {
        Row& row = batch.upserts.emplace_back(AlteredRow(schema, id));
        for (std::size_t c = 0; c < row.cells.size(); ++c) {
          const std::string& name = schema.columns[c].name;
          if (name.starts_with("text")) row.cells[c] = Value("some words");
          if (name.starts_with("blob")) row.cells[c] = Blob{std::string(500, 'x')};
          if (name.starts_with("vector") && name != "vector") row.cells[c] = Vector(8, 1);
        }
      }
      Must(table->Write(std::move(batch)), "write altered");
      const auto generation =
          static_cast<std::uint32_t>(*schema.attributes.front().second.as_int()) + 1;
      Tell(kAltered, generation, false);
      Must(store_->AlterTable(AlteredSchema(generation)), "alter");
      Tell(kAltered, generation, true);
    }
  }

  const std::string directory_;
  const int pipe_;
  const std::uint32_t seed_;
  const std::uint32_t first_generation_;
  std::uint32_t cycle_ = 0;
  std::unique_ptr<EmbeddedStore> store_;
};

// ---- the parent

// What the reports say of every thing.
class Book {
 public:
  void Enter(const Report& report) {
    std::set<std::uint32_t>& possible = Possible(report.thing);
    if (report.acknowledged != 0) {
      possible.clear();
      ++acknowledged_;
    }
    possible.insert(report.generation);
    if (report.thing != kAltered) {
      last_generation_ = std::max(last_generation_, report.generation);
    }
  }

  // What is there in truth; from now on nothing else is possible.
  void Observe(std::uint32_t thing, std::uint32_t generation) {
    std::set<std::uint32_t>& possible = Possible(thing);
    if (!possible.contains(generation)) {
      std::string known;
      for (const std::uint32_t one : possible) known += " " + std::to_string(one);
      Die("thing " + std::to_string(thing) + " has generation " + std::to_string(generation) +
          ", acknowledged or under way were" + known);
    }
    possible = {generation};
  }

  std::uint32_t last_generation() const { return last_generation_; }
  std::uint64_t acknowledged() const { return acknowledged_; }

 private:
  // The last acknowledged generation and those begun since.
  std::set<std::uint32_t>& Possible(std::uint32_t thing) {
    return states_.try_emplace(thing, std::set<std::uint32_t>{0}).first->second;
  }

  std::map<std::uint32_t, std::set<std::uint32_t>> states_;
  std::uint32_t last_generation_ = 0;
  std::uint64_t acknowledged_ = 0;
};

void CheckRow(const Row& row, const Row& want, const std::string& what) {
  for (std::size_t i = 0; i < want.cells.size(); ++i) {
    Check(row.cells[i] == want.cells[i], what + ": cell " + std::to_string(i) + " differs");
  }
}

// The generation of a pair, whose rows must agree and be found in every way.
std::uint32_t CheckPair(Table& table, std::uint32_t pair) {
  const std::string what = "pair " + std::to_string(pair);
  const std::vector<Key> keys = {{Value(pair), false}, {Value(pair), true}};
  const auto rows = Must(table.Get(keys, AllColumns()), what);
  Check(rows[0].has_value() == rows[1].has_value(), what + ": half of it is there");
  const Filter is_pair = Filter::Where({"tags", "p"}, Op::kEqual, pair);
  const std::uint64_t count = Must(table.Count(is_pair), what);
  if (!rows[0].has_value() || !rows[1].has_value()) {
    Check(count == 0, what + ": the filter finds rows that are not there");
    const auto texts =
        Must(table.SearchText({.query = query::TextQuery::Text("p" + std::to_string(pair) + "x")}),
             what);
    Check(texts.empty(), what + ": words of rows that are not there");
    return 0;
  }
  const auto generation = static_cast<std::uint32_t>(*std::get<Value>(rows[0]->cells[2]).as_int());
  Check(generation != 0, what + ": generation 0");
  CheckRow(*rows[0], MakeRow(pair, false, generation), what);
  CheckRow(*rows[1], MakeRow(pair, true, generation), what);
  Check(count == 2, what + ": the filter does not find it");
  SearchRequest search;
  search.vector_column = "vector";
  search.query = std::get<Vector>(rows[1]->cells[5]);
  search.top_k = 1;
  search.columns = {"pair", "half"};
  const auto hits = Must(table.Search(search), what);
  Check(hits.size() == 1 && hits[0].score == 0 && hits[0].row.cells[0] == rows[1]->cells[0] &&
            hits[0].row.cells[1] == Cell(Value(true)),
        what + ": the search does not find it");
  const auto texts = Must(
      table.SearchText({.query = query::TextQuery::Text("p" + std::to_string(pair) + "x")}), what);
  Check(texts.size() == 2, what + ": its words are not found");
  return generation;
}

std::uint32_t CheckAltered(EmbeddedStore& store, const std::string& directory) {
  const auto table = Must(store.OpenTable("altered"), "open altered");
  const auto generation =
      static_cast<std::uint32_t>(*table->schema().attributes.front().second.as_int());
  const TableSchema want = AlteredSchema(generation);
  Check(ToValue(table->schema()) == ToValue(want), "altered: another schema");
  const auto rows =
      Must(table->Scan({{}, {"id", "word", "vector"}, 0, kAlteredRows + 1}), "altered");
  Check(rows.size() == std::size_t{kAlteredRows}, "altered: rows are gone");
  for (const Row& row : rows) {
    const std::int64_t id = *std::get<Value>(row.cells[want.IndexOf("id")]).as_int();
    CheckRow(row, AlteredRow(want, id), "altered");
    const auto texts = Must(
        table->SearchText({.query = query::TextQuery::Text("w" + std::to_string(id))}), "altered");
    Check(texts.size() == 1, "altered: a word is not found");
  }
  os::PosixFileSystem files;
  std::size_t vectors = 0;
  for (const std::string& name : Must(files.List(directory + "/tables/2"), "altered")) {
    if (name.ends_with(".vectors")) ++vectors;
  }
  Check(vectors == 2, "altered: vector files of columns that are gone");
  return generation;
}

void CheckStore(EmbeddedStore& store, const std::string& directory, Book& book) {
  const auto table = Must(store.OpenTable("pairs"), "open pairs");
  std::uint64_t rows = 1;
  for (std::uint32_t pair = 0; pair < std::uint32_t{kThreads * kPairs}; ++pair) {
    const std::uint32_t generation = CheckPair(*table, pair);
    book.Observe(pair, generation);
    if (generation != 0) rows += 2;
  }
  Check(Must(table->Count({}), "count") == rows, "rows that nobody wrote");
  const std::vector<Key> oracle = {{kOracle, false}};
  const auto found = Must(table->Get(oracle, AllColumns()), "oracle");
  Check(found[0].has_value(), "the oracle row is gone");
  CheckRow(*found[0], MakeRow(kOracle, false, 12345), "oracle");

  book.Observe(kAltered, CheckAltered(store, directory));

  const auto tables = Must(store.ListTables(), "list");
  for (std::uint32_t i = 0; i < std::uint32_t{kSideTables}; ++i) {
    const auto side = store.OpenTable(SideTable(kFirstTable + i));
    Check(side.ok() || side.status().code() == Code::kNotFound, "a side table is damaged");
    book.Observe(kFirstTable + i, side.ok() ? 1 : 0);
  }
  os::PosixFileSystem files;
  Check(Must(files.List(directory + "/tables"), "folders").size() == tables.size(),
        "folders without a table");
}

// Reads reports until the child is dead and the pipe empty.
void Collect(int pipe, pid_t child, std::chrono::microseconds life, Book& book) {
  const auto end = std::chrono::steady_clock::now() + life;
  bool killed = false;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        end - std::chrono::steady_clock::now());
    if (!killed && left.count() <= 0) {
      ::kill(child, SIGKILL);
      killed = true;
    }
    pollfd wait = {pipe, POLLIN, 0};
    if (!killed && ::poll(&wait, 1, static_cast<int>(left.count())) == 0) continue;
    Report report;
    const ssize_t got = ::read(pipe, &report, sizeof report);
    if (got == 0) return;
    Check(got == sizeof report, "a broken report");
    book.Enter(report);
  }
}

void Round(const std::string& directory, std::mt19937& random, Book& book) {
  int ends[2];
  Check(::pipe(ends) == 0, "pipe");
  const std::uint32_t seed = Draw(random);
  const pid_t child = ::fork();
  Check(child >= 0, "fork");
  if (child == 0) {
    ::close(ends[0]);
    Child(directory, ends[1], seed, book.last_generation()).Run();
  }
  ::close(ends[1]);
  // From the first moments of opening to several rounds of opening and closing.
  const auto life = std::chrono::microseconds(
      Draw(random) % 4 == 0 ? Draw(random) % 30'000 : 20'000 + Draw(random) % 600'000);
  Collect(ends[0], child, life, book);
  ::close(ends[0]);
  int status = 0;
  Check(::waitpid(child, &status, 0) == child, "waitpid");
  Check(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
        "the child ended by itself: it met a failure");
}

void Verify(const std::string& directory, Book& book) {
  MetricsRegistry metrics;
  const auto store = OpenStore(directory, metrics);
  CheckStore(*store, directory, book);
}

int Main(int rounds, std::uint32_t seed) {
  std::printf("store_crash_test: %d rounds, seed %u\n", rounds, seed);
  std::fflush(stdout);
  std::mt19937 random(seed);
  const os::TemporaryDirectory folder;
  const std::string directory = folder.File("data");
  {
    MetricsRegistry metrics;
    const auto store = OpenStore(directory, metrics);
    Must(store->CreateTable(Schema("pairs")), "create");
    WriteBatch batch;
    batch.upserts = {MakeRow(kOracle, false, 12345)};
    Must(Must(store->OpenTable("pairs"), "open")->Write(std::move(batch)), "oracle");
    Must(store->CreateTable(AlteredSchema(0)), "create");
    WriteBatch altered;
    for (int id = 0; id < kAlteredRows; ++id) {
      altered.upserts.push_back(AlteredRow(AlteredSchema(0), id));
    }
    Must(Must(store->OpenTable("altered"), "open")->Write(std::move(altered)), "altered");
  }
  Book book;
  for (int i = 0; i < rounds; ++i) {
    Round(directory, random, book);
    if (Draw(random) % 4 != 0) Verify(directory, book);
  }
  Verify(directory, book);
  std::printf("ok: %llu acknowledged changes\n",
              static_cast<unsigned long long>(book.acknowledged()));
  return 0;
}

}  // namespace
}  // namespace ocellus::store

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 200;  // NOLINT(cert-err34-c)
  const auto seed = argc > 2 ? static_cast<std::uint32_t>(std::strtoul(argv[2], nullptr, 10))
                             : std::random_device()();
  return ocellus::store::Main(rounds, seed);
}
