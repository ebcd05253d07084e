#include "engine/line_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace ocellus::engine {
namespace {

// Gives a few bytes at a time.
class Drip final : public ByteStream {
 public:
  Drip(std::string bytes, std::size_t step) : bytes_(std::move(bytes)), step_(step) {}
  Result<std::size_t> Read(std::span<std::uint8_t> out) override {
    const std::size_t count = std::min({out.size(), step_, bytes_.size() - at_});
    std::memcpy(out.data(), bytes_.data() + at_, count);
    at_ += count;
    return count;
  }

 private:
  const std::string bytes_;
  const std::size_t step_;
  std::size_t at_ = 0;
};

LineReader ReaderOf(const std::string& text, std::size_t step = 1000, std::size_t max = 10) {
  return LineReader(std::make_unique<Drip>(text, step), max);
}

std::vector<std::string> LinesOf(LineReader reader) {
  std::vector<std::string> lines;
  while (true) {
    const Result<std::optional<LineReader::Line>> line = reader.Next();
    if (!line.ok() || !line->has_value()) return lines;
    lines.push_back(std::to_string((*line)->number) + ":" + (*line)->text +
                    ((*line)->too_long ? "!" : ""));
  }
}

TEST(LineReader, ReadsLines) {
  using Lines = std::vector<std::string>;
  for (const std::size_t step : {1U, 2U, 3U, 1000U}) {
    EXPECT_EQ(LinesOf(ReaderOf("", step)), Lines{});
    EXPECT_EQ(LinesOf(ReaderOf("\n \r\n\t\n", step)), Lines{});
    EXPECT_EQ(LinesOf(ReaderOf("a\nb\r\n\nc", step)), (Lines{"1:a", "2:b", "4:c"}));
    EXPECT_EQ(LinesOf(ReaderOf("\xEF\xBB\xBF"
                               "a\n\xEF\xBB\xBF\n",
                               step)),
              (Lines{"1:a", "2:\xEF\xBB\xBF"}));
    EXPECT_EQ(LinesOf(ReaderOf("0123456789\n01234567890\nx", step)),
              (Lines{"1:0123456789", "2:!", "3:x"}));
  }
}

TEST(LineReader, GoesOnWhereItWas) {
  const std::string text = "one\n\ntwo\nthree\n";
  LineReader reader = ReaderOf(text, 2);
  ASSERT_TRUE(reader.Next().ok());
  const auto second = reader.Next();
  LineReader later = ReaderOf(text, 5);
  ASSERT_TRUE(later.SkipTo((*second)->end_offset, (*second)->number).ok());
  EXPECT_EQ(LinesOf(std::move(later)), (std::vector<std::string>{"4:three"}));
  EXPECT_EQ(ReaderOf("short").SkipTo(100, 7).code(), Code::kFailedPrecondition);
}

}  // namespace
}  // namespace ocellus::engine
