#include "cli/byte_source.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include "cli/line_reader.h"

namespace ocellus::cli {
namespace {

std::string Gzip(const std::string& text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

Result<std::string> Unzip(const std::string& compressed) {
  const auto source = MakeGzipSource(MakeMemorySource(AsBytes(compressed)));
  std::string out;
  std::uint8_t buffer[1000];
  for (;;) {
    OCELLUS_ASSIGN_OR_RETURN(const std::size_t got, source->Read(buffer));
    if (got == 0) return out;
    out += AsText(Bytes(buffer, got));
  }
}

TEST(ByteSourceTest, UndoesGzipOfOneAndMoreMembers) {
  std::string text;
  for (int i = 0; i < 50'000; ++i) text += std::to_string(i * 7919) + ",";
  EXPECT_EQ(*Unzip(Gzip(text)), text);
  EXPECT_EQ(*Unzip(Gzip("one") + Gzip("") + Gzip("two")), "onetwo");
}

TEST(ByteSourceTest, DamagedGzipIsAnError) {
  const std::string whole = Gzip("some text, some text");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(Unzip(whole.substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(Unzip("not gzip at all").ok());
  EXPECT_FALSE(Unzip(whole + "trailing garbage").ok());
}

std::vector<std::string> Lines(const std::string& text, std::size_t max_bytes = 100) {
  const auto source = MakeMemorySource(AsBytes(text));
  LineReader reader(*source, max_bytes);
  std::vector<std::string> out;
  for (;;) {
    const auto line = reader.Next();
    EXPECT_TRUE(line.ok());
    if (!line.ok() || !*line) return out;
    out.push_back(std::to_string((*line)->number) + ":" +
                  ((*line)->too_long ? "too long" : (*line)->text));
  }
}

TEST(LineReaderTest, ReadsLines) {
  using Wanted = std::vector<std::string>;
  EXPECT_EQ(Lines(""), Wanted{});
  EXPECT_EQ(Lines("\n\n  \n"), Wanted{});
  EXPECT_EQ(Lines("a\nb\r\n\nc"), (Wanted{"1:a", "2:b", "4:c"}));
  EXPECT_EQ(Lines("\xef\xbb\xbf{}\n"), Wanted{"1:{}"});
  EXPECT_EQ(Lines(std::string(101, 'x') + "\nok"), (Wanted{"1:too long", "2:ok"}));
  const std::string big(200'000, 'y');
  EXPECT_EQ(Lines("a\n" + big + "\nb\n", 1 << 20), (Wanted{"1:a", "2:" + big, "3:b"}));
}

}  // namespace
}  // namespace ocellus::cli
