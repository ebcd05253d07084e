// Bytes made to hurt: bombs, cut-off files, lies in headers.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

// jpeglib.h uses FILE without including it.
// clang-format off
#include <cstdio>
#include <jpeglib.h>
// clang-format on

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "image/codec_size.h"
#include "image/header.h"
#include "image/image.h"
#include "image/testing/testdata.h"

namespace ocellus::image {
namespace {

using testing::HasSubstr;
using testing::StartsWith;
using FileBytes = std::vector<std::uint8_t>;

FileBytes FromText(std::string_view text) {
  return {text.begin(), text.end()};
}

void PutBe32(FileBytes& bytes, std::size_t at, std::uint32_t value) {
  for (std::size_t i = 0; i < 4; ++i)
    bytes[at + i] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
}
void PutLe16(FileBytes& bytes, std::size_t at, std::uint32_t value) {
  bytes[at] = static_cast<std::uint8_t>(value);
  bytes[at + 1] = static_cast<std::uint8_t>(value >> 8);
}
void PutLe32(FileBytes& bytes, std::size_t at, std::uint32_t value) {
  PutLe16(bytes, at, value);
  PutLe16(bytes, at + 2, value >> 16);
}

std::size_t Find(const FileBytes& bytes, std::string_view text, std::size_t from = 0) {
  const std::size_t found = AsText(bytes).find(text, from);
  EXPECT_NE(found, std::string_view::npos) << text;
  return found;
}

// The most memory this process had at once since the last Reset, in KiB.
class PeakMemory {
 public:
  static void Reset() { std::ofstream("/proc/self/clear_refs") << "5"; }
  static long Kib() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("VmHWM:")) return std::strtol(line.c_str() + 6, nullptr, 10);
    }
    return 0;
  }
};

// Every function refuses the bytes with this code, at no cost in memory.
void ExpectRefused(const FileBytes& bytes, Code code, const std::string& message) {
  PeakMemory::Reset();
  const long before = PeakMemory::Kib();
  const auto picture = Decode(bytes, {}, {});
  const auto small = Decode(bytes, {.target_side = 224}, {});
  const auto thumbnail = Thumbnail(bytes, 256, {});
  EXPECT_LT(PeakMemory::Kib() - before, 16 * 1024);
  ASSERT_FALSE(picture.ok());
  EXPECT_EQ(picture.status().code(), code) << picture.status().message();
  EXPECT_THAT(picture.status().message(), HasSubstr(message));
  EXPECT_FALSE(small.ok());
  EXPECT_FALSE(thumbnail.ok());
}

void ExpectBomb(const FileBytes& bytes) {
  const auto info = Probe(bytes, {});
  ASSERT_FALSE(info.ok());
  EXPECT_EQ(info.status().code(), Code::kResourceExhausted) << info.status().message();
  EXPECT_THAT(info.status().message(), HasSubstr("over the limit of 100000000 pixels"));
  ExpectRefused(bytes, Code::kResourceExhausted, "over the limit");
}

TEST(Bomb, Png) {
  FileBytes bytes = ReadTestdata("rgb.png");
  PutBe32(bytes, 16, 60000);
  PutBe32(bytes, 20, 60000);
  ExpectBomb(bytes);
  PutBe32(bytes, 16, 0xFFFFFFFF);
  PutBe32(bytes, 20, 0xFFFFFFFF);
  ExpectBomb(bytes);
}

TEST(Bomb, Jpeg) {
  FileBytes bytes = ReadTestdata("baseline.jpg");
  PutBe32(bytes, Find(bytes, "\xff\xc0") + 5, 0xEA60EA60);  // height and width, 16 bits each
  ExpectBomb(bytes);
}

// libjpeg takes the sizes of the frame it decodes, whatever stood before it.
TEST(Bomb, JpegWithAnHonestFrameBeforeTheLarge) {
  FileBytes bytes = ReadTestdata("baseline.jpg");
  const std::size_t frame = Find(bytes, "\xff\xc0");
  const FileBytes honest(bytes.begin() + static_cast<std::ptrdiff_t>(frame),
                         bytes.begin() + static_cast<std::ptrdiff_t>(frame) + 19);
  PutBe32(bytes, frame + 5, 0xEA60EA60);
  bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(frame), honest.begin(), honest.end());
  ExpectRefused(bytes, Code::kInvalidArgument, "damaged JPEG");
}

TEST(Bomb, Gif) {
  FileBytes bytes = ReadTestdata("still.gif");
  PutLe16(bytes, 6, 60000);
  PutLe16(bytes, 8, 60000);
  ExpectBomb(bytes);
}

TEST(Bomb, GifWithALargeFrameOnASmallScreen) {
  FileBytes bytes = ReadTestdata("still.gif");
  const std::size_t frame = Find(bytes, ",", 13);
  PutLe16(bytes, frame + 5, 60000);
  PutLe16(bytes, frame + 7, 60000);
  ExpectBomb(bytes);
}

TEST(Bomb, Bmp) {
  FileBytes bytes = ReadTestdata("rgb24.bmp");
  PutLe32(bytes, 18, 60000);
  PutLe32(bytes, 22, 60000);
  ExpectBomb(bytes);
  PutLe32(bytes, 18, 0x7FFFFFFF);
  PutLe32(bytes, 22, 0x80000000);
  ExpectBomb(bytes);
  FileBytes runs = ReadTestdata("rle8.bmp");
  PutLe32(runs, 18, 60000);
  PutLe32(runs, 22, 60000);
  ExpectBomb(runs);
}

TEST(Bomb, Webp) {
  FileBytes canvas = ReadTestdata("alpha.webp");
  const std::size_t extended = Find(canvas, "VP8X");
  std::fill_n(canvas.begin() + static_cast<std::ptrdiff_t>(extended) + 12, 6, std::uint8_t{0xFF});
  ExpectBomb(canvas);
  FileBytes animated = ReadTestdata("animated.webp");
  std::fill_n(animated.begin() + static_cast<std::ptrdiff_t>(Find(animated, "VP8X")) + 12, 6,
              std::uint8_t{0xFF});
  ExpectBomb(animated);
  FileBytes lossy = ReadTestdata("lossy.webp");
  PutLe32(lossy, Find(lossy, "\x9d\x01\x2a") + 3, 0x3FFF3FFF);
  ExpectBomb(lossy);
  FileBytes lossless = ReadTestdata("lossless.webp");
  PutLe32(lossless, Find(lossless, "VP8L") + 9, 0x0FFFFFFF);
  ExpectBomb(lossless);
}

// A small canvas with a bitstream that says it is large.
TEST(Bomb, WebpWithALargeBitstreamOnASmallCanvas) {
  FileBytes bytes = ReadTestdata("p3.webp");
  PutLe32(bytes, Find(bytes, "VP8L") + 9, 0x0FFFFFFF);
  ExpectRefused(bytes, Code::kInvalidArgument, "damaged WebP");
  FileBytes animated = ReadTestdata("animated.webp");
  PutLe32(animated, Find(animated, "VP8L") + 9, 0x0FFFFFFF);
  ExpectRefused(animated, Code::kInvalidArgument, "damaged WebP");
}

// The value field of a tag in the first directory of a little-endian TIFF.
std::size_t TiffValue(const FileBytes& bytes, std::uint32_t tag) {
  std::size_t at = bytes[4] + 256U * bytes[5];
  const std::size_t entries = bytes[at] + 256U * bytes[at + 1];
  at += 2;
  for (std::size_t i = 0; i < entries; ++i, at += 12) {
    if (bytes[at] + 256U * bytes[at + 1] == tag) return at + 8;
  }
  ADD_FAILURE() << "no tag " << tag;
  return 0;
}

TEST(Bomb, Tiff) {
  FileBytes bytes = ReadTestdata("orientation1.tif");
  PutLe16(bytes, TiffValue(bytes, 256), 60000);
  PutLe16(bytes, TiffValue(bytes, 257), 60000);
  ExpectBomb(bytes);
  FileBytes tiled = ReadTestdata("tiled.tif");
  PutLe16(tiled, TiffValue(tiled, 322), 60000);
  PutLe16(tiled, TiffValue(tiled, 323), 60000);
  ExpectBomb(tiled);
}

TEST(Bomb, HeicAndAvif) {
  for (const char* name : {"rgb.heic", "rgb.avif", "irot.heic", "irot.avif"}) {
    const FileBytes whole = ReadTestdata(name);
    // Each declared size alone is enough: of the tile and of the whole.
    for (std::size_t at = Find(whole, "ispe");;) {
      FileBytes bytes = whole;
      PutBe32(bytes, at + 8, 60000);
      PutBe32(bytes, at + 12, 60000);
      ExpectBomb(bytes);
      at = AsText(whole).find("ispe", at + 4);
      if (at == std::string_view::npos) break;
    }
  }
}

// A sequence parameter set of 60,000 x 60,000 pixels as the only lie of a small HEIC.
TEST(Bomb, HeicWithALargeStreamInASmallPicture) {
  // 4:2:0, one layer, as an encoder would write it: header, profile, level, id 0, chroma 1, sizes.
  std::string bits =
      "0100001000000001"
      "0000"
      "000"
      "1" +
      std::string(88, '0') +
      "01011010"
      "1"
      "010";
  for (int i = 0; i < 2; ++i) {
    std::string number;
    for (std::uint32_t value = 60001; value != 0; value /= 2) {
      number.insert(number.begin(), value % 2 != 0 ? '1' : '0');
    }
    bits += std::string(number.size() - 1, '0') + number;
  }
  bits += std::string(64, '0');
  FileBytes unit;
  for (std::size_t i = 0; i + 8 <= bits.size(); i += 8) {
    const auto byte = static_cast<std::uint8_t>(std::stoul(bits.substr(i, 8), nullptr, 2));
    if (unit.size() >= 2 && unit[unit.size() - 1] == 0 && unit[unit.size() - 2] == 0 && byte <= 3) {
      unit.push_back(3);
    }
    unit.push_back(byte);
  }
  FileBytes data(4 + unit.size());
  PutBe32(data, 0, static_cast<std::uint32_t>(unit.size()));
  std::copy(unit.begin(), unit.end(), data.begin() + 4);
  const std::vector<PixelSize> sizes = SizesInHevcData(data);
  ASSERT_EQ(sizes.size(), 1U);
  EXPECT_EQ(sizes[0].width, 60000U);
  EXPECT_EQ(sizes[0].height, 60000U);

  FileBytes bytes = ReadTestdata("rgb.heic");
  const std::size_t coded = Find(bytes, "mdat") + 4;
  ASSERT_LT(coded + data.size(), bytes.size());
  std::copy(data.begin(), data.end(), bytes.begin() + static_cast<std::ptrdiff_t>(coded));
  ExpectBomb(bytes);
}

TEST(CodecSize, FindsWhatRealEncodersWrite) {
  const FileBytes heic = ReadTestdata("rgb.heic");
  const std::size_t at = Find(heic, "hvcC") + 4;
  const std::vector<PixelSize> hevc = SizesInHevcRecord(Bytes(heic).subspan(at, heic.size() - at));
  ASSERT_FALSE(hevc.empty());
  EXPECT_EQ(hevc[0].width, 64U);  // the tile
  EXPECT_EQ(hevc[0].height, 64U);
  const FileBytes avif = ReadTestdata("rgb.avif");
  const std::vector<PixelSize> av1 = SizesInAv1Data(Bytes(avif).subspan(Find(avif, "mdat") + 4));
  ASSERT_FALSE(av1.empty());
  EXPECT_EQ(av1[0].width, 48U);
  EXPECT_EQ(av1[0].height, 32U);
}

TEST(Hostile, BytesOverTheLimitAreNotLookedAt) {
  const FileBytes bytes = ReadTestdata("rgb.png");
  const Limits limits{.max_bytes = bytes.size() - 1};
  EXPECT_EQ(Probe(bytes, limits).status().code(), Code::kResourceExhausted);
  EXPECT_EQ(Decode(bytes, {}, limits).status().code(), Code::kResourceExhausted);
  EXPECT_EQ(Thumbnail(bytes, 9, limits).status().code(), Code::kResourceExhausted);
  EXPECT_TRUE(Probe(bytes, {.max_bytes = bytes.size()}).ok());
}

TEST(Hostile, PixelsAtTheLimitAreRead) {
  for (const std::string name : {"rgb.png", "baseline.jpg", "still.gif", "rgb24.bmp", "raw.tif"}) {
    const FileBytes bytes = ReadTestdata(name);
    EXPECT_TRUE(Decode(bytes, {}, {.max_pixels = 1536}).ok()) << name;
    EXPECT_EQ(Decode(bytes, {}, {.max_pixels = 1535}).status().code(), Code::kResourceExhausted);
  }
}

TEST(Hostile, NothingIsNoPicture) {
  ExpectRefused({}, Code::kInvalidArgument, "0 bytes");
}

TEST(Hostile, TextIsNoPicture) {
  ExpectRefused(FromText("<html>404 not found</html>"), Code::kInvalidArgument, "not a picture");
  ExpectRefused(FromText("BMW builds cars, not bitmaps, in München"), Code::kInvalidArgument,
                "not a picture");
  ExpectRefused(FromText("<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>"),
                Code::kInvalidArgument, "not a picture");
  ExpectRefused(FromText("%PDF-1.4 and so on, to be long enough"), Code::kInvalidArgument,
                "not a picture");
}

TEST(Hostile, MagicAloneIsNoPicture) {
  using namespace std::string_view_literals;
  for (const std::string_view magic :
       {"\xff\xd8\xff"sv, "\x89PNG\r\n\x1a\n"sv, "RIFF\0\0\0\0WEBP"sv, "GIF89a"sv, "II*\0"sv,
        "MM\0*"sv, "BM\0\0\0\0\0\0\0\0\0\0\0\0\x28\0\0\0"sv,
        "\0\0\0\x18"
        "ftypheic\0\0\0\0mif1heic"sv,
        "\0\0\0\x18"
        "ftypavif\0\0\0\0mif1avif"sv}) {
    ExpectRefused(FromText(magic), Code::kInvalidArgument, "");
    FileBytes zeros = FromText(magic);
    zeros.resize(4096);
    ExpectRefused(zeros, Code::kInvalidArgument, "");
    FileBytes ones = FromText(magic);
    ones.resize(4096, 0xFF);
    EXPECT_FALSE(Decode(ones, {}, {}).ok());
  }
}

class CutOff : public testing::TestWithParam<std::string> {};

// At every length: refused, and with the word a person looks for once the header is there.
TEST_P(CutOff, IsRefusedAtEveryByte) {
  const FileBytes whole = ReadTestdata(GetParam());
  // What follows the first frame or page is not needed: in GIFs their end mark or other frames, in
  // run-length encoded bitmaps an end mark.
  std::size_t end = whole.size();
  if (GetParam().ends_with(".gif")) end = AsText(whole).rfind(GetParam()[0] == 'a' ? '!' : ';');
  if (GetParam().starts_with("rle")) end -= 2;
  if (GetParam() == "pages.tif") end /= 2;
  std::size_t said = 0;
  for (std::size_t length = 0; length < end; ++length) {
    const auto picture = Decode(Bytes(whole).first(length), {}, {});
    ASSERT_FALSE(picture.ok()) << length << " of " << whole.size() << " bytes";
    ASSERT_EQ(picture.status().code(), Code::kInvalidArgument) << picture.status().message();
    if (picture.status().message().find("truncated") != std::string::npos) ++said;
  }
  EXPECT_GE(said, end / 2);
}

std::vector<std::string> Small() {
  std::vector<std::string> names = AllTestdata();
  std::erase_if(names, [](const std::string& name) { return name.starts_with("resize"); });
  return names;
}

std::string TestName(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Testdata, CutOff, testing::ValuesIn(Small()), TestName);

TEST(Hostile, TruncatedJpegIsCalledThat) {
  FileBytes bytes = ReadTestdata("resize_source.png");
  const auto jpeg = Thumbnail(bytes, 60, {});
  ASSERT_TRUE(jpeg.ok());
  const auto half = Decode(Bytes(*jpeg).first(jpeg->size() * 3 / 4), {}, {});
  ASSERT_FALSE(half.ok());
  EXPECT_THAT(half.status().message(), StartsWith("truncated JPEG"));
}

TEST(Hostile, RubbishBetweenMarkersOfAJpegIsHarmless) {
  FileBytes bytes = ReadTestdata("baseline.jpg");
  const FileBytes rubbish(50, 0x11);
  const std::size_t frame = Find(bytes, "\xff\xc0");
  bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(frame), rubbish.begin(), rubbish.end());
  bytes.insert(bytes.end(), rubbish.begin(), rubbish.end());
  EXPECT_TRUE(Decode(bytes, {}, {}).ok());
}

// One byte changed at a time: any answer but a crash, and never more pixels than declared.
TEST(Hostile, EveryByteMayLie) {
  for (const std::string& name : Small()) {
    const FileBytes whole = ReadTestdata(name);
    // Video codecs and tables of four inks are slow.
    const bool slow = name.ends_with("heic") || name.ends_with("avif") || name == "cmyk_icc.jpg";
    const std::size_t step = slow ? 83 : whole.size() / 150 + 1;
    for (std::size_t at = 0; at < whole.size(); at += step) {
      FileBytes bytes = whole;
      bytes[at] = static_cast<std::uint8_t>(~bytes[at]);
      const auto picture = Decode(bytes, {.target_side = 16}, {.max_pixels = 1 << 14});
      if (!picture.ok()) continue;
      ASSERT_EQ(picture->rgb.size(), std::size_t{picture->width} * picture->height * 3) << name;
    }
  }
}

FileBytes ExifBlock(std::string_view text) {
  return FromText(text);
}

TEST(ExifOrientation, IsReadInBothByteOrders) {
  using namespace std::string_view_literals;
  EXPECT_EQ(ExifOrientation(ExifBlock("II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0"sv)),
            6);
  EXPECT_EQ(ExifOrientation(ExifBlock("MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x08\0\0"sv)),
            8);
  EXPECT_EQ(ExifOrientation(
                ExifBlock("Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x03\0\0"sv)),
            3);
}

TEST(ExifOrientation, OfADamagedBlockIsUpright) {
  using namespace std::string_view_literals;
  for (const std::string_view block : {
           ""sv, "Exif\0\0"sv, "II"sv, "II*\0"sv, "XX*\0\x08\0\0\0"sv,
           "II*\0\xff\xff\xff\xff"sv,                                              // out of range
           "II*\0\0\0\0\0\x08\0"sv,                                                // its own header
           "II*\0\x08\0\0\0\xff\xff\x12\x01"sv,                                    // 65,535 entries
           "II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x09\0\0\0"sv,            // orientation 9
           "II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\0\0\0\0"sv,              // orientation 0
           "II*\0\x08\0\0\0\x01\0\x12\x01\x04\0\x01\0\0\0\x06\0\0\0"sv,            // not a SHORT
           "II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\xff\xff\xff\xff\x08\0\0\0"sv,      // an offset
           "II*\0\x08\0\0\0\x01\0\x00\x01\x03\0\x01\0\0\0\x06\0\0\0\x08\0\0\0"sv,  // a loop behind
                                                                                   // it
       }) {
    EXPECT_EQ(ExifOrientation(ExifBlock(block)), 1);
  }
}

// Photoshop's other way to store CMYK: as a brightness and two differences.
TEST(Image, ReadsYcck) {
  jpeg_error_mgr errors{};
  jpeg_compress_struct info{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* out = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &out, &size);
  info.image_width = 16;
  info.image_height = 16;
  info.input_components = 4;
  info.in_color_space = JCS_CMYK;
  jpeg_set_defaults(&info);
  jpeg_set_colorspace(&info, JCS_YCCK);
  jpeg_set_quality(&info, 95, TRUE);
  jpeg_start_compress(&info, TRUE);
  // Upside down: full magenta and yellow ink, no cyan and no black.
  FileBytes line;
  for (int i = 0; i < 16; ++i) line.insert(line.end(), {255, 0, 0, 255});
  for (int i = 0; i < 16; ++i) {
    JSAMPROW row = line.data();
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  const FileBytes bytes(out, out + size);
  std::free(out);
  const auto picture = Decode(bytes, {}, {});
  ASSERT_TRUE(picture.ok()) << picture.status().message();
  EXPECT_NEAR(picture->rgb[0], 255, 4);
  EXPECT_NEAR(picture->rgb[1], 0, 4);
  EXPECT_NEAR(picture->rgb[2], 0, 4);
}

}  // namespace
}  // namespace ocellus::image
