#include "server/model_pull.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "cli/progress.h"
#include "embed/bundle_folder.h"

namespace ocellus::server {
namespace {

using Clock = std::chrono::steady_clock;

constexpr char kPartEnding[] = ".part";
constexpr int kTries = 5;
constexpr std::chrono::milliseconds kBarInterval{200};

// The bar, drawn now and then. One owner thread.
class Bar {
 public:
  Bar(std::uint64_t total, bool shown) : total_(total), shown_(shown), start_(Clock::now()) {}
  ~Bar() {
    if (shown_) std::fputs("\r\x1b[K", stderr);
  }
  Bar(const Bar&) = delete;
  Bar& operator=(const Bar&) = delete;

  void Set(std::uint64_t done) {
    if (!shown_ || Clock::now() < next_) return;
    next_ = Clock::now() + kBarInterval;
    std::fprintf(stderr, "\r%s\x1b[K",
                 cli::TransferLine(done, total_, Clock::now() - start_).c_str());
    std::fflush(stderr);
  }

 private:
  const std::uint64_t total_;
  const bool shown_;
  const Clock::time_point start_;
  Clock::time_point next_;
};

Status CheckContent(os::File& file, const fetch::HubFile& wanted) {
  OCELLUS_ASSIGN_OR_RETURN(const std::uint64_t size, file.Size());
  const auto wrong = [&](const std::string& what) {
    return Status(Code::kCorruption,
                  wanted.path + ": " + what + "; it was removed, run the same command again");
  };
  if (size != wanted.size) {
    return wrong("has " + std::to_string(size) + " bytes, the hub says " +
                 std::to_string(wanted.size));
  }
  os::MappedRegion region;
  if (size > 0) {
    OCELLUS_ASSIGN_OR_RETURN(region, file.Map(0, static_cast<std::size_t>(size)));
  }
  const Bytes bytes(region.data(), region.size());
  if (!wanted.sha256.empty() && Sha256Hex(bytes) != wanted.sha256) {
    return wrong("its SHA-256 is not the one that the hub says");
  }
  if (wanted.sha256.empty() && !wanted.git_oid.empty() && GitBlobHex(bytes) != wanted.git_oid) {
    return wrong("its content is not the one that the hub says");
  }
  return {};
}

class Pull {
 public:
  Pull(os::FileSystem& files, const PullOptions& options, const std::atomic<bool>& stop)
      : files_(files),
        options_(options),
        stop_(stop),
        hub_(options.hub, stop),
        folder_(options.models + "/.pulling-" + options.name) {}

  Result<std::string> Run() {
    OCELLUS_ASSIGN_OR_RETURN(const std::vector<fetch::HubFile> wanted, Choose());
    std::uint64_t total = 0;
    for (const fetch::HubFile& file : wanted) total += file.size;
    OCELLUS_RETURN_IF_ERROR(files_.CreateDirectories(folder_));
    OCELLUS_ASSIGN_OR_RETURN(const std::uint64_t free, files_.FreeBytes(folder_));
    if (free < total) {
      return Status(Code::kResourceExhausted, "the bundle has " + std::to_string(total) +
                                                  " bytes, the disk has room for " +
                                                  std::to_string(free));
    }
    Bar bar(total, options_.show_bar);
    for (const fetch::HubFile& file : wanted) {
      OCELLUS_RETURN_IF_ERROR(FetchFile(file, bar).WithContext(file.path));
      done_ += file.size;
    }
    return folder_;
  }

 private:
  Result<std::vector<fetch::HubFile>> Choose() {
    OCELLUS_ASSIGN_OR_RETURN(const std::vector<fetch::HubFile> all, hub_.List(options_.model));
    std::vector<std::string> names;
    for (const fetch::HubFile& file : all) names.push_back(file.path);
    Result<std::vector<std::string>> chosen = embed::ChooseBundleFiles(names, options_.variant);
    if (!chosen.ok()) {
      return std::move(chosen).status().WithContext(
          options_.model + " has no network that can be used (an ONNX export is wanted)");
    }
    std::vector<fetch::HubFile> wanted;
    for (const std::string& name : *chosen) {
      wanted.push_back(*std::find_if(
          all.begin(), all.end(), [&](const fetch::HubFile& file) { return file.path == name; }));
    }
    return wanted;
  }

  Status FetchFile(const fetch::HubFile& wanted, Bar& bar) {
    const std::string path = folder_ + "/" + wanted.path;
    OCELLUS_ASSIGN_OR_RETURN(const bool there, files_.Exists(path));
    if (there) {
      OCELLUS_ASSIGN_OR_RETURN(const auto file, files_.Open(path, os::OpenMode::kRead));
      if (CheckContent(*file, wanted).ok()) return {};  // by an earlier call
    }
    OCELLUS_RETURN_IF_ERROR(files_.CreateDirectories(os::DirectoryOf(path)));
    const std::string part = path + kPartEnding;
    OCELLUS_RETURN_IF_ERROR(FetchPart(wanted, part, bar));
    OCELLUS_ASSIGN_OR_RETURN(const auto file, files_.Open(part, os::OpenMode::kReadWrite));
    if (Status content = CheckContent(*file, wanted); !content.ok()) {
      (void)files_.Remove(part).ok();
      return content;
    }
    OCELLUS_RETURN_IF_ERROR(file->Sync());
    return files_.Rename(part, path);
  }

  // All of the file into `part`, whatever is there already left as it is. A transfer that breaks
  // off is gone on with a few times.
  Status FetchPart(const fetch::HubFile& wanted, const std::string& part, Bar& bar) {
    OCELLUS_ASSIGN_OR_RETURN(const auto file, files_.Open(part, os::OpenMode::kCreate));
    OCELLUS_ASSIGN_OR_RETURN(std::uint64_t at, file->Size());
    if (at > wanted.size) at = 0;
    const fetch::HubClient::Receiver receiver = {
        [&](Bytes bytes) -> Status {
          if (bytes.size() > wanted.size - at) {
            return {Code::kCorruption, "the hub sends more than the " +
                                           std::to_string(wanted.size) + " bytes that it said"};
          }
          OCELLUS_RETURN_IF_ERROR(file->WriteAt(at, bytes));
          at += bytes.size();
          bar.Set(done_ + at);
          return {};
        },
        [&]() -> Status {
          at = 0;
          return file->Truncate(0);
        }};
    for (int tries = 1; at < wanted.size || wanted.size == 0; ++tries) {
      const std::uint64_t before = at;
      const Status status = hub_.Download(options_.model, wanted, at, receiver);
      if (status.ok()) break;
      if (at > before) tries = 1;  // it goes forward
      if (status.code() != Code::kUnavailable || tries == kTries) return status;
      for (int tenths = 0; tenths < 5 * tries && !stop_.load(std::memory_order_relaxed); ++tenths) {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
      }
    }
    return {};
  }

  os::FileSystem& files_;
  const PullOptions& options_;
  const std::atomic<bool>& stop_;
  fetch::HubClient hub_;
  const std::string folder_;
  std::uint64_t done_ = 0;  // bytes of the files before
};

}  // namespace

Result<std::string> PullFiles(os::FileSystem& files, const PullOptions& options,
                              const std::atomic<bool>& stop) {
  return Pull(files, options, stop).Run();
}

}  // namespace ocellus::server
