#include "server/model_check.h"

#include <sys/resource.h>

#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "base/metrics.h"
#include "embed/make_embedder.h"
#include "embed/model_detector.h"

namespace ocellus::server {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint32_t kPictures = 12;
constexpr const char* kTexts[] = {"a red square",          "a photo of a dog on the beach",
                                  "two people at a table", "blue and green stripes",
                                  "snow on a mountain",    "a bowl of fruit"};
// Runs are repeated for so long, so that a short one is timed well.
constexpr std::chrono::milliseconds kLeastTime{1500};

// A picture that no file is needed for: stripes, a gradient and a disc, others for every number.
image::Picture BuiltInPicture(std::uint32_t number) {
  image::Picture picture;
  picture.width = 320;
  picture.height = 240;
  picture.rgb.reserve(std::size_t{picture.width} * picture.height * 3);
  const std::uint32_t period = 12 + number * 7;
  const std::int64_t centre_x = 60 + (number * 97) % 200;
  const std::int64_t centre_y = 40 + (number * 61) % 160;
  for (std::uint32_t y = 0; y < picture.height; ++y) {
    for (std::uint32_t x = 0; x < picture.width; ++x) {
      const std::int64_t dx = std::int64_t{x} - centre_x;
      const std::int64_t dy = std::int64_t{y} - centre_y;
      const bool disc = dx * dx + dy * dy < 50 * 50;
      const bool stripe = ((number % 2 == 0 ? x : x + y) / period) % 2 == 0;
      for (std::uint32_t channel = 0; channel < 3; ++channel) {
        const std::uint32_t gradient = (x * (channel + 1) + y * (3 - channel)) * 255 / 1200;
        const std::uint32_t colour = (number * 83 + channel * 101) % 256;
        const std::uint32_t value = disc ? colour : stripe ? gradient : 255 - (colour + y) % 200;
        picture.rgb.push_back(static_cast<std::uint8_t>(value));
      }
    }
  }
  return picture;
}

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double PeakMegabytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

// On which side of 64 fixed planes each vector lies: what rounding changes in the last digits
// leaves it alone.
std::string DirectionsOf(const std::vector<std::vector<float>>& vectors) {
  constexpr int kPlanes = 64;
  std::string sides;
  for (const std::vector<float>& vector : vectors) {
    std::uint64_t state = 0x9E3779B97F4A7C15;
    for (int plane = 0; plane < kPlanes; ++plane) {
      double sum = 0;
      for (const float x : vector) {
        // xorshift64
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        sum += (static_cast<double>(state >> 40) / (1 << 23) - 1) * double{x};
      }
      sides += sum > 0 ? '1' : '0';
    }
  }
  return Sha256Hex(AsBytes(sides)).substr(0, 16);
}

double Dot(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += double{a[i]} * double{b[i]};
  return sum;
}

// Calls run(number) for numbers below `count`, again and again; how many calls a second of one
// core, whatever else runs on the machine.
template <typename Run>
Result<double> Rate(std::uint32_t count, const Run& run) {
  const Clock::time_point start = Clock::now();
  const double cpu = CpuSeconds();
  std::uint64_t calls = 0;
  do {
    for (std::uint32_t number = 0; number < count; ++number, ++calls) {
      OCELLUS_RETURN_IF_ERROR(run(number));
    }
  } while (Clock::now() - start < kLeastTime);
  return static_cast<double>(calls) / (CpuSeconds() - cpu);
}

}  // namespace

Result<BundleReport> TryBundle(embed::Bundle bundle) {
  BundleReport report;
  report.family = bundle.family;
  MetricsRegistry metrics;
  embed::EmbedderOptions options;
  options.streams = 1;
  options.text_cache_entries = 0;
  const double before = PeakMegabytes();
  if (bundle.subjects.has_value()) {
    const auto detector = embed::MakeDetector(*bundle.subjects, options, metrics);
    if (!detector.ok()) return detector.status();
  }
  OCELLUS_ASSIGN_OR_RETURN(const std::unique_ptr<embed::Embedder> embedder,
                           embed::MakeEmbedder(std::move(bundle), options, metrics));
  report.info = embedder->info();
  std::vector<image::Picture> pictures;
  std::vector<std::vector<float>> vectors;
  for (std::uint32_t number = 0; number < kPictures; ++number) {
    pictures.push_back(BuiltInPicture(number));
    OCELLUS_ASSIGN_OR_RETURN(std::vector<float> vector, embedder->EmbedPicture(pictures.back()));
    vectors.push_back(std::move(vector));
  }
  // Such a network has lost its weights, or is fed what it was not made for.
  constexpr double kSame = 0.999999;
  bool all_the_same = true;
  for (const std::vector<float>& vector : vectors) {
    all_the_same = all_the_same && Dot(vector, vectors.front()) > kSame;
  }
  if (all_the_same) {
    return Status(Code::kInvalidArgument,
                  report.info.name + ": its picture network gives one vector for all pictures");
  }
  OCELLUS_ASSIGN_OR_RETURN(report.pictures_per_second,
                           Rate(kPictures, [&](std::uint32_t number) -> Status {
                             const auto vector = embedder->EmbedPicture(pictures[number]);
                             return vector.ok() ? Status() : vector.status();
                           }));
  if (report.info.embeds_text) {
    for (const char* text : kTexts) {
      OCELLUS_ASSIGN_OR_RETURN(std::vector<float> vector, embedder->EmbedText(text));
      vectors.push_back(std::move(vector));
    }
    OCELLUS_ASSIGN_OR_RETURN(const double rate,
                             Rate(std::size(kTexts), [&](std::uint32_t number) -> Status {
                               const auto vector = embedder->EmbedText(kTexts[number]);
                               return vector.ok() ? Status() : vector.status();
                             }));
    report.text_ms = 1000 / rate;
  }
  report.vectors = DirectionsOf(vectors);
  report.megabytes = PeakMegabytes() - before;
  embedder->Stop();
  return report;
}

}  // namespace ocellus::server
