// Random operations on a table, each answer compared with that of a plain map in memory.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
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

  // In the order of insertion.
  std::vector<Row> Admitted(const Filter& filter) const {
    std::map<std::uint64_t, Row> ordered;
    for (const auto& [key, entry] : rows_) {
      const auto cell = [&, row = &entry.row](const query::Field& field) {
        const Cell& content = row->cells[schema_.IndexOf(field.column)];
        const Value* value = std::get_if<Value>(&content);
        if (value == nullptr) return Value();
        if (field.key.empty()) return *value;
        const Value* member = value->Find(field.key);
        return member == nullptr ? Value() : *member;
      };
      if (Matches(filter, cell)) ordered[entry.born] = entry.row;
    }
    std::vector<Row> rows;
    for (auto& [born, row] : ordered) rows.push_back(std::move(row));
    return rows;
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
    if (kind < 7) return RandomCondition();
    if (kind == 7) return Filter::Not(RandomFilter(depth + 1));
    std::vector<Filter> children;
    for (int i = Below(4); i > 0; --i) children.push_back(RandomFilter(depth + 1));
    return kind == 8 ? Filter::And(std::move(children)) : Filter::Or(std::move(children));
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
  Filter RandomCondition() {
    static const char* const kColumns[] = {"tenant", "run", "dry", "reading", "labels", "counts"};
    query::Field field;
    if (OneIn(2)) {
      field = {"extra", "k" + std::to_string(Below(8))};  // two that no row has
    } else {
      field = {kColumns[Below(6)], ""};
    }
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

void Compare(Table& table, const Model& model, Chance& chance) {
  switch (chance.Below(4)) {
    case 0: {
      const Filter filter = chance.RandomFilter();
      const auto count = table.Count(filter);
      ASSERT_OK(count);
      EXPECT_EQ(*count, model.Admitted(filter).size());
      break;
    }
    case 1: {
      ScanRequest request = {chance.RandomFilter(), AllColumns(),
                             static_cast<std::uint64_t>(chance.Below(20)),
                             static_cast<std::uint64_t>(chance.Below(30))};
      const auto rows = table.Scan(request);
      ASSERT_OK(rows);
      std::vector<Row> want = model.Admitted(request.filter);
      want.erase(want.begin(), want.begin() + static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(
                                                  request.offset, want.size())));
      if (want.size() > request.limit) want.resize(request.limit);
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
