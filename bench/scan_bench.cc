// How near the exact index comes to the speed of memory, and what it takes. One thread; a JSON line
// for each figure.
//
//   scan_bench [rows]...           100000 and 1000000 unless given
//
// "scan / read" is the time of merely reading the allowed rows' codes from the same mapping over
// the time of a search among them; the two take turns. Times are processor times of the thread,
// medians.

#include <fcntl.h>
#include <immintrin.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "bench/report.h"
#include "index/exact_index.h"
#include "index/vector_file.h"
#include "kernels/kernels.h"
#include "os/file_system.h"
#include "os/temporary_directory.h"

namespace ocellus::index {
namespace {

using bench::Print;

constexpr std::uint32_t kDimension = 384;
constexpr std::uint32_t kTopK = 10;
constexpr std::size_t kQueries = 8;
constexpr std::uint64_t kSequence = 7;

double ThreadSeconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double WallSeconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

[[noreturn]] void Fail(const std::string& message) {
  std::fprintf(stderr, "%s\n", message.c_str());
  std::exit(EXIT_FAILURE);  // NOLINT(concurrency-mt-unsafe)
}

void Check(const Status& status) {
  if (!status.ok()) Fail(status.message());
}

template <typename T>
T Check(Result<T> result) {
  if (!result.ok()) Fail(result.status().message());
  return *std::move(result);
}

// Pictures lie in clusters: a thousand centres, rows around them at a cosine of about 0.6 to each
// other, of unit length.
class Pictures {
 public:
  Pictures() : centres_(kCentres * kDimension) {
    std::normal_distribution<float> normal;
    for (float& x : centres_) x = normal(rng_);
    for (float& x : noise_) x = 0.8F * normal(rng_);
  }

  std::vector<float> Next() {
    std::vector<float> row(kDimension);
    const float* centre = &centres_[rng_() % kCentres * kDimension];
    const std::size_t shift = rng_() % (std::size(noise_) - kDimension);
    double squares = 0;
    for (std::size_t i = 0; i < kDimension; ++i) {
      row[i] = centre[i] + noise_[shift + i];
      squares += static_cast<double>(row[i]) * static_cast<double>(row[i]);
    }
    for (float& x : row) x /= static_cast<float>(std::sqrt(squares));
    return row;
  }

 private:
  static constexpr std::size_t kCentres = 1000;

  std::mt19937 rng_{11};
  std::vector<float> centres_;
  float noise_[1 << 20];  // a row's noise is a window of it: drawing 384 numbers a row takes long
};

__attribute__((target("avx2"))) std::uint64_t Read(const std::uint8_t* bytes, std::size_t size) {
  __m256i sums[4] = {};
  for (std::size_t i = 0; i + 128 <= size; i += 128) {
    for (std::size_t k = 0; k < 4; ++k) {
      sums[k] = _mm256_or_si256(
          sums[k], _mm256_load_si256(reinterpret_cast<const __m256i*>(bytes + i + 32 * k)));
    }
    _mm_prefetch(bytes + i + 6144, _MM_HINT_T0);  // faster with than without, so more to live up to
    _mm_prefetch(bytes + i + 6208, _MM_HINT_T0);
  }
  const __m256i sum =
      _mm256_or_si256(_mm256_or_si256(sums[0], sums[1]), _mm256_or_si256(sums[2], sums[3]));
  return static_cast<std::uint64_t>(_mm256_extract_epi64(sum, 0));
}

// The codes of the allowed rows, where the file has them.
std::uint64_t ReadAllowed(const VectorFile& file, const Bitmap& allowed) {
  const std::size_t width = file.layout().code_bytes;
  std::uint64_t sum = 0;
  const auto words = allowed.words();
  for (std::size_t w = 0; w < words.size(); ++w) {
    const std::uint8_t* codes =
        file.chunks()[w / (kChunkSlots / 64)] + w % (kChunkSlots / 64) * 64 * width;
    if (words[w] == ~std::uint64_t{0}) {
      sum += Read(codes, 64 * width);
      continue;
    }
    for (std::uint64_t word = words[w]; word != 0; word &= word - 1) {
      sum += Read(codes + static_cast<std::size_t>(std::countr_zero(word)) * width, width);
    }
  }
  return sum;
}

double ResidentMiB(const char* field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(field)) return std::stod(line.substr(line.find(':') + 1)) / 1024;
  }
  return 0;
}

std::string Table(std::uint32_t rows) {
  return std::to_string(rows) + " x " + std::to_string(kDimension);
}

std::uint64_t sink = 0;  // so that no read is optimised away

void BenchSearch(const ExactIndex& index, const VectorFile& file, std::uint32_t rows,
                 double selectivity, const std::vector<std::vector<float>>& queries) {
  std::mt19937 rng(5);
  Bitmap allowed(rows);
  for (std::uint32_t slot = 0; slot < rows; ++slot) {
    if (std::uniform_real_distribution<>()(rng) < selectivity) allowed.Set(slot);
  }
  if (selectivity >= 1) allowed.SetAll();
  const double bytes = static_cast<double>(allowed.Count()) * kDimension;
  const int rounds = std::clamp(static_cast<int>(2e9 / bytes / kQueries), 3, 200);
  std::vector<double> search_seconds;
  std::vector<double> read_seconds;
  for (int round = 0; round < rounds; ++round) {
    for (const auto& query : queries) {
      const double start = ThreadSeconds();
      sink += Check(index.Search(query, kTopK, allowed)).front().slot;
      const double middle = ThreadSeconds();
      sink += ReadAllowed(file, allowed);
      search_seconds.push_back(middle - start);
      read_seconds.push_back(ThreadSeconds() - middle);
    }
  }
  const double search = Median(search_seconds);
  const double read = Median(read_seconds);
  const std::string name =
      "scan of " + Table(rows) + ", " + std::to_string(allowed.Count()) + " allowed";
  Print(name + ": time", 1e3 * search, "ms");
  Print(name + ": codes read", bytes / search / 1e9, "GB/s");
  // Among few rows the fixed cost of a search is what is seen.
  Print(name + ": scan / read", read / search, "", allowed.Count() > 5000 ? ">= 0.7" : "");
}

void BenchRows(Pictures& pictures, std::uint32_t rows) {
  os::PosixFileSystem files;
  const os::TemporaryDirectory directory;
  const std::string path = directory.File("vectors");
  const ExactIndex::Spec spec{kDimension, Metric::kCosine};
  std::vector<std::vector<float>> queries;
  for (std::size_t i = 0; i < kQueries; ++i) queries.push_back(pictures.Next());
  {
    auto opened = Check(ExactIndex::Open(files, path, spec, kSequence));
    double put = 0;
    Check(opened.index->Reserve(rows));
    for (std::uint32_t slot = 0; slot < rows; ++slot) {
      const std::vector<float> vector = pictures.Next();
      const double start = ThreadSeconds();
      opened.index->Put(slot, vector);
      put += ThreadSeconds() - start;
    }
    const double start = WallSeconds();
    Check(opened.index->Close(kSequence));
    Print("index of " + Table(rows) + ": put", 1e6 * put / rows, "us/row");
    Print("index of " + Table(rows) + ": close", WallSeconds() - start, "s");
  }
  // What another process or a reboot would find: nothing in memory.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0 || ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) != 0) Fail("cannot empty the cache");
  ::close(fd);
  const double private_before = ResidentMiB("RssAnon");
  const double file_before = ResidentMiB("RssFile");
  const double start = WallSeconds();
  auto opened = Check(ExactIndex::Open(files, path, spec, kSequence));
  const double cold = WallSeconds() - start;
  if (opened.needs_rebuild) Fail(opened.rebuild_reason);
  Check(opened.index->Close(kSequence));
  opened.index.reset();
  const double again = WallSeconds();
  opened = Check(ExactIndex::Open(files, path, spec, kSequence));
  if (opened.needs_rebuild) Fail(opened.rebuild_reason);
  Print("index of " + Table(rows) + ": open, not in memory", cold, "s");
  Print("index of " + Table(rows) + ": open, in memory", WallSeconds() - again, "s", "<= 1");
  const VectorFile& file = opened.index->file();
  for (const double selectivity : {1.0, 0.1, 0.01, 0.0001}) {
    BenchSearch(*opened.index, file, rows, selectivity, queries);
  }
  Print("index of " + Table(rows) + ": private memory a million rows",
        1e6 / rows * (ResidentMiB("RssAnon") - private_before), "MiB");
  Print("index of " + Table(rows) + ": mapped memory a million rows",
        1e6 / rows * (ResidentMiB("RssFile") - file_before), "MiB");
}

int Run(int argc, char** argv) {
  std::vector<std::uint32_t> sizes;
  for (int i = 1; i < argc; ++i) {
    sizes.push_back(static_cast<std::uint32_t>(std::strtoul(argv[i], nullptr, 10)));
  }
  if (sizes.empty()) sizes = {100'000, 1'000'000};
  std::printf("{\"name\": \"scan_bench\", \"kernels\": \"%s\"}\n", kernels::Active().name);
  const auto pictures = std::make_unique<Pictures>();
  for (const std::uint32_t rows : sizes) BenchRows(*pictures, rows);
  return sink == 1 ? EXIT_FAILURE : EXIT_SUCCESS;
}

}  // namespace
}  // namespace ocellus::index

int main(int argc, char** argv) {
  return ocellus::index::Run(argc, argv);
}
