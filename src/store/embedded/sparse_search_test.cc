// Dense and sparse vectors together, against sums over a plain map.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "store/embedded/test_tables.h"

namespace ocellus::store {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

TableSchema SparseSchema() {
  TableSchema schema;
  schema.name = "mixed";
  schema.columns = {
      {.name = "id", .type = ColumnType::kInt64},
      {.name = "indices", .type = ColumnType::kInt64, .multi = true},
      {.name = "values", .type = ColumnType::kDouble, .multi = true},
      {.name = "group", .type = ColumnType::kInt64},
      {.name = "vector",
       .type = ColumnType::kVector,
       .vector = {.dimension = 3,
                  .metric = Metric::kInnerProduct,
                  .sparse_indices_column = "indices",
                  .sparse_values_column = "values"}},
      {.name = "plain", .type = ColumnType::kVector, .vector = {.dimension = 2}},
  };
  schema.primary_key = {"id"};
  return schema;
}

class SparseSearchTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(fixture_.Open());
    ASSERT_OK(fixture_.store().CreateTable(SparseSchema()));
    table_ = fixture_.Open("mixed");
  }

  StoreFixture fixture_;
  std::shared_ptr<Table> table_;
};

Row MakeRow(std::int64_t id, Value::List indices, Value::List values, Cell vector) {
  return {{Value(id), Value(std::move(indices)), Value(std::move(values)), Value(id % 3),
           std::move(vector), Cell()}};
}

SearchRequest Query(Vector dense, SparseVector sparse) {
  SearchRequest request;
  request.vector_column = "vector";
  request.query = std::move(dense);
  request.sparse = std::move(sparse);
  request.columns = {"id"};
  return request;
}

TEST_F(SparseSearchTest, RowsAndQueriesThatDoNotFitAreRefused) {
  const auto refused = [&](Value::List indices, Value::List values) {
    const Status status =
        table_->Write(Upsert({MakeRow(1, std::move(indices), std::move(values), Vector{1, 1, 1})}));
    EXPECT_EQ(status.code(), Code::kInvalidArgument);
    return status.message();
  };
  EXPECT_THAT(refused({1, 2}, {1.0}), HasSubstr("2 indices and 1 values"));
  EXPECT_THAT(refused({1}, {1e13}), HasSubstr("1e12"));
  EXPECT_THAT(refused(Value::List(4097, Value(1)), Value::List(4097, Value(1.0))),
              HasSubstr("more than 4096"));
  EXPECT_OK(table_->Write(Upsert(
      {MakeRow(1, Value::List(4096, Value(1)), Value::List(4096, Value(1)), Vector{1, 1, 1})})));

  const auto code = [&](const SearchRequest& request) {
    return table_->Search(request).status().code();
  };
  EXPECT_EQ(code(Query({1, 1}, {{1}, {1}})), Code::kInvalidArgument);
  EXPECT_EQ(code(Query({1, 1, 1}, {{1, 2}, {1}})), Code::kInvalidArgument);
  EXPECT_EQ(code(Query({}, {{1}, {std::numeric_limits<float>::quiet_NaN()}})),
            Code::kInvalidArgument);
  SearchRequest plain = Query({1, 1}, {{1}, {1}});
  plain.vector_column = "plain";
  EXPECT_EQ(code(plain), Code::kInvalidArgument);
  EXPECT_TRUE(table_->Search(Query({}, {{}, {}}))->empty());
}

TEST_F(SparseSearchTest, AnswersAsBruteForce) {
  const char* given = std::getenv("OCELLUS_SEED");  // NOLINT(concurrency-mt-unsafe)
  const auto seed =
      given != nullptr ? static_cast<std::uint32_t>(std::stoul(given)) : std::random_device()();
  SCOPED_TRACE("OCELLUS_SEED=" + std::to_string(seed));
  std::mt19937 random(seed);
  const auto below = [&](std::uint32_t end) { return static_cast<int>(random() % end); };
  struct Entry {
    int born;
    std::vector<std::int64_t> indices;
    std::vector<double> values;
    std::optional<Vector> dense;
  };
  std::map<std::int64_t, Entry> model;
  for (int round = 0; round < 400 && !HasFailure(); ++round) {
    WriteBatch batch;
    const int changes = round % 100 == 0 ? 3000 : below(4);  // enough to compact the index
    for (int i = 0; i < changes; ++i) {
      const std::int64_t id = below(60);
      Entry entry = {round * 10'000 + i, {}, {}, {}};
      Value::List indices;
      Value::List values;
      for (int j = below(6); j > 0; --j) {
        entry.indices.push_back(below(20) - 3);
        entry.values.push_back(below(9) / 2.0 - 2);
        indices.emplace_back(entry.indices.back());
        values.emplace_back(entry.values.back());
      }
      Cell dense;
      if (below(5) != 0) {
        entry.dense = Vector{static_cast<float>(below(5) - 2), static_cast<float>(below(5)), 1};
        dense = *entry.dense;
      }
      batch.upserts.push_back(MakeRow(id, indices, values, dense));
      model[id] = entry;
    }
    ASSERT_OK(table_->Write(std::move(batch)));
    if (below(5) == 0) {
      const std::int64_t id = below(60);
      ASSERT_OK(table_->Write(Delete({{Value(id)}})));
      model.erase(id);
    }
    if (below(60) == 0) {
      table_.reset();
      ASSERT_OK(fixture_.Reopen());
      table_ = fixture_.Open("mixed");
    }
    SparseVector sparse;
    for (int j = below(4); j > 0; --j) {
      sparse.indices.push_back(below(20) - 3);
      sparse.values.push_back(static_cast<float>(below(5) - 2));
    }
    const bool only_sparse = below(3) == 0;
    const Vector dense = only_sparse ? Vector() : Vector{1, static_cast<float>(below(3)), -1};
    SearchRequest request = Query(dense, sparse);
    request.top_k = static_cast<std::uint32_t>(1 + below(80));
    const int group = below(4);
    if (group < 3) {
      request.filter = query::Filter::Where({"group", ""}, query::Op::kEqual, group);
    }

    struct Found {
      float score;
      int born;
      std::int64_t id;
    };
    std::vector<Found> want;
    for (const auto& [id, entry] : model) {
      if (group < 3 && id % 3 != group) continue;
      if (!only_sparse && !entry.dense.has_value()) continue;
      double score = 0;
      bool shared = false;
      for (std::size_t i = 0; i < sparse.indices.size(); ++i) {
        for (std::size_t j = 0; j < entry.indices.size(); ++j) {
          if (sparse.indices[i] != entry.indices[j]) continue;
          shared = true;
          score += double{sparse.values[i]} * entry.values[j];
        }
      }
      if (only_sparse && !shared) continue;
      for (std::size_t i = 0; i < dense.size(); ++i) score += double{dense[i]} * (*entry.dense)[i];
      want.push_back({static_cast<float>(score), entry.born, id});
    }
    std::sort(want.begin(), want.end(), [](const Found& a, const Found& b) {
      return a.score != b.score ? a.score > b.score : a.born < b.born;
    });
    if (want.size() > request.top_k) want.resize(request.top_k);
    const auto hits = table_->Search(request);
    ASSERT_OK(hits);
    ASSERT_EQ(hits->size(), want.size()) << "round " << round;
    for (std::size_t i = 0; i < want.size(); ++i) {
      EXPECT_EQ((*hits)[i].score, want[i].score) << "round " << round << " hit " << i;
      EXPECT_EQ((*hits)[i].row.cells[0], Cell(Value(want[i].id))) << "round " << round;
    }
  }
  EXPECT_THAT(fixture_.log(), IsEmpty());
}

}  // namespace
}  // namespace ocellus::store
