#include "index/exact_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "os/file_system.h"
#include "os/temporary_directory.h"

namespace ocellus::index {
namespace {

using Vectors = std::vector<std::vector<float>>;

std::string NameOf(Metric metric) {
  switch (metric) {
    case Metric::kCosine:
      return "Cosine";
    case Metric::kInnerProduct:
      return "InnerProduct";
    case Metric::kSquaredL2:
      return "SquaredL2";
  }
  return "?";
}

double TrueScore(Metric metric, const std::vector<float>& q, const std::vector<float>& v) {
  double dot = 0;
  double qq = 0;
  double vv = 0;
  double distance = 0;
  for (std::size_t i = 0; i < q.size(); ++i) {
    const double a = static_cast<double>(q[i]);
    const double b = static_cast<double>(v[i]);
    dot += a * b;
    qq += a * a;
    vv += b * b;
    distance += (a - b) * (a - b);
  }
  if (metric == Metric::kInnerProduct) return dot;
  if (metric == Metric::kSquaredL2) return distance;
  return qq == 0 || vv == 0 ? 0 : dot / std::sqrt(qq * vv);
}

// Rows as pictures give them: clusters, near copies, exact copies, some of other lengths, zeros.
Vectors Pictures(std::size_t rows, std::uint32_t dimension, unsigned seed) {
  std::mt19937 rng(seed);
  std::normal_distribution<float> normal;
  const auto draw = [&](float scale) {
    std::vector<float> v(dimension);
    for (float& x : v) x = scale * normal(rng);
    return v;
  };
  Vectors centres;
  for (int i = 0; i < 20; ++i) centres.push_back(draw(1));
  Vectors pictures;
  for (std::size_t row = 0; row < rows; ++row) {
    std::vector<float> v = centres[rng() % centres.size()];
    const std::vector<float> noise = draw(0.7F);
    for (std::size_t i = 0; i < v.size(); ++i) v[i] += noise[i];
    const unsigned kind = static_cast<unsigned>(rng() % 100);
    if (row > 0 && kind < 10) {
      v = pictures[rng() % row];
      const std::vector<float> little = draw(1e-4F);
      for (std::size_t i = 0; i < v.size(); ++i) v[i] += little[i];
    } else if (row > 0 && kind < 15) {
      v = pictures[rng() % row];
    } else if (kind < 20) {
      for (float& x : v) x *= 5;
    } else if (kind < 21) {
      std::fill(v.begin(), v.end(), 0.0F);
    }
    pictures.push_back(std::move(v));
  }
  return pictures;
}

class ExactIndexTest : public testing::TestWithParam<Metric> {
 protected:
  ExactIndex& Make(const Vectors& vectors, std::uint32_t dimension) {
    auto opened = ExactIndex::Open(files_, directory_.File("vectors"), {dimension, GetParam()}, 1);
    EXPECT_TRUE(opened.ok() && opened->needs_rebuild);
    index_ = std::move(opened->index);
    EXPECT_TRUE(index_->Reserve(static_cast<std::uint32_t>(vectors.size())).ok());
    for (std::uint32_t slot = 0; slot < vectors.size(); ++slot) index_->Put(slot, vectors[slot]);
    return *index_;
  }

  // Of every row that has a vector.
  std::vector<double> TrueScores(const Vectors& vectors, const std::vector<float>& query) {
    std::vector<double> scores;
    for (const auto& v : vectors) {
      scores.push_back(v.empty() ? 0 : TrueScore(GetParam(), query, v));
    }
    return scores;
  }

  // Holds a search to double-precision brute force over the allowed rows: as many as there should
  // be, each once, ordered, scored to float's accuracy, and none missing that is nearer.
  void ExpectExact(const std::vector<double>& scores, const std::vector<float>& query,
                   std::uint32_t top_k, const Bitmap& allowed) {
    const auto found = index_->Search(query, top_k, allowed);
    ASSERT_TRUE(found.ok()) << found.status().message();
    std::vector<double> expected;
    double magnitude = 0;
    allowed.ForEach([&](std::uint32_t slot) {
      expected.push_back(scores[slot]);
      magnitude = std::max(magnitude, std::fabs(expected.back()));
    });
    std::sort(expected.begin(), expected.end());
    if (GetParam() != Metric::kSquaredL2) std::reverse(expected.begin(), expected.end());
    ASSERT_EQ(found->size(), std::min<std::size_t>(top_k, expected.size()));
    std::set<std::uint32_t> seen;
    for (std::size_t i = 0; i < found->size(); ++i) {
      const Neighbor& neighbor = (*found)[i];
      ASSERT_TRUE(allowed.Test(neighbor.slot));
      ASSERT_TRUE(seen.insert(neighbor.slot).second);
      const double score = static_cast<double>(neighbor.score);
      const double truth = scores[neighbor.slot];
      ASSERT_NEAR(score, truth, 1e-7 * std::fabs(truth) + 1e-13 * magnitude) << i;
      ASSERT_NEAR(score, expected[i], 1e-7 * std::fabs(expected[i]) + 1e-13 * magnitude) << i;
      if (i == 0) continue;
      const Neighbor& before = (*found)[i - 1];
      if (before.score == neighbor.score) {
        ASSERT_LT(before.slot, neighbor.slot);
      } else {
        ASSERT_EQ(before.score > neighbor.score, GetParam() != Metric::kSquaredL2);
      }
    }
  }

  os::TemporaryDirectory directory_;
  os::PosixFileSystem files_;
  std::unique_ptr<ExactIndex> index_;
};

TEST_P(ExactIndexTest, AnswersAreThoseOfBruteForce) {
  for (const std::uint32_t dimension : {1U, 17U, 100U, 384U, 640U}) {
    const std::uint32_t rows = dimension == 384 ? 2100 : 1100;
    const Vectors vectors = Pictures(rows, dimension, dimension);
    Make(vectors, dimension);
    Vectors queries = Pictures(3, dimension, dimension + 1);
    queries.push_back(vectors[rows / 2]);                    // a row itself, maybe with copies
    queries.push_back(std::vector<float>(dimension, 0.0F));  // every cosine is 0: ties by slot
    std::mt19937 rng(9);
    for (const auto& query : queries) {
      const std::vector<double> scores = TrueScores(vectors, query);
      for (const double selectivity : {1.0, 0.97, 0.5, 0.1, 0.01, 0.001}) {
        Bitmap allowed(rows);
        for (std::uint32_t slot = 0; slot < rows; ++slot) {
          if (std::uniform_real_distribution<>()(rng) < selectivity) allowed.Set(slot);
        }
        for (const std::uint32_t top_k : {1U, 10U, 1000U, rows + 5}) {
          ExpectExact(scores, query, top_k, allowed);
        }
      }
    }
    index_.reset();
  }
}

TEST_P(ExactIndexTest, AFewRowsOfMany) {
  constexpr std::uint32_t kRows = 200'000;
  Vectors vectors(kRows, std::vector<float>{});
  auto opened = ExactIndex::Open(files_, directory_.File("vectors"), {5, GetParam()}, 1);
  ASSERT_TRUE(opened.ok());
  index_ = std::move(opened->index);
  ASSERT_TRUE(index_->Reserve(kRows).ok());
  EXPECT_GE(index_->capacity(), kRows);
  Bitmap allowed(kRows);
  for (const std::uint32_t slot : {5U, 131'071U, kRows - 1}) {
    vectors[slot] = {static_cast<float>(slot % 7), 1, 2, 3, -4};
    index_->Put(slot, vectors[slot]);
    allowed.Set(slot);
  }
  const std::vector<float> query = {1, 1, 1, 1, 1};
  const std::vector<double> scores = TrueScores(vectors, query);
  ExpectExact(scores, query, 0, allowed);
  ExpectExact(scores, query, 2, allowed);
  ExpectExact(scores, query, 10, allowed);
  ExpectExact(scores, query, 10, Bitmap(kRows));
  ExpectExact(scores, query, 10, Bitmap());
}

TEST_P(ExactIndexTest, ARowPutAgainHasItsNewVector) {
  ExactIndex& index = Make({{1, 0}, {0, 1}}, 2);
  index.Put(0, std::vector<float>{0.5F, 0.25F});
  EXPECT_EQ(std::vector<float>(index.Vector(0).begin(), index.Vector(0).end()),
            (std::vector<float>{0.5F, 0.25F}));
  Bitmap allowed(2);
  allowed.SetAll();
  ExpectExact(TrueScores({{0.5F, 0.25F}, {0, 1}}, {2, 1}), {2, 1}, 2, allowed);
}

TEST_P(ExactIndexTest, ManyEqualRowsComeBySlot) {
  const Vectors vectors(3000, std::vector<float>(40, 0.3F));
  ExactIndex& index = Make(vectors, 40);
  Bitmap allowed(3000);
  allowed.SetAll();
  allowed.Clear(1);
  const auto found = index.Search(std::vector<float>(40, 0.3F), 4, allowed);
  ASSERT_TRUE(found.ok());
  std::vector<std::uint32_t> slots;
  for (const Neighbor& neighbor : *found) slots.push_back(neighbor.slot);
  EXPECT_EQ(slots, (std::vector<std::uint32_t>{0, 2, 3, 4}));
}

TEST_P(ExactIndexTest, RefusesWhatIsNoVector) {
  ExactIndex& index = Make({{1, 0}}, 2);
  Bitmap allowed(1);
  allowed.SetAll();
  for (const std::vector<float>& query :
       {std::vector<float>{1}, std::vector<float>{1, 2, 3},
        std::vector<float>{std::numeric_limits<float>::quiet_NaN(), 0},
        std::vector<float>{0, std::numeric_limits<float>::infinity()},
        std::vector<float>{-1.1e12F, 0}}) {
    EXPECT_EQ(index.Search(query, 1, allowed).status().code(), Code::kInvalidArgument);
    EXPECT_FALSE(CheckVector(query, 2).ok());
  }
  EXPECT_TRUE(CheckVector(std::vector<float>{0, -1e12F}, 2).ok());
  for (const std::uint32_t dimension : {0U, kMaxDimension + 1}) {
    EXPECT_EQ(
        ExactIndex::Open(files_, directory_.File("x"), {dimension, GetParam()}, 1).status().code(),
        Code::kInvalidArgument);
  }
  EXPECT_FALSE(*files_.Exists(directory_.File("x")));
}

TEST_P(ExactIndexTest, RefusesSlotsThatWereNeverReserved) {
  ExactIndex& index = Make({{1, 0}}, 2);
  Bitmap allowed(index.capacity() + 1);
  EXPECT_TRUE(index.Search(std::vector<float>{1, 0}, 1, allowed).ok());
  allowed.Set(index.capacity());
  EXPECT_EQ(index.Search(std::vector<float>{1, 0}, 1, allowed).status().code(), Code::kInternal);
}

TEST_P(ExactIndexTest, ExtremeMagnitudesStayFinite) {
  const Vectors vectors = {{1e12F, -1e12F, 1e12F}, {1e-40F, 0, 1e-40F}, {1e-20F, 1e12F, 3}};
  Make(vectors, 3);
  Bitmap allowed(3);
  allowed.SetAll();
  for (const auto& query : vectors) {
    const auto found = index_->Search(query, 3, allowed);
    ASSERT_TRUE(found.ok());
    for (const Neighbor& neighbor : *found) EXPECT_TRUE(std::isfinite(neighbor.score));
  }
}

INSTANTIATE_TEST_SUITE_P(Metrics, ExactIndexTest,
                         testing::Values(Metric::kCosine, Metric::kInnerProduct,
                                         Metric::kSquaredL2),
                         [](const auto& metric) { return NameOf(metric.param); });

TEST(ExactIndexScoreTest, CosineOfAVectorWithItselfIsOne) {
  os::TemporaryDirectory directory;
  os::PosixFileSystem files;
  auto opened = ExactIndex::Open(files, directory.File("vectors"), {384, Metric::kCosine}, 1);
  ASSERT_TRUE(opened.ok());
  const Vectors vectors = Pictures(50, 384, 4);
  ASSERT_TRUE(opened->index->Reserve(50).ok());
  Bitmap allowed(50);
  for (std::uint32_t slot = 0; slot < 50; ++slot) {
    opened->index->Put(slot, vectors[slot]);
    allowed.Set(slot);
  }
  for (const auto& vector : vectors) {
    const bool zero = vector == std::vector<float>(384, 0.0F);
    EXPECT_EQ(opened->index->Search(vector, 1, allowed)->front().score, zero ? 0.0F : 1.0F);
  }
}

// Searches go on while the writer grows the file and fills slots that no search sees yet; the
// thread sanitizer watches.
TEST(ExactIndexThreadsTest, SearchesBesideOneWriter) {
  constexpr std::uint32_t kRows = 6000;
  constexpr std::uint32_t kDimension = 24;
  os::TemporaryDirectory directory;
  os::PosixFileSystem files;
  auto opened =
      ExactIndex::Open(files, directory.File("vectors"), {kDimension, Metric::kCosine}, 1);
  ASSERT_TRUE(opened.ok());
  ExactIndex& index = *opened->index;
  const Vectors vectors = Pictures(kRows, kDimension, 8);

  Mutex mutex;
  std::shared_ptr<const Bitmap> live = std::make_shared<Bitmap>();  // guarded by mutex
  std::atomic<bool> done = false;
  const auto search = [&](unsigned seed) {
    std::mt19937 rng(seed);
    while (!done) {
      std::shared_ptr<const Bitmap> allowed;
      {
        const MutexLock lock(mutex);
        allowed = live;
      }
      const auto found = index.Search(vectors[rng() % kRows], 5, *allowed);
      ASSERT_TRUE(found.ok());
      ASSERT_EQ(found->size(), std::min<std::size_t>(5, allowed->Count()));
      for (const Neighbor& neighbor : *found) {
        ASSERT_TRUE(allowed->Test(neighbor.slot));
        ASSERT_EQ(index.Vector(neighbor.slot)[0], vectors[neighbor.slot][0]);
      }
    }
  };
  std::thread first(search, 1);
  std::thread second(search, 2);
  std::mt19937 rng(3);
  for (std::uint32_t slot = 0; slot < kRows;) {
    const std::uint32_t end = std::min(kRows, slot + 1 + static_cast<std::uint32_t>(rng() % 100));
    auto next = std::make_shared<Bitmap>(*live);
    next->Resize(end);
    EXPECT_TRUE(index.Reserve(end).ok());
    for (; slot < end; ++slot) {
      index.Put(slot, vectors[slot]);
      next->Set(slot);
    }
    const MutexLock lock(mutex);
    live = std::move(next);
  }
  done = true;
  first.join();
  second.join();
  EXPECT_EQ(live->Count(), kRows);
}

}  // namespace
}  // namespace ocellus::index
