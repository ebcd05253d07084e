#include "os/path.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <string>

namespace ocellus::os {
namespace {

std::string Scratch() {
  std::string pattern = testing::TempDir() + "/ocellus_path_XXXXXX";
  EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
  return *RealPath(pattern);
}

TEST(Path, ResolvesLinksAndDots) {
  const std::string folder = Scratch();
  std::ofstream(folder + "/file") << "x";
  ASSERT_EQ(::symlink("file", (folder + "/link").c_str()), 0);
  EXPECT_EQ(*RealPath(folder + "/./../" + folder.substr(folder.rfind('/') + 1) + "/link"),
            folder + "/file");
  EXPECT_EQ(RealPath(folder + "/none").status().code(), Code::kNotFound);
  EXPECT_EQ(RealPath(folder + "/file/below").status().code(), Code::kNotFound);
}

TEST(Path, TellsFilesFromTheRest) {
  const std::string folder = Scratch();
  std::ofstream(folder + "/file") << "x";
  ASSERT_EQ(::mkfifo((folder + "/pipe").c_str(), 0600), 0);
  EXPECT_TRUE(*IsRegularFile(folder + "/file"));
  EXPECT_FALSE(*IsRegularFile(folder));
  EXPECT_FALSE(*IsRegularFile(folder + "/pipe"));
  EXPECT_EQ(IsRegularFile(folder + "/none").status().code(), Code::kNotFound);
}

}  // namespace
}  // namespace ocellus::os
