#include "os/walk.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "os/temporary_directory.h"

namespace ocellus::os {
namespace {

void Put(const std::string& path, const std::string& content) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path) << content;
}

TEST(WalkTest, ListsFilesSortedWithoutHiddenOnes) {
  const TemporaryDirectory folder;
  Put(folder.File("b/2.jpg"), "two");
  Put(folder.File("b/1.jpg"), "one");
  Put(folder.File("a.txt"), "");
  Put(folder.File(".hidden/3.jpg"), "x");
  Put(folder.File("b/._1.jpg"), "x");
  std::filesystem::create_symlink("b/1.jpg", folder.File("link.jpg"));
  std::filesystem::create_directory_symlink("b", folder.File("c"));
  const auto files = ListFilesBelow(folder.path());
  ASSERT_TRUE(files.ok()) << files.status().message();
  ASSERT_EQ(files->size(), 4U);
  EXPECT_EQ((*files)[0].below, "a.txt");
  EXPECT_EQ((*files)[1].below, "b/1.jpg");
  EXPECT_EQ((*files)[1].size, 3U);
  EXPECT_EQ((*files)[2].below, "b/2.jpg");
  EXPECT_EQ((*files)[2].path, folder.File("b/2.jpg"));
  EXPECT_EQ((*files)[3].below, "link.jpg");

  const auto with_slash = ListFilesBelow(folder.path() + "/b/");
  ASSERT_TRUE(with_slash.ok());
  EXPECT_EQ(with_slash->front().below, "1.jpg");
}

TEST(WalkTest, SaysWhatLiesThere) {
  const TemporaryDirectory folder;
  Put(folder.File("a.txt"), "four");
  const auto file = DescribePath(folder.File("./a.txt"));
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(file->kind, PathKind::kFile);
  EXPECT_EQ(file->size, 4U);
  EXPECT_EQ(DescribePath(folder.path())->kind, PathKind::kFolder);
  EXPECT_EQ(DescribePath("/dev/null")->kind, PathKind::kOther);
  EXPECT_EQ(DescribePath(folder.File("none")).status().code(), Code::kNotFound);
  EXPECT_EQ(ListFilesBelow(folder.File("none")).status().code(), Code::kNotFound);
}

}  // namespace
}  // namespace ocellus::os
