// Jobs: work in the background that goes on after a restart, with its progress and what failed.
//
// A job and its failures are rows of the internal table "ocellus.jobs", so a job is where its rows
// are. What a kind of job does is a handler of its owner; handlers of a front read the job's input
// in the front's own words.

#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/metrics.h"
#include "base/mutex.h"
#include "base/result.h"
#include "base/value.h"
#include "store/table_store.h"

namespace ocellus::engine {

enum class JobState : std::uint8_t { kPending, kRunning, kSucceeded, kPartial, kFailed };

// One item that failed.
struct JobError {
  std::uint64_t item = 0;  // its number, from 1
  Value::Map subject;      // what it was about, in the words of the job's kind
  std::string message;
};

struct Job {
  std::string id;
  std::string kind;
  std::string table;  // that it works on; empty: none
  Value input;
  JobState state = JobState::kPending;
  // Items. While the job runs `total` may be unknown (0) and the others lag behind a little.
  std::uint64_t total = 0;
  std::uint64_t success = 0;
  std::uint64_t failed = 0;
  std::vector<JobError> errors;       // the first ones, in order
  std::uint64_t errors_left_out = 0;  // beyond them
  std::string message;                // why the job as a whole failed; else empty
  std::int64_t create_time_ms = 0;    // since 1970
  std::int64_t finish_time_ms = 0;    // 0: not finished
};

struct JobsOptions {
  unsigned max_running = 2;
  std::size_t max_waiting = 100;
  std::size_t max_kept = 1000;  // finished ones beyond it go, oldest first
  std::size_t max_errors_a_job = 1000;
  // How often progress is written: what a crash repeats at most.
  std::chrono::milliseconds checkpoint_interval{1000};
};

// What a handler sees of its job. One owner thread: the one that runs the handler.
class JobRun {
 public:
  virtual ~JobRun() = default;

  virtual const std::string& table() const = 0;
  virtual const Value& input() const = 0;

  // What Advance() kept last, before a restart. Null: start from the beginning.
  virtual const Value& checkpoint() const = 0;

  // The handler must return soon, with Cancelled; the job goes on after the next start.
  virtual bool stopping() const = 0;

  virtual void SetTotal(std::uint64_t items) = 0;

  // Items are through, all of those before `checkpoint`. Written with it now and then, so that
  // after a crash what follows the kept checkpoint is done again. A failure is the store's.
  virtual Status Advance(std::uint64_t succeeded, std::vector<JobError> failures,
                         Value checkpoint) = 0;
};

// Does the job. A failure other than Cancelled fails the job as a whole; items that failed do not.
using JobHandler = std::function<Status(JobRun&)>;

// Thread-safe. The store is borrowed and outlives the object.
class Jobs {
 public:
  Jobs(store::TableStore& store, JobsOptions options, MetricsRegistry& metrics);
  ~Jobs();

  // REQUIRES: before Start()
  void Register(std::string kind, JobHandler handler);

  // Reads the jobs of the store and goes on with those that are not finished.
  Status Start();

  // Kept when it returns ok; runs when its turn comes. ResourceExhausted: too many are waiting.
  // Unavailable: not started, or stopped.
  Result<Job> Submit(const std::string& kind, const std::string& table, Value input)
      EXCLUDES(mutex_);

  // NotFound: never was, or is no longer kept.
  Result<Job> Get(const std::string& id) EXCLUDES(mutex_);

  // Those of a kind that are waiting or running, without their errors.
  std::vector<Job> Unfinished(const std::string& kind) EXCLUDES(mutex_);

  // Running handlers are told, and waited for. Safe to call twice.
  void Stop() EXCLUDES(mutex_);

 private:
  class Run;
  struct Entry;

  Status Load() EXCLUDES(mutex_);
  Status Refusal() const REQUIRES(mutex_);  // why no job can be taken now; ok: it can
  void Work() EXCLUDES(mutex_);
  void RunOne(Entry& entry) EXCLUDES(mutex_);
  void Forget() EXCLUDES(mutex_);
  Status Write(const Job& job, const std::vector<JobError>& errors, const Value& checkpoint);

  store::TableStore& store_;
  const JobsOptions options_;
  Counter& items_done_;
  Counter& items_failed_;
  std::map<std::string, JobHandler> handlers_;  // constant after Start()
  std::shared_ptr<store::Table> table_;         // constant after Start()

  Mutex mutex_;
  CondVar work_;
  bool started_ GUARDED_BY(mutex_) = false;
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::map<std::string, std::shared_ptr<Entry>> jobs_ GUARDED_BY(mutex_);
  std::deque<std::shared_ptr<Entry>> waiting_ GUARDED_BY(mutex_);
  std::vector<std::thread> threads_ GUARDED_BY(mutex_);
};

}  // namespace ocellus::engine
