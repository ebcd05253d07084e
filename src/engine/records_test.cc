#include "engine/records.h"

#include <gtest/gtest.h>

#include <string>

#include "engine/testing/memory_store.h"

namespace ocellus::engine {
namespace {

Record Of(const std::string& id, std::size_t bytes, std::int64_t created_ms = 0) {
  return {id, "me", created_ms, 0, Value::Map{{"name", id}}, std::string(bytes, 'x')};
}

class RecordsTest : public ::testing::Test {
 protected:
  Records Open(RecordsOptions options) {
    options.table = "things";
    return {store_, options};
  }
  testing::MemoryStore store_;
};

TEST_F(RecordsTest, AreThereAfterARestartAndForTheirOwnerAlone) {
  {
    Records records = Open({});
    ASSERT_TRUE(records.Open().ok());
    ASSERT_TRUE(records.Put(Of("a", 3)).ok());
    ASSERT_TRUE(records.Put(Of("b", 4)).ok());
    ASSERT_TRUE(records.Delete("b", "me").ok());
  }
  Records records = Open({});
  ASSERT_TRUE(records.Open().ok());
  const Result<Record> a = records.Get("a", "me");
  ASSERT_TRUE(a.ok());
  EXPECT_EQ(a->bytes, "xxx");
  EXPECT_EQ(a->details, Value(Value::Map{{"name", "a"}}));
  EXPECT_GT(a->created_ms, 0);
  EXPECT_EQ(records.Get("a", "you").status().code(), Code::kNotFound);
  EXPECT_EQ(records.Delete("a", "you").code(), Code::kNotFound);
  EXPECT_EQ(records.Get("b", "me").status().code(), Code::kNotFound);
  const auto list = records.List("me");
  ASSERT_TRUE(list.ok());
  ASSERT_EQ(list->size(), 1U);
  EXPECT_EQ(list->front().second, 3U);
  EXPECT_TRUE(list->front().first.bytes.empty());
  EXPECT_TRUE(records.List("you")->empty());
}

TEST_F(RecordsTest, ExpiredOnesAreGone) {
  Records records = Open({});
  ASSERT_TRUE(records.Open().ok());
  Record old = Of("old", 1);
  old.expires_ms = 1;
  ASSERT_TRUE(records.Put(old).ok());
  EXPECT_EQ(records.Get("old", "me").status().code(), Code::kNotFound);
  EXPECT_TRUE(records.List("me")->empty());
  ASSERT_TRUE(records.Put(Of("new", 1)).ok());  // takes the row away too
  EXPECT_EQ(*store_.OpenTable("ocellus.things").operator*()->Count({}), 1U);
}

TEST_F(RecordsTest, OverALimitTheOldestGo) {
  Records records = Open({.table = {}, .max_records = 2, .max_bytes = 10, .drop_oldest = true});
  ASSERT_TRUE(records.Open().ok());
  ASSERT_TRUE(records.Put(Of("a", 1, 100)).ok());
  ASSERT_TRUE(records.Put(Of("b", 1, 200)).ok());
  ASSERT_TRUE(records.Put(Of("c", 1, 300)).ok());
  EXPECT_FALSE(records.Get("a", "me").ok());
  ASSERT_TRUE(records.Put(Of("d", 10, 400)).ok());
  EXPECT_FALSE(records.Get("c", "me").ok());
  EXPECT_TRUE(records.Get("d", "me").ok());
  EXPECT_EQ(records.Put(Of("e", 11)).code(), Code::kInvalidArgument);
}

TEST_F(RecordsTest, OverALimitNoneIsTaken) {
  Records records = Open({.table = {}, .max_records = 2, .max_bytes = 10});
  ASSERT_TRUE(records.Open().ok());
  ASSERT_TRUE(records.Put(Of("a", 6)).ok());
  EXPECT_EQ(records.Put(Of("b", 5)).code(), Code::kResourceExhausted);
  ASSERT_TRUE(records.Put(Of("b", 4)).ok());
  EXPECT_EQ(records.Put(Of("c", 0)).code(), Code::kResourceExhausted);
  EXPECT_TRUE(records.Get("a", "me").ok());
  ASSERT_TRUE(records.Delete("a", "me").ok());
  EXPECT_TRUE(records.Put(Of("c", 6)).ok());
}

}  // namespace
}  // namespace ocellus::engine
