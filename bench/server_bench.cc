// The whole path against its bare parts, side by side in one run: import against the model alone,
// searches against decoding and inference of the same picture. Prints one JSON object a line:
// {"name","value","unit","goal"}.
//
//   server_bench OCELLUS_BINARY BUNDLE_DIR PICTURES_DIR

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "base/base64.h"
#include "base/metrics.h"
#include "base/value.h"
#include "bench/client.h"
#include "bench/report.h"
#include "embed/bundle.h"
#include "embed/make_embedder.h"
#include "image/image.h"
#include "os/file_system.h"

namespace ocellus::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr char kPrefix[] = "/api/v1/operators/image-search";
constexpr int kConnections = 16;  // enough that commits share fsyncs, as `ocellus import` does
constexpr int kRounds = 5;        // of each side, alternating; medians are printed
constexpr int kModeRounds = 3;    // the same for the other modes
constexpr std::size_t kMaxPictures = 600;
constexpr int kSearches = 300;

struct Sample {
  std::string bytes;
  std::string base64;
  image::Picture small;  // as the model's preprocessing wants it
};

double Seconds(const std::function<void()>& work) {
  const auto start = Clock::now();
  work();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Runs work(i) for i of [0, count) on `threads` threads.
void Spread(std::size_t count, unsigned threads, const std::function<void(std::size_t)>& work) {
  std::atomic<std::size_t> next{0};
  std::vector<std::thread> pool;
  for (unsigned t = 0; t < threads; ++t) {
    pool.emplace_back([&] {
      for (std::size_t i = next++; i < count; i = next++) work(i);
    });
  }
  for (std::thread& thread : pool) thread.join();
}

std::vector<Sample> LoadSamples(const std::string& folder, std::uint32_t side) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<Sample> samples;
  for (const auto& path : paths) {
    if (samples.size() == kMaxPictures) break;
    std::ifstream file(path, std::ios::binary);
    Sample sample;
    sample.bytes.assign(std::istreambuf_iterator<char>(file), {});
    auto picture = image::Decode(AsBytes(sample.bytes), {.target_side = side}, {});
    if (!picture.ok()) continue;  // a manifest, a licence
    sample.base64 = EncodeBase64(AsBytes(sample.bytes));
    sample.small = image::Resize(*picture, {0, 0, picture->width, picture->height}, side, side);
    samples.push_back(std::move(sample));
  }
  return samples;
}

std::string AddBody(const Sample& sample, const std::string& library, const std::string& id) {
  return R"({"library_name":")" + library + R"(","image_id":")" + id + R"(","image_uri":"bench/)" +
         id + R"(.jpg","tags":{"category":"bench"},"image_base64":")" + sample.base64 + "\"}";
}

// Pictures a second.
double ImportRate(const std::vector<Sample>& samples, const std::string& library,
                  const std::string& prefix, std::uint16_t port) {
  std::vector<std::string> bodies;
  bodies.reserve(samples.size());
  for (std::size_t i = 0; i < samples.size(); ++i) {
    bodies.push_back(AddBody(samples[i], library, prefix + std::to_string(i)));
  }
  const double seconds = Seconds([&] {
    std::atomic<std::size_t> next{0};
    std::vector<std::thread> pool;
    pool.reserve(kConnections);
    for (int c = 0; c < kConnections; ++c) {
      pool.emplace_back([&] {
        Connection connection(port);
        for (std::size_t i = next++; i < bodies.size(); i = next++) {
          connection.Post(std::string(kPrefix) + "/image/add", bodies[i]);
        }
      });
    }
    for (std::thread& thread : pool) thread.join();
  });
  return static_cast<double>(samples.size()) / seconds;
}

void MeasureImport(embed::Embedder& embedder, const std::vector<Sample>& samples,
                   std::uint16_t port) {
  const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
  std::vector<double> bare_rates, import_rates, ratios;
  for (int round = 0; round < kRounds; ++round) {
    // Callers wait for their vectors, so two a core keep every stream busy.
    const double bare = Seconds([&] {
      Spread(samples.size(), 2 * cores,
             [&](std::size_t i) { OrDie(embedder.EmbedPicture(samples[i].small), "embed"); });
    });
    bare_rates.push_back(static_cast<double>(samples.size()) / bare);
    import_rates.push_back(ImportRate(samples, "bench", std::to_string(round) + "-", port));
    ratios.push_back(import_rates.back() / bare_rates.back());
  }
  Print("import: bare model alone", Quantile(bare_rates, .5), "pictures/s");
  Print("import: whole path over HTTP", Quantile(import_rates, .5), "pictures/s");
  Print("import: whole path / bare model", Quantile(ratios, .5), "ratio", ">= 0.85");
}

// The modes that look for something in every picture, next to the one that does not.
void MeasureModes(const std::vector<Sample>& samples, const ServerProcess& server) {
  const std::uint16_t port = server.port();
  Connection connection(port);
  for (const std::string mode : {"item_search", "adaptive_search"}) {
    const std::string create = R"({"library_name":")" + mode + R"(","mode":")" + mode + "\"}";
    const auto created = connection.Ask(std::string(kPrefix) + "/library/create", create);
    if (created.status != 200) {
      std::fprintf(stderr, "bench: %s is not measured: %s\n", mode.c_str(), created.body.c_str());
      continue;
    }
    std::vector<double> rates, ratios;
    for (int round = 0; round < kModeRounds; ++round) {
      const std::string prefix = mode + std::to_string(round) + "-";
      const double general = ImportRate(samples, "bench", prefix, port);
      rates.push_back(ImportRate(samples, mode, prefix, port));
      ratios.push_back(rates.back() / general);
    }
    Print("import: " + mode, Quantile(rates, .5), "pictures/s");
    Print("import: " + mode + " / general_search", Quantile(ratios, .5), "ratio");
    Print("server resident after " + mode, static_cast<double>(server.resident_bytes()) / 1e6,
          "MB");
  }
}

struct Latencies {
  std::vector<double> seconds;

  void Report(const std::string& name, const Latencies& bare, const char* goal) const {
    for (const auto& [label, q] : {std::pair{"p50", .5}, std::pair{"p99", .99}}) {
      const double value = Quantile(seconds, q);
      Print(name + " " + label, value * 1e3, "ms");
      Print(name + " " + label + " / bare", value / Quantile(bare.seconds, q), "ratio",
            q == .5 ? goal : "");
    }
  }
};

void MeasurePictureSearch(embed::Embedder& embedder, const std::vector<Sample>& samples,
                          std::uint16_t port) {
  Connection connection(port);
  Latencies bare, search, with_pictures;
  const std::string path = std::string(kPrefix) + "/search/by-image";
  const std::uint32_t side = embedder.info().picture_side;
  for (int i = 0; i < kSearches; ++i) {
    const Sample& sample = samples[static_cast<std::size_t>(i) % samples.size()];
    const std::string head = R"({"library_name":"bench","image_base64":")" + sample.base64 + '"';
    bare.seconds.push_back(Seconds([&] {
      const auto picture =
          OrDie(image::Decode(AsBytes(sample.bytes), {.target_side = side}, {}), "decode");
      OrDie(embedder.EmbedPicture(picture), "embed");
    }));
    search.seconds.push_back(
        Seconds([&] { connection.Post(path, head + R"(,"return_frame":false})"); }));
    with_pictures.seconds.push_back(Seconds([&] { connection.Post(path, head + "}"); }));
  }
  Print("decode + bare inference p50", Quantile(bare.seconds, .5) * 1e3, "ms");
  Print("decode + bare inference p99", Quantile(bare.seconds, .99) * 1e3, "ms");
  search.Report("search by picture", bare, "<= 1.2");
  with_pictures.Report("search by picture, pictures returned", bare, "");
}

void MeasureTextSearch(embed::Embedder& embedder, std::uint16_t port) {
  Connection connection(port);
  Latencies bare, fresh, cached;
  const std::string path = std::string(kPrefix) + "/search/by-text";
  for (int i = 0; i < kSearches; ++i) {
    const std::string text = "a brown dog runs on beach number " + std::to_string(i);
    const std::string body =
        R"({"library_name":"bench","return_frame":false,"text":")" + text + "\"}";
    bare.seconds.push_back(Seconds([&] { OrDie(embedder.EmbedText(text), "embed"); }));
    fresh.seconds.push_back(Seconds([&] { connection.Post(path, body); }));
    cached.seconds.push_back(Seconds([&] { connection.Post(path, body); }));
  }
  Print("bare text inference p50", Quantile(bare.seconds, .5) * 1e3, "ms");
  fresh.Report("search by words", bare, "");
  cached.Report("search by words, cached", bare, "");
}

std::uint64_t BytesBelow(const std::string& folder) {
  std::uint64_t bytes = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) bytes += entry.file_size();
  }
  return bytes;
}

int Run(const std::string& binary, const std::string& bundle_dir, const std::string& pictures) {
  MetricsRegistry metrics;
  os::PosixFileSystem files;
  const auto embedder =
      OrDie(embed::MakeEmbedder(OrDie(embed::LoadBundle(files, bundle_dir), "bundle"), {}, metrics),
            "model");
  const auto samples = LoadSamples(pictures, embedder->info().picture_side);
  if (samples.empty()) {
    std::fprintf(stderr, "bench: no pictures in %s\n", pictures.c_str());
    return 1;
  }
  Print("pictures", static_cast<double>(samples.size()), "count");
  std::string data_dir = (std::filesystem::temp_directory_path() / "ocellus-bench-XXXXXX").string();
  if (mkdtemp(data_dir.data()) == nullptr) return 1;
  {
    ServerProcess server(binary, data_dir);
    Print("start-up, empty", server.start_seconds(), "s");
    Connection(server.port())
        .Post(std::string(kPrefix) + "/library/create",
              R"({"library_name":"bench","mode":"general_search"})");
    MeasureImport(*embedder, samples, server.port());
    MeasurePictureSearch(*embedder, samples, server.port());
    MeasureTextSearch(*embedder, server.port());
    Print("server resident", static_cast<double>(server.resident_bytes()) / 1e6, "MB");
  }
  const double rows = static_cast<double>(samples.size()) * kRounds;
  double picture_bytes = 0;
  for (const Sample& sample : samples) {
    picture_bytes += static_cast<double>(sample.bytes.size()) * kRounds;
  }
  const auto disk = static_cast<double>(BytesBelow(data_dir));
  Print("disk a picture", disk / rows / 1e3, "kB");
  Print("disk / bytes of the pictures kept", disk / picture_bytes, "ratio");
  {
    const ServerProcess server(binary, data_dir);
    MeasureModes(samples, server);
  }
  std::filesystem::remove_all(data_dir);
  return 0;
}

}  // namespace
}  // namespace ocellus::bench

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: server_bench OCELLUS_BINARY BUNDLE_DIR PICTURES_DIR\n");
    return 2;
  }
  return ocellus::bench::Run(argv[1], argv[2], argv[3]);
}
