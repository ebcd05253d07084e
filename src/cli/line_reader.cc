#include "cli/line_reader.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace ocellus::cli {

Result<std::optional<LineReader::Line>> LineReader::Next() {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  Line line;
  bool anything = false;
  for (;;) {
    if (begin_ == end_) {
      OCELLUS_ASSIGN_OR_RETURN(end_, source_.Read(buffer_));
      begin_ = 0;
    }
    const bool at_end = begin_ == end_;
    const std::string_view rest = AsText(Bytes(buffer_).subspan(begin_, end_ - begin_));
    const std::size_t newline = rest.find('\n');
    const std::string_view part = rest.substr(0, newline);
    anything = anything || !at_end;
    if (line.too_long || line.text.size() + part.size() > max_line_bytes_) {
      line.too_long = true;
      line.text.clear();
    } else {
      line.text += part;
    }
    begin_ += std::min(part.size() + 1, rest.size());
    if (newline == std::string_view::npos && !at_end) continue;
    if (at_end && !anything) return std::optional<Line>();
    line.number = ++number_;
    if (line.number == 1 && line.text.substr(0, 3) == kByteOrderMark) line.text.erase(0, 3);
    if (!line.text.empty() && line.text.back() == '\r') line.text.pop_back();
    if (line.too_long || line.text.find_first_not_of(" \t") != std::string::npos) {
      return std::optional<Line>(std::move(line));
    }
    if (at_end) return std::optional<Line>();
    line = {};
    anything = false;
  }
}

}  // namespace ocellus::cli
