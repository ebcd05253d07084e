#include "base/bytes.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace ocellus {
namespace {

TEST(Bytes, AreLittleEndian) {
  std::array<std::uint8_t, 8> bytes{};
  StoreLe32(0x01020304, bytes.data());
  EXPECT_EQ(bytes[0], 4);
  EXPECT_EQ(bytes[3], 1);
  EXPECT_EQ(LoadLe32(bytes.data()), 0x01020304U);
  StoreLe64(0x0102030405060708, bytes.data());
  EXPECT_EQ(bytes[0], 8);
  EXPECT_EQ(LoadLe64(bytes.data()), 0x0102030405060708U);
}

// RFC 3720 appendix B.4.
TEST(Crc32c, KnowsTheVectorsOfRfc3720) {
  EXPECT_EQ(Crc32c(std::vector<std::uint8_t>(32, 0)), 0x8A9136AAU);
  EXPECT_EQ(Crc32c(std::vector<std::uint8_t>(32, 0xFF)), 0x62A8AB43U);
  std::vector<std::uint8_t> rising(32);
  for (std::size_t i = 0; i < rising.size(); ++i) rising[i] = static_cast<std::uint8_t>(i);
  EXPECT_EQ(Crc32c(rising), 0x46DD794EU);
  EXPECT_EQ(Crc32c(AsBytes("123456789")), 0xE3069283U);
}

TEST(Crc32c, GoesOnFromAPart) {
  const std::string text = "The quick brown fox jumps over the lazy dog";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    const std::uint32_t first = Crc32c(AsBytes(text).first(cut));
    EXPECT_EQ(Crc32c(AsBytes(text).subspan(cut), first), Crc32c(AsBytes(text)));
  }
}

}  // namespace
}  // namespace ocellus
