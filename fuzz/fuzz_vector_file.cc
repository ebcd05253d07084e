// Opening a vector file with anything in it, and searching it when it is trusted.
//
// Input: a byte of flags, a header, a mark, and bytes that are repeated to fill the chunks. The
// flags let the file pass checks that random bytes never would.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "base/bytes.h"
#include "index/exact_index.h"
#include "index/vector_file_format.h"
#include "os/file_system.h"
#include "os/temporary_directory.h"

namespace ocellus::index {
namespace {

constexpr unsigned kHeaderCrc = 1;
constexpr unsigned kMarkCrc = 2;
constexpr unsigned kDataCrc = 4;
constexpr unsigned kLength = 8;
constexpr std::uint32_t kDimension = 3;
constexpr std::uint64_t kSequence = 0x0101010101010101;

void Require(bool condition) {
  if (!condition) std::abort();
}

// The part at `from`, short or missing bytes zero.
template <std::size_t size>
std::array<std::uint8_t, size> Take(Bytes input, std::size_t from) {
  std::array<std::uint8_t, size> part{};
  for (std::size_t i = 0; i < size && from + i < input.size(); ++i) part[i] = input[from + i];
  return part;
}

void FixCrc(std::span<std::uint8_t> block) {
  StoreLe32(Crc32c(block.first(block.size() - 4)), &block[block.size() - 4]);
}

std::vector<std::uint8_t> FileOf(Bytes input) {
  const unsigned flags = input.empty() ? 0 : input[0];
  auto header = Take<kHeaderBytes>(input, 1);
  auto mark = Take<kMarkBytes>(input, 1 + kHeaderBytes);
  const Bytes fill = input.size() > 1 + kHeaderBytes + kMarkBytes
                         ? input.subspan(1 + kHeaderBytes + kMarkBytes)
                         : Bytes();
  const ChunkLayout layout(kDimension);
  const std::size_t chunks = std::min<std::size_t>(LoadLe32(&mark[16]), 3);
  const std::size_t size =
      (flags & kLength) != 0 ? kDataOffset + chunks * layout.chunk_bytes : 1 + fill.size() * 17;
  std::vector<std::uint8_t> file(size);
  for (std::size_t i = kDataOffset; i < size && !fill.empty(); ++i) {
    file[i] = fill[(i - kDataOffset) % fill.size()];
  }
  if ((flags & kDataCrc) != 0 && (flags & kLength) != 0) {
    std::uint32_t crc = 0;
    for (std::size_t chunk = 0; chunk < chunks; ++chunk) {
      crc = Crc32c(
          Bytes(file).subspan(kDataOffset + chunk * layout.chunk_bytes, layout.checked_bytes()),
          crc);
    }
    StoreLe32(crc, &mark[20]);
  }
  if ((flags & kHeaderCrc) != 0) FixCrc(header);
  if ((flags & kMarkCrc) != 0) FixCrc(mark);
  for (std::size_t i = 0; i < header.size() && i < size; ++i) file[i] = header[i];
  for (std::size_t i = 0; i < mark.size() && kMarkOffset + i < size; ++i) {
    file[kMarkOffset + i] = mark[i];
  }
  return file;
}

void Run(Bytes input) {
  (void)ParseHeader(input).ok();
  (void)ParseMark(input).ok();

  // In memory, for fsync's sake.
  static const int set = ::setenv("TMPDIR", "/dev/shm", 0);  // NOLINT(concurrency-mt-unsafe)
  Require(set == 0);
  static const os::TemporaryDirectory directory;
  os::PosixFileSystem files;
  const std::string path = directory.File("vectors");
  {
    auto file = files.Open(path, os::OpenMode::kTruncate);
    Require(file.ok() && (*file)->WriteAt(0, FileOf(input)).ok());
  }
  const Metric metric = static_cast<Metric>(1 + (input.empty() ? 0U : input[0] / 16U % 3U));
  auto opened = ExactIndex::Open(files, path, {kDimension, metric}, kSequence);
  if (!opened.ok()) {
    Require(opened.status().code() == Code::kFailedPrecondition);  // a newer version
    return;
  }
  ExactIndex& index = *opened->index;
  Require(!opened->needs_rebuild || index.capacity() == 0);
  Bitmap allowed(index.capacity());
  allowed.SetAll();
  Require(index.Search(std::array<float, kDimension>{1, -2, 0.5F}, 7, allowed).ok());
  Require(index.Close(kSequence).ok());
}

}  // namespace
}  // namespace ocellus::index

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ocellus::index::Run({data, size});
  return 0;
}
