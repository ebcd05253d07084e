#include "index/sparse_index.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <thread>

namespace ocellus::index {
namespace {

Bitmap All(std::uint32_t size) {
  Bitmap all(size);
  all.SetAll();
  return all;
}

std::uint64_t FirstVersion(std::uint32_t) {
  return 1;
}

TEST(SparseIndexTest, InnerProductsOfRowsThatShareAnIndex) {
  SparseIndex index;
  index.Add({0, 1}, std::vector<std::int64_t>{1, 5}, std::vector<float>{2, 3});
  index.Add({1, 1}, std::vector<std::int64_t>{7}, std::vector<float>{1});
  index.Add({2, 1}, std::vector<std::int64_t>{5, -9}, std::vector<float>{-1, 4});
  index.Add({3, 1}, {}, {});
  const std::vector<std::int64_t> indices = {5, -9, 100};
  const std::vector<float> values = {10, 0.5F, 1};
  EXPECT_EQ(index.Search(indices, values, All(4), FirstVersion),
            (std::vector<Neighbor>{{0, 30}, {2, -8}}));
  Bitmap some(4);
  some.Set(2);
  EXPECT_EQ(index.Search(indices, values, some, FirstVersion), (std::vector<Neighbor>{{2, -8}}));
  EXPECT_TRUE(index.Search({}, {}, All(4), FirstVersion).empty());
}

TEST(SparseIndexTest, AnIndexThatStandsTwiceCountsTwice) {
  SparseIndex index;
  index.Add({0, 1}, std::vector<std::int64_t>{3, 3}, std::vector<float>{1, 2});
  const std::vector<std::int64_t> indices = {3, 3};
  const std::vector<float> values = {1, 10};
  EXPECT_EQ(index.Search(indices, values, All(1), FirstVersion), (std::vector<Neighbor>{{0, 33}}));
}

// Random rows that come and go, against sums over a plain map.
TEST(SparseIndexTest, AnswersAsBruteForce) {
  const auto seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  constexpr std::uint32_t kSlots = 50;
  struct Row {
    std::uint64_t version = 0;
    std::vector<std::int64_t> indices;
    std::vector<float> values;
  };
  std::map<std::uint32_t, Row> rows;
  auto index = std::make_unique<SparseIndex>();
  const auto fill = [&](std::vector<std::int64_t>& indices, std::vector<float>& values) {
    for (std::uint32_t i = random() % 8; i > 0; --i) {
      indices.push_back(static_cast<std::int64_t>(random() % 30));
      values.push_back(static_cast<float>(random() % 9) - 4);
    }
  };
  std::vector<std::uint64_t> versions(kSlots, 0);
  const auto version_of = [&](std::uint32_t slot) { return versions[slot]; };
  for (std::uint64_t step = 1; step < 2000; ++step) {
    const auto slot = static_cast<std::uint32_t>(random() % kSlots);
    if (random() % 4 == 0) {
      rows.erase(slot);
    } else {
      Row row;
      row.version = versions[slot] = step;
      fill(row.indices, row.values);
      index->Add({slot, step}, row.indices, row.values);
      rows[slot] = std::move(row);
    }
    Bitmap live(kSlots);
    for (const auto& [at, row] : rows) live.Set(at);
    if (step % 300 == 0) {
      index = index->Compacted(live, version_of);
      EXPECT_EQ(index->rows(), rows.size());
    }
    std::vector<std::int64_t> indices;
    std::vector<float> values;
    fill(indices, values);
    std::vector<Neighbor> want;
    for (const auto& [at, row] : rows) {
      double sum = 0;
      bool shared = false;
      for (std::size_t i = 0; i < indices.size(); ++i) {
        for (std::size_t j = 0; j < row.indices.size(); ++j) {
          if (indices[i] != row.indices[j]) continue;
          shared = true;
          sum += double{values[i]} * double{row.values[j]};
        }
      }
      if (shared) want.push_back({at, static_cast<float>(sum)});
    }
    ASSERT_EQ(index->Search(indices, values, live, version_of), want) << "step " << step;
  }
}

TEST(SparseIndexTest, SearchesRunWhileRowsAreAdded) {
  SparseIndex index;
  std::atomic<std::uint32_t> added = 0;
  std::thread writer([&] {
    for (std::uint32_t slot = 0; slot < 20'000; ++slot) {
      index.Add({slot, 1}, std::vector<std::int64_t>{1, slot % 100}, std::vector<float>{1, 1});
      added.store(slot + 1, std::memory_order_release);
    }
  });
  const std::vector<std::int64_t> indices = {1};
  const std::vector<float> values = {1};
  while (added < 20'000) {
    const std::uint32_t slots = added.load(std::memory_order_acquire);
    EXPECT_EQ(index.Search(indices, values, All(slots), FirstVersion).size(), slots);
  }
  writer.join();
}

}  // namespace
}  // namespace ocellus::index
