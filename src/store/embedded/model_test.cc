// Random operations on a table, each answer compared with that of a plain map in memory.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <random>

#include "store/embedded/test_tables.h"

namespace ocellus::store {
namespace {

using query::Filter;
using query::Op;

class Model {
 public:
  void Apply(const WriteBatch& batch) {
    for (const Key& key : batch.deletes) rows_.erase(WriteJson(Value(key)));
    for (const Row& row : batch.upserts) {
      rows_[WriteJson(Value(KeyOf(schema_, row)))] = {next_born_++, row};
    }
  }
  void Clear() { rows_.clear(); }

  // What the row has in a field.
  query::CellReader CellsOf(const Row& row) const {
    return [this, &row](const query::Field& field) {
      const Cell& content = row.cells[schema_.IndexOf(field.column)];
      const Value* value = std::get_if<Value>(&content);
      if (value == nullptr) return Value();
      if (field.key.empty()) return *value;
      const Value* member = value->Find(field.key);
      return member == nullptr ? Value() : *member;
    };
  }

  // In the order of insertion.
  std::vector<Row> Admitted(const Filter& filter) const {
    std::map<std::uint64_t, Row> ordered;
    for (const auto& [key, entry] : rows_) {
      if (Matches(filter, CellsOf(entry.row))) ordered[entry.born] = entry.row;
    }
    std::vector<Row> rows;
    for (auto& [born, row] : ordered) rows.push_back(std::move(row));
    return rows;
  }

  std::vector<Row> Scanned(const ScanRequest& request) const {
    std::vector<Row> rows = Admitted(request.filter);
    const auto values = [&](const Row& row) {
      std::vector<Value> all;
      for (const query::SortKey& key : request.order) {
        all.push_back(query::Evaluate(key.expression, CellsOf(row)));
      }
      return all;
    };
    std::stable_sort(rows.begin(), rows.end(), [&](const Row& a, const Row& b) {
      return query::ComesBefore(request.order, values(a), values(b));
    });
    rows.erase(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(
                                                request.offset, rows.size())));
    if (rows.size() > request.limit) rows.resize(request.limit);
    return rows;
  }

  std::vector<AggregateRow> Aggregated(const AggregateRequest& request) const {
    struct Group {
      std::vector<Value> keys;
      std::vector<Row> rows;
    };
    std::vector<Group> groups;
    for (const Row& row : Admitted(request.filter)) {
      std::vector<Value> keys;
      for (const query::Field& field : request.group_by) keys.push_back(CellsOf(row)(field));
      auto group = std::find_if(groups.begin(), groups.end(), [&](const Group& one) {
        return std::equal(keys.begin(), keys.end(), one.keys.begin(), Same);
      });
      if (group == groups.end()) group = groups.insert(groups.end(), {keys, {}});
      group->rows.push_back(row);
    }
    if (groups.empty() && request.group_by.empty()) groups.emplace_back();
    std::vector<AggregateRow> result;
    for (const Group& group : groups) {
      AggregateRow& row = result.emplace_back();
      row.group = group.keys;
      for (const AggregateFunction& function : request.functions) {
        row.results.push_back(Computed(function, group.rows));
      }
    }
    std::vector<query::SortKey> keys;
    for (const AggregateOrder& order : request.order) keys.push_back({{}, order.descending});
    const auto values = [&](const AggregateRow& row) {
      std::vector<Value> all;
      for (const AggregateOrder& order : request.order) {
        const std::size_t groups_before = row.group.size();
        all.push_back(order.column < groups_before ? row.group[order.column]
                                                   : row.results[order.column - groups_before]);
      }
      return all;
    };
    std::stable_sort(result.begin(), result.end(), [&](const auto& a, const auto& b) {
      return query::ComesBefore(keys, values(a), values(b));
    });
    if (result.size() > request.limit) result.resize(request.limit);
    return result;
  }

  // 1 and 1.0 are the same.
  static bool Same(const Value& a, const Value& b) {
    if (a.is_number() && b.is_number()) return std::is_eq(query::OrderOf(a, b));
    return a == b;
  }

  const Row* Find(const Key& key) const {
    const auto found = rows_.find(WriteJson(Value(key)));
    return found == rows_.end() ? nullptr : &found->second.row;
  }

  struct Scored {
    double score;
    Row row;
  };
  // Components are small integers, so that scores are exact and often tie.
  std::vector<Scored> Nearest(const SearchRequest& request) const {
    const std::size_t column = schema_.IndexOf(request.vector_column);
    const bool squared = schema_.columns[column].vector.metric == Metric::kSquaredEuclidean;
    std::vector<Scored> all;
    for (Row& row : Admitted(request.filter)) {
      const Vector* vector = std::get_if<Vector>(&row.cells[column]);
      if (vector == nullptr) continue;
      double score = 0;
      for (std::size_t i = 0; i < vector->size(); ++i) {
        const double a = (*vector)[i];
        const double b = request.query[i];
        score += squared ? (a - b) * (a - b) : a * b;
      }
      all.push_back({score, std::move(row)});
    }
    std::stable_sort(all.begin(), all.end(), [squared](const Scored& a, const Scored& b) {
      return squared ? a.score < b.score : a.score > b.score;
    });
    if (all.size() > request.top_k) all.resize(request.top_k);
    return all;
  }

 private:
  Value Computed(const AggregateFunction& function, const std::vector<Row>& rows) const {
    using Kind = AggregateFunction::Kind;
    std::int64_t count = 0;
    std::int64_t numbers = 0;
    double sum = 0;
    bool only_integers = true;
    Value extreme;
    for (const Row& row : rows) {
      const Value value =
          function.argument.has_value() ? query::Evaluate(*function.argument, CellsOf(row)) : 1;
      if (value.is_null()) continue;
      ++count;
      if (value.is_number()) {
        ++numbers;
        sum += value.number();
        only_integers = only_integers && value.as_int() != nullptr;
      }
      if (value.as_list() != nullptr) continue;
      const auto order =
          extreme.is_null() ? std::strong_ordering::equal : query::OrderOf(value, extreme);
      if (extreme.is_null() ||
          (function.kind == Kind::kMin ? std::is_lt(order) : std::is_gt(order))) {
        extreme = value;
      }
    }
    if (function.kind == Kind::kCount) return count;
    if (function.kind == Kind::kMin || function.kind == Kind::kMax) return extreme;
    if (numbers == 0) return {};
    if (function.kind == Kind::kAverage) return sum / static_cast<double>(numbers);
    return only_integers ? Value(static_cast<std::int64_t>(sum)) : Value(sum);
  }

  struct Entry {
    std::uint64_t born;
    Row row;
  };
  const TableSchema schema_ = ProbeSchema();
  std::map<std::string, Entry> rows_;
  std::uint64_t next_born_ = 0;
};

class Chance {
 public:
  explicit Chance(std::uint32_t seed) : engine_(seed) {}

  int Below(int end) { return std::uniform_int_distribution<int>(0, end - 1)(engine_); }
  bool OneIn(int n) { return Below(n) == 0; }

  Key RandomKey() {
    return ProbeKey(OneIn(3) ? "t" : "u" + std::to_string(Below(3)), Below(25), OneIn(2));
  }

  Value Scalar() {
    static const char* const kTexts[] = {"", "red", "blue", "red%", "a_b", "\xE7\xBA\xA2"};
    switch (Below(5)) {
      case 0:
        return Below(4);
      case 1:
        return Below(8) / 2.0;
      case 2:
        return OneIn(2);
      default:
        return kTexts[Below(6)];
    }
  }

  Value ListOf(Value (Chance::*make)()) {
    Value::List list;
    for (int i = Below(4); i > 0; --i) list.push_back((this->*make)());
    return list;
  }

  Value Text() { return OneIn(2) ? "red" : "blue" + std::to_string(Below(3)); }
  Value Integer() { return Below(6); }

  Vector Components(std::size_t count) {
    Vector vector(count);
    for (float& component : vector) component = static_cast<float>(Below(5) - 2);
    return vector;
  }

  Row RandomRow() {
    const Key key = RandomKey();
    Row row;
    row.cells.resize(10);
    row.cells[kTenant] = key[1];
    row.cells[kRun] = key[0];
    row.cells[kDry] = key[2];
    if (!OneIn(3)) row.cells[kReading] = Value(Below(6) / 2.0);
    if (!OneIn(3)) row.cells[kLabels] = ListOf(&Chance::Text);
    if (!OneIn(3)) row.cells[kCounts] = ListOf(&Chance::Integer);
    if (!OneIn(3)) {
      Value::Map map;
      for (int i = Below(4); i > 0; --i) {
        Value value = OneIn(4) ? ListOf(&Chance::Scalar) : OneIn(8) ? Value() : Scalar();
        map.emplace_back("k" + std::to_string(Below(6)), std::move(value));
      }
      row.cells[kExtra] = Value(std::move(map));
    }
    if (!OneIn(3)) row.cells[kRaw] = Blob{std::string(static_cast<std::size_t>(Below(3000)), 'x')};
    row.cells[kShape] = Components(3);
    if (!OneIn(4)) row.cells[kSound] = Components(5);
    return row;
  }

  WriteBatch RandomBatch() {
    WriteBatch batch;
    for (int i = Below(4); i > 0; --i) batch.deletes.push_back(RandomKey());
    for (int i = Below(6); i > 0; --i) batch.upserts.push_back(RandomRow());
    return batch;
  }

  Filter RandomFilter(int depth = 0) {
    const int kind = Below(depth < 3 ? 10 : 7);
    if (kind == 0) return {};
    if (kind < 4) return RandomComparison();
    if (kind < 7) return RandomCondition();
    if (kind == 7) return Filter::Not(RandomFilter(depth + 1));
    std::vector<Filter> children;
    for (int i = Below(4); i > 0; --i) children.push_back(RandomFilter(depth + 1));
    return kind == 8 ? Filter::And(std::move(children)) : Filter::Or(std::move(children));
  }

  query::Field RandomField() {
    static const char* const kColumns[] = {"tenant", "run", "dry", "reading", "labels", "counts"};
    if (OneIn(2)) return {"extra", "k" + std::to_string(Below(8))};  // two that no row has
    return {kColumns[Below(6)], ""};
  }

  query::Expression RandomExpression(int depth = 0) {
    using query::Expression;
    const int kind = Below(depth < 3 ? 8 : 4);
    if (kind == 0) {
      Value constant = OneIn(8) ? Value(std::int64_t{9007199254740993}) : Scalar();
      return Expression::Constant(std::move(constant));
    }
    if (kind < 5) return Expression::Of(RandomField());
    if (kind == 5) return Expression::Negate(RandomExpression(depth + 1));
    static constexpr Expression::Kind kKinds[] = {
        Expression::Kind::kAdd, Expression::Kind::kSubtract, Expression::Kind::kMultiply,
        Expression::Kind::kDivide};
    const Expression::Kind operation = kKinds[Below(4)];
    Expression left = RandomExpression(depth + 1);
    return Expression::Binary(operation, std::move(left), RandomExpression(depth + 1));
  }

  ScanRequest RandomScan() {
    ScanRequest request = {RandomFilter(), AllColumns(), static_cast<std::uint64_t>(Below(20)),
                           static_cast<std::uint64_t>(Below(30))};
    for (int i = Below(3); i > 0; --i) {
      request.order.push_back({RandomExpression(), OneIn(2)});
    }
    return request;
  }

  AggregateRequest RandomAggregate() {
    AggregateRequest request;
    request.filter = RandomFilter();
    for (int i = Below(3); i > 0; --i) request.group_by.push_back(RandomField());
    for (int i = Below(4); i > 0; --i) {
      AggregateFunction function;
      function.kind = static_cast<AggregateFunction::Kind>(Below(5));
      if (function.kind != AggregateFunction::Kind::kCount || OneIn(2)) {
        function.argument = RandomExpression();
      }
      request.functions.push_back(std::move(function));
    }
    const std::size_t columns = request.group_by.size() + request.functions.size();
    if (columns > 0 && OneIn(2)) {
      request.order.push_back(
          {static_cast<std::size_t>(Below(static_cast<int>(columns))), OneIn(2)});
    }
    if (OneIn(3)) request.limit = static_cast<std::uint64_t>(Below(10));
    return request;
  }

  SearchRequest RandomSearch() {
    SearchRequest request;
    const bool shape = OneIn(2);
    request.vector_column = shape ? "shape" : "sound";
    request.query = Components(shape ? 3 : 5);
    request.top_k = static_cast<std::uint32_t>(OneIn(4) ? 200 : Below(20));
    request.filter = RandomFilter();
    request.columns = AllColumns();
    return request;
  }

 private:
  Filter RandomComparison() {
    static constexpr Op kOps[] = {Op::kEqual,       Op::kNotEqual, Op::kLess,
                                  Op::kLessOrEqual, Op::kGreater,  Op::kGreaterOrEqual};
    const Op op = kOps[Below(6)];
    query::Expression left = RandomExpression();
    return Filter::Compare(std::move(left), op, RandomExpression());
  }

  Filter RandomCondition() {
    query::Field field = RandomField();
    const Op op = static_cast<Op>(Below(11));
    Value value = Scalar();
    if (op == Op::kIn || op == Op::kNotIn) value = ListOf(&Chance::Scalar);
    if (op == Op::kExists) value = OneIn(2);
    return Filter::Where(std::move(field), op, std::move(value));
  }

  std::mt19937 engine_;
};

// Absent cells and duplicate map keys aside, what was written is what comes back.
void ExpectSame(const Row& got, const Row& want) {
  ASSERT_EQ(got.cells.size(), want.cells.size());
  for (std::size_t i = 0; i < got.cells.size(); ++i) {
    EXPECT_TRUE(got.cells[i] == want.cells[i]) << "cell " << i;
  }
}

// Sums of doubles may be added in another order.
void ExpectSame(const Value& got, const Value& want) {
  if (got.is_number() && want.is_number()) {
    EXPECT_NEAR(got.number(), want.number(), 1e-9 * std::abs(want.number()) + 1e-9);
  } else {
    EXPECT_EQ(WriteJson(got), WriteJson(want));
  }
}

void ExpectSame(const std::vector<AggregateRow>& got, const std::vector<AggregateRow>& want) {
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < want.size(); ++i) {
    ASSERT_EQ(got[i].group.size(), want[i].group.size());
    ASSERT_EQ(got[i].results.size(), want[i].results.size());
    for (std::size_t j = 0; j < want[i].group.size(); ++j) {
      EXPECT_TRUE(Model::Same(got[i].group[j], want[i].group[j])) << "group " << i;
    }
    for (std::size_t j = 0; j < want[i].results.size(); ++j) {
      ExpectSame(got[i].results[j], want[i].results[j]);
    }
  }
}

void Compare(Table& table, const Model& model, Chance& chance) {
  switch (chance.Below(5)) {
    case 0: {
      const Filter filter = chance.RandomFilter();
      const auto count = table.Count(filter);
      ASSERT_OK(count);
      EXPECT_EQ(*count, model.Admitted(filter).size());
      break;
    }
    case 1: {
      const ScanRequest request = chance.RandomScan();
      const auto rows = table.Scan(request);
      ASSERT_OK(rows);
      const std::vector<Row> want = model.Scanned(request);
      ASSERT_EQ(rows->size(), want.size());
      for (std::size_t i = 0; i < want.size(); ++i) ExpectSame((*rows)[i], want[i]);
      break;
    }
    case 2: {
      const std::vector<Key> keys = {chance.RandomKey(), chance.RandomKey()};
      const auto rows = table.Get(keys, AllColumns());
      ASSERT_OK(rows);
      for (std::size_t i = 0; i < keys.size(); ++i) {
        const Row* want = model.Find(keys[i]);
        ASSERT_EQ((*rows)[i].has_value(), want != nullptr);
        if (want != nullptr) ExpectSame(*(*rows)[i], *want);
      }
      break;
    }
    case 3: {
      const AggregateRequest request = chance.RandomAggregate();
      const auto rows = table.Aggregate(request);
      ASSERT_OK(rows);
      ExpectSame(*rows, model.Aggregated(request));
      break;
    }
    default: {
      const SearchRequest request = chance.RandomSearch();
      const auto hits = table.Search(request);
      ASSERT_OK(hits);
      const std::vector<Model::Scored> want = model.Nearest(request);
      ASSERT_EQ(hits->size(), want.size());
      for (std::size_t i = 0; i < want.size(); ++i) {
        EXPECT_EQ((*hits)[i].score, want[i].score) << "hit " << i;
        ExpectSame((*hits)[i].row, want[i].row);
      }
    }
  }
}

void RunModel(std::uint32_t seed, int operations) {
  SCOPED_TRACE("OCELLUS_SEED=" + std::to_string(seed));
  Chance chance(seed);
  Model model;
  StoreFixture fixture;
  std::shared_ptr<Table> table = fixture.MakeProbes();
  for (int i = 0; i < operations && !testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE("operation " + std::to_string(i));
    const int what = chance.Below(100);
    if (what < 40) {
      WriteBatch batch = chance.RandomBatch();
      model.Apply(batch);
      ASSERT_OK(table->Write(std::move(batch)));
    } else if (what == 40) {
      table.reset();
      ASSERT_OK(fixture.Reopen());
      EXPECT_THAT(fixture.log(), testing::IsEmpty());
      table = fixture.Open("probes");
    } else if (what == 41 && chance.OneIn(4)) {
      ASSERT_OK(fixture.store().DropTable("probes"));
      ASSERT_OK(fixture.store().CreateTable(ProbeSchema()));
      table = fixture.Open("probes");
      model.Clear();
    } else {
      Compare(*table, model, chance);
    }
  }
}

// OCELLUS_SEED runs one seed again; OCELLUS_OPERATIONS makes it longer.
TEST(ModelTest, AnswersAsAMapInMemory) {
  const char* seed = std::getenv("OCELLUS_SEED");              // NOLINT(concurrency-mt-unsafe)
  const char* operations = std::getenv("OCELLUS_OPERATIONS");  // NOLINT(concurrency-mt-unsafe)
  const int count = operations != nullptr ? std::stoi(operations) : 250;
  if (seed != nullptr) {
    RunModel(static_cast<std::uint32_t>(std::stoul(seed)), count);
    return;
  }
  RunModel(1, count);
  const auto fresh = std::random_device()();
  std::cout << "OCELLUS_SEED=" << fresh << "\n";
  RunModel(fresh, count);
}

}  // namespace
}  // namespace ocellus::store
