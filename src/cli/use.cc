#include "cli/use.h"

#include <chrono>
#include <cstdio>
#include <thread>

#include "cli/import.h"
#include "cli/progress.h"

namespace ocellus::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kPoll{300};
constexpr std::size_t kShownPictures = 20;

std::int64_t CountOf(const Value& job, std::string_view name) {
  const Value* value = job.Find(name);
  return value == nullptr || value->as_int() == nullptr ? 0 : *value->as_int();
}

std::string WordOf(const Value& job, std::string_view name) {
  const Value* value = job.Find(name);
  return value == nullptr || value->as_string() == nullptr ? "" : *value->as_string();
}

bool IsFinished(const std::string& state) {
  return state == "succeeded" || state == "partial" || state == "failed";
}

// A picture by its names, a row of a table by its key.
std::string NameOf(const Value& error) {
  if (error.Find("key") != nullptr) return WordOf(error, "key");
  return WordOf(error, "image_uri") + " (" + WordOf(error, "image_id") + ")";
}

// What could not follow, the first of them.
void PrintLeft(const Value& job) {
  const Value* errors = job.Find("errors");
  if (errors == nullptr || errors->as_list() == nullptr) return;
  std::size_t shown = 0;
  for (const Value& error : *errors->as_list()) {
    if (shown++ == kShownPictures) break;
    std::printf("cannot follow: %s: %s\n", NameOf(error).c_str(), WordOf(error, "message").c_str());
  }
  const std::int64_t more = CountOf(job, "failed") - static_cast<std::int64_t>(shown);
  if (more > 0) std::printf("and %lld more\n", static_cast<long long>(more));
}

}  // namespace

int RunUse(const UseOptions& options, const std::atomic<bool>& stop) {
  ServerClient client(options.server, stop);
  const auto complain = [](const Status& status) {
    std::fprintf(stderr, "ocellus: %s\n", status.message().c_str());
    return kExitFailed;
  };
  Result<Value> job = client.UseBundle(options.library, options.bundle, options.leave_behind);
  if (!job.ok()) return complain(job.status());
  const std::string id = WordOf(*job, "id");
  if (options.no_wait) {
    std::printf("Started: GET /api/v1/admin/jobs/%s tells how far it is.\n", id.c_str());
    return 0;
  }
  const Clock::time_point start = Clock::now();
  while (!IsFinished(WordOf(*job, "state"))) {
    if (stop.load(std::memory_order_relaxed)) {
      if (options.show_bar) std::fputs("\r\x1b[K", stderr);
      std::fprintf(stderr, "The server goes on with it; run the same command to look again.\n");
      return kExitInterrupted;
    }
    if (options.show_bar) {
      ProgressCounts counts;
      counts.imported = static_cast<std::uint64_t>(CountOf(*job, "success"));
      counts.refused = static_cast<std::uint64_t>(CountOf(*job, "failed"));
      counts.weight = counts.imported + counts.refused;
      const auto total = static_cast<std::uint64_t>(CountOf(*job, "total"));
      std::fprintf(
          stderr, "\r%s\x1b[K",
          ProgressLine(counts, std::max<std::uint64_t>(total, 1), Clock::now() - start).c_str());
      std::fflush(stderr);
    }
    std::this_thread::sleep_for(kPoll);
    job = client.Job(id);
    if (!job.ok()) return complain(job.status());
  }
  if (options.show_bar) std::fputs("\r\x1b[K", stderr);
  PrintLeft(*job);
  if (WordOf(*job, "state") == "failed" && !WordOf(*job, "message").empty()) {
    std::fprintf(stderr, "ocellus: %s\n", WordOf(*job, "message").c_str());
    return CountOf(*job, "failed") > 0 ? kExitRefused : kExitFailed;
  }
  std::printf("'%s' has the vectors of the bundle '%s' now: %lld made, %lld could not follow.\n",
              options.library.c_str(), options.bundle.c_str(),
              static_cast<long long>(CountOf(*job, "success")),
              static_cast<long long>(CountOf(*job, "failed")));
  return 0;
}

}  // namespace ocellus::cli
