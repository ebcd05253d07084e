#include "index/vector_file_format.h"

#include <algorithm>
#include <string>

namespace ocellus::index {
namespace {

// Header:             Mark:
//   0  magic            0  magic
//   8  version          8  sequence
//  12  header bytes    16  chunks
//  16  dimension       20  data crc32c
//  20  metric          24  crc32c of 0..23
//  24  chunk slots
//  28  code bytes
//  32  crc32c of 0..31
constexpr std::array<std::uint8_t, 8> kHeaderMagic = {'O', 'C', 'V', 'E', 'C', 'T', 'O', 'R'};
constexpr std::array<std::uint8_t, 8> kMarkMagic = {'O', 'C', 'V', 'C', 'L', 'E', 'A', 'N'};
constexpr std::size_t kHeaderLengthEnd = 16;  // magic, version and length: the same in all versions
constexpr std::size_t kCrcBytes = 4;
constexpr std::size_t kMaxHeaderBytes = kMarkOffset;

Status Corrupt(const char* what) {
  return {Code::kCorruption, what};
}

bool StartsWith(Bytes bytes, Bytes magic) {
  return bytes.size() >= magic.size() && std::equal(magic.begin(), magic.end(), bytes.begin());
}

// The last four of `bytes` are the crc32c of the others.
bool CrcHolds(Bytes bytes) {
  const Bytes content = bytes.first(bytes.size() - kCrcBytes);
  return Crc32c(content) == LoadLe32(bytes.data() + content.size());
}

void StoreCrc(std::span<std::uint8_t> bytes) {
  const Bytes content = bytes.first(bytes.size() - kCrcBytes);
  StoreLe32(Crc32c(content), bytes.data() + content.size());
}

}  // namespace

ChunkLayout::ChunkLayout(std::uint32_t dimension)
    : code_bytes((std::size_t{dimension} + 63) / 64 * 64),
      rows_offset(code_bytes * kChunkSlots),
      vectors_offset(rows_offset + kRowNumbers * sizeof(float) * kChunkSlots),
      chunk_bytes(vectors_offset + sizeof(float) * dimension * kChunkSlots) {}

std::array<std::uint8_t, kHeaderBytes> EncodeHeader(const VectorFileHeader& header) {
  std::array<std::uint8_t, kHeaderBytes> bytes{};
  std::copy(kHeaderMagic.begin(), kHeaderMagic.end(), bytes.begin());
  StoreLe32(kVectorFileVersion, &bytes[8]);
  StoreLe32(kHeaderBytes, &bytes[12]);
  StoreLe32(header.dimension, &bytes[16]);
  StoreLe32(static_cast<std::uint32_t>(header.metric), &bytes[20]);
  StoreLe32(kChunkSlots, &bytes[24]);
  StoreLe32(static_cast<std::uint32_t>(ChunkLayout(header.dimension).code_bytes), &bytes[28]);
  StoreCrc(bytes);
  return bytes;
}

Result<VectorFileHeader> ParseHeader(Bytes bytes) {
  if (!StartsWith(bytes, kHeaderMagic)) return Corrupt("it is no vector file");
  if (bytes.size() < kHeaderLengthEnd) return Corrupt("its header is cut short");
  const std::uint32_t version = LoadLe32(&bytes[8]);
  const std::uint32_t length = LoadLe32(&bytes[12]);
  if (length < kHeaderLengthEnd + kCrcBytes || length > kMaxHeaderBytes || length > bytes.size() ||
      !CrcHolds(bytes.first(length))) {
    return Corrupt("its header does not verify");
  }
  if (version > kVectorFileVersion) {
    return Status(Code::kFailedPrecondition, "it has format version " + std::to_string(version) +
                                                 ", this program reads up to " +
                                                 std::to_string(kVectorFileVersion));
  }
  if (version != kVectorFileVersion || length != kHeaderBytes) {
    return Corrupt("its header has an impossible version");
  }
  const std::uint32_t metric = LoadLe32(&bytes[20]);
  const VectorFileHeader header{LoadLe32(&bytes[16]), static_cast<Metric>(metric)};
  if (header.dimension == 0 || header.dimension > kMaxDimension ||
      metric < static_cast<std::uint32_t>(Metric::kCosine) ||
      metric > static_cast<std::uint32_t>(Metric::kSquaredL2) ||
      LoadLe32(&bytes[24]) != kChunkSlots ||
      LoadLe32(&bytes[28]) != ChunkLayout(header.dimension).code_bytes) {
    return Corrupt("its header has impossible values");
  }
  return header;
}

std::array<std::uint8_t, kMarkBytes> EncodeMark(const CleanMark& mark) {
  std::array<std::uint8_t, kMarkBytes> bytes{};
  std::copy(kMarkMagic.begin(), kMarkMagic.end(), bytes.begin());
  StoreLe64(mark.sequence, &bytes[8]);
  StoreLe32(mark.chunks, &bytes[16]);
  StoreLe32(mark.data_crc, &bytes[20]);
  StoreCrc(bytes);
  return bytes;
}

Result<CleanMark> ParseMark(Bytes bytes) {
  if (bytes.size() < kMarkBytes || !StartsWith(bytes, kMarkMagic) ||
      !CrcHolds(bytes.first(kMarkBytes))) {
    return Corrupt("it was not closed cleanly");
  }
  const CleanMark mark{LoadLe64(&bytes[8]), LoadLe32(&bytes[16]), LoadLe32(&bytes[20])};
  if (mark.chunks > kMaxChunks) return Corrupt("its mark has impossible values");
  return mark;
}

}  // namespace ocellus::index
