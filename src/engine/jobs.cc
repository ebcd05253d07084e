#include "engine/jobs.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "base/digest.h"
#include "base/utf8.h"

namespace ocellus::engine {
namespace {

constexpr char kTable[] = "ocellus.jobs";
constexpr std::size_t kMaxMessageBytes = 1000;

// Columns of the internal table, in its order. A job is the row of item 0, its failures are the
// rows of the items that failed: so one batch writes progress and failures together. Names and
// words are kept on disk: never change.
enum ColumnAt : std::size_t {
  kJob,
  kItem,
  kKind,
  kTarget,
  kInput,
  kState,
  kTotal,
  kSuccess,
  kFailed,
  kLeftOut,
  kCheckpoint,
  kMessage,
  kSubject,
  kCreated,
  kFinished,
  kColumns
};

struct ColumnName {
  const char* name;
  store::ColumnType type;
};
constexpr std::array<ColumnName, kColumns> kColumnNames = {{
    {"job", store::ColumnType::kString},
    {"item", store::ColumnType::kInt64},
    {"kind", store::ColumnType::kString},
    {"target", store::ColumnType::kString},
    {"input", store::ColumnType::kString},
    {"state", store::ColumnType::kString},
    {"total", store::ColumnType::kInt64},
    {"success", store::ColumnType::kInt64},
    {"failed", store::ColumnType::kInt64},
    {"left_out", store::ColumnType::kInt64},
    {"checkpoint", store::ColumnType::kString},
    {"message", store::ColumnType::kString},
    {"subject", store::ColumnType::kMap},
    {"created", store::ColumnType::kInt64},
    {"finished", store::ColumnType::kInt64},
}};

constexpr std::array<const char*, 5> kStateWords = {"pending", "running", "succeeded", "partial",
                                                    "failed"};

bool IsFinished(JobState state) {
  return state != JobState::kPending && state != JobState::kRunning;
}

std::int64_t NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

Value Number(std::uint64_t number) {
  return static_cast<std::int64_t>(number);
}

store::TableSchema Schema() {
  store::TableSchema schema;
  schema.name = kTable;
  for (const ColumnName& column : kColumnNames) {
    schema.columns.push_back({column.name, column.type, false, false, {}});
  }
  schema.primary_key = {kColumnNames[kJob].name, kColumnNames[kItem].name};
  return schema;
}

std::vector<std::string> AllColumns() {
  std::vector<std::string> names;
  names.reserve(std::size(kColumnNames));
  for (const ColumnName& column : kColumnNames) names.emplace_back(column.name);
  return names;
}

query::Filter Where(ColumnAt column, query::Op op, Value value) {
  return query::Filter::Where({kColumnNames[column].name, ""}, op, std::move(value));
}

const Value& ValueAt(const store::Row& row, ColumnAt at) {
  static const Value kNull;
  const auto* value = std::get_if<Value>(&row.cells[at]);
  return value != nullptr ? *value : kNull;
}

std::string TextAt(const store::Row& row, ColumnAt at) {
  const std::string* text = ValueAt(row, at).as_string();
  return text != nullptr ? *text : std::string();
}

std::int64_t IntAt(const store::Row& row, ColumnAt at) {
  const std::int64_t* number = ValueAt(row, at).as_int();
  return number != nullptr ? *number : 0;
}

std::uint64_t CountAt(const store::Row& row, ColumnAt at) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, IntAt(row, at)));
}

// Null for what is not JSON: nothing else is written there.
Value JsonAt(const store::Row& row, ColumnAt at) {
  Result<Value> value = ParseJson(TextAt(row, at));
  return value.ok() ? *std::move(value) : Value();
}

store::Row RowOf(const Job& job, const Value& checkpoint) {
  store::Row row;
  row.cells.resize(kColumns);
  row.cells[kJob] = Value(job.id);
  row.cells[kItem] = Value(0);
  row.cells[kKind] = Value(job.kind);
  row.cells[kTarget] = Value(job.table);
  row.cells[kInput] = Value(WriteJson(job.input));
  row.cells[kState] = Value(kStateWords[static_cast<std::size_t>(job.state)]);
  row.cells[kTotal] = Number(job.total);
  row.cells[kSuccess] = Number(job.success);
  row.cells[kFailed] = Number(job.failed);
  row.cells[kLeftOut] = Number(job.errors_left_out);
  row.cells[kCheckpoint] = Value(WriteJson(checkpoint));
  row.cells[kMessage] = Value(job.message);
  row.cells[kCreated] = Value(job.create_time_ms);
  row.cells[kFinished] = Value(job.finish_time_ms);
  return row;
}

Job JobOf(const store::Row& row) {
  Job job;
  job.id = TextAt(row, kJob);
  job.kind = TextAt(row, kKind);
  job.table = TextAt(row, kTarget);
  job.input = JsonAt(row, kInput);
  const auto* word = std::find(kStateWords.begin(), kStateWords.end(), TextAt(row, kState));
  job.state = word == kStateWords.end() ? JobState::kFailed
                                        : static_cast<JobState>(word - kStateWords.begin());
  job.total = CountAt(row, kTotal);
  job.success = CountAt(row, kSuccess);
  job.failed = CountAt(row, kFailed);
  job.errors_left_out = CountAt(row, kLeftOut);
  job.message = TextAt(row, kMessage);
  job.create_time_ms = IntAt(row, kCreated);
  job.finish_time_ms = IntAt(row, kFinished);
  return job;
}

store::Row RowOf(const std::string& job, const JobError& error) {
  store::Row row;
  row.cells.resize(kColumns);
  row.cells[kJob] = Value(job);
  row.cells[kItem] = Number(error.item);
  row.cells[kMessage] = Value(error.message);
  row.cells[kSubject] = Value(error.subject);
  return row;
}

// Fit to be kept: messages may quote a path or a line, which are any bytes.
std::string Text(std::string_view text) {
  return std::string(Utf8Prefix(ToUtf8(text), kMaxMessageBytes));
}

// All rows that the filter admits, read a page at a time.
Status ForEachRow(store::Table& table, query::Filter filter, std::vector<std::string> columns,
                  const std::function<void(const store::Row&)>& visit) {
  store::ScanRequest scan;
  scan.filter = std::move(filter);
  scan.columns = std::move(columns);
  scan.limit = 1000;
  while (true) {
    OCELLUS_ASSIGN_OR_RETURN(const std::vector<store::Row> rows, table.Scan(scan));
    for (const store::Row& row : rows) visit(row);
    if (rows.size() < scan.limit) return {};
    scan.offset += rows.size();
  }
}

}  // namespace

// Guarded by Jobs::mutex_, except what says otherwise.
struct Jobs::Entry {
  Job job;  // without its errors; id, kind, table and input never change
  Value checkpoint;
  std::vector<JobError> unwritten;  // not in the table yet
};

class Jobs::Run final : public JobRun {
 public:
  Run(Jobs& jobs, Entry& entry)
      : jobs_(jobs), entry_(entry), start_(entry.checkpoint), written_(Clock::now()) {}

  const std::string& table() const override { return entry_.job.table; }
  const Value& input() const override { return entry_.job.input; }
  const Value& checkpoint() const override { return start_; }

  bool stopping() const override {
    MutexLock lock(jobs_.mutex_);
    return jobs_.stopping_;
  }

  void SetTotal(std::uint64_t items) override {
    MutexLock lock(jobs_.mutex_);
    entry_.job.total = items;
  }

  Status Advance(std::uint64_t succeeded, std::vector<JobError> failures,
                 Value checkpoint) override {
    jobs_.items_done_.Add(static_cast<double>(succeeded + failures.size()));
    jobs_.items_failed_.Add(static_cast<double>(failures.size()));
    {
      MutexLock lock(jobs_.mutex_);
      Job& job = entry_.job;
      job.success += succeeded;
      for (JobError& error : failures) {
        const std::uint64_t kept = job.failed++ - job.errors_left_out;
        if (kept >= jobs_.options_.max_errors_a_job) {
          ++job.errors_left_out;
          continue;
        }
        error.message = Text(error.message);
        entry_.unwritten.push_back(std::move(error));
      }
      entry_.checkpoint = std::move(checkpoint);
    }
    if (Clock::now() - written_ < jobs_.options_.checkpoint_interval) return {};
    return WriteNow();
  }

  Status WriteNow() {
    Job job;
    Value checkpoint;
    std::vector<JobError> errors;
    {
      MutexLock lock(jobs_.mutex_);
      job = entry_.job;
      checkpoint = entry_.checkpoint;
      errors = entry_.unwritten;
    }
    OCELLUS_RETURN_IF_ERROR(jobs_.Write(job, errors, checkpoint));
    MutexLock lock(jobs_.mutex_);
    entry_.unwritten.clear();  // only this thread adds to it
    written_ = Clock::now();
    return {};
  }

 private:
  using Clock = std::chrono::steady_clock;

  Jobs& jobs_;
  Entry& entry_;
  const Value start_;
  Clock::time_point written_;
};

Jobs::Jobs(store::TableStore& store, JobsOptions options, MetricsRegistry& metrics)
    : store_(store),
      options_(options),
      items_done_(metrics.GetCounter("ocellus_job_items_total",
                                     "Items that background jobs are through with.")),
      items_failed_(metrics.GetCounter("ocellus_job_items_failed_total",
                                       "Items of background jobs that failed.")) {}

Jobs::~Jobs() {
  Stop();
}

void Jobs::Register(std::string kind, JobHandler handler) {
  handlers_[std::move(kind)] = std::move(handler);
}

Status Jobs::Start() {
  Result<std::shared_ptr<store::Table>> table = store_.OpenTable(kTable);
  if (!table.ok() && table.status().code() == Code::kNotFound) {
    OCELLUS_RETURN_IF_ERROR(store_.CreateTable(Schema()));
    table = store_.OpenTable(kTable);
  }
  if (!table.ok()) return std::move(table).status().WithContext("open the jobs");
  table_ = *std::move(table);
  OCELLUS_RETURN_IF_ERROR(Load().WithContext("read the jobs"));

  MutexLock lock(mutex_);
  started_ = true;
  for (unsigned i = 0; i < std::max(1U, options_.max_running); ++i) {
    threads_.emplace_back([this] { Work(); });
  }
  return {};
}

Status Jobs::Load() {
  std::vector<std::shared_ptr<Entry>> unfinished;
  std::map<std::string, std::shared_ptr<Entry>> jobs;
  const auto visit = [&](const store::Row& row) {
    auto entry = std::make_shared<Entry>();
    entry->job = JobOf(row);
    entry->checkpoint = JsonAt(row, kCheckpoint);
    if (!IsFinished(entry->job.state)) {
      entry->job.state = JobState::kPending;
      unfinished.push_back(entry);
    }
    jobs[entry->job.id] = std::move(entry);
  };
  OCELLUS_RETURN_IF_ERROR(
      ForEachRow(*table_, Where(kItem, query::Op::kEqual, 0), AllColumns(), visit));
  std::stable_sort(unfinished.begin(), unfinished.end(), [](const auto& a, const auto& b) {
    return a->job.create_time_ms < b->job.create_time_ms;
  });
  MutexLock lock(mutex_);
  jobs_ = std::move(jobs);
  waiting_.assign(unfinished.begin(), unfinished.end());
  return {};
}

Status Jobs::Write(const Job& job, const std::vector<JobError>& errors, const Value& checkpoint) {
  store::WriteBatch batch;
  batch.upserts.push_back(RowOf(job, checkpoint));
  for (const JobError& error : errors) batch.upserts.push_back(RowOf(job.id, error));
  return table_->Write(std::move(batch)).WithContext("keep the job's progress");
}

Status Jobs::Refusal() const {
  if (!started_ || stopping_) return Status(Code::kUnavailable, "the server is stopping");
  if (waiting_.size() < options_.max_waiting) return {};
  return Status(Code::kResourceExhausted,
                std::to_string(waiting_.size()) + " jobs are waiting already; try again later");
}

Result<Job> Jobs::Submit(const std::string& kind, const std::string& table, Value input) {
  auto entry = std::make_shared<Entry>();
  entry->job.id = RandomHex(16);
  entry->job.kind = kind;
  entry->job.table = table;
  entry->job.input = std::move(input);
  entry->job.create_time_ms = NowMs();
  {
    MutexLock lock(mutex_);
    OCELLUS_RETURN_IF_ERROR(Refusal());
  }
  Forget();
  OCELLUS_RETURN_IF_ERROR(Write(entry->job, {}, {}));
  Job job = entry->job;
  MutexLock lock(mutex_);
  jobs_[job.id] = entry;
  waiting_.push_back(std::move(entry));  // over the bound by the callers that passed it together
  work_.NotifyOne();
  return job;
}

Result<Job> Jobs::Get(const std::string& id) {
  Job job;
  {
    MutexLock lock(mutex_);
    const auto found = jobs_.find(id);
    if (found == jobs_.end()) return Status(Code::kNotFound, "no such job: " + id);
    job = found->second->job;
    job.errors = found->second->unwritten;
  }
  if (job.failed == job.errors_left_out) return job;
  // What is not written yet is in memory and maybe, a moment later, in the table too.
  std::map<std::uint64_t, JobError> errors;
  for (JobError& error : job.errors) errors[error.item] = std::move(error);
  const auto visit = [&](const store::Row& row) {
    JobError error{CountAt(row, kItem), {}, TextAt(row, kMessage)};
    if (const Value::Map* subject = ValueAt(row, kSubject).as_map()) error.subject = *subject;
    errors[error.item] = std::move(error);
  };
  OCELLUS_RETURN_IF_ERROR(ForEachRow(*table_,
                                     query::Filter::And({Where(kJob, query::Op::kEqual, id),
                                                         Where(kItem, query::Op::kGreater, 0)}),
                                     AllColumns(), visit));
  job.errors.clear();
  for (auto& [item, error] : errors) job.errors.push_back(std::move(error));
  return job;
}

std::vector<Job> Jobs::Unfinished(const std::string& kind) {
  MutexLock lock(mutex_);
  std::vector<Job> jobs;
  for (const auto& [id, entry] : jobs_) {
    if (entry->job.kind == kind && !IsFinished(entry->job.state)) jobs.push_back(entry->job);
  }
  return jobs;
}

// Those that finished first go first. Failing to delete keeps them: nothing is lost by it.
void Jobs::Forget() {
  std::vector<std::string> ids;
  {
    MutexLock lock(mutex_);
    std::vector<const Job*> finished;
    for (const auto& [id, entry] : jobs_) {
      if (IsFinished(entry->job.state)) finished.push_back(&entry->job);
    }
    if (finished.size() <= options_.max_kept) return;
    std::sort(finished.begin(), finished.end(),
              [](const Job* a, const Job* b) { return a->finish_time_ms < b->finish_time_ms; });
    finished.resize(finished.size() - options_.max_kept);
    for (const Job* job : finished) ids.push_back(job->id);
    for (const std::string& id : ids) jobs_.erase(id);
  }
  for (const std::string& id : ids) {
    store::WriteBatch batch;
    const Status read =
        ForEachRow(*table_, Where(kJob, query::Op::kEqual, id),
                   {kColumnNames[kJob].name, kColumnNames[kItem].name}, [&](const store::Row& row) {
                     batch.deletes.push_back({id, IntAt(row, kItem)});
                   });
    if (read.ok()) (void)table_->Write(std::move(batch)).ok();
  }
}

void Jobs::Work() {
  while (true) {
    std::shared_ptr<Entry> entry;
    {
      MutexLock lock(mutex_);
      while (!stopping_ && waiting_.empty()) work_.Wait(mutex_);
      if (stopping_) return;
      entry = std::move(waiting_.front());
      waiting_.pop_front();
      entry->job.state = JobState::kRunning;
    }
    RunOne(*entry);
  }
}

void Jobs::RunOne(Entry& entry) {
  Run run(*this, entry);
  const auto handler = handlers_.find(entry.job.kind);
  const Status status =
      handler == handlers_.end()
          ? Status(Code::kFailedPrecondition, "this server has no jobs of kind " + entry.job.kind)
          : handler->second(run);
  {
    MutexLock lock(mutex_);
    Job& job = entry.job;
    const bool interrupted =
        status.code() == Code::kCancelled || status.code() == Code::kUnavailable;
    if (stopping_ && interrupted) {
      // Goes on after the next start.
    } else if (!status.ok()) {
      job.state = JobState::kFailed;
      job.message = Text(status.message());
    } else {
      job.total = job.success + job.failed;
      job.state = job.failed == 0    ? JobState::kSucceeded
                  : job.success == 0 ? JobState::kFailed
                                     : JobState::kPartial;
    }
    if (IsFinished(job.state)) job.finish_time_ms = NowMs();
  }
  // On a failing disk the job is done again after a restart, which does no harm.
  (void)run.WriteNow().ok();
}

void Jobs::Stop() {
  std::vector<std::thread> threads;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    work_.NotifyAll();
    threads.swap(threads_);
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace ocellus::engine
