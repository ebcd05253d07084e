#include "engine/jobs.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "engine/testing/memory_store.h"

namespace ocellus::engine {
namespace {

class JobsTest : public ::testing::Test {
 protected:
  std::unique_ptr<Jobs> Make(JobHandler handler, JobsOptions options = {}) {
    auto jobs = std::make_unique<Jobs>(store_, options, metrics_);
    jobs->Register("test", std::move(handler));
    EXPECT_TRUE(jobs->Start().ok());
    return jobs;
  }

  static Job Finished(Jobs& jobs, const std::string& id) {
    for (int i = 0; i < 2000; ++i) {
      Result<Job> job = jobs.Get(id);
      if (job.ok() && job->finish_time_ms != 0) return *std::move(job);
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return {};
  }

  testing::MemoryStore store_;
  MetricsRegistry metrics_;
};

JobError Error(std::uint64_t item) {
  return {item, {{"name", "item-" + std::to_string(item)}}, "bad"};
}

TEST_F(JobsTest, RunsAndReports) {
  const auto jobs = Make([](JobRun& run) -> Status {
    EXPECT_EQ(run.table(), "table");
    EXPECT_EQ(run.input(), Value(Value::Map{{"a", Value::List{1, "b"}}}));
    EXPECT_TRUE(run.checkpoint().is_null());
    run.SetTotal(3);
    OCELLUS_RETURN_IF_ERROR(run.Advance(2, {}, 2));
    return run.Advance(0, {Error(3)}, 3);
  });
  const Result<Job> job = jobs->Submit("test", "table", Value::Map{{"a", Value::List{1, "b"}}});
  ASSERT_TRUE(job.ok());
  EXPECT_EQ(job->state, JobState::kPending);
  const Job done = Finished(*jobs, job->id);
  EXPECT_EQ(done.state, JobState::kPartial);
  EXPECT_EQ(done.total, 3U);
  EXPECT_EQ(done.success, 2U);
  EXPECT_EQ(done.failed, 1U);
  ASSERT_EQ(done.errors.size(), 1U);
  EXPECT_EQ(done.errors[0].item, 3U);
  EXPECT_EQ(done.errors[0].message, "bad");
  EXPECT_EQ(Value(done.errors[0].subject), Value(Value::Map{{"name", "item-3"}}));
  EXPECT_EQ(jobs->Get("none").status().code(), Code::kNotFound);
}

// docs/format/server_tables.md
TEST_F(JobsTest, KeepsItsTableAsDocumented) {
  const auto jobs = Make([](JobRun& run) { return run.Advance(1, {Error(2)}, 2); });
  const std::string id = jobs->Submit("test", "t", 1)->id;
  (void)Finished(*jobs, id);
  jobs->Stop();
  const std::shared_ptr<store::Table> table = *store_.OpenTable("ocellus.jobs");
  std::vector<std::string> columns;
  for (const store::Column& column : table->schema().columns) columns.push_back(column.name);
  EXPECT_EQ(columns,
            (std::vector<std::string>{"job", "item", "kind", "target", "input", "state", "total",
                                      "success", "failed", "left_out", "checkpoint", "message",
                                      "subject", "created", "finished"}));
  const auto rows = table->Scan({{}, {"state", "checkpoint", "success", "item"}, 0, 10});
  ASSERT_EQ(rows->size(), 2U);
  EXPECT_EQ(std::get<Value>((*rows)[0].cells[5]), Value("partial"));
  EXPECT_EQ(std::get<Value>((*rows)[0].cells[10]), Value("2"));
  EXPECT_EQ(std::get<Value>((*rows)[1].cells[1]), Value(2));
}

TEST_F(JobsTest, EndsInTheStateOfItsItems) {
  const auto jobs = Make([](JobRun& run) -> Status {
    const std::string what = *run.input().as_string();
    if (what == "failed") return run.Advance(0, {Error(1)}, 1);
    if (what == "broken") return Status(Code::kNotFound, "the file is gone \xFF");
    return {};
  });
  EXPECT_EQ(Finished(*jobs, jobs->Submit("test", "", "empty")->id).state, JobState::kSucceeded);
  EXPECT_EQ(Finished(*jobs, jobs->Submit("test", "", "failed")->id).state, JobState::kFailed);
  const Job broken = Finished(*jobs, jobs->Submit("test", "", "broken")->id);
  EXPECT_EQ(broken.state, JobState::kFailed);
  EXPECT_EQ(broken.message, "the file is gone \xEF\xBF\xBD");
  EXPECT_EQ(Finished(*jobs, jobs->Submit("other", "", "")->id).message,
            "this server has no jobs of kind other");
}

TEST_F(JobsTest, GoesOnAfterARestart) {
  std::atomic<bool> reached = false;
  std::string id;
  {
    const auto jobs = Make([&](JobRun& run) -> Status {
      run.SetTotal(10);
      OCELLUS_RETURN_IF_ERROR(run.Advance(3, {Error(4)}, 4));
      if (run.input() == Value(7)) reached = true;
      while (!run.stopping()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      return Status(Code::kCancelled, "stopping");
    });
    id = jobs->Submit("test", "t", 7)->id;
    const std::string waiting = jobs->Submit("test", "t", 8)->id;
    while (!reached) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    EXPECT_EQ(jobs->Get(id)->state, JobState::kRunning);
    EXPECT_EQ(jobs->Get(id)->success, 3U);
    EXPECT_EQ(jobs->Get(id)->errors.size(), 1U);
    jobs->Stop();
    EXPECT_EQ(jobs->Submit("test", "t", 9).status().code(), Code::kUnavailable);
  }
  const auto jobs = Make([&](JobRun& run) -> Status {
    if (run.input() == Value(8)) return {};
    EXPECT_EQ(run.input(), Value(7));
    EXPECT_EQ(run.checkpoint(), Value(4));
    return run.Advance(5, {Error(10)}, 10);
  });
  const Job done = Finished(*jobs, id);
  EXPECT_EQ(done.state, JobState::kPartial);
  EXPECT_EQ(done.success, 8U);
  EXPECT_EQ(done.failed, 2U);
  EXPECT_EQ(done.total, 10U);
  ASSERT_EQ(done.errors.size(), 2U);
  EXPECT_EQ(done.errors[1].item, 10U);
  jobs->Stop();
  // And what is finished stays so.
  const auto later = Make([](JobRun&) -> Status { return {}; });
  EXPECT_EQ(later->Get(id)->state, JobState::kPartial);
  EXPECT_EQ(later->Get(id)->errors.size(), 2U);
}

TEST_F(JobsTest, RepeatsWhatACrashLost) {
  JobsOptions options;
  options.checkpoint_interval = std::chrono::milliseconds(0);
  std::atomic<bool> reached = false;
  std::string id;
  {
    const auto jobs = Make(
        [&](JobRun& run) -> Status {
          OCELLUS_RETURN_IF_ERROR(run.Advance(2, {}, 2));
          store_.FailWrites(Status(Code::kIoError, "crash"));  // nothing more reaches the disk
          reached = true;
          while (!run.stopping()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
          return Status(Code::kCancelled, "stopping");
        },
        options);
    id = jobs->Submit("test", "", nullptr)->id;
    while (!reached) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  store_.FailWrites({});
  const auto jobs = Make([](JobRun& run) -> Status {
    EXPECT_EQ(run.checkpoint(), Value(2));
    return run.Advance(1, {}, 3);
  });
  EXPECT_EQ(Finished(*jobs, id).success, 3U);
}

TEST_F(JobsTest, BoundsErrorsJobsAndWaiting) {
  JobsOptions options;
  options.max_errors_a_job = 2;
  options.max_kept = 3;
  options.max_waiting = 1;
  options.max_running = 1;
  std::atomic<bool> hold = false;
  const auto jobs = Make(
      [&](JobRun& run) -> Status {
        while (hold && !run.stopping()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        return run.Advance(1, {Error(1), Error(2), Error(3), Error(4)}, nullptr);
      },
      options);
  std::vector<std::string> ids;
  for (int i = 0; i < 6; ++i) {
    ids.push_back(jobs->Submit("test", "", i)->id);
    const Job job = Finished(*jobs, ids.back());
    EXPECT_EQ(job.failed, 4U);
    EXPECT_EQ(job.errors.size(), 2U);
    EXPECT_EQ(job.errors_left_out, 2U);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  EXPECT_EQ(jobs->Get(ids[0]).status().code(), Code::kNotFound);
  EXPECT_TRUE(jobs->Get(ids[5]).ok());
  // The rows went too: job and errors of at most four.
  EXPECT_LE(*(*store_.OpenTable("ocellus.jobs"))->Count({}), 4U * 3);

  hold = true;
  const std::string running = jobs->Submit("test", "", 7)->id;
  while (jobs->Get(running)->state != JobState::kRunning) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_TRUE(jobs->Submit("test", "", 8).ok());
  EXPECT_EQ(jobs->Submit("test", "", 9).status().code(), Code::kResourceExhausted);
  hold = false;
}

TEST_F(JobsTest, RunsSoManyAtOnce) {
  JobsOptions options;
  options.max_running = 2;
  std::atomic<int> running = 0;
  std::atomic<int> most = 0;
  const auto jobs = Make(
      [&](JobRun&) -> Status {
        const int now = ++running;
        int seen = most;
        while (now > seen && !most.compare_exchange_weak(seen, now)) {
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        --running;
        return {};
      },
      options);
  std::vector<std::string> ids;
  for (int i = 0; i < 6; ++i) ids.push_back(jobs->Submit("test", "", i)->id);
  for (const std::string& id : ids) EXPECT_EQ(Finished(*jobs, id).state, JobState::kSucceeded);
  EXPECT_EQ(most, 2);
}

TEST_F(JobsTest, RefusesAJobThatCannotBeKept) {
  const auto jobs = Make([](JobRun&) -> Status { return {}; });
  store_.FailWrites(Status(Code::kResourceExhausted, "the disk is full"));
  EXPECT_EQ(jobs->Submit("test", "", 1).status().code(), Code::kResourceExhausted);
}

}  // namespace
}  // namespace ocellus::engine
