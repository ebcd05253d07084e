#include "os/file_system.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <string>
#include <string_view>

#include "os/fault_file_system.h"
#include "os/temporary_directory.h"

namespace ocellus::os {
namespace {

class FileSystemTest : public testing::Test {
 protected:
  std::string Content(const std::string& path) {
    auto content = ReadWholeFile(files_, path, 1 << 20);
    return content.ok() ? std::string(AsText(*content)) : content.status().message();
  }

  TemporaryDirectory directory_;
  const std::string path_ = directory_.File("a");
  PosixFileSystem files_;
};

TEST_F(FileSystemTest, WritesAndReadsAtOffsets) {
  auto file = files_.Open(path_, OpenMode::kCreate);
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE((*file)->WriteAt(3, AsBytes("world")).ok());
  ASSERT_TRUE((*file)->WriteAt(0, AsBytes("abc")).ok());
  ASSERT_TRUE((*file)->Sync().ok());
  EXPECT_EQ(*(*file)->Size(), 8U);
  std::array<std::uint8_t, 10> out{};
  EXPECT_EQ(*(*file)->ReadAt(2, out), 6U);
  EXPECT_EQ(AsText(out).substr(0, 6), "cworld");
  EXPECT_EQ(*(*file)->ReadAt(100, out), 0U);
  ASSERT_TRUE((*file)->Truncate(4).ok());
  EXPECT_EQ(Content(path_), "abcw");
}

TEST_F(FileSystemTest, FailuresNameTheOperationThePathAndTheReason) {
  const auto missing = files_.Open(path_, OpenMode::kRead);
  EXPECT_EQ(missing.status().code(), Code::kNotFound);
  EXPECT_EQ(missing.status().message(), "open " + path_ + ": No such file or directory");
  EXPECT_EQ(files_.Open(path_, OpenMode::kReadWrite).status().code(), Code::kNotFound);
  EXPECT_EQ(files_.Open(directory_.path(), OpenMode::kReadWrite).status().code(), Code::kIoError);
  EXPECT_EQ(files_.Remove(path_).code(), Code::kNotFound);
  EXPECT_EQ(files_.Rename(path_, path_ + "2").code(), Code::kNotFound);
  EXPECT_EQ(files_.List(path_).status().code(), Code::kNotFound);
  EXPECT_FALSE(*files_.Exists(path_));
}

TEST_F(FileSystemTest, AllocatedSpaceReadsAsZeroAndIsThere) {
  auto file = files_.Open(path_, OpenMode::kCreate);
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE((*file)->WriteAt(0, AsBytes("x")).ok());
  ASSERT_TRUE((*file)->Allocate(4096, 8192).ok());
  EXPECT_EQ(*(*file)->Size(), 12288U);
  auto region = (*file)->Map(4096, 8192);
  ASSERT_TRUE(region.ok());
  EXPECT_EQ(region->data()[8191], 0);
  // 2^60 bytes: no disk has them, and the file must not look as if it did.
  const Status full = (*file)->Allocate(12288, std::uint64_t{1} << 60);
  EXPECT_EQ(full.code(), Code::kResourceExhausted);
  EXPECT_EQ(*(*file)->Size(), 12288U);
}

TEST_F(FileSystemTest, MappingsShowTheFile) {
  MappedRegion region;
  {
    auto file = files_.Open(path_, OpenMode::kCreate);
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE((*file)->Allocate(0, 8192).ok());
    auto mapped = (*file)->Map(4096, 4096);
    ASSERT_TRUE(mapped.ok());
    region = *std::move(mapped);
  }
  std::memcpy(region.data(), "mapped", 6);  // the file object is gone, the mapping stays
  region.Advise(100, 50, MappedRegion::Advice::kWillNeed);
  region.Advise(0, region.size(), MappedRegion::Advice::kRandom);
  EXPECT_EQ(Content(path_).substr(4096, 6), "mapped");
  MappedRegion moved = std::move(region);
  EXPECT_EQ(moved.data()[0], 'm');
}

TEST_F(FileSystemTest, FoldersAreMadeListedAndRemoved) {
  const std::string inner = directory_.File("x/y");
  ASSERT_TRUE(files_.CreateDirectories(inner).ok());
  ASSERT_TRUE(files_.CreateDirectories(inner).ok());
  ASSERT_TRUE(files_.Open(inner + "/2", OpenMode::kCreate).ok());
  ASSERT_TRUE(files_.Open(inner + "/1", OpenMode::kCreate).ok());
  ASSERT_TRUE(files_.SyncDirectory(inner).ok());
  EXPECT_EQ(*files_.List(inner), (std::vector<std::string>{"1", "2"}));
  EXPECT_TRUE(*files_.Exists(inner + "/1"));
  EXPECT_FALSE(files_.Remove(inner).ok());  // not empty
  EXPECT_TRUE(files_.Remove(inner + "/1").ok());
  EXPECT_TRUE(files_.Remove(inner + "/2").ok());
  EXPECT_TRUE(files_.Remove(inner).ok());
  ASSERT_TRUE(files_.Open(path_, OpenMode::kCreate).ok());
  EXPECT_FALSE(files_.CreateDirectories(path_ + "/below").ok());
}

TEST_F(FileSystemTest, DirectoryOfAPath) {
  EXPECT_EQ(DirectoryOf("/a/b"), "/a");
  EXPECT_EQ(DirectoryOf("/a"), "/");
  EXPECT_EQ(DirectoryOf("a/b"), "a");
  EXPECT_EQ(DirectoryOf("a"), ".");
}

TEST_F(FileSystemTest, OneHolderOfALock) {
  auto first = files_.Lock(path_);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(files_.Lock(path_).status().code(), Code::kFailedPrecondition);
  first->reset();
  EXPECT_TRUE(files_.Lock(path_).ok());
}

TEST_F(FileSystemTest, FreeBytesOfAFileSystem) {
  EXPECT_GT(*files_.FreeBytes(directory_.path()), 0U);
  EXPECT_EQ(files_.FreeBytes(path_).status().code(), Code::kNotFound);
}

TEST_F(FileSystemTest, ReadWholeFileHasALimit) {
  ASSERT_TRUE(PublishFile(files_, path_, AsBytes("12345")).ok());
  EXPECT_TRUE(ReadWholeFile(files_, path_, 5).ok());
  EXPECT_EQ(ReadWholeFile(files_, path_, 4).status().code(), Code::kResourceExhausted);
}

TEST_F(FileSystemTest, PublishReplacesOrLeavesTheOldFile) {
  FaultFileSystem faulty(files_);
  ASSERT_TRUE(PublishFile(faulty, path_, AsBytes("old")).ok());
  EXPECT_EQ(faulty.Count(Operation::kSync), 1);
  EXPECT_EQ(faulty.Count(Operation::kSyncDirectory), 1);
  struct Case {
    Operation operation;
    Fault fault;
    Code code;
  };
  for (const Case& c : {Case{Operation::kOpen, Fault::kIoError, Code::kIoError},
                        Case{Operation::kWrite, Fault::kNoSpace, Code::kResourceExhausted},
                        Case{Operation::kWrite, Fault::kShortWrite, Code::kIoError},
                        Case{Operation::kSync, Fault::kIoError, Code::kIoError},
                        Case{Operation::kRename, Fault::kIoError, Code::kIoError}}) {
    faulty.FailFrom(c.operation, c.fault);
    EXPECT_EQ(PublishFile(faulty, path_, AsBytes("new content")).code(), c.code);
    EXPECT_EQ(Content(path_), "old");
    EXPECT_EQ(*files_.List(directory_.path()), (std::vector<std::string>{"a"}));
  }
  // Renamed already: the new file is there, but the caller must not count on it.
  faulty.FailFrom(Operation::kSyncDirectory, Fault::kIoError);
  EXPECT_EQ(PublishFile(faulty, path_, AsBytes("new")).code(), Code::kIoError);
  EXPECT_EQ(Content(path_), "new");
}

TEST_F(FileSystemTest, FaultsCanDependOnPathAndCount) {
  FaultFileSystem faulty(files_);
  faulty.SetFaults([](Operation operation, const std::string& path, int count) {
    return operation == Operation::kOpen && path.ends_with("b") && count >= 1 ? Fault::kIoError
                                                                              : Fault::kNone;
  });
  EXPECT_TRUE(faulty.Open(directory_.File("b"), OpenMode::kCreate).ok());
  EXPECT_TRUE(faulty.Open(directory_.File("a"), OpenMode::kCreate).ok());
  EXPECT_EQ(faulty.Open(directory_.File("b"), OpenMode::kCreate).status().code(), Code::kIoError);
}

}  // namespace
}  // namespace ocellus::os
