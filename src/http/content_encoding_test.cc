#include "http/content_encoding.h"

#include <gtest/gtest.h>
#include <zlib.h>

namespace ocellus::http {
namespace {

std::string Compress(const std::string& text, int window_bits) {
  z_stream stream{};
  EXPECT_EQ(
      deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY),
      Z_OK);
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

const char kText[] = R"({"library_name":"shoes","text":"red boots red boots red boots"})";

TEST(ContentEncodingTest, UndoesEachForm) {
  EXPECT_EQ(*Decode("", kText, 1000), kText);
  EXPECT_EQ(*Decode("identity", kText, 1), kText);  // the size as sent was checked before
  EXPECT_EQ(*Decode("GZip", Compress(kText, 31), 1000), kText);
  EXPECT_EQ(*Decode("x-gzip", Compress(kText, 31), 1000), kText);
  EXPECT_EQ(*Decode("deflate", Compress(kText, 15), 1000), kText);
  EXPECT_EQ(*Decode("deflate", Compress(kText, -15), 1000), kText);
  for (const std::string json : {R"([{"cmd":"add"}])", R"({"a":1})"}) {
    EXPECT_EQ(*Decode("deflate", json, 1000), json);  // announced, and not done
    EXPECT_EQ(*Decode("deflate", Compress(json, 15), 1000), json);
    EXPECT_EQ(*Decode("deflate", Compress(json, -15), 1000), json);
    EXPECT_FALSE(Decode("gzip", json, 1000).ok());
  }
}

TEST(ContentEncodingTest, KnowsWhatItKnows) {
  EXPECT_TRUE(IsKnownEncoding("deflate"));
  EXPECT_FALSE(IsKnownEncoding("br"));
  EXPECT_FALSE(IsKnownEncoding("gzip, gzip"));
}

TEST(ContentEncodingTest, ABombIsFoundAtTheLimit) {
  const std::string bomb = Compress(std::string(64 << 20, 'a'), 31);
  EXPECT_LT(bomb.size(), 100'000U);
  const auto result = Decode("gzip", bomb, 1 << 20);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.status().code(), Code::kResourceExhausted);
  EXPECT_TRUE(Decode("gzip", Compress(std::string(1000, 'a'), 31), 1000).ok());
  EXPECT_FALSE(Decode("gzip", Compress(std::string(1001, 'a'), 31), 1000).ok());
}

TEST(ContentEncodingTest, DamageIsToldFromTruncation) {
  const std::string whole = Compress(kText, 31);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto result = Decode("gzip", whole.substr(0, size), 1000);
    ASSERT_FALSE(result.ok()) << size;
    EXPECT_EQ(result.status().code(), Code::kInvalidArgument);
  }
  std::string damaged = whole;
  damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 0x55);
  EXPECT_FALSE(Decode("gzip", damaged, 1000).ok());
  EXPECT_FALSE(Decode("gzip", whole + "x", 1000).ok());
  EXPECT_FALSE(Decode("gzip", "plain text", 1000).ok());
}

}  // namespace
}  // namespace ocellus::http
