#include "engine/reembed.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include "base/digest.h"
#include "engine/library.h"
#include "engine/testing/colour_embedder.h"
#include "engine/testing/memory_store.h"

namespace ocellus::engine {
namespace {

using testing::ColourEmbedder;
using testing::JpegOf;
using testing::kBlue;
using testing::kGreen;
using testing::kRed;

class ReembedTest : public ::testing::Test {
 protected:
  ReembedTest() {
    Restart("digest-old");
    EXPECT_TRUE(libraries_->Create("l", LibraryMode::kWholePicture, "words").ok());
  }
  void TearDown() override { jobs_->Stop(); }

  // With these files of the bundle "old".
  void Restart(const std::string& digest_of_old) {
    if (jobs_ != nullptr) jobs_->Stop();
    bundles_ = std::make_unique<embed::BundleRegistry>();
    auto old = std::make_unique<ColourEmbedder>("old", digest_of_old);
    auto next = std::make_unique<ColourEmbedder>("new", "digest-new");
    old_ = old.get();
    new_ = next.get();
    ASSERT_TRUE(bundles_->Add(std::move(old)).ok());
    ASSERT_TRUE(bundles_->Add(std::move(next)).ok());
    engine_ = std::make_unique<Engine>(store_, *bundles_, EngineOptions{}, metrics_);
    libraries_ = std::make_unique<Libraries>(*engine_, LibraryOptions{});
    StartJobs();
  }
  void Restart() {
    jobs_->Stop();
    StartJobs();
  }
  void StartJobs() {
    jobs_ = std::make_unique<Jobs>(
        store_, JobsOptions{.checkpoint_interval = std::chrono::milliseconds(0)}, metrics_);
    reembedding_ = std::make_unique<Reembedding>(*engine_, store_, *bundles_, *jobs_);
    reembedding_->Register();
    ASSERT_TRUE(jobs_->Start().ok());
  }

  Status Put(const std::string& id, testing::Colour colour, bool keep = true) {
    return libraries_->Put("l", {{id, id + ".jpg"}, JpegOf(colour), {{"n", id}}, keep});
  }
  void PutMany(int count) {
    for (int i = 0; i < count; ++i) {
      ASSERT_TRUE(Put("p" + std::to_string(i), i % 2 == 0 ? kRed : kGreen).ok());
    }
  }
  std::string BundleNow() {
    return engine_->Schema("l")->Find(kLibraryVectorColumn)->vector.bundle;
  }
  std::vector<std::string> Found(const std::string& words, std::uint32_t top_k = 1000) {
    const auto hits = libraries_->Search({"l", TextQuery{words}, top_k, {}});
    EXPECT_TRUE(hits.ok()) << hits.status().message();
    std::vector<std::string> ids;
    if (!hits.ok()) return ids;
    for (const LibraryHit& hit : hits->hits) ids.push_back(hit.key.id);
    return ids;
  }
  Job Finished(const std::string& id) {
    for (int i = 0; i < 4000; ++i) {
      const Result<Job> job = jobs_->Get(id);
      EXPECT_TRUE(job.ok());
      if (!job.ok() || job->finish_time_ms != 0) return job.ok() ? *job : Job();
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    ADD_FAILURE() << "the job does not end";
    return {};
  }
  bool HasReplacement(const std::string& table = "l") {
    return store_.OpenTable(ReplacementOf(table)).ok();
  }

  testing::MemoryStore store_;
  MetricsRegistry metrics_;
  ColourEmbedder* old_ = nullptr;
  ColourEmbedder* new_ = nullptr;
  std::unique_ptr<embed::BundleRegistry> bundles_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Libraries> libraries_;
  std::unique_ptr<Jobs> jobs_;
  std::unique_ptr<Reembedding> reembedding_;
};

TEST_F(ReembedTest, AllPicturesFollowAndNothingElseChanges) {
  PutMany(40);
  const Library before = *libraries_->Find("l");
  const auto job = reembedding_->Start({"l", "new"});
  ASSERT_TRUE(job.ok()) << job.status().message();
  const Job done = Finished(job->id);
  EXPECT_EQ(done.state, JobState::kSucceeded) << done.message;
  EXPECT_EQ(done.success, 40U);
  EXPECT_EQ(done.total, 40U);
  EXPECT_EQ(BundleNow(), "new");
  EXPECT_FALSE(HasReplacement());
  EXPECT_EQ(new_->calls(), 40);
  const Library after = *libraries_->Find("l");
  EXPECT_EQ(after.description, before.description);
  EXPECT_EQ(after.create_time_ms, before.create_time_ms);
  EXPECT_EQ(after.pictures, 40U);
  EXPECT_EQ(Found("red").size(), 40U);
  EXPECT_TRUE(Found("red", 1)[0].starts_with("p"));
  EXPECT_EQ(libraries_->Fetch("l", "p0", std::nullopt)->bytes, JpegOf(kRed));
  ASSERT_TRUE(Put("later", kBlue).ok());
  EXPECT_EQ(Found("blue", 1), (std::vector<std::string>{"later"}));
}

TEST_F(ReembedTest, SearchesAndChangesGoOnMeanwhile) {
  PutMany(120);
  const auto job = reembedding_->Start({"l", "new"});
  ASSERT_TRUE(job.ok());
  std::set<std::string> wanted;
  for (int i = 0; i < 120; ++i) wanted.insert("p" + std::to_string(i));
  int rounds = 0;
  while (jobs_->Get(job->id)->finish_time_ms == 0 && rounds < 200) {
    const std::string id = "new" + std::to_string(rounds);
    ASSERT_TRUE(Put(id, kBlue).ok());
    wanted.insert(id);
    ASSERT_TRUE(Put("p" + std::to_string(rounds % 120), kBlue).ok());
    wanted.insert("p" + std::to_string(rounds % 120));
    const std::string gone = "p" + std::to_string((rounds * 7 + 3) % 120);
    ASSERT_TRUE(engine_->Delete("l", {{gone, gone + ".jpg"}}).ok());
    wanted.erase(gone);
    EXPECT_EQ(Found("blue", 1).size(), 1U);
    ++rounds;
  }
  EXPECT_EQ(Finished(job->id).state, JobState::kSucceeded) << Finished(job->id).message;
  EXPECT_EQ(BundleNow(), "new");
  const std::vector<std::string> found = Found("blue");
  EXPECT_EQ(std::set<std::string>(found.begin(), found.end()), wanted);
  // What was replaced by a blue one is blue by the new vectors too.
  EXPECT_EQ(libraries_->Find("l")->pictures, wanted.size());
}

TEST_F(ReembedTest, PicturesThatWereNotKeptAreNamedAndKeepTheLibraryAsItIs) {
  PutMany(20);
  ASSERT_TRUE(Put("dropped", kBlue, false).ok());
  const auto first = reembedding_->Start({"l", "new"});
  ASSERT_TRUE(first.ok());
  const Job failed = Finished(first->id);
  EXPECT_EQ(failed.state, JobState::kFailed);
  EXPECT_NE(failed.message.find("1 pictures of library l cannot follow"), std::string::npos);
  EXPECT_EQ(failed.success, 20U);
  ASSERT_EQ(failed.errors.size(), 1U);
  EXPECT_EQ(WriteJson(Value(failed.errors[0].subject)),
            R"({"image_id":"dropped","image_uri":"dropped.jpg"})");
  EXPECT_EQ(BundleNow(), "old");
  EXPECT_EQ(Found("blue", 1), (std::vector<std::string>{"dropped"}));

  // The rest is ready: nothing is made twice.
  EXPECT_TRUE(HasReplacement());
  const int calls = new_->calls();
  const auto second = reembedding_->Start({"l", "new", true});
  ASSERT_TRUE(second.ok()) << second.status().message();
  const Job done = Finished(second->id);
  EXPECT_EQ(done.state, JobState::kPartial) << done.message;
  EXPECT_EQ(done.failed, 1U);
  EXPECT_EQ(new_->calls(), calls);
  EXPECT_EQ(BundleNow(), "new");
  EXPECT_EQ(libraries_->Find("l")->pictures, 21U);
  EXPECT_EQ(Found("blue").size(), 20U);
  // It waits to be imported again, and a client that asks what is there is told so.
  EXPECT_TRUE(libraries_->Known("l", {Sha256Hex(AsBytes(JpegOf(kBlue)))})->empty());
  ASSERT_TRUE(Put("dropped", kBlue).ok());
  EXPECT_EQ(Found("blue", 1), (std::vector<std::string>{"dropped"}));
}

TEST_F(ReembedTest, GoesOnAfterARestart) {
  PutMany(60);
  // The store takes a few writes of the copy and then no more: as a server that dies.
  const auto job = reembedding_->Start({"l", "new"});
  ASSERT_TRUE(job.ok());
  while (new_->calls() < 20) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  Restart();
  // Deleted and changed while nobody watches would be the same; here it is right after the start.
  ASSERT_TRUE(engine_->Delete("l", {{"p1", "p1.jpg"}}).ok());
  const Job done = Finished(job->id);
  EXPECT_EQ(done.state, JobState::kSucceeded) << done.message;
  EXPECT_EQ(BundleNow(), "new");
  EXPECT_EQ(libraries_->Find("l")->pictures, 59U);
  EXPECT_LT(new_->calls(), 60 + 40);  // not all over again
}

TEST_F(ReembedTest, WhatChangedWhileTheServerWasDownIsSeen) {
  PutMany(10);
  ASSERT_TRUE(Put("dropped", kBlue, false).ok());
  ASSERT_EQ(Finished(reembedding_->Start({"l", "new"})->id).state, JobState::kFailed);
  jobs_->Stop();
  ASSERT_TRUE(engine_->Delete("l", {{"dropped", "dropped.jpg"}, {"p3", "p3.jpg"}}).ok());
  ASSERT_TRUE(Put("p4", kBlue).ok());
  Restart();
  EXPECT_EQ(Finished(reembedding_->Start({"l", "new"})->id).state, JobState::kSucceeded);
  EXPECT_EQ(libraries_->Find("l")->pictures, 9U);
  EXPECT_EQ(Found("blue", 1), (std::vector<std::string>{"p4"}));
}

TEST_F(ReembedTest, RefusesWhatMakesNoSense) {
  EXPECT_EQ(reembedding_->Start({"none", "new"}).status().code(), Code::kNotFound);
  EXPECT_EQ(reembedding_->Start({"l", "none"}).status().code(), Code::kNotFound);

  store::TableSchema schema;
  schema.name = "table";
  schema.primary_key = {"id"};
  schema.columns = {{.name = "id", .type = store::ColumnType::kString},
                    {.name = "words", .type = store::ColumnType::kString},
                    {.name = "v",
                     .type = store::ColumnType::kVector,
                     .vector = {.bundle = "old", .source_column = "words"}}};
  ASSERT_TRUE(engine_->CreateTable(schema).ok());
  const auto table = reembedding_->Start({"table", "new"});
  EXPECT_EQ(table.status().code(), Code::kFailedPrecondition);
  EXPECT_NE(table.status().message().find("Add a field with the new bundle"), std::string::npos);
  EXPECT_EQ(reembedding_->Start({"l", "old"}).status().code(), Code::kFailedPrecondition);
}

TEST_F(ReembedTest, AFailingDiskLeavesTheLibraryAsItIs) {
  PutMany(5);
  store_.FailWrites(Status(Code::kResourceExhausted, "the disk is full"), 2);
  const auto job = reembedding_->Start({"l", "new"});
  ASSERT_TRUE(job.ok());
  while (jobs_->Get(job->id)->finish_time_ms == 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  store_.FailWrites({});
  EXPECT_EQ(jobs_->Get(job->id)->state, JobState::kFailed);
  EXPECT_EQ(BundleNow(), "old");
  EXPECT_FALSE(HasReplacement());
  EXPECT_EQ(Found("red").size(), 5U);
}

TEST_F(ReembedTest, NamingTheOldBundleEndsIt) {
  PutMany(50);
  ASSERT_TRUE(Put("dropped", kBlue, false).ok());
  ASSERT_EQ(Finished(reembedding_->Start({"l", "new"})->id).state, JobState::kFailed);
  EXPECT_TRUE(HasReplacement());
  EXPECT_EQ(reembedding_->Start({"l", "old"}).status().code(), Code::kFailedPrecondition);
  EXPECT_FALSE(HasReplacement());
}

// A table "t": vectors of pictures and of words by the bundle "old", of words by "new", and the
// caller's own.
class ReembedTableTest : public ReembedTest {
 protected:
  ReembedTableTest() {
    EXPECT_TRUE(libraries_->Drop("l").ok());
    store::TableSchema schema;
    schema.name = "t";
    schema.primary_key = {"id"};
    schema.columns = {
        {.name = "id", .type = store::ColumnType::kInt64},
        {.name = "words", .type = store::ColumnType::kString},
        {.name = "photo", .type = store::ColumnType::kBlob},
        Made("by_photo", "old", "photo"),
        Made("by_words", "old", "words"),
        Made("by_new", "new", "words"),
        {.name = "own", .type = store::ColumnType::kVector, .vector = {.dimension = 2}}};
    EXPECT_TRUE(engine_->CreateTable(schema).ok());
  }
  static store::Column Made(const char* name, const char* bundle, const char* source) {
    return {.name = name,
            .type = store::ColumnType::kVector,
            .vector = {.bundle = bundle, .source_column = source}};
  }
  static store::Row RowOf(std::int64_t id, const std::string& words, testing::Colour colour) {
    const store::Cell none;
    return {{Value(id), Value(words), store::Blob{JpegOf(colour)}, none, none, none,
             store::Vector{1, static_cast<float>(id)}}};
  }
  void Fill(std::int64_t count) {
    for (std::int64_t id = 0; id < count; ++id) {
      ASSERT_TRUE(engine_->Upsert("t", {RowOf(id, "green", id % 2 == 0 ? kRed : kBlue)}).ok());
    }
  }
  // The job that makes `count` rows again, when it has begun.
  std::string StartChange(std::int64_t count) {
    Fill(count);
    Restart("digest-old-2");
    const auto job = reembedding_->Start({"t", "old"});
    EXPECT_TRUE(job.ok()) << job.status().message();
    while (old_->calls() < 40) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return job.ok() ? job->id : "";
  }
  std::vector<std::int64_t> FoundIds(const std::string& column, const Query& query,
                                     std::uint32_t top_k = 1000) {
    const auto found = engine_->Search({"t", column, query, top_k, {}, {"id"}});
    EXPECT_TRUE(found.ok()) << found.status().message();
    std::vector<std::int64_t> ids;
    if (!found.ok()) return ids;
    for (const store::Hit& hit : found->hits) {
      ids.push_back(*std::get<Value>(hit.row.cells[0]).as_int());
    }
    return ids;
  }
  std::string DigestOf(const std::string& column) {
    return engine_->Schema("t")->Find(column)->vector.bundle_digest;
  }
  std::size_t ColumnsNow() { return engine_->Schema("t")->columns.size(); }
};

TEST_F(ReembedTableTest, FieldsOfAChangedBundleAreMadeAnew) {
  Fill(40);
  EXPECT_TRUE(reembedding_->Outdated()->empty());
  Restart("digest-old-2");
  for (const char* column : {"by_photo", "by_words"}) {
    const auto found = engine_->Search({"t", column, TextQuery{"red"}, 5, {}, {}});
    EXPECT_EQ(found.status().code(), Code::kUnavailable);
    EXPECT_NE(found.status().message().find("not all made again yet"), std::string::npos);
  }
  EXPECT_EQ(engine_->Upsert("t", {RowOf(1, "red", kRed)}).code(), Code::kUnavailable);
  const auto outdated = reembedding_->Outdated();
  ASSERT_EQ(outdated->size(), 1U);
  EXPECT_EQ(outdated->front().title, "table t");
  EXPECT_EQ(outdated->front().loaded_digest, "digest-old-2");

  const auto job = reembedding_->Start({outdated->front().name, outdated->front().bundle});
  ASSERT_TRUE(job.ok()) << job.status().message();
  const Job done = Finished(job->id);
  EXPECT_EQ(done.state, JobState::kSucceeded) << done.message;
  EXPECT_EQ(done.success, 40U);
  EXPECT_EQ(done.total, 40U);
  EXPECT_EQ(DigestOf("by_photo"), "digest-old-2");
  EXPECT_EQ(DigestOf("by_words"), "digest-old-2");
  EXPECT_EQ(old_->calls(), 80);
  EXPECT_EQ(new_->calls(), 0);  // what has not changed is copied
  EXPECT_FALSE(HasReplacement("t"));
  EXPECT_TRUE(reembedding_->Outdated()->empty());
  EXPECT_EQ(FoundIds("by_photo", TextQuery{"blue"}, 2), (std::vector<std::int64_t>{1, 3}));
  EXPECT_EQ(FoundIds("by_words", TextQuery{"green"}, 2), (std::vector<std::int64_t>{0, 1}));
  EXPECT_EQ(FoundIds("by_new", TextQuery{"green"}).size(), 40U);
  EXPECT_EQ(FoundIds("own", VectorQuery{{1, 1}}, 1), (std::vector<std::int64_t>{1}));
  EXPECT_TRUE(engine_->Upsert("t", {RowOf(99, "red", kRed)}).ok());
  EXPECT_EQ(reembedding_->Start({"t", "old"}).status().message(),
            "table t uses the bundle old already");
}

TEST_F(ReembedTableTest, RowsWithoutTheirSourcesAreNamedAndKeepTheTableAsItIs) {
  Fill(20);
  store::Row given = RowOf(20, "", kRed);
  given.cells[1] = given.cells[2] = std::monostate();
  given.cells[3] = store::Vector{1, 0, 0, 0};
  ASSERT_TRUE(engine_->Upsert("t", {given}).ok());
  store::Row empty = given;  // has none and loses none
  empty.cells[0] = Value(21);
  empty.cells[3] = std::monostate();
  ASSERT_TRUE(engine_->Upsert("t", {empty}).ok());
  Restart("digest-old-2");
  const Job failed = Finished(reembedding_->Start({"t", "old"})->id);
  EXPECT_EQ(failed.state, JobState::kFailed);
  EXPECT_NE(failed.message.find("1 rows of table t cannot follow"), std::string::npos);
  EXPECT_EQ(failed.success, 21U);
  ASSERT_EQ(failed.errors.size(), 1U);
  EXPECT_EQ(WriteJson(Value(failed.errors[0].subject)), R"({"key":"{\"id\":20}"})");
  EXPECT_NE(failed.errors[0].message.find("by_photo: nothing"), std::string::npos);
  EXPECT_EQ(DigestOf("by_photo"), "digest-old");

  EXPECT_TRUE(HasReplacement("t"));
  const int calls = old_->calls();
  const Job done = Finished(reembedding_->Start({"t", "old", true})->id);
  EXPECT_EQ(done.state, JobState::kPartial) << done.message;
  EXPECT_EQ(done.failed, 1U);
  EXPECT_EQ(old_->calls(), calls);  // the rest was ready
  EXPECT_EQ(FoundIds("by_photo", TextQuery{"red"}).size(), 20U);
  EXPECT_EQ(*engine_->Count("t", {}), 22U);
}

TEST_F(ReembedTableTest, WritesAndAlterationsMeanwhileArePartOfIt) {
  const std::string job = StartChange(300);
  ASSERT_TRUE(engine_->Delete("t", {{Value(0)}, {Value(299)}}).ok());
  store::TableSchema altered = *engine_->Schema("t");
  altered.columns.push_back({.name = "price", .type = store::ColumnType::kInt64});
  ASSERT_TRUE(engine_->AlterTable(altered).ok());
  const Job done = Finished(job);
  EXPECT_EQ(done.state, JobState::kSucceeded) << done.message;
  EXPECT_EQ(DigestOf("by_photo"), "digest-old-2");
  EXPECT_EQ(ColumnsNow(), 8U);
  EXPECT_EQ(FoundIds("by_photo", TextQuery{"red"}).size(), 298U);
  EXPECT_FALSE(HasReplacement("t"));
}

TEST_F(ReembedTableTest, FieldsThatAreTakenOutMeanwhileEndIt) {
  const std::string job = StartChange(300);
  store::TableSchema altered = *engine_->Schema("t");
  std::erase_if(altered.columns, [](const auto& column) { return column.vector.bundle == "old"; });
  ASSERT_TRUE(engine_->AlterTable(altered).ok());
  EXPECT_EQ(Finished(job).state, JobState::kSucceeded) << Finished(job).message;
  EXPECT_EQ(ColumnsNow(), 5U);
  EXPECT_EQ(FoundIds("by_new", TextQuery{"green"}).size(), 300U);
  EXPECT_FALSE(HasReplacement("t"));
}

TEST_F(ReembedTableTest, GoesOnAfterARestart) {
  const std::string job = StartChange(60);
  Restart();
  ASSERT_TRUE(engine_->Delete("t", {{Value(1)}}).ok());
  EXPECT_EQ(Finished(job).state, JobState::kSucceeded) << Finished(job).message;
  EXPECT_EQ(*engine_->Count("t", {}), 59U);
  EXPECT_LT(old_->calls(), 120 + 64);  // not all over again
}

}  // namespace
}  // namespace ocellus::engine
