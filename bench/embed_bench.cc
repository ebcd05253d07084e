// What one core makes of pictures and texts with a bundle: the towers with their preparation,
// pictures already decoded. Prints one JSON object a line:
// {"name","value","unit","goal"}.
//
//   embed_bench BUNDLE_DIR PICTURES_DIR

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "base/metrics.h"
#include "base/value.h"
#include "bench/report.h"
#include "embed/bundle.h"
#include "embed/make_embedder.h"
#include "image/image.h"
#include "os/file_system.h"

namespace ocellus::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kTime{6};
constexpr std::size_t kPictures = 64;
constexpr int kCallers = 8;  // as many as wait at one time, so that batches form
constexpr const char* kTexts[] = {
    "a dog on the beach",           "red boots",      "two people at a table with food",
    "snow on a mountain at sunset", "an old bicycle", "a child who plays with a ball in the park"};

// Every thread of this process on one core, whichever it is on now.
void StayOnOneCore() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(static_cast<std::size_t>(std::max(0, sched_getcpu())), &cores);
  if (sched_setaffinity(0, sizeof(cores), &cores) != 0) std::perror("bench: sched_setaffinity");
}

std::vector<image::Picture> ReadPictures(const std::string& folder, std::uint32_t side) {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  os::PosixFileSystem files;
  std::vector<image::Picture> pictures;
  for (const std::string& path : paths) {
    const auto bytes = os::ReadWholeFile(files, path, std::size_t{64} << 20);
    if (!bytes.ok()) continue;
    auto picture = image::Decode(*bytes, {side}, {});
    if (picture.ok()) pictures.push_back(*std::move(picture));
    if (pictures.size() == kPictures) break;
  }
  return pictures;
}

double CpuSeconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

double PicturesPerSecond(embed::Embedder& embedder, const std::vector<image::Picture>& pictures) {
  std::atomic<std::size_t> next = 0;
  const Clock::time_point start = Clock::now();
  const double cpu = CpuSeconds();
  {
    std::vector<std::jthread> callers;
    for (int i = 0; i < kCallers; ++i) {
      callers.emplace_back([&] {
        while (Clock::now() - start < kTime) {
          OrDie(embedder.EmbedPicture(pictures[next++ % pictures.size()]), "embed");
        }
      });
    }
  }
  return static_cast<double>(next) / (CpuSeconds() - cpu);
}

double TextMilliseconds(embed::Embedder& embedder) {
  std::size_t count = 0;
  const Clock::time_point start = Clock::now();
  const double cpu = CpuSeconds();
  for (; Clock::now() - start < kTime; ++count) {
    OrDie(embedder.EmbedText(kTexts[count % std::size(kTexts)]), "embed");
  }
  return (CpuSeconds() - cpu) * 1000 / static_cast<double>(count);
}

int Main(const std::string& bundle_path, const std::string& pictures_path) {
  StayOnOneCore();
  os::PosixFileSystem files;
  embed::Bundle bundle = OrDie(embed::LoadBundle(files, bundle_path), "bundle");
  MetricsRegistry metrics;
  embed::EmbedderOptions options;
  options.streams = 1;
  options.text_cache_entries = 0;
  const auto embedder = OrDie(embed::MakeEmbedder(std::move(bundle), options, metrics), "bundle");
  const std::vector<image::Picture> pictures =
      ReadPictures(pictures_path, embedder->info().picture_side);
  if (pictures.empty()) {
    std::fprintf(stderr, "bench: no pictures in %s\n", pictures_path.c_str());
    return 1;
  }
  Print("embed: pictures, one core", PicturesPerSecond(*embedder, pictures), "1/s", ">= 350");
  if (embedder->info().embeds_text) {
    Print("embed: a text, one core", TextMilliseconds(*embedder), "ms", "<= 3");
  }
  embedder->Stop();
  return 0;
}

}  // namespace
}  // namespace ocellus::bench

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: embed_bench BUNDLE_DIR PICTURES_DIR\n");
    return 2;
  }
  return ocellus::bench::Main(argv[1], argv[2]);
}
