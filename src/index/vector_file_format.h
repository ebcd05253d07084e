// The bytes of a vector file: docs/format/vector_file.md.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"
#include "index/vector_index.h"

namespace ocellus::index {

// Version history:
//   1  first release
inline constexpr std::uint32_t kVectorFileVersion = 1;

// On disk; never change.
inline constexpr std::uint64_t kHeaderOffset = 0;
inline constexpr std::uint64_t kMarkOffset = 4096;
inline constexpr std::uint64_t kDataOffset = 8192;
inline constexpr std::size_t kHeaderBytes = 36;
inline constexpr std::size_t kMarkBytes = 28;
inline constexpr std::uint32_t kChunkSlots = 1024;
inline constexpr std::uint32_t kMaxChunks = 0xFFFFFFFF / kChunkSlots;

// What a file is for. Constant for its life.
struct VectorFileHeader {
  std::uint32_t dimension = 0;
  Metric metric = Metric::kCosine;

  friend bool operator==(const VectorFileHeader&, const VectorFileHeader&) = default;
};

std::array<std::uint8_t, kHeaderBytes> EncodeHeader(const VectorFileHeader& header);

// `bytes` start at kHeaderOffset and may be more or fewer than a header. kFailedPrecondition: it is
// whole, but of a newer version. kCorruption: anything else that is wrong.
Result<VectorFileHeader> ParseHeader(Bytes bytes);

// Written last when a file is closed; while the file is open its place holds zeros.
struct CleanMark {
  std::uint64_t sequence = 0;  // the store's commit counter that the vectors agree with
  std::uint32_t chunks = 0;
  std::uint32_t data_crc = 0;  // crc32c of every chunk's codes and row numbers, in order

  friend bool operator==(const CleanMark&, const CleanMark&) = default;
};

std::array<std::uint8_t, kMarkBytes> EncodeMark(const CleanMark& mark);

// `bytes` start at kMarkOffset. kCorruption: there is no mark, or not a whole one.
Result<CleanMark> ParseMark(Bytes bytes);

// Where things are within a chunk of kChunkSlots slots. Every part starts on a page.
struct ChunkLayout {
  explicit ChunkLayout(std::uint32_t dimension);

  std::size_t code_bytes;      // of one row: the dimension rounded up to a multiple of 64
  std::size_t rows_offset;     // kRowNumbers floats a slot
  std::size_t vectors_offset;  // `dimension` floats a slot
  std::size_t chunk_bytes;
  std::size_t checked_bytes() const { return vectors_offset; }  // codes and row numbers
};

// What is kept beside a row's codes, as floats: scale, error, norm, 0 (row_codes.h).
inline constexpr std::size_t kRowNumbers = 4;

}  // namespace ocellus::index
