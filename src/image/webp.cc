#include "image/webp.h"

#include <webp/decode.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "image/header.h"
#include "image/reader.h"

namespace ocellus::image {
namespace {

struct Chunk {
  std::uint64_t at = 0;  // of its contents
  std::uint64_t length = 0;
};

Status Damaged(const char* why) {
  return Status(Code::kInvalidArgument, std::string("damaged WebP: ") + why);
}

// The size in a VP8 (lossy) or VP8L (lossless) bitstream's own header.
Status ReadBitstreamSize(Reader& reader, const Chunk& chunk, bool lossless, WebpLayout& layout) {
  if (lossless) {
    const std::uint32_t bits = reader.U32(chunk.at + 1);
    if (reader.U8(chunk.at) != 0x2F) return Damaged("no VP8L signature");
    layout.width = (bits & 0x3FFFU) + 1;
    layout.height = ((bits >> 14) & 0x3FFFU) + 1;
  } else {
    if (reader.U24(chunk.at + 3) != 0x2A019D) return Damaged("no VP8 start code");
    layout.width = reader.U16(chunk.at + 6) & 0x3FFFU;
    layout.height = reader.U16(chunk.at + 8) & 0x3FFFU;
  }
  return Status();
}

// The first frame of an animation: its place, then chunks as in a still picture.
Status ReadFrame(Reader& reader, const Chunk& chunk, WebpLayout& layout) {
  constexpr std::uint64_t kFrameHeaderBytes = 16;
  if (chunk.length < kFrameHeaderBytes) return Damaged("a frame without contents");
  layout.animated = true;
  layout.frame = {.x = reader.U24(chunk.at) * 2,
                  .y = reader.U24(chunk.at + 3) * 2,
                  .width = reader.U24(chunk.at + 6) + 1,
                  .height = reader.U24(chunk.at + 9) + 1};
  layout.bitstream = reader.Slice(chunk.at + kFrameHeaderBytes, chunk.length - kFrameHeaderBytes);
  if (std::uint64_t{layout.frame.x} + layout.frame.width > layout.width ||
      std::uint64_t{layout.frame.y} + layout.frame.height > layout.height) {
    return Damaged("its first frame is not inside it");
  }
  return Status();
}

// Puts a picture with premultiplied alpha on white.
void OnWhite(const std::vector<std::uint8_t>& rgba, std::uint8_t* rgb) {
  for (std::size_t i = 0; i < rgba.size(); i += 4, rgb += 3) {
    const unsigned white = 255U - rgba[i + 3];
    for (std::size_t c = 0; c < 3; ++c) {
      rgb[c] = static_cast<std::uint8_t>(std::min(255U, rgba[i + c] + white));
    }
  }
}

struct Decoded {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::vector<std::uint8_t> rgb;
};

Result<Decoded> DecodeBitstream(const WebpLayout& layout, std::uint32_t target_side) {
  WebPDecoderConfig config;
  if (WebPInitDecoderConfig(&config) == 0) return Status(Code::kInternal, "libwebp's version");
  VP8StatusCode code =
      WebPGetFeatures(layout.bitstream.data(), layout.bitstream.size(), &config.input);
  if (code != VP8_STATUS_OK) return Damaged("no picture in it");
  // The limits saw the container's numbers: the bitstream must say the same.
  if (std::cmp_not_equal(config.input.width, layout.frame.width) ||
      std::cmp_not_equal(config.input.height, layout.frame.height)) {
    return Damaged("its bitstream is of another size");
  }
  Decoded decoded{.width = layout.frame.width, .height = layout.frame.height, .rgb = {}};
  const std::uint32_t factor =
      BoxShrinker::FactorFor(decoded.width, decoded.height, layout.animated ? 0 : target_side);
  if (factor > 1) {
    decoded.width = (decoded.width + factor - 1) / factor;
    decoded.height = (decoded.height + factor - 1) / factor;
    config.options.use_scaling = 1;
    config.options.scaled_width = static_cast<int>(decoded.width);
    config.options.scaled_height = static_cast<int>(decoded.height);
  }
  const std::size_t pixels = std::size_t{decoded.width} * decoded.height;
  const bool alpha = config.input.has_alpha != 0;
  const std::size_t channels = alpha ? 4 : 3;
  std::vector<std::uint8_t> rgba;
  decoded.rgb.resize(pixels * 3);
  if (alpha) rgba.resize(pixels * 4);
  config.output.colorspace = alpha ? MODE_rgbA : MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA.rgba = alpha ? rgba.data() : decoded.rgb.data();
  config.output.u.RGBA.stride = static_cast<int>(decoded.width * channels);
  config.output.u.RGBA.size = pixels * channels;
  code = WebPDecode(layout.bitstream.data(), layout.bitstream.size(), &config);
  WebPFreeDecBuffer(&config.output);
  if (code == VP8_STATUS_NOT_ENOUGH_DATA || code == VP8_STATUS_SUSPENDED) {
    return Status(Code::kInvalidArgument, "truncated WebP: its bitstream ends early");
  }
  if (code == VP8_STATUS_OUT_OF_MEMORY) return Status(Code::kResourceExhausted, "memory for WebP");
  if (code != VP8_STATUS_OK) return Damaged("its bitstream does not make sense");
  if (alpha) OnWhite(rgba, decoded.rgb.data());
  return decoded;
}

}  // namespace

Result<WebpLayout> ReadWebpLayout(Bytes bytes) {
  Reader reader(bytes, ByteOrder::kLittle);
  WebpLayout layout;
  const std::uint64_t declared_end = std::uint64_t{8} + reader.U32(4);
  layout.truncated = declared_end > reader.size();
  const std::uint64_t end = std::min(declared_end, reader.size());
  bool have_canvas = false;
  bool have_picture = false;
  for (std::uint64_t at = 12; at + 8 <= end;) {
    const Chunk chunk{.at = at + 8, .length = reader.U32(at + 4)};
    const bool whole = chunk.length <= end - chunk.at;
    if (!whole) layout.truncated = true;
    if (reader.Matches(at, "VP8X")) {
      layout.width = reader.U24(chunk.at + 4) + 1;
      layout.height = reader.U24(chunk.at + 7) + 1;
      have_canvas = true;
    } else if (reader.Matches(at, "VP8 ") || reader.Matches(at, "VP8L")) {
      have_picture = true;
      if (!have_canvas) {
        OCELLUS_RETURN_IF_ERROR(
            ReadBitstreamSize(reader, chunk, reader.Matches(at, "VP8L"), layout));
        have_canvas = true;
      }
    } else if (reader.Matches(at, "ANMF") && !have_picture && have_canvas && whole) {
      have_picture = true;
      OCELLUS_RETURN_IF_ERROR(ReadFrame(reader, chunk, layout));
    } else if (reader.Matches(at, "ICCP") && whole) {
      layout.icc = reader.Slice(chunk.at, chunk.length);
    } else if (reader.Matches(at, "EXIF") && whole) {
      layout.exif = reader.Slice(chunk.at, chunk.length);
    }
    at = chunk.at + chunk.length + (chunk.length & 1U);
  }
  if (reader.overrun() || !have_canvas) {
    return Status(Code::kInvalidArgument, "truncated WebP: the file ends in its header");
  }
  if (!layout.animated) {
    layout.frame = {.x = 0, .y = 0, .width = layout.width, .height = layout.height};
    layout.bitstream = bytes;
  }
  if (!have_picture) layout.truncated = true;
  return layout;
}

Result<Raster> DecodeWebp(Bytes bytes, std::uint32_t target_side, const Limits& limits) {
  OCELLUS_ASSIGN_OR_RETURN(const WebpLayout layout, ReadWebpLayout(bytes));
  OCELLUS_RETURN_IF_ERROR(CheckSize("WebP", layout.width, layout.height, limits));
  OCELLUS_ASSIGN_OR_RETURN(Decoded decoded, DecodeBitstream(layout, target_side));
  Raster raster;
  raster.icc.assign(layout.icc.begin(), layout.icc.end());
  if (!layout.animated) {
    raster.width = decoded.width;
    raster.height = decoded.height;
    raster.samples = std::move(decoded.rgb);
    return raster;
  }
  // The frame may cover only a part of the canvas; the rest is transparent, so white.
  raster.width = layout.width;
  raster.height = layout.height;
  raster.samples.resize(std::size_t{raster.width} * raster.height * 3, 255);
  for (std::uint32_t y = 0; y < decoded.height; ++y) {
    const std::size_t to = (std::size_t{layout.frame.y + y} * raster.width + layout.frame.x) * 3;
    std::copy_n(decoded.rgb.data() + std::size_t{decoded.width} * 3 * y,
                std::size_t{decoded.width} * 3, raster.samples.data() + to);
  }
  return raster;
}

}  // namespace ocellus::image
