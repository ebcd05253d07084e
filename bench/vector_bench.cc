// What the OpenSearch front costs: rows pushed over HTTP, and its queries side by side with the
// engine called directly. Prints one JSON object a line: {"name","value","unit","goal"}.
//
// Both sides start from the same state: each has a copy of the table, since how a file came about
// decides how its pages lie in memory, and each is measured after the other one has scanned its
// copy.
//
//   vector_bench OCELLUS_BINARY SCRATCH_DIR [ROWS]

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <system_error>
#include <thread>
#include <variant>
#include <vector>

#include "base/metrics.h"
#include "base/value.h"
#include "bench/client.h"
#include "bench/report.h"
#include "embed/registry.h"
#include "engine/engine.h"
#include "os/file_system.h"
#include "store/embedded/embedded_store.h"

namespace ocellus::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kDimension = 384;
constexpr std::size_t kDocuments = 500;  // of one push: 2 MB of JSON
constexpr int kConnections = 4;
constexpr int kSearches = 400;  // of each kind on each side, taking turns
constexpr std::uint32_t kTopK = 10;

// Of length one, the same for the same seed.
store::Vector VectorOf(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal;
  store::Vector vector(kDimension);
  float squared = 0;
  for (float& number : vector) {
    number = normal(random);
    squared += number * number;
  }
  for (float& number : vector) number /= std::sqrt(squared);
  return vector;
}

std::string Json(const store::Vector& vector) {
  std::string text = "[";
  char number[32];
  for (const float element : vector) {
    std::snprintf(number, sizeof number, "%s%.9g", text.size() > 1 ? "," : "",
                  static_cast<double>(element));
    text += number;
  }
  return text + "]";
}

std::string PushBody(std::size_t first, std::size_t end) {
  std::string body = "[";
  for (std::size_t i = first; i < end; ++i) {
    if (i > first) body += ',';
    body += R"({"cmd":"add","fields":{"id":)" + std::to_string(i) + R"(,"tenth":)" +
            std::to_string(i % 10) + R"(,"hundredth":)" + std::to_string(i % 100) +
            R"(,"name":"row )" + std::to_string(i) + R"(","vector":)" + Json(VectorOf(i)) + "}}";
  }
  return body + "]";
}

void CreateTable(Connection& connection) {
  connection.Post(
      "/openapi/ha3/instances/bench/tables",
      R"({"name":"bench","primaryKey":"id",)"
      R"("fieldSchema":{"id":"INT64","tenth":"INT32","hundredth":"INT32","name":"STRING",)"
      R"("vector":"MULTI_FLOAT"},"vectorIndex":[{"indexName":"vector","vectorField":)"
      R"("vector","dimension":"384","distanceType":"InnerProduct","vectorIndexType":"HNSW"}]})");
}

void MeasurePush(std::uint16_t port, std::size_t rows) {
  // The bodies are made before the clock starts, a part of them at a time to bound memory.
  constexpr std::size_t kAtOnce = 40;
  double milliseconds = 0;
  double bytes = 0;
  for (std::size_t first = 0; first < rows; first += kAtOnce * kDocuments) {
    std::vector<std::string> bodies;
    for (std::size_t i = first; i < std::min(rows, first + kAtOnce * kDocuments); i += kDocuments) {
      bodies.push_back(PushBody(i, std::min(rows, i + kDocuments)));
      bytes += static_cast<double>(bodies.back().size());
    }
    std::atomic<std::size_t> next{0};
    milliseconds += Milliseconds([&] {
      std::vector<std::thread> pool;
      pool.reserve(kConnections);
      for (int c = 0; c < kConnections; ++c) {
        pool.emplace_back([&] {
          Connection connection(port);
          for (std::size_t i = next++; i < bodies.size(); i = next++) {
            const std::string answer = connection.Post("/update/bench/actions/bulk", bodies[i]);
            if (answer.find(R"("OK")") == std::string::npos) Die("push: " + answer);
          }
        });
      }
      for (std::thread& thread : pool) thread.join();
    });
  }
  Print("vector front: push of 384-d rows", static_cast<double>(rows) / milliseconds * 1e3,
        "rows/s");
  Print("vector front: push, JSON read", bytes / milliseconds / 1e3, "MB/s");
}

struct Case {
  const char* name;
  const char* filter;  // in the front's words
  std::optional<query::Filter> same;
};

void MeasureQueries(Connection& connection, engine::Engine& engine, std::size_t rows) {
  const Case cases[] = {
      {"no filter", "", std::nullopt},
      {"10 % filter", "tenth = 3", query::Filter::Where({"tenth"}, query::Op::kEqual, Value(3))},
      {"1 % filter", "hundredth = 3",
       query::Filter::Where({"hundredth"}, query::Op::kEqual, Value(3))}};
  for (const Case& one : cases) {
    std::vector<double> direct;
    std::vector<double> front;
    std::vector<double> inside;
    std::vector<double> trip;
    for (int i = 0; i < kSearches; ++i) {
      const store::Vector vector = VectorOf(rows + static_cast<std::size_t>(i));
      engine::SearchSpec spec;
      spec.table = "bench";
      spec.query = engine::VectorQuery{vector};
      spec.top_k = kTopK;
      spec.columns = {"id"};
      if (one.same.has_value()) spec.filter = *one.same;
      const std::string body = R"({"tableName":"bench","order":"DESC","topK":10,"filter":")" +
                               std::string(one.filter) + R"(","vector":)" + Json(vector) + "}";
      std::string best;
      const auto search = [&] {
        const engine::SearchResult result = OrDie(engine.Search(spec), "search");
        best = WriteJson(std::get<Value>(result.hits.at(0).row.cells.at(0)));
      };
      connection.Post("/vector-service/query", body);
      const double engine_time = Milliseconds(search);
      std::string answer;
      const double front_time =
          Milliseconds([&] { answer = connection.Post("/vector-service/query", body); });
      // Both found the same, or the comparison is worth nothing.
      const Value parsed = OrDie(ParseJson(answer), "answer");
      const Value* result = parsed.Find("result");
      if (result == nullptr || result->as_list() == nullptr || result->as_list()->size() != kTopK ||
          WriteJson(*result->as_list()->front().Find("id")) != best) {
        Die("query: expected " + best + " first, got " + answer.substr(0, 500));
      }
      // The same bytes to where nobody answers, after the server was left alone for as long: what
      // of a query's time is HTTP and the waking of threads.
      search();
      const double trip_time = Milliseconds([&] { connection.Ask("/nowhere", body); });
      if (i == 0) continue;  // the first of each finds nothing in memory
      direct.push_back(engine_time);
      front.push_back(front_time);
      inside.push_back(parsed.Find("totalTime")->number());
      trip.push_back(trip_time);
    }
    const std::string name = std::string("vector query, ") + one.name;
    for (const auto& [label, q] : {std::pair{"p50", .5}, std::pair{"p99", .99}}) {
      Print(name + ": engine " + label, Quantile(direct, q), "ms");
      Print(name + ": front " + label, Quantile(front, q), "ms");
    }
    const double added = Quantile(front, .5) - Quantile(direct, .5);
    Print(name + ": the front adds, p50", added, "ms", "<= 0.3");
    Print(name + ": of the front, totalTime p50", Quantile(inside, .5), "ms");
    Print(name + ": a bare round trip of its bytes, p50", Quantile(trip, .5), "ms");
  }
}

int Run(const std::string& binary, const std::string& scratch, std::size_t rows) {
  const std::string pushed = scratch + "/vector-pushed";
  const std::string data = scratch + "/vector-front";
  const std::string copy = scratch + "/vector-engine";
  {
    ServerProcess server(binary, pushed);
    Connection connection(server.port());
    CreateTable(connection);
    MeasurePush(server.port(), rows);
  }
  std::error_code failure;
  for (const std::string& to : {data, copy}) {
    std::filesystem::copy(pushed, to, std::filesystem::copy_options::recursive, failure);
    if (failure) Die("copy to " + to + ": " + failure.message());
  }
  {
    MetricsRegistry metrics;
    os::PosixFileSystem files;
    const auto store = OrDie(store::OpenEmbeddedStore({.directory = copy}, files, metrics), "open");
    embed::BundleRegistry bundles;  // vectors are given, none is made
    engine::Engine engine(*store, bundles, {}, metrics);
    ServerProcess server(binary, data);
    Connection connection(server.port());
    MeasureQueries(connection, engine, rows);
    store->Close();
  }
  for (const std::string& folder : {pushed, data, copy}) {
    std::filesystem::remove_all(folder, failure);
  }
  return 0;
}

}  // namespace
}  // namespace ocellus::bench

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: vector_bench OCELLUS_BINARY SCRATCH_DIR [ROWS]\n");
    return 2;
  }
  const std::size_t rows = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 100'000;
  return ocellus::bench::Run(argv[1], argv[2], rows);
}
