#include "index/vector_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "index/exact_index.h"
#include "os/fault_file_system.h"
#include "os/temporary_directory.h"

namespace ocellus::index {
namespace {

constexpr std::uint32_t kDimension = 20;
constexpr std::uint32_t kRows = 1500;  // two chunks

std::string Hex(Bytes bytes) {
  std::string text;
  for (const std::uint8_t byte : bytes) {
    char pair[3];
    std::snprintf(pair, sizeof pair, "%02x", byte);
    text += pair;
  }
  return text;
}

// What version 1 wrote when it was released. A failure here means that files in the field are no
// longer read: raise the version instead.
TEST(VectorFileFormatTest, GoldenBytesOfVersionOne) {
  const auto header = EncodeHeader({384, Metric::kInnerProduct});
  EXPECT_EQ(Hex(header),
            "4f43564543544f520100000024000000"
            "800100000200000000040000800100009681722e");
  EXPECT_EQ(*ParseHeader(header), (VectorFileHeader{384, Metric::kInnerProduct}));
  const CleanMark mark{0x0102030405060708, 7, 0xAABBCCDD};
  EXPECT_EQ(Hex(EncodeMark(mark)), "4f4356434c45414e080706050403020107000000ddccbbaa7f125e92");
  EXPECT_EQ(*ParseMark(EncodeMark(mark)), mark);
}

TEST(VectorFileFormatTest, EveryPartOfAChunkStartsOnAPage) {
  for (const std::uint32_t dimension : {1U, 63U, 64U, 65U, 384U, 640U, kMaxDimension}) {
    const ChunkLayout layout(dimension);
    EXPECT_GE(layout.code_bytes, dimension);
    EXPECT_EQ(layout.rows_offset % 4096, 0U);
    EXPECT_EQ(layout.vectors_offset % 4096, 0U);
    EXPECT_EQ(layout.chunk_bytes % 4096, 0U);
  }
}

TEST(VectorFileFormatTest, AnyChangedBitIsSeen) {
  const auto header = EncodeHeader({384, Metric::kCosine});
  const auto mark = EncodeMark({5, 6, 7});
  for (std::size_t bit = 0; bit < 8 * header.size(); ++bit) {
    auto changed = header;
    changed[bit / 8] = static_cast<std::uint8_t>(changed[bit / 8] ^ (1U << (bit % 8)));
    EXPECT_EQ(ParseHeader(changed).status().code(), Code::kCorruption) << bit;
  }
  for (std::size_t bit = 0; bit < 8 * mark.size(); ++bit) {
    auto changed = mark;
    changed[bit / 8] = static_cast<std::uint8_t>(changed[bit / 8] ^ (1U << (bit % 8)));
    EXPECT_EQ(ParseMark(changed).status().code(), Code::kCorruption) << bit;
  }
  for (std::size_t size = 0; size < header.size(); ++size) {
    EXPECT_FALSE(ParseHeader(Bytes(header).first(size)).ok());
  }
  for (std::size_t size = 0; size < mark.size(); ++size) {
    EXPECT_FALSE(ParseMark(Bytes(mark).first(size)).ok());
  }
}

class VectorFileTest : public testing::Test {
 protected:
  std::vector<float> Row(std::uint32_t slot) {
    std::vector<float> row(kDimension);
    for (std::uint32_t i = 0; i < kDimension; ++i) {
      row[i] = static_cast<float>((slot * 31 + i * i * 17) % 101) - 50;
    }
    return row;
  }

  Result<ExactIndex::Opened> Open(std::uint64_t sequence, Metric metric = Metric::kSquaredL2) {
    return ExactIndex::Open(files_, path_, {kDimension, metric}, sequence);
  }

  void Fill(ExactIndex& index) {
    ASSERT_TRUE(index.Reserve(kRows).ok());
    for (std::uint32_t slot = 0; slot < kRows; ++slot) index.Put(slot, Row(slot));
  }

  // A file of kRows rows, closed at `sequence`.
  void WriteClean(std::uint64_t sequence) {
    auto opened = Open(0);
    ASSERT_TRUE(opened.ok());
    Fill(*opened->index);
    ASSERT_TRUE(opened->index->Close(sequence).ok());
  }

  void ExpectIntact(const ExactIndex& index) {
    Bitmap all(kRows);
    all.SetAll();
    for (const std::uint32_t slot : {0U, 777U, kRows - 1}) {
      const auto vector = index.Vector(slot);
      EXPECT_EQ(std::vector<float>(vector.begin(), vector.end()), Row(slot));
      const auto found = index.Search(Row(slot), 1, all);
      ASSERT_TRUE(found.ok());
      EXPECT_EQ(found->front().score, 0.0F);
    }
  }

  // The next opening at `sequence` starts empty, says so, and leaves a file that works.
  void ExpectRebuild(std::uint64_t sequence, const std::string& reason) {
    auto opened = Open(sequence);
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    EXPECT_TRUE(opened->needs_rebuild);
    EXPECT_EQ(opened->rebuild_reason, path_ + ": " + reason);
    EXPECT_EQ(opened->index->capacity(), 0U);
    Fill(*opened->index);
    ExpectIntact(*opened->index);
    ASSERT_TRUE(opened->index->Close(sequence).ok());
    opened->index.reset();
    auto again = Open(sequence);
    ASSERT_TRUE(again.ok());
    EXPECT_FALSE(again->needs_rebuild) << again->rebuild_reason;
    ExpectIntact(*again->index);
    ASSERT_TRUE(again->index->Close(sequence).ok());
  }

  void Patch(std::uint64_t offset, Bytes bytes) {
    auto file = real_.Open(path_, os::OpenMode::kReadWrite);
    ASSERT_TRUE(file.ok() && (*file)->WriteAt(offset, bytes).ok());
  }

  void Flip(std::uint64_t offset) {
    auto file = real_.Open(path_, os::OpenMode::kReadWrite);
    ASSERT_TRUE(file.ok());
    std::uint8_t byte[1];
    ASSERT_EQ(*(*file)->ReadAt(offset, byte), 1U);
    byte[0] = static_cast<std::uint8_t>(byte[0] ^ 0x10);
    ASSERT_TRUE((*file)->WriteAt(offset, byte).ok());
  }

  std::uint64_t FileSize() { return *(*real_.Open(path_, os::OpenMode::kRead))->Size(); }

  os::TemporaryDirectory directory_;
  const std::string path_ = directory_.File("vectors");
  os::PosixFileSystem real_;
  os::FaultFileSystem files_{real_};
};

TEST_F(VectorFileTest, ANewFileIsToBeFilled) {
  ExpectRebuild(3, "it is new");
}

TEST_F(VectorFileTest, ACleanFileIsTrusted) {
  WriteClean(42);
  for (int round = 0; round < 2; ++round) {
    auto opened = Open(42);
    ASSERT_TRUE(opened.ok());
    EXPECT_FALSE(opened->needs_rebuild) << opened->rebuild_reason;
    ExpectIntact(*opened->index);
    ASSERT_TRUE(opened->index->Close(42).ok());
  }
}

TEST_F(VectorFileTest, AReopenedFileGrowsOn) {
  WriteClean(1);
  {
    auto opened = Open(1);
    ASSERT_TRUE(opened.ok() && !opened->needs_rebuild);
    ASSERT_TRUE(opened->index->Reserve(5 * kRows).ok());
    opened->index->Put(5 * kRows - 1, Row(9));
    ASSERT_TRUE(opened->index->Close(2).ok());
  }
  auto opened = Open(2);
  ASSERT_TRUE(opened.ok() && !opened->needs_rebuild);
  ExpectIntact(*opened->index);
  const auto vector = opened->index->Vector(5 * kRows - 1);
  EXPECT_EQ(std::vector<float>(vector.begin(), vector.end()), Row(9));
}

TEST_F(VectorFileTest, AnOpenFileIsNotClean) {
  WriteClean(1);
  { ASSERT_FALSE(Open(1)->needs_rebuild); }  // destroyed without Close(), as by a crash
  ExpectRebuild(1, "it was not closed cleanly");
}

TEST_F(VectorFileTest, AnotherSequenceIsRebuilt) {
  WriteClean(41);
  ExpectRebuild(42, "it was closed at commit 41, the store is at 42");
}

TEST_F(VectorFileTest, DamageIsRebuilt) {
  const ChunkLayout layout(kDimension);
  const std::uint64_t second = kDataOffset + layout.chunk_bytes;
  struct Case {
    std::uint64_t offset;
    const char* reason;
  };
  for (const Case& c :
       {Case{0, "it is no vector file"}, Case{9, "its header does not verify"},
        Case{17, "its header does not verify"}, Case{kMarkOffset + 9, "it was not closed cleanly"},
        Case{kDataOffset + 3, "its codes do not verify"},
        Case{kDataOffset + layout.rows_offset + 5, "its codes do not verify"},
        Case{second + 100, "its codes do not verify"}}) {
    WriteClean(1);
    Flip(c.offset);
    ExpectRebuild(1, c.reason);
    ASSERT_TRUE(real_.Remove(path_).ok());
  }
}

TEST_F(VectorFileTest, AnotherLengthIsRebuilt) {
  WriteClean(1);
  const std::uint64_t whole = FileSize();
  for (const auto& [size, reason] :
       {std::pair{whole - 1, "its length is not what its mark says"},
        std::pair{whole + 1, "its length is not what its mark says"},
        std::pair{kDataOffset, "its length is not what its mark says"},
        std::pair{kDataOffset - 1, "it is cut short"}, std::pair{kMarkOffset, "it is cut short"},
        std::pair{std::uint64_t{20}, "its header does not verify"},
        std::pair{std::uint64_t{8}, "its header is cut short"},
        std::pair{std::uint64_t{3}, "it is no vector file"},
        std::pair{std::uint64_t{0}, "it is new"}}) {
    ASSERT_TRUE((*real_.Open(path_, os::OpenMode::kReadWrite))->Truncate(size).ok());
    ExpectRebuild(1, reason);
    ASSERT_EQ(FileSize(), whole);
  }
}

TEST_F(VectorFileTest, AnotherDimensionOrMetricIsRebuilt) {
  WriteClean(1);
  auto opened = Open(1, Metric::kCosine);
  ASSERT_TRUE(opened.ok());
  EXPECT_EQ(opened->rebuild_reason, path_ + ": it was made for another dimension or metric");
}

TEST_F(VectorFileTest, ANewerVersionIsRefusedAndLeftAlone) {
  WriteClean(1);
  // A header as a version 9 might write it: longer, with the checksum in its last four bytes.
  std::vector<std::uint8_t> header(60, 0xEE);
  const auto ours = EncodeHeader({kDimension, Metric::kSquaredL2});
  std::copy(ours.begin(), ours.begin() + 8, header.begin());
  StoreLe32(9, &header[8]);
  StoreLe32(60, &header[12]);
  StoreLe32(Crc32c(Bytes(header).first(56)), &header[56]);
  Patch(0, header);
  const auto before = os::ReadWholeFile(real_, path_, 1 << 24);
  const auto opened = Open(1);
  EXPECT_EQ(opened.status().code(), Code::kFailedPrecondition);
  EXPECT_EQ(opened.status().message(),
            "open " + path_ + ": it has format version 9, this program reads up to 1");
  EXPECT_EQ(*os::ReadWholeFile(real_, path_, 1 << 24), *before);
}

TEST_F(VectorFileTest, AFullDiskFailsReserveAndNothingElse) {
  auto opened = Open(0);
  ASSERT_TRUE(opened.ok());
  Fill(*opened->index);
  const std::uint32_t capacity = opened->index->capacity();
  const std::uint64_t size = FileSize();
  for (const os::Operation operation : {os::Operation::kAllocate, os::Operation::kMap}) {
    files_.FailFrom(operation, os::Fault::kNoSpace);
    EXPECT_EQ(opened->index->Reserve(100 * kRows).code(), Code::kResourceExhausted);
    EXPECT_EQ(opened->index->capacity(), capacity);
    EXPECT_EQ(FileSize(), size);
    EXPECT_TRUE(opened->index->Reserve(capacity).ok());  // what is there is there
    ExpectIntact(*opened->index);
  }
  files_.SetFaults({});
  EXPECT_TRUE(opened->index->Reserve(100 * kRows).ok());
  ExpectIntact(*opened->index);
}

TEST_F(VectorFileTest, GrowthTakesLessWhenThereIsNotRoomForMore) {
  auto opened = Open(0);
  ASSERT_TRUE(opened.ok());
  ASSERT_TRUE(opened->index->Reserve(20 * kChunkSlots).ok());
  files_.SetFaults([](os::Operation operation, const std::string&, int count) {
    return operation == os::Operation::kAllocate && count == 1 ? os::Fault::kNoSpace
                                                               : os::Fault::kNone;
  });
  EXPECT_TRUE(opened->index->Reserve(20 * kChunkSlots + 1).ok());
  EXPECT_EQ(opened->index->capacity(), 21 * kChunkSlots);
}

TEST_F(VectorFileTest, AFailedCloseIsRebuilt) {
  // The mark is written between two syncs; whichever step fails, there is no whole mark or it is
  // cleared. (A failed last sync may leave a mark that did reach the disk: it is then true.)
  struct Case {
    os::Operation operation;
    os::Fault fault;
  };
  for (const Case& c : {Case{os::Operation::kSync, os::Fault::kIoError},
                        Case{os::Operation::kWrite, os::Fault::kNoSpace},
                        Case{os::Operation::kWrite, os::Fault::kShortWrite}}) {
    {
      auto opened = Open(0);
      ASSERT_TRUE(opened.ok());
      Fill(*opened->index);
      files_.FailFrom(c.operation, c.fault);
      EXPECT_FALSE(opened->index->Close(1).ok());
      files_.SetFaults({});
    }
    ExpectRebuild(1, "it was not closed cleanly");
  }
}

TEST_F(VectorFileTest, TheDataIsOnTheDiskBeforeTheMark) {
  auto opened = Open(0);
  ASSERT_TRUE(opened.ok());
  Fill(*opened->index);
  std::string order;
  files_.SetFaults([&order](os::Operation operation, const std::string&, int) {
    if (operation == os::Operation::kSync) order += "sync ";
    if (operation == os::Operation::kWrite) order += "write ";
    return os::Fault::kNone;
  });
  ASSERT_TRUE(opened->index->Close(1).ok());
  EXPECT_EQ(order, "sync write sync ");
  opened->index.reset();
  order.clear();
  ASSERT_TRUE(Open(1).ok());
  EXPECT_EQ(order, "write sync ");  // the mark is gone from the disk before anything can change
}

TEST_F(VectorFileTest, AnOpeningThatFailsIsAnErrorAndNoRebuild) {
  for (const os::Operation operation :
       {os::Operation::kOpen, os::Operation::kRead, os::Operation::kWrite, os::Operation::kSync,
        os::Operation::kMap}) {
    WriteClean(1);
    files_.FailFrom(operation, os::Fault::kIoError);
    EXPECT_EQ(Open(1).status().code(), Code::kIoError);
    files_.SetFaults({});
  }
}

}  // namespace
}  // namespace ocellus::index
