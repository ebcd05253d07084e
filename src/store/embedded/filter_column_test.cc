#include "store/embedded/filter_column.h"

#include <gtest/gtest.h>

#include <random>

#include "store/embedded/filter_columns.h"
#include "store/embedded/slots.h"

namespace ocellus::store::embedded {
namespace {

using query::Condition;
using query::Op;
using List = Value::List;

TEST(GrowingArrayTest, GrowsWithoutMoving) {
  GrowingArray<std::uint32_t> array;
  for (const std::uint32_t at : {0U, 4095U, 4096U, 8191U, 8192U, 100'000U, 5'000'000U}) {
    EXPECT_EQ(array.Get(at), 0U);
    array.Set(at, at + 1);
    EXPECT_EQ(array.Get(at), at + 1);
  }
  std::uint64_t sum = 0;
  std::uint32_t next = 0;
  array.ForEachRun(5'000'001, [&](std::uint32_t first, const std::uint32_t* run, std::uint32_t n) {
    EXPECT_EQ(first, next);
    next += n;
    for (std::uint32_t i = 0; run != nullptr && i < n; ++i) sum += run[i];
  });
  EXPECT_EQ(next, 5'000'001U);
  EXPECT_EQ(sum, 1U + 4096 + 4097 + 8192 + 8193 + 100'001 + 5'000'001);
}

TEST(DictionaryTest, EncodingsComeBack) {
  const List values = {true,
                       false,
                       0,
                       -1,
                       std::int64_t{9223372036854775807},
                       0.5,
                       -1e300,
                       "",
                       std::string("a\0b", 3),
                       List{},
                       List{1, "x", nullptr, 2.5, false}};
  Dictionary dictionary;
  for (const Value& value : values) {
    const std::uint32_t id = dictionary.Intern(value);
    EXPECT_EQ(dictionary.Intern(value), id);
    EXPECT_EQ(dictionary.Find(value), id);
    EXPECT_EQ(dictionary.At(id), value);
  }
  EXPECT_EQ(dictionary.size(), values.size());
  EXPECT_EQ(dictionary.list_count(), 2U);
  EXPECT_EQ(dictionary.Find(7), 0U);
  EXPECT_EQ(dictionary.Intern(-0.0), dictionary.Intern(0.0));
  Value value;
  for (const char* bad : {"x", "i1234567", "fx", "l\x01\0\0", "l\x05\0\0\0s"}) {
    EXPECT_FALSE(DecodeValue(bad, value)) << bad;
  }
}

// The quick ways (by hash, by few values) against query::Matches on every slot.
TEST(FilterColumnTest, AnswersAsMatches) {
  std::mt19937 random(11);
  for (const int variety : {3, 1000}) {
    FilterColumn column;
    List cells;
    for (std::uint32_t slot = 0; slot < (variety < 32 ? 300U : 4200U); ++slot) {
      const int number = static_cast<int>(random() % static_cast<unsigned>(variety));
      Value cell;
      switch (random() % 6) {
        case 0:
          break;
        case 1:
          cell = number;
          break;
        case 2:
          cell = number / 2.0;
          break;
        case 3:
          cell = "text" + std::to_string(number);
          break;
        case 4:
          cell = number % 2 == 0;
          break;
        default:
          cell = List{number, "text" + std::to_string(number % 5)};
      }
      column.Set(slot, cell);
      cells.push_back(std::move(cell));
    }
    const List values = {nullptr,
                         true,
                         1,
                         1.0,
                         1.5,
                         -0.0,
                         "text1",
                         "%1",
                         List{1, "text2"},
                         List{},
                         9007199254740993.0,
                         std::int64_t{9007199254740993}};
    for (int op = 0; op <= static_cast<int>(Op::kExists); ++op) {
      for (const Value& value : values) {
        const Condition condition = {{"c", ""}, static_cast<Op>(op), value};
        std::vector<bool> want;
        for (const Value& cell : cells) want.push_back(query::Matches(condition, cell));
        for (const std::uint32_t slots : {0U, 65U, static_cast<std::uint32_t>(cells.size())}) {
          const index::Bitmap met = column.Evaluate(condition, slots);
          ASSERT_EQ(met.size(), slots);
          for (std::uint32_t slot = 0; slot < slots; ++slot) {
            if (met.Test(slot) == want[slot]) continue;
            FAIL() << "operator " << op << ", value " << WriteJson(value) << ", cell "
                   << WriteJson(cells[slot]);
          }
        }
      }
    }
  }
}

TEST(FilterColumnTest, CompactionForgetsUnusedValues) {
  FilterColumn column;
  for (int i = 0; i < 20'000; ++i) column.Set(static_cast<std::uint32_t>(i % 100), i);
  EXPECT_TRUE(column.Wasteful(100));
  EXPECT_FALSE(column.Wasteful(20'000));
  index::Bitmap live(100);
  live.SetAll();
  live.Clear(7);
  const auto compacted = column.Compacted(live);
  EXPECT_EQ(compacted->dictionary().size(), 99U);
  const Condition equal = {{"c", ""}, Op::kEqual, 19'950};
  EXPECT_EQ(compacted->Evaluate(equal, 100), column.Evaluate(equal, 100));
  EXPECT_EQ(compacted->Evaluate(equal, 100).Count(), 1U);
}

TEST(ColumnSetBuilderTest, AReusedSlotKeepsNothingOfItsOldRow) {
  ColumnSetBuilder builder((ColumnSet(1)));
  builder.Load(0);
  builder.Set(0, 5, Value(Value::Map{{"a", 1}, {"b", 2}}));
  const ColumnSet first = builder.Finish();
  ColumnSetBuilder next(first);
  next.Set(0, 5, Value(Value::Map{{"b", 3}}));
  EXPECT_FALSE(next.changed());
  const auto exists = [&](const char* key) {
    return first[0]->at(key)->Evaluate({{"m", key}, Op::kExists, true}, 6).Count();
  };
  EXPECT_EQ(exists("a"), 0U);
  EXPECT_EQ(exists("b"), 1U);
  // A key of its own makes a new set; the old one stays as it was.
  next.Set(0, 4, Value(Value::Map{{"c", 1}}));
  EXPECT_TRUE(next.changed());
  EXPECT_EQ(first[0]->count("c"), 0U);
  EXPECT_EQ(next.Finish()[0]->count("c"), 1U);
}

TEST(SlotAllocatorTest, FreedSlotsWaitForOldSnapshots) {
  SlotAllocator slots;
  EXPECT_EQ(slots.Take(), 0U);
  EXPECT_EQ(slots.Take(), 1U);
  EXPECT_EQ(slots.Take(), 2U);
  slots.Retire(1, 10);
  slots.Reclaim(9);  // a snapshot before the commit lives
  EXPECT_EQ(slots.Take(), 3U);
  slots.Reclaim(10);
  EXPECT_EQ(slots.Take(), 1U);
  // What a failed batch took goes back where it was.
  EXPECT_EQ(slots.Take(), 4U);
  EXPECT_EQ(slots.Take(), 5U);
  slots.GiveBack(5);
  slots.GiveBack(4);
  EXPECT_EQ(slots.high_water(), 4U);
  slots.GiveBack(0);
  EXPECT_EQ(slots.Take(), 0U);
}

}  // namespace
}  // namespace ocellus::store::embedded
