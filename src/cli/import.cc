#include "cli/import.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <memory>
#include <optional>
#include <thread>
#include <unordered_map>
#include <unordered_set>

#include "base/base64.h"
#include "base/bounded_queue.h"
#include "base/digest.h"
#include "base/mutex.h"
#include "cli/byte_budget.h"
#include "cli/picture_finder.h"
#include "cli/progress.h"
#include "os/file_system.h"

namespace ocellus::cli {
namespace {

// The server is asked about so many pictures at a time what it has already.
constexpr std::size_t kAskAtOnce = 64;
constexpr std::size_t kAskAtBytes = 8 << 20;
// Of pictures read and not yet sent.
constexpr std::size_t kMaxBytesInWork = 256 << 20;
// A server that fails so often in a row has a trouble of its own: a full disk, say.
constexpr int kFailuresInARow = 20;
constexpr std::size_t kClashDigits = 12;

Value::Map::iterator FindTag(Value::Map& tags, const std::string& key) {
  return std::find_if(tags.begin(), tags.end(), [&](const auto& tag) { return tag.first == key; });
}

struct Refusal {
  std::string origin;
  std::string reason;
};

// Everything of one run. Find() and Ask run on the caller's thread, Send on threads of their own.
class Import final : public FindingSink {
 public:
  Import(const ImportOptions& options, const std::atomic<bool>& stop, std::uint64_t total_weight)
      : options_(options),
        stop_(stop),
        asker_(Patient(options.server), stop),
        progress_(total_weight, options.show_bar),
        budget_(kMaxBytesInWork),
        queue_(2 * std::size_t{options.jobs}) {
    for (unsigned i = 0; i < options.jobs; ++i) {
      senders_.emplace_back([this] { Send(); });
    }
  }

  ~Import() override { Finish(); }
  Import(const Import&) = delete;
  Import& operator=(const Import&) = delete;

  bool OnPicture(FoundPicture picture) override {
    Pending pending;
    pending.digest = Sha256Hex(AsBytes(picture.bytes));
    pending.picture = std::move(picture);
    budget_.Take(pending.picture.bytes.size());
    pending_bytes_ += pending.picture.bytes.size();
    pending_.push_back(std::move(pending));
    if (pending_.size() >= kAskAtOnce || pending_bytes_ >= kAskAtBytes) Ask();
    return !Ended();
  }

  bool OnUnreadable(const std::string& origin, const std::string& reason,
                    std::uint64_t weight) override {
    Refuse(origin, reason, weight);
    return !Ended();
  }

  bool OnOtherFile(const std::string&, std::uint64_t weight) override {
    ++others_;
    progress_.Other(weight);
    return !Ended();
  }

  // Sends what is left and waits for it.
  void Finish() {
    if (!Ended()) Ask();
    queue_.Close();
    for (std::thread& sender : senders_) {
      if (sender.joinable()) sender.join();
    }
    progress_.Finish();
  }

  // REQUIRES: Finish() returned
  const Progress& progress() const { return progress_; }
  std::uint64_t others() const { return others_; }
  std::vector<Refusal> TakeRefusals() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return std::move(refusals_);
  }
  Status failure() const EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return failure_;
  }

 private:
  struct Pending {
    FoundPicture picture;
    std::string digest;
  };

  static ServerOptions Patient(ServerOptions server) {
    server.patient = true;
    return server;
  }

  bool Ended() const {
    return stop_.load(std::memory_order_relaxed) || failed_.load(std::memory_order_relaxed);
  }

  // Leaves out what the server has and hands the rest to the senders.
  void Ask() {
    std::vector<Pending> batch;
    batch.swap(pending_);
    pending_bytes_ = 0;
    if (batch.empty()) return;
    std::unordered_set<std::string> known;
    if (!options_.again) {
      std::vector<std::string> digests;
      for (const Pending& pending : batch) digests.push_back(pending.digest);
      Result<std::vector<std::string>> answer = asker_.Known(options_.library, digests);
      if (!answer.ok()) {
        Fail(answer.status());
        return;
      }
      known.insert(answer->begin(), answer->end());
    }
    for (Pending& pending : batch) {
      // Also for what is skipped, so that a run after an interruption names the rest alike.
      NameApart(pending);
      const std::size_t bytes = pending.picture.bytes.size();
      const bool sent_before = !options_.again && !seen_.insert(pending.digest).second;
      if (known.count(pending.digest) > 0 || sent_before) {
        progress_.Skipped(pending.picture.weight);
        budget_.Return(bytes);
      } else if (!queue_.Push(std::move(pending))) {
        budget_.Return(bytes);
      }
    }
  }

  // Two files of one name in this run would overwrite each other: the second gets a name of its
  // own, made of its content.
  void NameApart(Pending& pending) {
    FoundPicture& picture = pending.picture;
    if (picture.names_itself) return;
    const auto [named, fresh] = names_.emplace(picture.image_uri, pending.digest);
    if (!fresh && named->second != pending.digest) {
      picture.image_uri += "#" + pending.digest.substr(0, kClashDigits);
    }
  }

  void Send() {
    ServerClient client(Patient(options_.server), stop_);
    while (std::optional<Pending> pending = queue_.Pop()) {
      FoundPicture& picture = pending->picture;
      const std::size_t bytes = picture.bytes.size();
      if (!Ended()) SendOne(client, picture);
      budget_.Return(bytes);
    }
  }

  void SendOne(ServerClient& client, FoundPicture& picture) {
    Value::Map tags = options_.tags;
    for (auto& [key, value] : picture.tags) {
      const auto same = FindTag(tags, key);
      if (same == tags.end()) {
        tags.emplace_back(key, std::move(value));
      } else {
        same->second = std::move(value);
      }
    }
    const Status added =
        client.AddImage({{"library_name", options_.library},
                         {"image_id", picture.image_id},
                         {"image_uri", picture.image_uri},
                         {"image_base64", EncodeBase64(AsBytes(picture.bytes))},
                         {"tags", std::move(tags)},
                         {"save_image", picture.save_image && options_.keep_pictures}});
    if (added.ok()) {
      failures_in_a_row_.store(0, std::memory_order_relaxed);
      progress_.Imported(picture.weight);
      return;
    }
    switch (added.code()) {
      case Code::kNotFound:            // the library went
      case Code::kFailedPrecondition:  // the key may not
        return Fail(added);
      case Code::kUnavailable:
        if (stop_.load(std::memory_order_relaxed)) return;  // given up for the interrupt
        return Fail(added);
      case Code::kInternal:
        if (failures_in_a_row_.fetch_add(1, std::memory_order_relaxed) + 1 >= kFailuresInARow) {
          return Fail(added);
        }
        break;
      default:
        break;
    }
    Refuse(picture.origin, added.message(), picture.weight);
  }

  void Refuse(const std::string& origin, const std::string& reason, std::uint64_t weight)
      EXCLUDES(mutex_) {
    progress_.Refused(weight);
    MutexLock lock(mutex_);
    refusals_.push_back({origin, reason});
  }

  void Fail(const Status& status) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    if (failure_.ok()) failure_ = status;
    failed_.store(true, std::memory_order_relaxed);
  }

  const ImportOptions& options_;
  const std::atomic<bool>& stop_;
  ServerClient asker_;
  Progress progress_;
  ByteBudget budget_;
  BoundedQueue<Pending> queue_;

  // Of the caller's thread.
  std::vector<Pending> pending_;
  std::size_t pending_bytes_ = 0;
  std::uint64_t others_ = 0;
  std::unordered_map<std::string, std::string> names_;  // image_uri to digest
  std::unordered_set<std::string> seen_;                // digests

  std::atomic<bool> failed_{false};        // relaxed: a hint to stop early
  std::atomic<int> failures_in_a_row_{0};  // relaxed: a count that orders nothing
  mutable Mutex mutex_;
  Status failure_ GUARDED_BY(mutex_);
  std::vector<Refusal> refusals_ GUARDED_BY(mutex_);
  std::vector<std::thread> senders_;  // the last one: they use all above
};

int Complain(const Status& status) {
  std::fprintf(stderr, "ocellus: %s\n", status.message().c_str());
  return kExitFailed;
}

Status EnsureLibrary(const ImportOptions& options, ServerClient& client) {
  OCELLUS_ASSIGN_OR_RETURN(const Value data, client.ListLibraries());
  OCELLUS_ASSIGN_OR_RETURN(const std::vector<LibraryInfo> libraries, LibrariesOf(data));
  const bool there = std::any_of(libraries.begin(), libraries.end(), [&](const LibraryInfo& info) {
    return info.name == options.library;
  });
  if (there) return {};
  if (!options.create) {
    return {Code::kNotFound, "there is no library '" + options.library +
                                 "': make it with `ocellus library create " + options.library +
                                 "`"};
  }
  const auto created = client.CreateLibrary(options.library, "general_search", "");
  // Another import may have made it in between.
  if (!created.ok() && created.status().code() != Code::kAlreadyExists) return created.status();
  std::fprintf(stderr, "Made the library '%s' (general_search: by picture and by words).\n",
               options.library.c_str());
  return {};
}

void Report(const ProgressCounts& counts, double seconds, std::uint64_t others,
            const std::vector<Refusal>& refusals, bool interrupted) {
  for (const Refusal& refusal : refusals) {
    std::printf("refused: %s: %s\n", refusal.origin.c_str(), refusal.reason.c_str());
  }
  const std::uint64_t all = counts.imported + counts.skipped + counts.refused;
  std::printf("%s: imported %llu, skipped %llu (already there), refused %llu; %.1f s, %.0f/s\n",
              interrupted ? "interrupted" : "done",
              static_cast<unsigned long long>(counts.imported),
              static_cast<unsigned long long>(counts.skipped),
              static_cast<unsigned long long>(counts.refused), seconds,
              seconds > 0 ? static_cast<double>(all) / seconds : 0.0);
  if (others > 0) {
    std::printf("%llu other files are no pictures and were left alone\n",
                static_cast<unsigned long long>(others));
  }
  if (interrupted) std::printf("Run the same command again to go on.\n");
}

}  // namespace

int RunImport(const ImportOptions& options, const std::atomic<bool>& stop) {
  ServerClient client(options.server, stop);
  if (const Status ready = EnsureLibrary(options, client); !ready.ok()) return Complain(ready);
  os::PosixFileSystem files;
  PictureFinder finder(files);
  if (const Status planned = finder.Plan(options.paths); !planned.ok()) return Complain(planned);

  Import run(options, stop, finder.total_weight());
  finder.Find(run);
  run.Finish();

  const std::vector<Refusal> refusals = run.TakeRefusals();
  const bool interrupted = stop.load(std::memory_order_relaxed);
  const Status failure = run.failure();
  Report(run.progress().counts(), std::chrono::duration<double>(run.progress().elapsed()).count(),
         run.others(), refusals, interrupted);
  if (!failure.ok() && !interrupted) return Complain(failure);
  if (interrupted) return kExitInterrupted;
  return options.strict && !refusals.empty() ? kExitRefused : kExitDone;
}

Result<Value::Map> ParseTags(const std::vector<std::string>& arguments) {
  Value::Map tags;
  for (const std::string& argument : arguments) {
    const std::size_t equals = argument.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Status(Code::kInvalidArgument, "--tag " + argument + " is not of the form key=value");
    }
    const std::string key = argument.substr(0, equals);
    Value value(argument.substr(equals + 1));
    const auto same = FindTag(tags, key);
    if (same == tags.end()) {
      tags.emplace_back(key, std::move(value));
    } else if (Value::List* list = same->second.as_list(); list != nullptr) {
      list->push_back(std::move(value));
    } else {
      Value::List both;
      both.push_back(std::move(same->second));
      both.push_back(std::move(value));
      same->second = Value(std::move(both));
    }
  }
  return tags;
}

}  // namespace ocellus::cli
