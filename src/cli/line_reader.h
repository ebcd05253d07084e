// The lines of a byte source, in bounded memory.
//
// One owner thread. The source is borrowed and outlives the reader.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "cli/byte_source.h"

namespace ocellus::cli {

class LineReader {
 public:
  struct Line {
    std::uint64_t number = 0;  // from 1, blank ones counted
    std::string text;          // without its line end; empty when it is too long
    bool too_long = false;
  };

  LineReader(ByteSource& source, std::size_t max_line_bytes)
      : source_(source), max_line_bytes_(max_line_bytes) {}

  // The next line that is not blank; none at the end. A byte order mark at the very start is passed
  // over.
  Result<std::optional<Line>> Next();

 private:
  ByteSource& source_;
  const std::size_t max_line_bytes_;
  std::array<std::uint8_t, 64 << 10> buffer_{};
  std::size_t begin_ = 0;  // unread bytes of the buffer
  std::size_t end_ = 0;
  std::uint64_t number_ = 0;
};

}  // namespace ocellus::cli
