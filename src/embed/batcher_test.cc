#include "embed/batcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "embed/testing/fake_model.h"

namespace ocellus::embed {
namespace {

using ::testing::ElementsAre;
using testing::FakeModel;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class BatcherTest : public ::testing::Test {
 protected:
  Batcher::Options Options(std::size_t workers, std::size_t max_batch) {
    Batcher::Options options;
    options.name = "picture";
    options.labels = {{"tower", "picture"}};
    options.workers = workers;
    options.max_batch = max_batch;
    return options;
  }

  // Hands in one item; its value is what comes back, less one.
  static Status RunOne(Batcher& batcher, std::uint8_t value, std::uint32_t shape = 0) {
    float output = 0;
    ModelItem item;
    item.inputs[0] = {&value, 1};
    item.shape = shape;
    item.output = {&output, 1};
    Status status = batcher.Run(item);
    EXPECT_TRUE(!status.ok() || output == static_cast<float>(value) + 1);
    return status;
  }

  // Waits until that many items are in the queue.
  void WaitForDepth(int depth) {
    const std::string line =
        "ocellus_embed_queue_depth{tower=\"picture\"} " + std::to_string(depth) + "\n";
    while (metrics_.Expose().find(line) == std::string::npos) std::this_thread::yield();
  }

  MetricsRegistry metrics_;
  FakeModel model_{1, 4};
};

TEST_F(BatcherTest, AnItemAloneGoesAtOnce) {
  Batcher batcher(Options(1, 4), model_, metrics_);
  EXPECT_TRUE(RunOne(batcher, 7).ok());
  EXPECT_THAT(model_.batches(), ElementsAre(SizeIs(1)));
}

TEST_F(BatcherTest, WhatGathersBehindABusyWorkerGoesInPowersOfTwo) {
  Batcher batcher(Options(1, 4), model_, metrics_);
  model_.Hold();
  std::vector<std::thread> callers;
  callers.emplace_back([&] { EXPECT_TRUE(RunOne(batcher, 0).ok()); });
  model_.WaitUntilRunning(1);
  for (std::uint8_t i = 1; i <= 7; ++i) {
    callers.emplace_back([&, i] { EXPECT_TRUE(RunOne(batcher, i).ok()); });
  }
  WaitForDepth(7);
  model_.Release();
  for (std::thread& caller : callers) caller.join();
  EXPECT_THAT(model_.batches(), ElementsAre(SizeIs(1), SizeIs(4), SizeIs(2), SizeIs(1)));
  const std::string text = metrics_.Expose();
  EXPECT_THAT(text, HasSubstr("ocellus_embed_batches_total{size=\"4\",tower=\"picture\"} 1"));
  EXPECT_THAT(text, HasSubstr("ocellus_embed_batches_total{size=\"1\",tower=\"picture\"} 2"));
}

TEST_F(BatcherTest, ABatchHasOneShape) {
  Batcher batcher(Options(1, 4), model_, metrics_);
  model_.Hold();
  std::vector<std::thread> callers;
  callers.emplace_back([&] { EXPECT_TRUE(RunOne(batcher, 0, 16).ok()); });
  model_.WaitUntilRunning(1);
  int depth = 0;
  for (const std::uint32_t shape : {32U, 16U, 32U, 16U}) {
    callers.emplace_back([&, shape] { EXPECT_TRUE(RunOne(batcher, 1, shape).ok()); });
    WaitForDepth(++depth);
  }
  model_.Release();
  for (std::thread& caller : callers) caller.join();
  EXPECT_THAT(model_.batches(),
              ElementsAre(ElementsAre(16), ElementsAre(32, 32), ElementsAre(16, 16)));
}

TEST_F(BatcherTest, AFullQueueRefusesAfterAWhile) {
  Batcher::Options options = Options(1, 1);
  options.capacity = 1;
  options.max_wait_ms = 20;
  Batcher batcher(options, model_, metrics_);
  model_.Hold();
  std::thread running([&] { EXPECT_TRUE(RunOne(batcher, 0).ok()); });
  model_.WaitUntilRunning(1);
  std::thread queued([&] { EXPECT_TRUE(RunOne(batcher, 1).ok()); });
  WaitForDepth(1);
  const Status refused = RunOne(batcher, 2);
  EXPECT_EQ(refused.code(), Code::kUnavailable);
  EXPECT_THAT(refused.message(), HasSubstr("no room in its queue for 20 ms"));
  model_.Release();
  running.join();
  queued.join();
}

TEST_F(BatcherTest, AFullQueueMakesCallersWait) {
  Batcher::Options options = Options(1, 1);
  options.capacity = 1;
  Batcher batcher(options, model_, metrics_);
  model_.Hold();
  std::vector<std::thread> callers;
  for (std::uint8_t i = 0; i < 8; ++i) {
    callers.emplace_back([&, i] { EXPECT_TRUE(RunOne(batcher, i).ok()); });
  }
  WaitForDepth(1);
  model_.Release();
  for (std::thread& caller : callers) caller.join();
  EXPECT_THAT(model_.batches(), SizeIs(8));
}

TEST_F(BatcherTest, AFailureReachesEveryCaller) {
  Batcher batcher(Options(2, 4), model_, metrics_);
  model_.Fail();
  std::vector<std::thread> callers;
  for (std::uint8_t i = 0; i < 8; ++i) {
    callers.emplace_back([&, i] { EXPECT_EQ(RunOne(batcher, i).code(), Code::kInternal); });
  }
  for (std::thread& caller : callers) caller.join();
}

TEST_F(BatcherTest, StopEndsWhatWasTakenInAndRefusesTheRest) {
  Batcher batcher(Options(2, 2), model_, metrics_);
  model_.Hold();
  std::vector<std::thread> callers;
  for (std::uint8_t i = 0; i < 2; ++i) {
    callers.emplace_back([&, i] { EXPECT_TRUE(RunOne(batcher, i).ok()); });
    model_.WaitUntilRunning(std::size_t{i} + 1);
  }
  for (std::uint8_t i = 0; i < 5; ++i) {
    callers.emplace_back([&, i] { EXPECT_TRUE(RunOne(batcher, i).ok()); });
  }
  WaitForDepth(5);
  std::thread stopper([&] { batcher.Stop(); });
  model_.Release();
  stopper.join();
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(RunOne(batcher, 0).code(), Code::kUnavailable);
  batcher.Stop();  // again
}

TEST_F(BatcherTest, ManyCallersWhileItStops) {
  for (int round = 0; round < 20; ++round) {
    Batcher batcher(Options(2, 4), model_, metrics_);
    std::atomic<int> done = 0;
    std::vector<std::thread> callers;
    for (std::uint8_t i = 0; i < 6; ++i) {
      callers.emplace_back([&, i] {
        while (RunOne(batcher, i, i % 2).ok()) ++done;
      });
    }
    while (done < 50) std::this_thread::yield();
    std::thread second([&] { batcher.Stop(); });
    batcher.Stop();
    second.join();
    for (std::thread& caller : callers) caller.join();
  }
}

}  // namespace
}  // namespace ocellus::embed
