// Libraries whose pictures have parts: items, and faces.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <limits>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/jobs.h"
#include "engine/library.h"
#include "engine/reembed.h"
#include "engine/testing/block_pictures.h"
#include "engine/testing/colour_embedder.h"
#include "engine/testing/memory_store.h"

namespace ocellus::engine {
namespace {

using testing::BlockPicture;
using testing::Colour;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::JpegOf;
using testing::kBlack;
using testing::kBlue;
using testing::kGreen;
using testing::kPersons;
using testing::kRed;
using testing::kWhite;

class PartsTest : public ::testing::Test {
 protected:
  PartsTest() {
    auto embedder = std::make_unique<testing::ColourEmbedder>();
    embedder_ = embedder.get();
    EXPECT_TRUE(bundles_.Add(std::move(embedder)).ok());
    EXPECT_TRUE(bundles_.Add(std::make_unique<testing::ColourEmbedder>("second", "digest-2")).ok());
    Start();
  }

  // With the models as they are now.
  void Start() {
    libraries_.reset();
    EngineOptions options;
    options.faces = has_faces_ ? &faces_ : nullptr;
    engine_ = std::make_unique<Engine>(store_, bundles_, options, metrics_);
    libraries_ = std::make_unique<Libraries>(*engine_, LibraryOptions{9});
  }
  void Create(LibraryMode mode) { ASSERT_TRUE(libraries_->Create("l", mode, "").ok()); }
  Status Put(const std::string& id, const std::string& bytes, Value::Map tags = {},
             bool keep = true, ItemsSpec items = {}) {
    return libraries_->Put("l", {{id, "u"}, bytes, std::move(tags), keep, std::move(items)});
  }
  LibraryAnswer Search(const std::string& bytes, std::uint32_t top_k = 10,
                       std::optional<image::Box> region = {}, std::optional<bool> crop = {},
                       QueryFaces faces = QueryFaces::kLargest, query::Filter filter = {}) {
    const Result<LibraryAnswer> answer = libraries_->Search(
        {"l", PictureQuery{AsBytes(bytes), region, crop}, top_k, std::move(filter), faces});
    EXPECT_TRUE(answer.ok()) << answer.status().message();
    return answer.ok() ? *answer : LibraryAnswer();
  }
  static std::vector<std::string> Ids(const LibraryAnswer& answer) {
    std::vector<std::string> ids;
    for (const LibraryHit& hit : answer.hits) ids.push_back(hit.key.id);
    return ids;
  }
  std::uint64_t Rows(const std::string& table = "l") {
    return *(*store_.OpenTable(table))->Count({});
  }

  testing::MemoryStore store_;
  testing::ColourEmbedder* embedder_;  // owned by bundles_
  embed::BundleRegistry bundles_;
  MetricsRegistry metrics_;
  testing::BlockFaces faces_;
  bool has_faces_ = true;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Libraries> libraries_;
};

// A red thing in a corner of a large scene, and the same alone on black.
std::string Scene(Colour thing, Colour background = kWhite) {
  return BlockPicture(320, 240, background).Block({208, 32, 64, 64}, thing).Jpeg();
}

void ExpectAbout(const image::Box& box, const image::Box& wanted) {
  constexpr int kSlack = 12;
  EXPECT_NEAR(static_cast<int>(box.x), static_cast<int>(wanted.x), kSlack);
  EXPECT_NEAR(static_cast<int>(box.y), static_cast<int>(wanted.y), kSlack);
  EXPECT_NEAR(static_cast<int>(box.width), static_cast<int>(wanted.width), 2 * kSlack);
  EXPECT_NEAR(static_cast<int>(box.height), static_cast<int>(wanted.height), 2 * kSlack);
}

TEST_F(PartsTest, RegionsThatAreNotInThePictureAreRefused) {
  Create(LibraryMode::kMainSubject);
  constexpr std::uint32_t kMax = std::numeric_limits<std::uint32_t>::max();
  const std::string scene = Scene(kRed);
  for (const image::Box& box : {image::Box{320, 0, 1, 1}, image::Box{0, 240, 1, 1},
                                image::Box{kMax, kMax, kMax, kMax}, image::Box{0, 0, 0, 5}}) {
    const Status put = Put("a", scene, {}, true, {{box}});
    EXPECT_EQ(put.code(), Code::kInvalidArgument);
    EXPECT_THAT(put.message(), ::testing::StartsWith("the region "));
    const auto found = libraries_->Search({"l", PictureQuery{AsBytes(scene), box}, 5, {}});
    EXPECT_EQ(found.status().code(), Code::kInvalidArgument);
  }
  EXPECT_EQ(Rows(), 0U);
  // What lies outside is cut off.
  ASSERT_TRUE(Put("a", scene, {}, true, {{{300, 200, kMax, kMax}}}).ok());
  const image::Box box = Search(scene).hits.front().region->box;
  EXPECT_EQ(box.width, 20U);
  EXPECT_EQ(box.height, 40U);
  EXPECT_EQ(Put("b", "no picture").code(), Code::kInvalidArgument);
}

TEST_F(PartsTest, TheItemIsWhatCounts) {
  Create(LibraryMode::kMainSubject);
  constexpr Colour kDark = {40, 40, 40};
  ASSERT_TRUE(Put("red", Scene(kRed, kBlack)).ok());
  ASSERT_TRUE(Put("green", Scene(kGreen, kDark)).ok());
  const LibraryAnswer answer = Search(Scene(kRed, kDark));
  EXPECT_THAT(Ids(answer), ElementsAre("red", "green"));
  EXPECT_GT(answer.hits[0].score, answer.hits[1].score + 0.3);
  ASSERT_EQ(answer.query_regions.size(), 1U);
  EXPECT_EQ(answer.query_regions[0].kind, store::SourcePart::kSubject);
  ExpectAbout(answer.query_regions[0].box, {208, 32, 64, 64});
  ExpectAbout(answer.hits[0].region->box, {208, 32, 64, 64});
  const LibraryAnswer whole = Search(Scene(kRed, kDark), 10, {}, false);
  EXPECT_THAT(whole.query_regions, IsEmpty());
  EXPECT_LT(whole.hits[0].score, answer.hits[0].score - 0.1);
}

TEST_F(PartsTest, WhatWasFoundFindsTheSameAgain) {
  Create(LibraryMode::kMainSubject);
  ASSERT_TRUE(Put("red", Scene(kRed)).ok());
  const LibraryAnswer found = Search(Scene(kRed));
  EXPECT_NEAR(found.hits[0].score, 1, 1e-3);
  const LibraryAnswer again = Search(Scene(kRed), 10, found.hits[0].region->box);
  EXPECT_NEAR(again.hits[0].score, found.hits[0].score, 1e-3);
}

TEST_F(PartsTest, AnItemThatIsLongIsSeenWithGroundBesideIt) {
  Create(LibraryMode::kMainSubject);
  const std::string band = BlockPicture(200, 160).Block({0, 64, 200, 32}, kRed).Jpeg();
  ASSERT_TRUE(Put("band", band, {}, true, {{}, false}).ok());
  const std::string scene = BlockPicture(480, 320).Block({80, 96, 200, 32}, kRed).Jpeg();
  EXPECT_GT(Search(scene, 10, image::Box{80, 96, 200, 32}).hits.front().score, 0.99);
  EXPECT_GT(Search(scene).hits.front().score, 0.9);  // where it was found
  // A picture that ends beside it has no more.
  const std::string alone = BlockPicture(200, 32, kRed).Jpeg();
  EXPECT_LT(Search(alone).hits.front().score, 0.9);
}

TEST_F(PartsTest, OnTablesOfWholePicturesARegionIsExactlyThat) {
  Create(LibraryMode::kWholePicture);
  ASSERT_TRUE(Put("red", JpegOf(kRed)).ok());
  const std::string scene = BlockPicture(480, 320).Block({80, 96, 200, 32}, kRed).Jpeg();
  EXPECT_GT(Search(scene, 10, image::Box{80, 96, 200, 32}).hits.front().score, 0.99);
}

TEST_F(PartsTest, WhatIsMeantNeedNotStandOutMost) {
  Create(LibraryMode::kMainSubject);
  ASSERT_TRUE(Put("red", Scene(kRed)).ok());
  ASSERT_TRUE(Put("green", Scene(kGreen)).ok());
  const std::string scene =
      BlockPicture(320, 240).Block({32, 80, 96, 96}, kBlue).Block({208, 80, 64, 64}, kRed).Jpeg();
  const LibraryAnswer answer = Search(scene);
  EXPECT_THAT(Ids(answer), ElementsAre("red", "green"));
  EXPECT_GT(answer.hits[0].score, 0.9);
  ASSERT_EQ(answer.query_regions.size(), 2U);
  EXPECT_GE(answer.query_regions[0].score, answer.query_regions[1].score);
  ExpectAbout(answer.query_regions[1].box, {208, 80, 64, 64});
  const auto first =
      libraries_->Search({"l", PictureQuery{AsBytes(scene)}, 10, {}, QueryFaces::kLargest, 1});
  ASSERT_TRUE(first.ok()) << first.status().message();
  ASSERT_EQ(first->query_regions.size(), 1U);
  EXPECT_LT(first->hits[0].score, answer.hits[0].score - 0.1);
}

TEST_F(PartsTest, ThePictureIsTheItemWhereNothingStandsOut) {
  Create(LibraryMode::kMainSubject);
  ASSERT_TRUE(Put("plain", JpegOf(kBlue)).ok());
  ASSERT_TRUE(Put("asked", Scene(kRed), {}, true, {{}, false}).ok());
  for (const LibraryHit& hit : Search(JpegOf(kBlue)).hits) {
    EXPECT_EQ(hit.region->kind, store::SourcePart::kAll) << hit.key.id;
    EXPECT_EQ(hit.region->box.x, 0U);
  }
  EXPECT_EQ(Search(JpegOf(kBlue)).hits.front().key.id, "plain");
}

TEST_F(PartsTest, SeveralItemsOfOnePictureAreOnePicture) {
  Create(LibraryMode::kMainSubject);
  const std::string both =
      BlockPicture(320, 240).Block({32, 80, 64, 64}, kRed).Block({208, 80, 64, 64}, kGreen).Jpeg();
  ItemsSpec several;
  several.max_items = kMaxItems;
  ASSERT_TRUE(Put("both", both, {{"n", 1}}, true, several).ok());
  EXPECT_EQ(Rows(), 2U);
  EXPECT_EQ(libraries_->Find("l")->pictures, 1U);
  EXPECT_EQ(libraries_->List()->front().pictures, 1U);
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(Put("other" + std::to_string(i), Scene(kBlue), {{"n", 2}}).ok());
  }
  for (const Colour colour : {kRed, kGreen}) {
    const LibraryAnswer answer = Search(Scene(colour));
    EXPECT_EQ(answer.hits.size(), 6U);  // each picture once
    EXPECT_EQ(answer.hits[0].key.id, "both");
    EXPECT_NEAR(answer.hits[0].score, 1, 0.05);
    ExpectAbout(answer.hits[0].region->box, {colour.red != 0 ? 32U : 208U, 80, 64, 64});
  }
  EXPECT_THAT(Ids(Search(Scene(kBlue), 10, {}, {}, {},
                         query::Filter::Where({kLibraryTagsColumn, "n"}, query::Op::kEqual, 1))),
              ElementsAre("both"));
  // As many as asked for, although the nearest rows are of one picture.
  EXPECT_EQ(Search(Scene(kGreen), 2).hits.size(), 2U);
  // Put again with one item, the other is gone.
  ASSERT_TRUE(Put("both", both).ok());
  EXPECT_EQ(Rows(), 6U);
  EXPECT_EQ(libraries_->Find("l")->pictures, 6U);
}

TEST_F(PartsTest, PicturesAreKeptReadAndTakenAway) {
  Create(LibraryMode::kFaceOrWholePicture);
  BlockPicture two(320, 240);
  two.Block({32, 80, 64, 64}, kPersons[0]).Block({208, 80, 64, 64}, kPersons[1]);
  ASSERT_TRUE(Put("two", two.Jpeg()).ok());
  ASSERT_TRUE(Put("gone", Scene(kPersons[2]), {}, false).ok());
  EXPECT_EQ(Rows(), 5U);
  EXPECT_EQ(libraries_->Fetch("l", "two", std::nullopt)->bytes, two.Jpeg());
  EXPECT_EQ(libraries_->Fetch("l", "two", "u")->bytes, two.Jpeg());
  EXPECT_EQ(libraries_->Fetch("l", "gone", "u").status().code(), Code::kNotFound);
  EXPECT_TRUE(libraries_->Has("l", {"gone", "u"}));
  const auto bytes = libraries_->ReadBytes("l", {{"gone", "u"}, {"two", "u"}});
  EXPECT_FALSE((*bytes)[0].has_value());
  EXPECT_EQ((*bytes)[1], two.Jpeg());
  EXPECT_EQ(libraries_->Known("l", {Value(libraries_->Fetch("l", "two", "u")->digest)})->size(),
            1U);

  EXPECT_EQ(*libraries_->Remove("l", "two", "other"), 0U);
  EXPECT_EQ(*libraries_->Remove("l", "two", std::nullopt), 1U);
  EXPECT_EQ(Rows(), 2U);  // and its faces with it
  EXPECT_EQ(*libraries_->Remove("l", "gone", "u"), 1U);
  EXPECT_EQ(Rows(), 0U);
  EXPECT_EQ(libraries_->Remove("none", "a", std::nullopt).status().code(), Code::kNotFound);
}

TEST_F(PartsTest, WordsAreRefused) {
  for (const LibraryMode mode : {LibraryMode::kMainSubject, LibraryMode::kFaceOrWholePicture}) {
    ASSERT_TRUE(libraries_->Create("l", mode, "").ok());
    const std::string red = JpegOf(kRed);
    for (const Query& query :
         {Query(TextQuery{"red"}),
          Query(FusionQuery{{PictureQuery{AsBytes(red)}, TextQuery{"red"}}})}) {
      EXPECT_EQ(libraries_->Search({"l", query, 5, {}}).status().code(), Code::kFailedPrecondition);
    }
    ASSERT_TRUE(libraries_->Drop("l").ok());
  }
}

TEST_F(PartsTest, FacesNeedAFaceModel) {
  has_faces_ = false;
  Start();
  const auto made = libraries_->Create("l", LibraryMode::kFaceOrWholePicture, "");
  EXPECT_EQ(made.status().code(), Code::kFailedPrecondition);
  EXPECT_THAT(made.status().message(), HasSubstr("scripts/bootstrap faces"));
  has_faces_ = true;
  Start();
  Create(LibraryMode::kFaceOrWholePicture);
  ASSERT_TRUE(Put("a", Scene(kPersons[0])).ok());
  // It is gone, and another version of it comes.
  for (const bool there : {false, true}) {
    has_faces_ = there;
    faces_.Rename("faces-2");
    Start();
    const Code code = there ? Code::kUnavailable : Code::kFailedPrecondition;
    EXPECT_EQ(Put("b", Scene(kPersons[0])).code(), code);
    const std::string query = Scene(kPersons[0]);
    const auto found = libraries_->Search({"l", PictureQuery{AsBytes(query)}, 5, {}});
    EXPECT_EQ(found.status().code(), code);
    EXPECT_THAT(found.status().message(), HasSubstr(there ? "not all made again" : "face model"));
  }
  EXPECT_TRUE(libraries_->Create("items", LibraryMode::kMainSubject, "").ok());
}

TEST_F(PartsTest, APersonIsFoundByTheFace) {
  Create(LibraryMode::kFaceOrWholePicture);
  ASSERT_TRUE(Put("a on white", Scene(kPersons[0], kWhite)).ok());
  ASSERT_TRUE(Put("a on black", Scene(kPersons[0], kBlack)).ok());
  ASSERT_TRUE(Put("b on white", Scene(kPersons[1], kWhite)).ok());
  ASSERT_TRUE(Put("white", JpegOf(kWhite, 320, 240)).ok());  // nearly the query but for the face
  const LibraryAnswer answer = Search(Scene(kPersons[0], kWhite));
  ASSERT_EQ(answer.hits.size(), 4U);
  EXPECT_EQ((std::set<std::string>{answer.hits[0].key.id, answer.hits[1].key.id}),
            (std::set<std::string>{"a on white", "a on black"}));
  for (std::size_t i = 0; i < 4; ++i) {
    const LibraryHit& hit = answer.hits[i];
    const bool same = i < 2;
    EXPECT_EQ(hit.score >= 0.5, same) << hit.key.id << " " << hit.score;
    if (same) {
      EXPECT_EQ(hit.region->kind, store::SourcePart::kFace);
      ExpectAbout(hit.region->box, {208, 32, 64, 64});
    }
  }
  ASSERT_EQ(answer.query_regions.size(), 1U);
  EXPECT_EQ(answer.query_regions[0].kind, store::SourcePart::kFace);
}

TEST_F(PartsTest, APictureWithoutAFaceFindsAllByTheirContent) {
  Create(LibraryMode::kFaceOrWholePicture);
  ASSERT_TRUE(Put("person", Scene(kPersons[0], kWhite)).ok());
  ASSERT_TRUE(Put("night", JpegOf(kBlack)).ok());
  const LibraryAnswer answer = Search(JpegOf(kWhite));
  EXPECT_THAT(Ids(answer), ElementsAre("person", "night"));
  EXPECT_GT(answer.hits[0].score, 0.9);
  EXPECT_EQ(answer.hits[0].region->kind, store::SourcePart::kAll);
  EXPECT_THAT(answer.query_regions, IsEmpty());
}

TEST_F(PartsTest, TheLargestFaceCountsOrAll) {
  Create(LibraryMode::kFaceOrWholePicture);
  ASSERT_TRUE(Put("a", Scene(kPersons[0])).ok());
  ASSERT_TRUE(Put("b", Scene(kPersons[1])).ok());
  const std::string both = BlockPicture(320, 240)
                               .Block({16, 80, 48, 48}, kPersons[0])
                               .Block({160, 80, 96, 96}, kPersons[1])
                               .Jpeg();
  const LibraryAnswer largest = Search(both);
  EXPECT_EQ(largest.hits[0].key.id, "b");
  EXPECT_LT(largest.hits[1].score, 0.5);
  ASSERT_EQ(largest.query_regions.size(), 1U);
  ExpectAbout(largest.query_regions[0].box, {160, 80, 96, 96});
  const LibraryAnswer all = Search(both, 10, {}, {}, QueryFaces::kAll);
  ASSERT_EQ(all.hits.size(), 2U);
  EXPECT_GT(all.hits[1].score, 0.5);
  EXPECT_EQ(all.query_regions.size(), 2U);
  // The face that is meant.
  const LibraryAnswer meant = Search(both, 10, image::Box{0, 60, 100, 100});
  EXPECT_EQ(meant.hits[0].key.id, "a");
  ExpectAbout(meant.query_regions[0].box, {16, 80, 48, 48});
}

TEST_F(PartsTest, TwentyFacesAndMore) {
  Create(LibraryMode::kFaceOrWholePicture);
  const auto group = [](std::uint32_t faces) {
    BlockPicture picture(faces * 48, 64);
    for (std::uint32_t i = 0; i < faces; ++i) {
      picture.Block({i * 48, 16, 32, 32}, kPersons[i == 17 ? 1 : 0]);
    }
    return picture.Jpeg();
  };
  ASSERT_TRUE(Put("twenty", group(20)).ok());
  EXPECT_EQ(Rows(), 21U);
  ASSERT_TRUE(Put("b", Scene(kPersons[2])).ok());
  EXPECT_THAT(Ids(Search(Scene(kPersons[1]))), ElementsAre("twenty", "b"));
  EXPECT_GT(Search(Scene(kPersons[1])).hits[0].score, 0.5);
  EXPECT_EQ(Search(Scene(kPersons[0]), 2).hits.size(), 2U);  // twenty rows are one picture
  ASSERT_TRUE(Put("seventy", group(70)).ok());
  EXPECT_EQ(Rows(), 21U + 2U + 1U + embed::kMaxFaces);
  ASSERT_TRUE(Put("seventy", JpegOf(kBlue)).ok());
  EXPECT_EQ(Rows(), 21U + 2U + 1U);
}

TEST_F(PartsTest, ManyLibrariesOfEveryModeTogether) {
  struct One {
    const char* name;
    LibraryMode mode;
  };
  const std::vector<One> all = {{"whole", LibraryMode::kWholePicture},
                                {"items", LibraryMode::kMainSubject},
                                {"faces", LibraryMode::kFaceOrWholePicture}};
  std::vector<std::string> names;
  for (const One& one : all) {
    ASSERT_TRUE(libraries_->Create(one.name, one.mode, "").ok());
    ASSERT_TRUE(libraries_->Put(one.name, {{one.name, "u"}, Scene(kPersons[0]), {}, true}).ok());
    names.emplace_back(one.name);
  }
  const std::string query = Scene(kPersons[0]);
  const auto found = libraries_->SearchAll(names, {"", PictureQuery{AsBytes(query)}, 10, {}});
  ASSERT_TRUE(found.ok()) << found.status().message();
  EXPECT_EQ(found->size(), 3U);
  for (const FoundPicture& one : *found) EXPECT_GT(one.hit.score, 0.8) << one.library;
}

class ReembeddedParts : public PartsTest {
 protected:
  Job Run(const std::string& bundle, bool leave_behind = false) {
    Jobs jobs(store_, {}, metrics_);
    Reembedding reembedding(*engine_, store_, bundles_, jobs);
    reembedding.Register();
    EXPECT_TRUE(jobs.Start().ok());
    const Result<Job> job = reembedding.Start({"l", bundle, leave_behind});
    EXPECT_TRUE(job.ok()) << job.status().message();
    if (!job.ok()) return {};
    Job now = *job;
    for (int i = 0; i < 4000 && now.finish_time_ms == 0; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      now = *jobs.Get(job->id);
    }
    jobs.Stop();
    return now;
  }
  std::vector<OutdatedTable> Outdated() {
    Jobs jobs(store_, {}, metrics_);
    return *Reembedding(*engine_, store_, bundles_, jobs).Outdated();
  }
};

TEST_F(ReembeddedParts, ItemsStayWhereTheyAre) {
  Create(LibraryMode::kMainSubject);
  const std::string both =
      BlockPicture(320, 240).Block({32, 80, 64, 64}, kRed).Block({208, 80, 64, 64}, kGreen).Jpeg();
  ItemsSpec two;
  two.max_items = 2;
  ASSERT_TRUE(Put("both", both, {}, true, two).ok());
  ASSERT_TRUE(Put("given", both, {}, true, {{{0, 0, 16, 16}}}).ok());
  ASSERT_TRUE(Put("lost", Scene(kBlue), {}, false).ok());
  const Job refused = Run("second");
  EXPECT_EQ(refused.state, JobState::kFailed);
  ASSERT_EQ(refused.errors.size(), 1U);
  EXPECT_THAT(refused.errors[0].message, HasSubstr("not kept"));
  const Job job = Run("second", true);
  EXPECT_EQ(job.state, JobState::kPartial) << job.message;
  EXPECT_EQ(job.total, 3U);  // pictures, whatever parts they have
  EXPECT_EQ(engine_->Schema("l")->Find(kLibraryVectorColumn)->vector.bundle, "second");
  EXPECT_EQ(Rows(), 4U);
  const LibraryAnswer green = Search(Scene(kGreen));
  EXPECT_THAT(Ids(green), ElementsAre("both", "given"));
  ExpectAbout(green.hits[0].region->box, {208, 80, 64, 64});
  EXPECT_EQ(green.hits[1].region->box.width, 16U);
  ASSERT_TRUE(Put("lost", Scene(kBlue)).ok());
  EXPECT_EQ(Search(Scene(kBlue)).hits[0].key.id, "lost");
}

TEST_F(ReembeddedParts, FacesAreFoundAgainByAnotherModel) {
  Create(LibraryMode::kFaceOrWholePicture);
  ASSERT_TRUE(Put("a", Scene(kPersons[0])).ok());
  ASSERT_TRUE(Put("b", Scene(kPersons[1])).ok());
  EXPECT_THAT(Outdated(), IsEmpty());
  faces_.Rename("faces-2");
  Start();
  const auto outdated = Outdated();
  ASSERT_EQ(outdated.size(), 1U);
  EXPECT_EQ(outdated[0].model, "blocks");
  EXPECT_EQ(outdated[0].loaded_digest, "faces-2");
  EXPECT_EQ(Run(outdated[0].bundle).state, JobState::kSucceeded);
  EXPECT_THAT(Outdated(), IsEmpty());
  EXPECT_EQ(Rows(), 4U);
  const LibraryAnswer answer = Search(Scene(kPersons[1]));
  EXPECT_EQ(answer.hits[0].key.id, "b");
  EXPECT_EQ(answer.hits[0].region->kind, store::SourcePart::kFace);
}

}  // namespace
}  // namespace ocellus::engine
