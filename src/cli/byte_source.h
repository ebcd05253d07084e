// Bytes of a file in order, as they are or decompressed.
//
// One owner thread.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "os/file_system.h"

namespace ocellus::cli {

class ByteSource {
 public:
  virtual ~ByteSource() = default;

  // How many bytes came; 0 at the end only. REQUIRES: !out.empty()
  virtual Result<std::size_t> Read(std::span<std::uint8_t> out) = 0;

  // Bytes of the file that were read so far: for progress.
  virtual std::uint64_t position() const = 0;
};

// `files` is borrowed and outlives the source.
Result<std::unique_ptr<ByteSource>> OpenFileSource(os::FileSystem& files, const std::string& path);

// Bytes in memory, borrowed.
std::unique_ptr<ByteSource> MakeMemorySource(Bytes bytes);

// Undoes gzip, also of several members one after the other. Its Read fails with InvalidArgument
// when what it reads is damaged or cut off.
std::unique_ptr<ByteSource> MakeGzipSource(std::unique_ptr<ByteSource> compressed);

// Reads until `out` is full. Fewer only at the end.
Result<std::size_t> ReadFully(ByteSource& source, std::span<std::uint8_t> out);

}  // namespace ocellus::cli
