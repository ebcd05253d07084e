#include "api/vector/protobuf.h"

#include <gtest/gtest.h>

#include <bit>
#include <string>

#include "base/bytes.h"

namespace ocellus::api::vector {
namespace {

std::string Varint(std::uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  return out + static_cast<char>(value);
}
std::string Tag(std::uint32_t number, std::uint32_t wire) {
  return Varint(std::uint64_t{number} << 3 | wire);
}
std::string Text(std::uint32_t number, const std::string& text) {
  return Tag(number, 2) + Varint(text.size()) + text;
}
std::string Number(std::uint32_t number, std::uint64_t value) {
  return Tag(number, 0) + Varint(value);
}
std::string Raw(float value) {
  std::array<std::uint8_t, 4> bytes;
  StoreLe32(std::bit_cast<std::uint32_t>(value), bytes.data());
  return std::string(AsText(bytes));
}
std::string Float(std::uint32_t number, float value) {
  return Tag(number, 5) + Raw(value);
}

std::string Decoded(Message message, const std::string& body) {
  const Result<Value> value = DecodeProtobuf(message, body);
  return value.ok() ? WriteJson(*value) : value.status().message();
}

TEST(VectorProtobuf, RefusesWhatIsDamaged) {
  const auto refused = [](const std::string& body, const std::string& says) {
    const Result<Value> value = DecodeProtobuf(Message::kVectorSearchQuery, body);
    ASSERT_FALSE(value.ok());
    EXPECT_EQ(value.status().code(), Code::kInvalidArgument);
    EXPECT_NE(value.status().message().find(says), std::string::npos) << value.status().message();
  };
  const std::string whole = Text(10, "pets") + Float(1, 1) + Number(3, 5) + Text(11, "a=1");
  for (std::size_t size = 1; size < whole.size(); ++size) {
    const Result<Value> value =
        DecodeProtobuf(Message::kVectorSearchQuery, std::string_view(whole).substr(0, size));
    if (!value.ok()) {
      EXPECT_NE(value.status().message().find("byte "), std::string::npos);
    }
  }
  refused(Tag(10, 2) + Varint(1ULL << 62) + "x", "cut off");
  refused(Tag(10, 2) + std::string(9, '\xFF') + '\x7F', "cut off");
  refused(std::string(11, '\xFF'), "more than ten bytes");
  refused(Number(10, 1), "tableName: a wire type that is not its own");
  refused(Text(3, "12345"), "topK: a wire type");
  refused(Text(10, "\xC3"), "tableName: not UTF-8");
  refused(std::string(1, '\0'), "not a field number");
  refused(Tag(99, 3), "unknown wire type");
  refused(Text(1, "12345"), "cut off");  // packed floats, one and a bit
  refused(R"({"tableName":"pets"})", "byte 0");
  // A message in a message that says it is longer than its parent.
  refused(Text(20, Tag(2, 2) + Varint(100)), "cut off");
}

TEST(VectorProtobuf, RefusesMoreElementsThanAreHeld) {
  const std::string ones(kMaxValues + 1, '\1');
  const auto repeated = [](const std::string& part) {
    std::string body;
    for (std::size_t i = 0; i <= kMaxValues; ++i) body += part;
    return body;
  };
  const std::string bodies[] = {Text(20, Text(2, ones)), repeated(Text(13, "")),
                                repeated(Text(22, ""))};
  for (const std::string& body : bodies) {
    const Result<Value> value = DecodeProtobuf(Message::kVectorSearchQuery, body);
    ASSERT_FALSE(value.ok());
    EXPECT_NE(value.status().message().find("more than 4194304 elements"), std::string::npos)
        << value.status().message();
  }
  EXPECT_TRUE(DecodeProtobuf(Message::kVectorSearchQuery, Text(20, Text(2, ones.substr(1)))).ok());
}

TEST(VectorProtobuf, ReadsWhatTheClientSends) {
  EXPECT_EQ(Decoded(Message::kVectorSearchQuery,
                    Text(10, "pets") + Float(1, 0.5F) + Float(1, -1) + Number(3, 7) +
                        Number(12, 1) + Text(13, "a") + Text(13, "b") + Number(21, ~0ULL) +
                        Float(6, 2.5F) + Text(22, Text(1, "k") + Text(2, "v"))),
            R"({"tableName":"pets","vector":[0.5,-1.0],"topK":7,"includeVector":true,)"
            R"("outputFields":["a","b"],"timeout":-1,"scoreThreshold":2.5,"kvpairs":{"k":"v"}})");
  // Packed, and after an unknown field of every wire type.
  EXPECT_EQ(Decoded(Message::kVectorSearchQuery,
                    Number(100, 5) + Text(101, "x") + Tag(102, 1) + std::string(8, 'x') +
                        Float(103, 1) + Text(1, Raw(1) + Raw(2)) + Float(1, 3) +
                        Text(20, Text(2, Varint(3) + Varint(4000000000ULL)) + Text(3, Raw(1)))),
            R"({"vector":[1.0,2.0,3.0],"sparseData":{"indices":[3,4000000000],"values":[1.0]}})");
  EXPECT_EQ(Decoded(Message::kVectorSearchQueries,
                    Text(1, "t") + Text(10, Text(9, "i")) + Text(10, Text(9, "j")) + Number(15, 2)),
            R"({"tableName":"t","queries":[{"indexName":"i"},{"indexName":"j"}],"topK":2})");
  EXPECT_EQ(Decoded(Message::kHybridSearchQuery,
                    Text(1, "t") + Text(2, Text(9, "i")) + Text(3, Text(1, "title:'x'")) +
                        Text(8, Text(1, Number(1, 10))) + Number(4, 5)),
            R"({"tableName":"t","knn":{"indexName":"i"},"text":{"queryString":"title:'x'"},)"
            R"("rank":{"rrf":{"rankConstant":10}},"size":5})");
  EXPECT_EQ(
      Decoded(Message::kFetchQuery, Text(1, "t") + Text(2, "1") + Number(11, 0) + Number(8, 3)),
      R"({"tableName":"t","ids":["1"],"includeVector":false,"limit":3})");
  EXPECT_EQ(Decoded(Message::kAggregateQuery, Text(1, "t") + Number(3, 0xFFFFFFFF) + Text(4, "g") +
                                                  Text(5, Text(2, "count") + Text(3, "id")) +
                                                  Text(6, Text(1, "g"))),
            R"({"tableName":"t","limit":4294967295,"groupKeys":["g"],)"
            R"("aggFuncs":[{"func":"count","args":["id"]}],"orderBy":[{"field":"g"}]})");
  EXPECT_EQ(Decoded(Message::kStatsQuery, Text(1, "a") + Text(1, "t")), R"({"tableName":"t"})");
  EXPECT_EQ(Decoded(Message::kStatsQuery, ""), "{}");
}

}  // namespace
}  // namespace ocellus::api::vector
