#include "embed/dlib_network_file.h"

#include <gtest/gtest.h>

#include <string>

namespace ocellus::embed {
namespace {

// "ab" with a tensor of 3 x 1 x 1 x 1 numbers (0.5, -2, 3), then "cd" with the integer 300.
std::string File() {
  return std::string(
             "\x01\x01\x01\x02"
             "ab"
             "\x01\x02\x01\x03\x01\x01\x01\x01\x01\x01",
             16) +
         std::string("\0\0\0\x3F\0\0\0\xC0\0\0\x40\x40", 12) +
         "\x01\x02"
         "cd" +
         std::string("\x02\x2C\x01", 3);
}

TEST(DlibNetworkFile, LayersInTheirOrder) {
  const std::string bytes = File();
  DlibNetworkFile file(AsBytes(bytes));
  file.Next("ab");
  EXPECT_EQ(file.Tensor(3), (std::vector<float>{0.5F, -2, 3}));
  file.Next("cd");
  EXPECT_EQ(file.Integer(), 300);
  EXPECT_TRUE(file.ok());
  EXPECT_EQ(file.Integer(), 0);  // beyond the end
  EXPECT_FALSE(file.ok());
}

TEST(DlibNetworkFile, AnotherLayerOrAnotherSizeFailsForGood) {
  const std::string bytes = File();
  for (const std::size_t size : {0U, 2U, 4U, 1000U}) {
    DlibNetworkFile file(AsBytes(bytes));
    file.Next("ab");
    EXPECT_TRUE(file.Tensor(size).empty());
    EXPECT_FALSE(file.ok());
    file.Next("cd");
    EXPECT_FALSE(file.ok());
  }
  DlibNetworkFile other(AsBytes(bytes));
  other.Next("cd");
  other.Next("ab");  // was before it
  EXPECT_FALSE(other.ok());
}

TEST(DlibNetworkFile, CutAnywhereAndSidesOutOfAllProportion) {
  const std::string bytes = File();
  for (std::size_t size = 0; size + 4 < bytes.size(); ++size) {
    DlibNetworkFile file(AsBytes(std::string_view(bytes).substr(0, size)));
    file.Next("ab");
    file.Tensor(3);
    file.Next("cd");
    EXPECT_FALSE(file.ok()) << size;
  }
  // Sides whose product is 3 in 64 bits, negative sides, integers of no and of too many bytes.
  for (const std::string& sides :
       {std::string("\x07\x01\0\0\0\0\0\x80\x07\x03\0\0\0\0\0\x80\x01\x01\x01\x01", 20),
        std::string("\x81\x03\x81\x01\x01\x01\x01\x01", 8), std::string(8, '\0'),
        std::string("\x08\x03\0\0\0\0\0\0\0\x01\x01\x01\x01\x01\x01", 15)}) {
    const std::string all =
        "\x01\x02"
        "ab"
        "\x01\x02" +
        sides + bytes.substr(16);
    DlibNetworkFile file(AsBytes(all));
    file.Next("ab");
    EXPECT_TRUE(file.Tensor(3).empty());
    EXPECT_FALSE(file.ok());
  }
}

}  // namespace
}  // namespace ocellus::embed
