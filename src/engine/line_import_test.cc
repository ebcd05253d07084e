#include "engine/line_import.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "os/temporary_directory.h"

namespace ocellus::engine {
namespace {

// A run in memory that remembers what it was told.
class FakeRun final : public JobRun {
 public:
  const std::string& table() const override { return table_; }
  const Value& input() const override { return null_; }
  const Value& checkpoint() const override { return start; }
  bool stopping() const override { return stop; }
  void SetTotal(std::uint64_t items) override { total = items; }
  Status Advance(std::uint64_t succeeded, std::vector<JobError> failures,
                 Value checkpoint) override {
    success += succeeded;
    for (JobError& error : failures) errors.push_back(std::move(error));
    last = std::move(checkpoint);
    if (success + errors.size() == stop_after) stop = true;
    return advance;
  }

  Value start;
  std::atomic<bool> stop = false;
  std::uint64_t stop_after = 0;
  std::uint64_t total = 0;
  std::uint64_t success = 0;
  std::vector<JobError> errors;
  Value last;
  Status advance;

 private:
  std::string table_;
  Value null_;
};

class LineImportTest : public ::testing::Test {
 protected:
  LineImportTest() : sources_(files_, nullptr, {{folder_.path()}, {}}) {}

  void Write(const std::string& text) {
    std::ofstream(folder_.File("lines"), std::ios::binary) << text;
  }
  Status Import(FakeRun& run, const LineHandler& handler) {
    return ImportLines(run, sources_, "lines", options_, handler);
  }

  os::TemporaryDirectory folder_;
  os::PosixFileSystem files_;
  Sources sources_;
  LineImportOptions options_;
};

TEST_F(LineImportTest, WorksOnSeveralLinesAtOnceAndCountsInOrder) {
  std::string text;
  for (int i = 1; i <= 500; ++i) text += std::to_string(i) + "\n";
  Write(text);
  std::mutex mutex;
  std::set<std::string> seen;
  std::set<std::thread::id> threads;
  FakeRun run;
  ASSERT_TRUE(Import(run, [&](std::string_view line) {
                std::this_thread::sleep_for(std::chrono::microseconds(200));
                const std::lock_guard<std::mutex> lock(mutex);
                seen.insert(std::string(line));
                threads.insert(std::this_thread::get_id());
                LineResult result;
                if (line.ends_with("7")) result.status = Status(Code::kInvalidArgument, "seven");
                result.subject = {{"text", line}};
                return result;
              }).ok());
  EXPECT_EQ(seen.size(), 500U);
  EXPECT_GT(threads.size(), 1U);
  EXPECT_EQ(run.total, 500U);
  EXPECT_EQ(run.success, 450U);
  ASSERT_EQ(run.errors.size(), 50U);
  for (std::size_t i = 0; i < 50; ++i) {
    EXPECT_EQ(run.errors[i].item, 10 * i + 7);
    EXPECT_EQ(run.errors[i].subject[0].second, Value(std::to_string(10 * i + 7)));
  }
  EXPECT_EQ(run.last,
            Value(Value::Map{{"offset", static_cast<std::int64_t>(text.size())}, {"line", 500}}));
}

TEST_F(LineImportTest, GoesOnFromItsCheckpoint) {
  std::string text;
  for (int i = 1; i <= 100; ++i) text += "line " + std::to_string(i) + "\n";
  Write(text);
  const LineHandler fine = [](std::string_view) { return LineResult(); };
  FakeRun first;
  first.stop_after = 30;
  EXPECT_EQ(Import(first, fine).code(), Code::kCancelled);
  EXPECT_EQ(first.success, 30U);

  FakeRun second;
  second.start = first.last;
  std::mutex mutex;
  std::set<std::string> seen;
  ASSERT_TRUE(Import(second, [&](std::string_view line) {
                const std::lock_guard<std::mutex> lock(mutex);
                seen.insert(std::string(line));
                return LineResult();
              }).ok());
  EXPECT_EQ(second.success, 70U);
  EXPECT_FALSE(seen.contains("line 30"));
  EXPECT_TRUE(seen.contains("line 31"));
  EXPECT_EQ(second.total, 100U);
}

TEST_F(LineImportTest, StopsForWhatConcernsEveryLine) {
  std::string text;
  for (int i = 1; i <= 1000; ++i) text += "x\n";
  Write(text);
  std::atomic<int> handled = 0;
  FakeRun run;
  const Status status = Import(run, [&](std::string_view) {
    LineResult result;
    if (++handled > 10) result.stop_because = Status(Code::kResourceExhausted, "the disk is full");
    return result;
  });
  EXPECT_EQ(status.message(), "the disk is full");
  EXPECT_LT(handled, 500);
  FakeRun failing;
  failing.advance = Status(Code::kIoError, "the store");
  EXPECT_EQ(Import(failing, [](std::string_view) { return LineResult(); }).message(), "the store");
}

TEST_F(LineImportTest, BoundsALineAndWhatIsInWork) {
  options_.max_line_bytes = 100;
  options_.max_bytes_in_work = 150;
  options_.threads = 8;
  Write(std::string(100, 'a') + "\n" + std::string(101, 'b') + "\n" + std::string(100, 'c') + "\n");
  std::atomic<int> in_work = 0;
  std::atomic<int> most = 0;
  FakeRun run;
  ASSERT_TRUE(Import(run, [&](std::string_view line) {
                EXPECT_NE(line[0], 'b');
                most = std::max<int>(most, ++in_work);
                std::this_thread::sleep_for(std::chrono::milliseconds(5));
                --in_work;
                return LineResult();
              }).ok());
  EXPECT_EQ(most, 1);
  EXPECT_EQ(run.success, 2U);
  ASSERT_EQ(run.errors.size(), 1U);
  EXPECT_EQ(run.errors[0].item, 2U);
  EXPECT_EQ(run.errors[0].message, "the line is too long");
}

TEST_F(LineImportTest, SaysThatTheFileIsGoneOrCut) {
  FakeRun run;
  EXPECT_EQ(Import(run, {}).code(), Code::kNotFound);
  Write("a\n");
  run.start = Value::Map{{"offset", 50}, {"line", 9}};
  EXPECT_EQ(Import(run, {}).code(), Code::kFailedPrecondition);
}

}  // namespace
}  // namespace ocellus::engine
