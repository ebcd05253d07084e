#include "engine/line_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace ocellus::engine {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{256} << 10;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool IsBlank(std::string_view text) {
  return text.find_first_not_of(" \t\r") == std::string_view::npos;
}

}  // namespace

LineReader::LineReader(std::unique_ptr<ByteStream> stream, std::size_t max_line_bytes)
    : stream_(std::move(stream)), max_line_bytes_(max_line_bytes), buffer_(kBufferBytes) {}

Result<bool> LineReader::Fill() {
  OCELLUS_ASSIGN_OR_RETURN(const std::size_t count, stream_->Read(buffer_));
  begin_ = 0;
  end_ = count;
  return count != 0;
}

Status LineReader::SkipTo(std::uint64_t offset, std::uint64_t number) {
  while (offset_ < offset) {
    if (begin_ == end_) {
      OCELLUS_ASSIGN_OR_RETURN(const bool more, Fill());
      if (!more) {
        return Status(Code::kFailedPrecondition, "it is shorter than when it was read before: " +
                                                     std::to_string(offset_) + " bytes");
      }
    }
    const auto step =
        static_cast<std::size_t>(std::min<std::uint64_t>(offset - offset_, end_ - begin_));
    begin_ += step;
    offset_ += step;
  }
  number_ = number;
  return {};
}

Result<std::optional<LineReader::Line>> LineReader::Next() {
  while (true) {
    Line line;
    bool ended = false;  // with a line end
    bool anything = false;
    while (!ended) {
      if (begin_ == end_) {
        OCELLUS_ASSIGN_OR_RETURN(const bool more, Fill());
        if (!more) break;
      }
      anything = true;
      const std::uint8_t* start = buffer_.data() + begin_;
      const auto* newline =
          static_cast<const std::uint8_t*>(std::memchr(start, '\n', end_ - begin_));
      ended = newline != nullptr;
      const std::size_t count = ended ? static_cast<std::size_t>(newline - start) : end_ - begin_;
      if (!line.too_long) {
        line.text.append(reinterpret_cast<const char*>(start), count);
        if (line.text.size() > max_line_bytes_) {
          line.too_long = true;
          line.text = std::string();
        }
      }
      begin_ += count + (ended ? 1 : 0);
      offset_ += count + (ended ? 1 : 0);
    }
    if (!anything) return std::optional<Line>();
    line.number = ++number_;
    line.end_offset = offset_;
    if (line.number == 1 && line.text.starts_with(kByteOrderMark)) {
      line.text.erase(0, kByteOrderMark.size());
    }
    if (line.text.ends_with('\r')) line.text.pop_back();
    if (line.too_long || !IsBlank(line.text)) return std::optional<Line>(std::move(line));
  }
}

}  // namespace ocellus::engine
