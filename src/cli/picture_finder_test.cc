#include "cli/picture_finder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "os/temporary_directory.h"

namespace ocellus::cli {
namespace {

using testing::ElementsAre;

const std::string kJpeg = "\xff\xd8\xff picture ";

class Collected final : public FindingSink {
 public:
  bool OnPicture(FoundPicture picture) override {
    lines.push_back(picture.image_id + " " + picture.image_uri);
    weight += picture.weight;
    return lines.size() < limit;
  }
  bool OnUnreadable(const std::string& origin, const std::string& reason,
                    std::uint64_t w) override {
    lines.push_back("! " + origin + ": " + reason);
    weight += w;
    return true;
  }
  bool OnOtherFile(const std::string& origin, std::uint64_t w) override {
    lines.push_back("- " + origin);
    weight += w;
    return true;
  }

  std::vector<std::string> lines;
  std::uint64_t weight = 0;
  std::size_t limit = 1000;
};

class PictureFinderTest : public testing::Test {
 protected:
  void Put(const std::string& name, const std::string& content) {
    const std::string path = folder_.File(name);
    ASSERT_TRUE(files_.CreateDirectories(os::DirectoryOf(path)).ok());
    ASSERT_TRUE(os::PublishFile(files_, path, AsBytes(content)).ok());
  }

  std::vector<std::string> Find(const std::vector<std::string>& names) {
    std::vector<std::string> paths;
    paths.reserve(names.size());
    for (const std::string& name : names) paths.push_back(folder_.File(name));
    PictureFinder finder(files_);
    const Status planned = finder.Plan(paths);
    EXPECT_TRUE(planned.ok()) << planned.message();
    Collected found;
    finder.Find(found);
    EXPECT_EQ(found.weight, finder.total_weight());
    for (std::string& line : found.lines) {  // without where the test lives
      const std::size_t at = line.find(folder_.path() + "/");
      if (at != std::string::npos) line.erase(at, folder_.path().size() + 1);
    }
    return found.lines;
  }

  os::TemporaryDirectory folder_;
  os::PosixFileSystem files_;
};

TEST_F(PictureFinderTest, NamesFilesFromTheGivenFolderOn) {
  Put("cats/1.jpg", kJpeg);
  Put("cats/old/2.jpg", kJpeg);
  Put("cats/noextension", kJpeg);
  Put("cats/notes.txt", "text");
  Put("cats/.thumbnails/1.jpg", kJpeg);
  Put("dogs/1.jpg", kJpeg);
  EXPECT_THAT(Find({"cats/", "dogs/../dogs"}),
              ElementsAre("1 cats/1.jpg", "noextension cats/noextension", "- cats/notes.txt",
                          "2 cats/old/2.jpg", "1 dogs/1.jpg"));
  EXPECT_THAT(Find({"cats/1.jpg", "dogs/1.jpg"}), ElementsAre("1 cats/1.jpg", "1 dogs/1.jpg"));
}

TEST_F(PictureFinderTest, ReadsManifestsBesideTheirPictures) {
  Put("m/a/1.jpg", kJpeg);
  Put("m/list.jsonl",
      "{\"image_id\":\"one\",\"image_uri\":\"a/1.jpg\"}\n\nnot json\n"
      "{\"image_uri\":\"b.jpg\",\"image_base64\":\"/9j/\"}\n"
      "{\"image_uri\":\"http://example.org/x.jpg\"}\n");
  const std::vector<std::string> lines = Find({"m/list.jsonl"});
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines[0], "one a/1.jpg");
  EXPECT_THAT(lines[1], testing::HasSubstr("! m/list.jsonl: line 3: "));
  EXPECT_EQ(lines[2], "b b.jpg");
  EXPECT_THAT(lines[3], testing::HasSubstr("URL"));
}

TEST_F(PictureFinderTest, SaysWhatIsNotThere) {
  PictureFinder finder(files_);
  EXPECT_EQ(finder.Plan({folder_.File("none")}).code(), Code::kNotFound);
  EXPECT_EQ(finder.Plan({"/dev/null"}).code(), Code::kInvalidArgument);
  Put("broken.tar", "this is no archive");
  EXPECT_THAT(Find({"broken.tar"}),
              ElementsAre(testing::StartsWith("! broken.tar: the tar archive")));
  Put("bad\xff.jpg", kJpeg);
  EXPECT_THAT(Find({"bad\xff.jpg"}), ElementsAre(testing::HasSubstr("not UTF-8")));
}

TEST_F(PictureFinderTest, StopsWhenAsked) {
  Put("f/1.jpg", kJpeg);
  Put("f/2.jpg", kJpeg);
  PictureFinder finder(files_);
  ASSERT_TRUE(finder.Plan({folder_.File("f")}).ok());
  Collected found;
  found.limit = 1;
  finder.Find(found);
  EXPECT_EQ(found.lines.size(), 1U);
}

}  // namespace
}  // namespace ocellus::cli
