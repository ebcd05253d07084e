#include "cli/progress.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace ocellus::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kBarInterval{200};
constexpr std::chrono::seconds kLineInterval{10};
constexpr std::size_t kBarCells = 24;

std::string Duration(double seconds) {
  const auto whole = static_cast<std::uint64_t>(std::llround(seconds));
  const auto two = [](std::uint64_t number) {
    return (number < 10 ? "0" : "") + std::to_string(number);
  };
  const std::string minutes_seconds = two(whole / 60 % 60) + ":" + two(whole % 60);
  if (whole >= 3600) return std::to_string(whole / 3600) + ":" + minutes_seconds;
  return std::to_string(whole / 60) + ":" + two(whole % 60);
}

std::string Bar(double done) {
  const auto cells = static_cast<std::size_t>(done * static_cast<double>(kBarCells));
  const std::string percent = std::to_string(static_cast<int>(done * 100));
  return "[" + std::string(cells, '#') + std::string(kBarCells - cells, '.') + "] " +
         std::string(3 - percent.size(), ' ') + percent + "%  ";
}

std::string Megabytes(double bytes, int digits) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.*f", digits, bytes / 1e6);
  return text;
}

}  // namespace

std::string TransferLine(std::uint64_t done_bytes, std::uint64_t total_bytes,
                         Clock::duration elapsed) {
  const double seconds = std::chrono::duration<double>(elapsed).count();
  const auto done_so_far = static_cast<double>(done_bytes);
  const auto total = static_cast<double>(total_bytes);
  const double done = total_bytes == 0 ? 1.0 : std::min(1.0, done_so_far / total);
  std::string line = Bar(done) + Megabytes(done_so_far, 0) + " of " + Megabytes(total, 0) + " MB";
  if (seconds >= 0.5) line += "  " + Megabytes(done_so_far / seconds, 1) + " MB/s";
  if (seconds >= 2 && done > 0.01 && done < 1) {
    line += "  " + Duration(seconds / done * (1 - done)) + " left";
  }
  return line;
}

std::string ProgressLine(const ProgressCounts& counts, std::uint64_t total_weight,
                         Clock::duration elapsed) {
  const double seconds = std::chrono::duration<double>(elapsed).count();
  const double done =
      total_weight == 0
          ? 1.0
          : std::min(1.0, static_cast<double>(counts.weight) / static_cast<double>(total_weight));
  const std::uint64_t pictures = counts.imported + counts.skipped + counts.refused;
  std::string line = Bar(done);
  line += std::to_string(pictures) + " pictures";
  if (seconds >= 0.5) {
    const double rate = static_cast<double>(pictures) / seconds;
    line += "  " + std::to_string(static_cast<std::uint64_t>(std::llround(rate))) + "/s";
    // Before that the estimate jumps about.
    if (done > 0.01 && seconds >= 2 && done < 1) {
      line += "  " + Duration(seconds / done * (1 - done)) + " left";
    }
  }
  if (counts.skipped > 0) line += "  (" + std::to_string(counts.skipped) + " already there)";
  if (counts.refused > 0) line += "  (" + std::to_string(counts.refused) + " refused)";
  return line;
}

Progress::Progress(std::uint64_t total_weight, bool is_terminal)
    : total_weight_(total_weight), is_terminal_(is_terminal), start_(Clock::now()) {
  thread_ = std::thread([this] { Show(); });
}

Progress::~Progress() {
  Finish();
}

void Progress::Imported(std::uint64_t weight) {
  MutexLock lock(mutex_);
  ++counts_.imported;
  counts_.weight += weight;
}

void Progress::Skipped(std::uint64_t weight) {
  MutexLock lock(mutex_);
  ++counts_.skipped;
  counts_.weight += weight;
}

void Progress::Refused(std::uint64_t weight) {
  MutexLock lock(mutex_);
  ++counts_.refused;
  counts_.weight += weight;
}

void Progress::Other(std::uint64_t weight) {
  MutexLock lock(mutex_);
  counts_.weight += weight;
}

void Progress::Finish() {
  {
    MutexLock lock(mutex_);
    finished_ = true;
    finished_changed_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

ProgressCounts Progress::counts() const {
  MutexLock lock(mutex_);
  return counts_;
}

Clock::duration Progress::elapsed() const {
  return Clock::now() - start_;
}

void Progress::Show() {
  Clock::time_point next =
      start_ + (is_terminal_ ? Clock::duration(kBarInterval) : Clock::duration(kLineInterval));
  MutexLock lock(mutex_);
  while (!finished_) {
    finished_changed_.WaitUntil(mutex_, next);
    if (finished_ || Clock::now() < next) continue;
    next = Clock::now() +
           (is_terminal_ ? Clock::duration(kBarInterval) : Clock::duration(kLineInterval));
    const std::string line = ProgressLine(counts_, total_weight_, elapsed());
    // \x1b[K: what an earlier, longer line left over.
    std::fprintf(stderr, is_terminal_ ? "\r%s\x1b[K" : "%s\n", line.c_str());
    std::fflush(stderr);
  }
  if (is_terminal_) std::fputs("\r\x1b[K", stderr);
}

}  // namespace ocellus::cli
