// What the first bytes of a picture say, read by our own parsers: the decoders behind them see
// only bytes that passed the limits here.
//
// Thread safety: functions without state.

#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "image/image.h"

namespace ocellus::image {

struct Header {
  Format format = Format::kJpeg;
  std::uint32_t width = 0;  // as the decoder will give them, before `orientation`
  std::uint32_t height = 0;
  // EXIF's 1 to 8, to be applied to the decoded pixels. Always 1 for HEIC and AVIF: their decoder
  // applies their own irot and imir, and their EXIF orientation only repeats these.
  std::uint8_t orientation = 1;
  // The file ends before the first picture in it does. JPEG finds this out while decoding.
  bool truncated = false;
};

// "JPEG", "PNG": for messages.
const char* NameOf(Format format);

// The format by its first bytes, or nothing.
std::optional<Format> Sniff(Bytes bytes);

// Sniffs, parses and applies the limits.
Result<Header> ReadHeader(Bytes bytes, const Limits& limits);

// InvalidArgument if a side is 0, ResourceExhausted if there are too many pixels. `what` is
// "PNG", "tile of the TIFF".
Status CheckSize(const std::string& what, std::uint64_t width, std::uint64_t height,
                 const Limits& limits);

// The Orientation tag of an EXIF block, which starts with its byte order ("II" or "MM"), with or
// without "Exif\0\0" before it. 1 if it is absent or damaged: a wrong EXIF block is no reason to
// refuse a picture.
std::uint8_t ExifOrientation(Bytes exif);

// One parser per container; the format is known by its magic. Called by ReadHeader.
Result<Header> ReadJpegHeader(Bytes bytes);
Result<Header> ReadPngHeader(Bytes bytes);
Result<Header> ReadGifHeader(Bytes bytes);
Result<Header> ReadBmpHeader(Bytes bytes);
Result<Header> ReadWebpHeader(Bytes bytes);
Result<Header> ReadTiffHeader(Bytes bytes, const Limits& limits);
Result<Header> ReadHeifHeader(Bytes bytes, Format format, const Limits& limits);

}  // namespace ocellus::image
