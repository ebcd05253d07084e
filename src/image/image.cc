#include "image/image.h"

#include <algorithm>
#include <string>
#include <utility>

#include "image/bmp.h"
#include "image/gif.h"
#include "image/header.h"
#include "image/jpeg.h"
#include "image/raster.h"
#include "image/vips_decoder.h"
#include "image/webp.h"

namespace ocellus::image {
namespace {

// The usual one for previews: hardly visible losses at half the bytes of 95.
constexpr int kThumbnailQuality = 82;

Result<Raster> DecodeRaster(Bytes bytes, const Header& header, std::uint32_t target_side,
                            const Limits& limits) {
  switch (header.format) {
    case Format::kJpeg:
      return DecodeJpeg(bytes, target_side, limits);
    case Format::kWebp:
      return DecodeWebp(bytes, target_side, limits);
    case Format::kBmp:
      return DecodeBmp(bytes, target_side);
    case Format::kGif:
      return DecodeGif(bytes, target_side);
    case Format::kPng:
    case Format::kTiff:
    case Format::kHeic:
    case Format::kAvif:
      return DecodeByVips(bytes, header.format, target_side, limits);
  }
  return Status(Code::kInternal, "a format without a decoder");
}

std::uint32_t Scaled(std::uint32_t side, std::uint32_t longest, std::uint32_t max_side) {
  const std::uint64_t scaled = (std::uint64_t{side} * max_side + longest / 2) / longest;
  return static_cast<std::uint32_t>(std::max<std::uint64_t>(1, scaled));
}

}  // namespace

const char* ContentType(Format format) {
  switch (format) {
    case Format::kJpeg:
      return "image/jpeg";
    case Format::kPng:
      return "image/png";
    case Format::kWebp:
      return "image/webp";
    case Format::kGif:
      return "image/gif";
    case Format::kBmp:
      return "image/bmp";
    case Format::kTiff:
      return "image/tiff";
    case Format::kHeic:
      return "image/heic";
    case Format::kAvif:
      return "image/avif";
  }
  return "application/octet-stream";
}

Result<Info> Probe(std::span<const std::uint8_t> bytes, const Limits& limits) {
  OCELLUS_ASSIGN_OR_RETURN(const Header header, ReadHeader(bytes, limits));
  Info info{.format = header.format, .width = header.width, .height = header.height};
  if (header.orientation >= 5) std::swap(info.width, info.height);
  return info;
}

Result<Picture> Decode(std::span<const std::uint8_t> bytes, const DecodeOptions& options,
                       const Limits& limits) {
  OCELLUS_ASSIGN_OR_RETURN(const Header header, ReadHeader(bytes, limits));
  if (header.truncated) {
    return Status(Code::kInvalidArgument, std::string("truncated ") + NameOf(header.format) +
                                              ": the file ends before its picture does");
  }
  OCELLUS_ASSIGN_OR_RETURN(Raster raster, DecodeRaster(bytes, header, options.target_side, limits));
  return Upright(ToSrgb(std::move(raster)), header.orientation);
}

Result<std::vector<std::uint8_t>> Thumbnail(std::span<const std::uint8_t> bytes,
                                            std::uint32_t max_side, const Limits& limits) {
  OCELLUS_ASSIGN_OR_RETURN(const Info info, Probe(bytes, limits));
  const std::uint32_t longest = std::max(info.width, info.height);
  const std::uint32_t shortest = std::min(info.width, info.height);
  const bool smaller = longest > max_side;
  // A pixel more than wanted, so that rounding in the decoder never leaves too few.
  const DecodeOptions options{.target_side = smaller ? Scaled(shortest, longest, max_side) + 1 : 0};
  OCELLUS_ASSIGN_OR_RETURN(const Picture picture, Decode(bytes, options, limits));
  if (!smaller) return EncodeJpeg(picture, kThumbnailQuality);
  const std::uint32_t width = std::min(Scaled(info.width, longest, max_side), picture.width);
  const std::uint32_t height = std::min(Scaled(info.height, longest, max_side), picture.height);
  const Box all{.x = 0, .y = 0, .width = picture.width, .height = picture.height};
  return EncodeJpeg(Resize(picture, all, width, height), kThumbnailQuality);
}

Picture Crop(const Picture& picture, const Box& part) {
  Picture cut;
  cut.width = part.width;
  cut.height = part.height;
  cut.rgb.resize(std::size_t{part.width} * part.height * 3);
  for (std::uint32_t y = 0; y < part.height; ++y) {
    const std::size_t from = (std::size_t{part.y + y} * picture.width + part.x) * 3;
    std::copy_n(picture.rgb.begin() + static_cast<std::ptrdiff_t>(from),
                std::size_t{part.width} * 3,
                cut.rgb.begin() + static_cast<std::ptrdiff_t>(std::size_t{y} * part.width * 3));
  }
  return cut;
}

}  // namespace ocellus::image
