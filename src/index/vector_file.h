// A vector file, open and mapped: chunks of slots that never move once they are there.

#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "index/vector_file_format.h"
#include "os/file_system.h"

namespace ocellus::index {

// Thread safety: chunks() and the accessors may be called from any number of threads while ONE
// thread calls Reserve(); Close() and the destructor want the file to themselves. The bytes of a
// slot are the callers' matter.
class VectorFile {
 public:
  struct Opened;

  // As ExactIndex::Open(). `files` must outlive the file.
  static Result<Opened> Open(os::FileSystem& files, const std::string& path,
                             const VectorFileHeader& header, std::uint64_t expected_sequence);

  const VectorFileHeader& header() const noexcept { return header_; }
  const ChunkLayout& layout() const noexcept { return layout_; }

  // The start of every chunk. The pointers stay valid as long as the file, and so does the span; a
  // later call may return a longer one.
  std::span<std::uint8_t* const> chunks() const noexcept {
    return *chunks_.load(std::memory_order_acquire);
  }

  // As VectorIndex::Reserve().
  Status Reserve(std::uint32_t slots);

  // As VectorIndex::Close().
  Status Close(std::uint64_t sequence);

 private:
  using ChunkTable = std::vector<std::uint8_t*>;

  VectorFile(std::unique_ptr<os::File> file, std::string path, const VectorFileHeader& header);

  Result<CleanMark> ReadMark(Bytes start, std::uint64_t expected_sequence);
  Status CheckData(const CleanMark& mark);
  Status ClearMark();
  Status Format(os::FileSystem& files);
  Status Grow(std::size_t chunks);
  Status Map(std::size_t chunks);  // to that many, which are in the file

  const std::unique_ptr<os::File> file_;
  const std::string path_;
  const VectorFileHeader header_;
  const ChunkLayout layout_;

  // The writer's.
  std::vector<os::MappedRegion> regions_;
  std::vector<std::unique_ptr<const ChunkTable>> tables_;  // a search may still read an old one

  // Released after the chunks it names are mapped.
  std::atomic<const ChunkTable*> chunks_;
};

struct VectorFile::Opened {
  std::unique_ptr<VectorFile> file;
  std::string rebuild_reason;  // empty: the vectors in the file can be trusted
};

}  // namespace ocellus::index
