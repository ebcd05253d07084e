// LineReader: the lines of a stream, in bounded memory.
//
// One owner thread.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/sources.h"

namespace ocellus::engine {

class LineReader {
 public:
  struct Line {
    std::uint64_t number = 0;      // from 1, blank ones counted
    std::uint64_t end_offset = 0;  // in the stream, past the line's end
    std::string text;              // without its line end; empty when it is too long
    bool too_long = false;
  };

  LineReader(std::unique_ptr<ByteStream> stream, std::size_t max_line_bytes);

  // The next line that is not blank; none at the end. A byte order mark at the very start is passed
  // over.
  Result<std::optional<Line>> Next();

  // Passes over so many bytes and lines: REQUIRES: both of a Line of an earlier reader of the same
  // stream, and nothing read yet. FailedPrecondition: the stream is shorter.
  Status SkipTo(std::uint64_t offset, std::uint64_t number);

 private:
  // Ok with false at the end of the stream.
  Result<bool> Fill();

  std::unique_ptr<ByteStream> stream_;
  std::size_t max_line_bytes_;
  std::vector<std::uint8_t> buffer_;
  std::size_t begin_ = 0;  // unread bytes of the buffer
  std::size_t end_ = 0;
  std::uint64_t offset_ = 0;  // of begin_ in the stream
  std::uint64_t number_ = 0;  // of the last line
};

}  // namespace ocellus::engine
