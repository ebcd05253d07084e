#include "api/vector/table_gates.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace ocellus::api::vector {
namespace {

TEST(TableGates, OneAloneAmongManyThatShare) {
  TableGates gates;
  std::atomic<bool> done = false;
  std::atomic<int> sharing = 0;
  std::atomic<int> rounds = 0;
  std::atomic<int> mistakes = 0;
  bool alone = false;  // written by whoever is alone, read by those who share
  std::vector<std::jthread> readers;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back([&] {
      while (!done) {
        Result<TableGates::Hold> hold = gates.Share("t", std::chrono::minutes(1));
        ASSERT_TRUE(hold.ok());
        const TableGates::Hold moved = *std::move(hold);
        ++sharing;
        if (alone) ++mistakes;
        ++rounds;
        --sharing;
      }
    });
  }
  // They never all pause, and still somebody comes in.
  std::vector<std::jthread> writers;
  for (int i = 0; i < 2; ++i) {
    writers.emplace_back([&] {
      for (int j = 0; j < 200; ++j) {
        const auto hold = gates.Alone("t", std::chrono::minutes(1));
        ASSERT_TRUE(hold.ok());
        alone = true;
        if (sharing > 0) ++mistakes;
        alone = false;
      }
    });
  }
  writers.clear();
  while (rounds < 100) std::this_thread::yield();
  done = true;
  readers.clear();
  EXPECT_EQ(mistakes, 0);
}

TEST(TableGates, PatienceEnds) {
  TableGates gates;
  TableGates::Hold alone = *gates.Alone("t");
  const auto refused = gates.Share("t", std::chrono::milliseconds(10));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().code(), Code::kUnavailable);
  alone = TableGates::Hold();
  const auto shared = gates.Share("t", std::chrono::milliseconds(10));
  EXPECT_TRUE(shared.ok());
  EXPECT_EQ(gates.Alone("t", std::chrono::milliseconds(10)).status().code(), Code::kUnavailable);
  EXPECT_TRUE(gates.Share("t", std::chrono::milliseconds(10)).ok());  // who gave up is forgotten
}

}  // namespace
}  // namespace ocellus::api::vector
