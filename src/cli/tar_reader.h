// The files of a tar archive, read as a stream: ustar, pax (POSIX.1-2001) and GNU long names.
//
// One owner thread. The source is borrowed and outlives the reader.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "cli/byte_source.h"

namespace ocellus::cli {

struct TarLimits {
  std::size_t max_name_bytes = 4096;
  std::size_t max_header_bytes = 1 << 20;  // of one pax header or long name
};

// A member that is a regular file. Folders, links and devices are passed over.
struct TarMember {
  std::string name;  // as the archive has it
  std::uint64_t size = 0;
};

class TarReader {
 public:
  explicit TarReader(ByteSource& source, TarLimits limits = {})
      : source_(source), limits_(limits) {}

  // The next member, or none at the end. InvalidArgument: this is no tar archive, is damaged or cut
  // off, or has a name over the limit; nothing more can be read then.
  Result<std::optional<TarMember>> Next();

  // The content of the member that Next() gave last, once. REQUIRES: its size fits into memory.
  Result<std::string> ReadContent();

 private:
  Result<std::string> ReadHeaderData(std::uint64_t size);
  Status Skip(std::uint64_t bytes);
  Status ApplyPax(const std::string& records);

  ByteSource& source_;
  const TarLimits limits_;
  std::uint64_t content_left_ = 0;  // of the member that Next() gave
  std::uint64_t padding_ = 0;       // after its content
  bool first_ = true;
  // What the extended headers say of the next member.
  std::optional<std::string> next_name_;
  std::optional<std::uint64_t> next_size_;
};

}  // namespace ocellus::cli
