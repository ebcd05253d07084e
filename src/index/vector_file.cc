#include "index/vector_file.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace ocellus::index {
namespace {

// The mapped floats are read in place.
static_assert(std::endian::native == std::endian::little);

// Growing by a part of what is there keeps the number of mappings and of chunk tables logarithmic.
constexpr std::size_t kGrowthDivisor = 8;

}  // namespace

VectorFile::VectorFile(std::unique_ptr<os::File> file, std::string path,
                       const VectorFileHeader& header)
    : file_(std::move(file)), path_(std::move(path)), header_(header), layout_(header.dimension) {
  tables_.push_back(std::make_unique<const ChunkTable>());
  chunks_.store(tables_.back().get(), std::memory_order_release);
}

Result<VectorFile::Opened> VectorFile::Open(os::FileSystem& files, const std::string& path,
                                            const VectorFileHeader& header,
                                            std::uint64_t expected_sequence) {
  OCELLUS_ASSIGN_OR_RETURN(auto opened, files.Open(path, os::OpenMode::kCreate));
  std::vector<std::uint8_t> start(kDataOffset);
  OCELLUS_ASSIGN_OR_RETURN(const std::size_t size, opened->ReadAt(0, start));
  start.resize(size);
  std::unique_ptr<VectorFile> file(new VectorFile(std::move(opened), path, header));

  Result<CleanMark> mark = file->ReadMark(start, expected_sequence);
  Status trust = mark.ok() ? file->CheckData(*mark) : mark.status();
  if (trust.ok()) {
    OCELLUS_RETURN_IF_ERROR(file->Map(mark->chunks));
    OCELLUS_RETURN_IF_ERROR(file->ClearMark());
    return Opened{std::move(file), ""};
  }
  if (trust.code() != Code::kCorruption) return std::move(trust).WithContext("open " + path);
  OCELLUS_RETURN_IF_ERROR(file->Format(files));
  return Opened{std::move(file), path + ": " + trust.message()};
}

// kCorruption: a reason to rebuild.
Result<CleanMark> VectorFile::ReadMark(Bytes start, std::uint64_t expected_sequence) {
  if (start.empty()) return Status(Code::kCorruption, "it is new");
  OCELLUS_ASSIGN_OR_RETURN(const VectorFileHeader stored, ParseHeader(start));
  if (stored != header_) {
    return Status(Code::kCorruption, "it was made for another dimension or metric");
  }
  if (start.size() < kDataOffset) return Status(Code::kCorruption, "it is cut short");
  OCELLUS_ASSIGN_OR_RETURN(const CleanMark mark, ParseMark(start.subspan(kMarkOffset)));
  if (mark.sequence != expected_sequence) {
    return Status(Code::kCorruption, "it was closed at commit " + std::to_string(mark.sequence) +
                                         ", the store is at " + std::to_string(expected_sequence));
  }
  return mark;
}

// Read through the file, not the mapping: a failing disk is then a Status and not a SIGBUS, and the
// kernel reads ahead.
Status VectorFile::CheckData(const CleanMark& mark) {
  OCELLUS_ASSIGN_OR_RETURN(const std::uint64_t size, file_->Size());
  if (size != kDataOffset + std::uint64_t{mark.chunks} * layout_.chunk_bytes) {
    return {Code::kCorruption, "its length is not what its mark says"};
  }
  std::vector<std::uint8_t> buffer(layout_.checked_bytes());
  std::uint32_t crc = 0;
  for (std::uint32_t chunk = 0; chunk < mark.chunks; ++chunk) {
    OCELLUS_ASSIGN_OR_RETURN(
        const std::size_t read,
        file_->ReadAt(kDataOffset + std::uint64_t{chunk} * layout_.chunk_bytes, buffer));
    crc = Crc32c(Bytes(buffer).first(read), crc);
  }
  if (crc != mark.data_crc) return {Code::kCorruption, "its codes do not verify"};
  return {};
}

Status VectorFile::ClearMark() {
  const std::array<std::uint8_t, kMarkBytes> zeros{};
  OCELLUS_RETURN_IF_ERROR(file_->WriteAt(kMarkOffset, zeros));
  return file_->Sync();
}

Status VectorFile::Format(os::FileSystem& files) {
  OCELLUS_RETURN_IF_ERROR(file_->Truncate(0));
  std::vector<std::uint8_t> start(kDataOffset);
  const auto header = EncodeHeader(header_);
  std::copy(header.begin(), header.end(), start.begin());
  OCELLUS_RETURN_IF_ERROR(file_->WriteAt(kHeaderOffset, start));
  OCELLUS_RETURN_IF_ERROR(file_->Sync());
  return files.SyncDirectory(os::DirectoryOf(path_));
}

Status VectorFile::Reserve(std::uint32_t slots) {
  const std::size_t needed = (std::size_t{slots} + kChunkSlots - 1) / kChunkSlots;
  const std::size_t present = chunks().size();
  if (needed <= present) return {};
  if (needed > kMaxChunks) {
    return {Code::kResourceExhausted, path_ + ": no more than 2^32 - 1024 slots"};
  }
  const std::size_t generous =
      std::min<std::size_t>(std::max(needed, present + present / kGrowthDivisor), kMaxChunks);
  Status status = Grow(generous);
  if (!status.ok() && generous > needed) status = Grow(needed);
  return status;
}

Status VectorFile::Grow(std::size_t chunks) {
  const std::size_t present = this->chunks().size();
  const std::uint64_t old_size = kDataOffset + std::uint64_t{present} * layout_.chunk_bytes;
  const std::uint64_t added = std::uint64_t{chunks - present} * layout_.chunk_bytes;
  Status status = file_->Allocate(old_size, added);
  if (status.ok()) status = Map(chunks);
  // What was allocated in part is given back; if that fails too the next Reserve() takes it.
  if (!status.ok()) (void)file_->Truncate(old_size).ok();
  return status;
}

Status VectorFile::Map(std::size_t chunks) {
  const std::size_t present = this->chunks().size();
  if (chunks == present) return {};
  const std::size_t bytes = layout_.chunk_bytes;
  OCELLUS_ASSIGN_OR_RETURN(auto region, file_->Map(kDataOffset + std::uint64_t{present} * bytes,
                                                   (chunks - present) * bytes));
  // A cold vector read is one page, not 128 KiB around it: without this 40 searches over a million
  // rows of 384 pulled 1.3 GB into memory, with it 3 MB, and were faster. The codes are in memory
  // since CheckData() or Put().
  region.Advise(0, region.size(), os::MappedRegion::Advice::kRandom);
  auto table = std::make_unique<ChunkTable>(*chunks_.load(std::memory_order_relaxed));
  for (std::size_t i = 0; i < chunks - present; ++i) table->push_back(region.data() + i * bytes);
  regions_.push_back(std::move(region));
  tables_.push_back(std::move(table));
  chunks_.store(tables_.back().get(), std::memory_order_release);
  return {};
}

Status VectorFile::Close(std::uint64_t sequence) {
  CleanMark mark{sequence, static_cast<std::uint32_t>(chunks().size()), 0};
  for (const std::uint8_t* chunk : chunks()) {
    mark.data_crc = Crc32c({chunk, layout_.checked_bytes()}, mark.data_crc);
  }
  OCELLUS_RETURN_IF_ERROR(file_->Sync());  // the data before the mark that vouches for it
  OCELLUS_RETURN_IF_ERROR(file_->WriteAt(kMarkOffset, EncodeMark(mark)));
  return file_->Sync();
}

}  // namespace ocellus::index
