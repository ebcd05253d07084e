// A million rows through the embedded store: what opening costs, what they weigh in memory and on
// disk, and how long a search takes under filters of every selectivity. Prints one JSON object a
// line:
// {"name","value","unit","goal"}.
//
//   table_bench SCRATCH_DIR [ROWS]

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "base/value.h"
#include "bench/report.h"
#include "os/file_system.h"
#include "store/embedded/embedded_store.h"

namespace ocellus::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::uint32_t kDimension = 384;
constexpr std::size_t kBatch = 10'000;
constexpr int kSearches = 50;
constexpr std::size_t kClusters = 1000;  // vectors of pictures are clustered, random ones are not

double Since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double ResidentMegabytes() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t size = 0, resident = 0;
  statm >> size >> resident;
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1e6;
}

class VectorSource {
 public:
  VectorSource() : random_(7), centres_(kClusters) {
    for (auto& centre : centres_) centre = Direction();
  }

  // Near one of the centres, of length one.
  store::Vector Next() {
    const store::Vector& centre = centres_[random_() % kClusters];
    store::Vector vector = Direction();
    float squared = 0;
    for (std::size_t i = 0; i < vector.size(); ++i) {
      vector[i] = centre[i] + 0.8F * vector[i];
      squared += vector[i] * vector[i];
    }
    for (float& number : vector) number /= std::sqrt(squared);
    return vector;
  }

 private:
  store::Vector Direction() {
    store::Vector vector(kDimension);
    float squared = 0;
    for (float& number : vector) {
      number = normal_(random_);
      squared += number * number;
    }
    for (float& number : vector) number /= std::sqrt(squared);
    return vector;
  }

  std::mt19937 random_;
  std::normal_distribution<float> normal_;
  std::vector<store::Vector> centres_;
};

store::TableSchema Schema() {
  store::TableSchema schema;
  schema.name = "bench";
  schema.columns = {{.name = "id", .type = store::ColumnType::kInt64, .required = true},
                    {.name = "tags", .type = store::ColumnType::kMap},
                    {.name = "embedding",
                     .type = store::ColumnType::kVector,
                     .vector = {.dimension = kDimension}}};
  schema.primary_key = {"id"};
  return schema;
}

void Fill(store::Table& table, std::size_t rows, VectorSource& vectors) {
  for (std::size_t first = 0; first < rows; first += kBatch) {
    store::WriteBatch batch;
    for (std::size_t i = first; i < std::min(rows, first + kBatch); ++i) {
      const auto number = static_cast<std::int64_t>(i);
      Value::Map tags = {
          {"tenth", number % 10}, {"hundredth", number % 100}, {"ten_thousandth", number % 10'000}};
      batch.upserts.push_back({{Value(number), Value(std::move(tags)), vectors.Next()}});
    }
    OrDie(table.Write(std::move(batch)), "write");
  }
}

void MeasureSearches(store::Table& table, std::size_t rows, VectorSource& vectors) {
  struct Case {
    const char* name;
    const char* tag;
    double share;
  };
  for (const Case& one :
       {Case{"no filter", nullptr, 1}, Case{"10 % filter", "tenth", .1},
        Case{"1 % filter", "hundredth", .01}, Case{"0.01 % filter", "ten_thousandth", .0001}}) {
    std::vector<double> seconds;
    for (int i = 0; i < kSearches; ++i) {
      store::SearchRequest request;
      request.vector_column = "embedding";
      request.query = vectors.Next();
      request.columns = {"id", "tags"};
      if (one.tag != nullptr) {
        request.filter = query::Filter::Where({"tags", one.tag}, query::Op::kEqual, Value(i % 10));
      }
      const auto start = Clock::now();
      const auto hits = OrDie(table.Search(request), "search");
      seconds.push_back(Since(start));
      const auto admitted = static_cast<std::size_t>(static_cast<double>(rows) * one.share);
      if (hits.size() != std::min<std::size_t>(request.top_k, admitted)) {
        OrDie(Status(Code::kInternal, "a filtered search came back short"), one.name);
      }
    }
    std::sort(seconds.begin(), seconds.end());
    Print(std::string("table search, ") + one.name + ", p50", seconds[seconds.size() / 2] * 1e3,
          "ms");
  }
}

int Run(const std::string& directory, std::size_t rows) {
  MetricsRegistry metrics;
  os::PosixFileSystem files;
  VectorSource vectors;
  const std::string path = directory + "/table";
  {
    const auto store = OrDie(store::OpenEmbeddedStore({.directory = path}, files, metrics), "open");
    OrDie(store->CreateTable(Schema()), "create");
    const auto table = OrDie(store->OpenTable("bench"), "open table");
    const auto start = Clock::now();
    Fill(*table, rows, vectors);
    Print("table rows written", static_cast<double>(rows) / Since(start), "rows/s");
    store->Close();
  }
  std::uint64_t disk = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
    if (entry.is_regular_file()) disk += entry.file_size();
  }
  const double millions = static_cast<double>(rows) / 1e6;
  Print("table rows", static_cast<double>(rows), "rows");
  Print("disk per million rows of 384-d", static_cast<double>(disk) / millions / 1e6, "MB");
  malloc_trim(0);
  const double before = ResidentMegabytes();
  const auto start = Clock::now();
  const auto store = OrDie(store::OpenEmbeddedStore({.directory = path}, files, metrics), "open");
  const auto table = OrDie(store->OpenTable("bench"), "open table");
  Print("start-up of the store", Since(start), "s");
  MeasureSearches(*table, rows, vectors);
  Print("memory per million rows of 384-d, after searches",
        (ResidentMegabytes() - before) / millions, "MB");
  store->Close();
  return 0;
}

}  // namespace
}  // namespace ocellus::bench

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: table_bench SCRATCH_DIR [ROWS]\n");
    return 2;
  }
  const std::size_t rows = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1'000'000;
  return ocellus::bench::Run(argv[1], rows);
}
