// Untrusted bytes of a picture into upright sRGB pixels, and the few operations the rest of the
// house needs on those pixels: resize, thumbnail, JPEG encoding.
//
// Which decoder reads the bytes is decided here by their first bytes, never by a file name, and
// never by letting a library guess. Limits are checked against the header before anything is
// decoded, so a decompression bomb costs an error and not memory.
//
// Thread safety: all functions may be called concurrently; none starts threads that outlive the
// call, and none keeps state except the one-time initialisation of libvips.
//
// Errors, for every function that reads bytes:
//   kInvalidArgument    not a picture we read, damaged, or truncated. A truncated picture is
//                       refused ("truncated JPEG: ..."), never returned half grey: its vector
//                       would be wrong for good.
//   kResourceExhausted  over one of the Limits; the message has both numbers.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"

namespace ocellus::image {

enum class Format { kJpeg, kPng, kWebp, kGif, kBmp, kTiff, kHeic, kAvif };

// What one picture may cost.
struct Limits {
  // What hosted product-search services take per picture, and twice what a 50 megapixel phone
  // writes as JPEG.
  std::size_t max_bytes = std::size_t{20} << 20;
  // 300 MB as RGB, the most one decode may hold; above every phone's and camera's usual output.
  std::uint64_t max_pixels = 100'000'000;
};

struct Info {
  Format format = Format::kJpeg;
  std::uint32_t width = 0;  // in pixels, of the upright picture
  std::uint32_t height = 0;
};

// The media type, e.g. "image/jpeg". The pointer is to static storage.
const char* ContentType(Format format);

// Reads the header only: microseconds, no pixel is decoded. An animation counts as its first
// frame, a multi-page file as its first page. That Probe succeeds does not promise that Decode
// will.
Result<Info> Probe(std::span<const std::uint8_t> bytes, const Limits& limits);

// Pixels in reading order, upright, sRGB, R G B, one byte each, rows packed.
struct Picture {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::vector<std::uint8_t> rgb;  // width * height * 3 bytes
};

struct DecodeOptions {
  // 0: full size. Otherwise the decoder may shrink while it decodes, as long as the shortest side
  // stays at least this many pixels; it never enlarges and keeps the aspect ratio within a pixel.
  std::uint32_t target_side = 0;
};

// Decodes, turns the picture upright by its EXIF (or HEIF) orientation, converts it to sRGB by its
// embedded ICC profile if it has one, and puts transparent parts on white. Of an animation the
// first frame, of a multi-page file the first page.
Result<Picture> Decode(std::span<const std::uint8_t> bytes, const DecodeOptions& options,
                       const Limits& limits);

struct Box {
  std::uint32_t x = 0;
  std::uint32_t y = 0;
  std::uint32_t width = 0;
  std::uint32_t height = 0;
};

// PIL's kernels, all antialiased when the picture shrinks.
enum class Filter : std::uint8_t { kBox, kBilinear, kHamming, kBicubic, kLanczos };

// Scales `part` of the picture to width x height, the same as PIL's resize() with that filter and a
// box, which is what models were trained with; where PIL rounds a half, a byte may differ by one
// or, after both passes, two. REQUIRES: part is not empty and lies inside the picture; width and
// height are not 0.
Picture Resize(const Picture& picture, const Box& part, std::uint32_t width, std::uint32_t height,
               Filter filter = Filter::kBicubic);

// The same to the last bit, several times slower. REQUIRES: as above
Picture ResizeExactly(const Picture& picture, const Box& part, std::uint32_t width,
                      std::uint32_t height, Filter filter);

// The part as a picture of its own. REQUIRES: as Resize()
Picture Crop(const Picture& picture, const Box& part);

// A JPEG whose longest side is at most max_side, upright, sRGB, without metadata; never enlarged.
// REQUIRES: max_side != 0
Result<std::vector<std::uint8_t>> Thumbnail(std::span<const std::uint8_t> bytes,
                                            std::uint32_t max_side, const Limits& limits);

// quality: 1 to 100, as libjpeg's. kInvalidArgument if a side is 0 or over JPEG's 65,500.
Result<std::vector<std::uint8_t>> EncodeJpeg(const Picture& picture, int quality);

}  // namespace ocellus::image
