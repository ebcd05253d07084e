#include "engine/health.h"

#include <gtest/gtest.h>

#include <memory>

#include "engine/testing/colour_embedder.h"
#include "engine/testing/memory_store.h"

namespace ocellus::engine {
namespace {

TEST(Health, FindsWhatItWrote) {
  testing::MemoryStore store;
  embed::BundleRegistry bundles;
  auto embedder = std::make_unique<testing::ColourEmbedder>();
  testing::ColourEmbedder* borrowed = embedder.get();
  ASSERT_TRUE(bundles.Add(std::move(embedder)).ok());
  Health health(store, bundles);
  EXPECT_TRUE(health.Check().ok());
  EXPECT_TRUE(health.Check().ok());
  EXPECT_EQ(borrowed->calls(), 1);  // kept

  // After a restart, the table is there already.
  EXPECT_TRUE(Health(store, bundles).Check().ok());
  borrowed->Fail(Code::kUnavailable);
  EXPECT_EQ(Health(store, bundles).Check().message(), "embed: the embedder fails");
}

TEST(Health, ReportsTheStore) {
  testing::MemoryStore store;
  embed::BundleRegistry bundles;
  ASSERT_TRUE(bundles.Add(std::make_unique<testing::ColourEmbedder>()).ok());
  store.FailWrites(Status(Code::kResourceExhausted, "the disk is full"));
  EXPECT_EQ(Health(store, bundles).Check().message(), "store: the disk is full");
}

TEST(Health, FollowsABundleOfAnotherDimension) {
  testing::MemoryStore store;
  store::TableSchema old;
  old.name = "ocellus.health";
  old.columns = {{"id", store::ColumnType::kInt64, false, true, {}}};
  old.primary_key = {"id"};
  ASSERT_TRUE(store.CreateTable(old).ok());
  embed::BundleRegistry bundles;
  ASSERT_TRUE(bundles.Add(std::make_unique<testing::ColourEmbedder>()).ok());
  EXPECT_TRUE(Health(store, bundles).Check().ok());
}

}  // namespace
}  // namespace ocellus::engine
