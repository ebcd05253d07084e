#include "image/header.h"

#include <algorithm>
#include <string>

#include "image/bmp.h"
#include "image/gif.h"
#include "image/jpeg.h"
#include "image/reader.h"
#include "image/webp.h"

namespace ocellus::image {
namespace {

constexpr std::uint16_t kOrientationTag = 0x0112;

// HEIC and AVIF share their container and say which they are in a list of brands.
std::optional<Format> SniffHeif(const Reader& look) {
  Reader reader = look;
  if (!reader.Matches(4, "ftyp")) return std::nullopt;
  const std::uint64_t end = std::min<std::uint64_t>(reader.U32(0), reader.size());
  std::optional<Format> found;
  for (std::uint64_t at = 8; at + 4 <= end; at += 4) {
    if (at == 12) continue;  // the minor version
    if (reader.Matches(at, "avif") || reader.Matches(at, "avis")) return Format::kAvif;
    for (const char* brand : {"heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1"}) {
      if (reader.Matches(at, brand)) found = Format::kHeic;
    }
  }
  return found;
}

}  // namespace

const char* NameOf(Format format) {
  switch (format) {
    case Format::kJpeg:
      return "JPEG";
    case Format::kPng:
      return "PNG";
    case Format::kWebp:
      return "WebP";
    case Format::kGif:
      return "GIF";
    case Format::kBmp:
      return "BMP";
    case Format::kTiff:
      return "TIFF";
    case Format::kHeic:
      return "HEIC";
    case Format::kAvif:
      return "AVIF";
  }
  return "picture";
}

std::optional<Format> Sniff(Bytes bytes) {
  using namespace std::string_view_literals;
  const Reader reader(bytes, ByteOrder::kBig);
  if (reader.Matches(0, "\xff\xd8\xff")) return Format::kJpeg;
  if (reader.Matches(0, "\x89PNG\r\n\x1a\n")) return Format::kPng;
  if (reader.Matches(0, "RIFF") && reader.Matches(8, "WEBP")) return Format::kWebp;
  if (reader.Matches(0, "GIF87a") || reader.Matches(0, "GIF89a")) return Format::kGif;
  if (reader.Matches(0, "II*\0"sv) || reader.Matches(0, "MM\0*"sv)) return Format::kTiff;
  if (reader.Matches(0, "BM") && IsBmpHeaderSize(Reader(bytes, ByteOrder::kLittle).U32(14))) {
    return Format::kBmp;
  }
  return SniffHeif(reader);
}

Status CheckSize(const std::string& what, std::uint64_t width, std::uint64_t height,
                 const Limits& limits) {
  const std::string size = std::to_string(width) + "x" + std::to_string(height);
  if (width == 0 || height == 0) {
    return Status(Code::kInvalidArgument, what + " without pixels: " + size);
  }
  if (width > limits.max_pixels / height) {
    return Status(Code::kResourceExhausted, what + " of " + size + " is over the limit of " +
                                                std::to_string(limits.max_pixels) + " pixels");
  }
  return Status();
}

std::uint8_t ExifOrientation(Bytes exif) {
  using namespace std::string_view_literals;
  if (Reader(exif, ByteOrder::kBig).Matches(0, "Exif\0\0"sv)) exif = exif.subspan(6);
  const bool little = Reader(exif, ByteOrder::kBig).Matches(0, "II*\0"sv);
  if (!little && !Reader(exif, ByteOrder::kBig).Matches(0, "MM\0*"sv)) return 1;
  // Only the first directory is looked at and no pointer followed, so there is no loop to fall
  // into: its length is 16 bits and every entry read is checked against the block's end.
  Reader reader(exif, little ? ByteOrder::kLittle : ByteOrder::kBig);
  const std::uint64_t directory = reader.U32(4);
  const std::uint32_t entries = reader.U16(directory);
  for (std::uint32_t i = 0; i < entries && !reader.overrun(); ++i) {
    const std::uint64_t entry = directory + 2 + std::uint64_t{12} * i;
    if (reader.U16(entry) != kOrientationTag) continue;
    constexpr std::uint32_t kShort = 3;
    const bool is_short = reader.U16(entry + 2) == kShort && reader.U32(entry + 4) == 1;
    const std::uint32_t value = reader.U16(entry + 8);
    return is_short && value >= 1 && value <= 8 ? static_cast<std::uint8_t>(value) : 1;
  }
  return 1;
}

Result<Header> ReadJpegHeader(Bytes bytes) {
  OCELLUS_ASSIGN_OR_RETURN(const JpegLayout layout, ReadJpegLayout(bytes));
  Header header{.format = Format::kJpeg, .width = layout.width, .height = layout.height};
  header.orientation = ExifOrientation(layout.exif);
  return header;
}

Result<Header> ReadPngHeader(Bytes bytes) {
  Reader reader(bytes, ByteOrder::kBig);
  if (!reader.Matches(12, "IHDR") || reader.size() < 33) {
    return Status(Code::kInvalidArgument, "truncated or damaged PNG: it does not start with IHDR");
  }
  Header header{.format = Format::kPng, .width = reader.U32(16), .height = reader.U32(20)};
  header.truncated = true;
  for (std::uint64_t at = 8; at + 12 <= reader.size();) {
    const std::uint64_t length = reader.U32(at);
    if (reader.Matches(at + 4, "eXIf")) {
      header.orientation = ExifOrientation(reader.Slice(at + 8, length));
    }
    if (reader.Matches(at + 4, "IEND")) header.truncated = false;
    if (!header.truncated) break;
    at += 12 + length;
  }
  return header;
}

Result<Header> ReadGifHeader(Bytes bytes) {
  OCELLUS_ASSIGN_OR_RETURN(const GifLayout layout, ReadGifLayout(bytes));
  Header header{.format = Format::kGif, .width = layout.width, .height = layout.height};
  header.truncated = layout.truncated;
  return header;
}

Result<Header> ReadBmpHeader(Bytes bytes) {
  OCELLUS_ASSIGN_OR_RETURN(const BmpLayout layout, ReadBmpLayout(bytes));
  Header header{.format = Format::kBmp, .width = layout.width, .height = layout.height};
  header.truncated = layout.truncated;
  return header;
}

Result<Header> ReadWebpHeader(Bytes bytes) {
  OCELLUS_ASSIGN_OR_RETURN(const WebpLayout layout, ReadWebpLayout(bytes));
  Header header{.format = Format::kWebp, .width = layout.width, .height = layout.height};
  header.orientation = ExifOrientation(layout.exif);
  header.truncated = layout.truncated;
  return header;
}

Result<Header> ReadHeader(Bytes bytes, const Limits& limits) {
  if (bytes.empty()) return Status(Code::kInvalidArgument, "no picture: 0 bytes");
  if (bytes.size() > limits.max_bytes) {
    return Status(Code::kResourceExhausted, "a picture of " + std::to_string(bytes.size()) +
                                                " bytes is over the limit of " +
                                                std::to_string(limits.max_bytes) + " bytes");
  }
  const std::optional<Format> format = Sniff(bytes);
  if (!format) {
    return Status(Code::kInvalidArgument,
                  "not a picture we read: its first bytes are not those of JPEG, PNG, WebP, GIF, "
                  "BMP, TIFF, HEIC or AVIF");
  }
  Result<Header> header = [&]() -> Result<Header> {
    switch (*format) {
      case Format::kJpeg:
        return ReadJpegHeader(bytes);
      case Format::kPng:
        return ReadPngHeader(bytes);
      case Format::kWebp:
        return ReadWebpHeader(bytes);
      case Format::kGif:
        return ReadGifHeader(bytes);
      case Format::kBmp:
        return ReadBmpHeader(bytes);
      case Format::kTiff:
        return ReadTiffHeader(bytes, limits);
      case Format::kHeic:
      case Format::kAvif:
        return ReadHeifHeader(bytes, *format, limits);
    }
    return Status(Code::kInternal, "a format without a parser");
  }();
  if (header.ok()) {
    OCELLUS_RETURN_IF_ERROR(CheckSize(NameOf(*format), header->width, header->height, limits));
  }
  return header;
}

}  // namespace ocellus::image
