#include "engine/line_import.h"

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "engine/line_reader.h"

namespace ocellus::engine {
namespace {

constexpr char kOffset[] = "offset";  // kept on disk: never change
constexpr char kLine[] = "line";

std::uint64_t CountOf(const Value& checkpoint, const char* name) {
  const Value* value = checkpoint.Find(name);
  const std::int64_t* number = value != nullptr ? value->as_int() : nullptr;
  return number != nullptr && *number > 0 ? static_cast<std::uint64_t>(*number) : 0;
}

// A pass over the file of its own: reading is a thousand times faster than what is done with it.
Status CountLines(JobRun& job, Sources& sources, const std::string& location,
                  const LineImportOptions& options) {
  OCELLUS_ASSIGN_OR_RETURN(std::unique_ptr<ByteStream> stream, sources.Open(location));
  LineReader reader(std::move(stream), options.max_line_bytes);
  std::uint64_t total = 0;
  while (!job.stopping()) {
    OCELLUS_ASSIGN_OR_RETURN(const std::optional<LineReader::Line> line, reader.Next());
    if (!line.has_value()) {
      job.SetTotal(total);
      return {};
    }
    ++total;
  }
  return Status(Code::kCancelled, "stopping");
}

// The lines in work, in the order of the file: filled and emptied by the job's thread, worked on by
// the others.
class Window {
 public:
  Window(unsigned threads, std::size_t max_bytes, const LineHandler& handler)
      : max_lines_(4 * std::size_t{threads}), max_bytes_(max_bytes), handler_(handler) {
    for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { Work(); });
  }

  // What was not begun is dropped; what was is waited for.
  ~Window() {
    {
      MutexLock lock(mutex_);
      closed_ = true;
      waiting_.clear();
      changed_.NotifyAll();
    }
    threads_.clear();
  }

  struct Slot {
    LineReader::Line line;
    std::size_t bytes = 0;
    std::optional<LineResult> result;
  };

  bool HasRoomFor(std::size_t bytes) const {
    return slots_.empty() || (slots_.size() < max_lines_ && bytes_ + bytes <= max_bytes_);
  }
  bool empty() const { return slots_.empty(); }

  void Push(LineReader::Line line) EXCLUDES(mutex_) {
    auto slot = std::make_unique<Slot>();
    slot->bytes = line.text.size();
    slot->line = std::move(line);
    bytes_ += slot->bytes;
    MutexLock lock(mutex_);
    if (slot->line.too_long) {
      slot->result.emplace();
      slot->result->status = Status(Code::kInvalidArgument, "the line is too long");
    } else {
      waiting_.push_back(slot.get());
      changed_.NotifyAll();
    }
    slots_.push_back(std::move(slot));
  }

  // Waits for the oldest. REQUIRES: !empty()
  std::unique_ptr<Slot> Pop() EXCLUDES(mutex_) {
    std::unique_ptr<Slot> slot = std::move(slots_.front());
    slots_.pop_front();
    bytes_ -= slot->bytes;
    MutexLock lock(mutex_);
    while (!slot->result.has_value()) changed_.Wait(mutex_);
    return slot;
  }

 private:
  void Work() EXCLUDES(mutex_) {
    while (true) {
      Slot* slot = nullptr;
      {
        MutexLock lock(mutex_);
        while (!closed_ && waiting_.empty()) changed_.Wait(mutex_);
        if (closed_) return;
        slot = waiting_.front();
        waiting_.pop_front();
      }
      LineResult result = handler_(slot->line.text);
      MutexLock lock(mutex_);
      slot->line.text = std::string();
      slot->result = std::move(result);
      changed_.NotifyAll();
    }
  }

  const std::size_t max_lines_;
  const std::size_t max_bytes_;
  const LineHandler& handler_;

  // The job's thread alone.
  std::deque<std::unique_ptr<Slot>> slots_;
  std::size_t bytes_ = 0;

  Mutex mutex_;
  CondVar changed_;
  std::deque<Slot*> waiting_ GUARDED_BY(mutex_);
  bool closed_ GUARDED_BY(mutex_) = false;

  std::vector<std::jthread> threads_;  // last: they use the rest
};

// Waits for the oldest line and tells the job of it.
Status TakeOne(JobRun& job, Window& window) {
  const std::unique_ptr<Window::Slot> slot = window.Pop();
  LineResult& result = *slot->result;
  if (!result.stop_because.ok()) return std::move(result.stop_because);
  Value checkpoint(Value::Map{{kOffset, static_cast<std::int64_t>(slot->line.end_offset)},
                              {kLine, static_cast<std::int64_t>(slot->line.number)}});
  if (result.status.ok()) return job.Advance(1, {}, std::move(checkpoint));
  JobError error{slot->line.number, std::move(result.subject), result.status.message()};
  return job.Advance(0, {std::move(error)}, std::move(checkpoint));
}

}  // namespace

Status ImportLines(JobRun& job, Sources& sources, const std::string& location,
                   const LineImportOptions& options, const LineHandler& handler) {
  OCELLUS_RETURN_IF_ERROR(
      CountLines(job, sources, location, options).WithContext("count the lines"));
  OCELLUS_ASSIGN_OR_RETURN(std::unique_ptr<ByteStream> stream, sources.Open(location));
  LineReader reader(std::move(stream), options.max_line_bytes);
  const Value& checkpoint = job.checkpoint();
  OCELLUS_RETURN_IF_ERROR(reader.SkipTo(CountOf(checkpoint, kOffset), CountOf(checkpoint, kLine)));

  const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
  Window window(options.threads != 0 ? options.threads : std::clamp(2 * cores, 4U, 32U),
                options.max_bytes_in_work, handler);
  while (!job.stopping()) {
    OCELLUS_ASSIGN_OR_RETURN(std::optional<LineReader::Line> line, reader.Next());
    const std::size_t bytes = line.has_value() ? line->text.size() : 0;
    while (!window.empty() && (!line.has_value() || !window.HasRoomFor(bytes))) {
      OCELLUS_RETURN_IF_ERROR(TakeOne(job, window));
      if (job.stopping()) return Status(Code::kCancelled, "stopping");
    }
    if (!line.has_value()) return {};
    window.Push(*std::move(line));
  }
  return Status(Code::kCancelled, "stopping");
}

}  // namespace ocellus::engine
