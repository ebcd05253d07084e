#include "embed/onnx_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "embed/testing/files.h"

namespace ocellus::embed {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

std::string Varint(std::uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  return out + static_cast<char>(value);
}
std::string Number(unsigned field, std::uint64_t value) {
  return Varint(field << 3) + Varint(value);
}
std::string Part(unsigned field, const std::string& bytes) {
  return Varint((field << 3) | 2) + Varint(bytes.size()) + bytes;
}

// TensorProto: dims 1, data_type 2 (1 is float), name 8, raw_data 9, external_data 13, location 14.
std::string Floats(const std::string& dims, std::size_t bytes) {
  return dims + Number(2, 1) + Part(8, "w") + Part(9, std::string(bytes, '\1'));
}
std::string Entry(const std::string& key, const std::string& value) {
  return Part(13, Part(1, key) + Part(2, value));
}
std::string Outside(const std::string& file, const std::string& more = "") {
  return Number(1, 4) + Number(2, 1) + Part(8, "w") + Entry("location", file) + more +
         Number(14, 1);
}
std::string InGraph(const std::string& tensor) {
  return Part(7, Part(5, tensor));
}

std::string Complaint(const std::string& file) {
  const auto checked = CheckOnnx(AsBytes(file));
  EXPECT_FALSE(checked.ok());
  if (checked.ok()) return "";
  EXPECT_EQ(checked.status().code(), Code::kInvalidArgument);
  return checked.status().message();
}

TEST(OnnxFile, TakesWhatFits) {
  EXPECT_TRUE(CheckOnnx(AsBytes(Part(7, ""))).ok());
  EXPECT_TRUE(CheckOnnx(AsBytes(InGraph(Floats(Number(1, 2) + Number(1, 3), 24)))).ok());
  EXPECT_TRUE(CheckOnnx(AsBytes(InGraph(Floats(Part(1, Varint(2) + Varint(3)), 24)))).ok());
  const auto vision = testing::ReadFile("testdata/clip/onnx/vision_model.onnx");
  ASSERT_TRUE(vision.has_value());
  EXPECT_TRUE(CheckOnnx(AsBytes(*vision)).ok());
}

TEST(OnnxFile, ShapesMustFitTheirBytes) {
  EXPECT_THAT(Complaint(InGraph(Floats(Number(1, 2) + Number(1, 3), 20))),
              HasSubstr("tensor \"w\" claims a shape of 24 bytes, there are 20"));
  EXPECT_THAT(Complaint(InGraph(Floats(Number(1, UINT64_MAX), 4))), HasSubstr("cannot be"));
  EXPECT_THAT(Complaint(InGraph(Floats(Number(1, 1 << 30) + Number(1, 1 << 30), 4))),
              HasSubstr("cannot be"));
  // Numbers one by one, far fewer than claimed.
  EXPECT_THAT(Complaint(InGraph(Number(1, 1 << 30) + Number(2, 1) + Part(4, "1234"))),
              HasSubstr("claims a shape of 4294967296 bytes"));
  // Also in a node's attribute, in a graph of an attribute, in a function.
  const std::string bad = Floats(Number(1, 9), 4);
  const std::string attribute = Part(5, Part(5, bad));
  EXPECT_THAT(Complaint(Part(7, Part(1, attribute))), HasSubstr("36 bytes"));
  EXPECT_THAT(Complaint(Part(7, Part(1, Part(5, Part(6, Part(5, bad)))))), HasSubstr("36 bytes"));
  EXPECT_THAT(Complaint(Part(7, "") + Part(25, Part(7, attribute))), HasSubstr("36 bytes"));
}

TEST(OnnxFile, NumbersElsewhereStayInTheFolder) {
  const auto good = CheckOnnx(
      AsBytes(InGraph(Outside("model.onnx_data", Entry("offset", "64") + Entry("length", "16")))));
  ASSERT_TRUE(good.ok()) << good.status().message();
  ASSERT_THAT(*good, SizeIs(1));
  EXPECT_EQ(good->front().file, "model.onnx_data");
  EXPECT_EQ(good->front().offset, 64U);
  EXPECT_EQ(good->front().length, 16U);
  for (const char* file : {"/etc/passwd", "../secret", "..", "a/b", "", "c\\d"}) {
    EXPECT_THAT(Complaint(InGraph(Outside(file))), HasSubstr("only a file in the same folder"));
  }
  EXPECT_THAT(Complaint(InGraph(Outside(std::string("a\0b", 3)))), HasSubstr("same folder"));
  EXPECT_THAT(Complaint(InGraph(Outside("w.bin", Entry("offset", "-1")))), HasSubstr("no number"));
  EXPECT_THAT(Complaint(InGraph(Outside("w.bin", Entry("length", "15")))),
              HasSubstr("claims a shape of 16 bytes, there are 15"));
}

TEST(OnnxFile, DamagedFilesAreRefused) {
  for (const std::string& file :
       {std::string("no network"), std::string(), std::string("\x3a\x05x", 3),
        std::string(12, '\xff'), Number(1, 7)}) {
    EXPECT_THAT(Complaint(file), HasSubstr("is no ONNX file, or a damaged one"));
  }
  std::string deep;  // graphs in graphs, 40 deep
  for (int i = 0; i < 40; ++i) deep = Part(1, Part(5, Part(6, deep)));
  EXPECT_THAT(Complaint(Part(7, deep)), HasSubstr("nested too deep"));
}

TEST(OnnxFile, EveryCutOfAFileIsRefusedOrRead) {
  const auto whole = testing::ReadFile("testdata/clip/onnx/vision_model.onnx");
  ASSERT_TRUE(whole.has_value());
  for (std::size_t size = 0; size < whole->size(); size += 7) {
    (void)CheckOnnx(AsBytes(whole->substr(0, size))).ok();  // no crash is what is wanted
  }
  std::string changed = *whole;
  for (std::size_t at = 0; at < changed.size(); at += 3) {
    const char before = changed[at];
    changed[at] = static_cast<char>(before ^ 0x55);
    (void)CheckOnnx(AsBytes(changed)).ok();
    changed[at] = before;
  }
}

}  // namespace
}  // namespace ocellus::embed
