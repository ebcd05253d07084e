#include "image/vips_decoder.h"

#include <vips/vips.h>

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "image/header.h"

namespace ocellus::image {
namespace {

struct Unref {
  void operator()(void* object) const { g_object_unref(object); }
};
using Image = std::unique_ptr<VipsImage, Unref>;
using Region = std::unique_ptr<VipsRegion, Unref>;

// Rows taken from libvips at a time: enough to make its per-call cost vanish, little enough to stay
// in the cache.
constexpr int kStripRows = 32;

// Once a process, on the first picture that needs it: it loads libvips' modules, some 40 ms.
bool InitVips() {
  static std::once_flag once;
  static bool ready = false;
  std::call_once(once, [] {
    if (vips_init("ocellus") != 0) return;
    // The server's threads give the parallelism.
    vips_concurrency_set(1);
    vips_cache_set_max(0);
    vips_cache_set_max_mem(0);
    vips_cache_set_max_files(0);
    // Nothing may load anything but what is named here, whatever a file asks for.
    vips_operation_block_set("VipsForeignLoad", TRUE);
    for (const char* loader :
         {"VipsForeignLoadPng", "VipsForeignLoadTiff", "VipsForeignLoadHeif"}) {
      vips_operation_block_set(loader, FALSE);
    }
    // Warnings about strangers' pictures are not the operator's business.
    g_log_set_handler(
        "VIPS", G_LOG_LEVEL_MASK, [](const gchar*, GLogLevelFlags, const gchar*, gpointer) {},
        nullptr);
    ready = true;
  });
  return ready;
}

Status Damaged(Format format) {
  // libvips' own words are in one buffer for all threads: they may be another picture's.
  vips_error_clear();
  return Status(Code::kInvalidArgument,
                std::string("damaged ") + NameOf(format) + ": its pixels cannot be decoded");
}

Image Open(Bytes bytes, Format format) {
  VipsImage* image = nullptr;
  void* data = const_cast<std::uint8_t*>(bytes.data());  // NOLINT(*-const-cast): only read
  const auto load = [&](auto* loader) {
    return loader(data, bytes.size(), &image, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on",
                  VIPS_FAIL_ON_ERROR, nullptr);
  };
  int failed = -1;
  switch (format) {
    case Format::kPng:
      failed = load(vips_pngload_buffer);
      break;
    case Format::kTiff:
      failed = load(vips_tiffload_buffer);
      break;
    case Format::kHeic:
    case Format::kAvif:
      failed = load(vips_heifload_buffer);
      break;
    default:
      break;
  }
  return Image(failed == 0 ? image : nullptr);
}

// Whether our own reading of rows understands these pixels as they are.
bool IsPlain(const VipsImage* image) {
  const int bands = vips_image_get_bands(image);
  const VipsBandFormat depth = vips_image_get_format(image);
  if (depth != VIPS_FORMAT_UCHAR && depth != VIPS_FORMAT_USHORT) return false;
  switch (vips_image_guess_interpretation(image)) {
    case VIPS_INTERPRETATION_B_W:
    case VIPS_INTERPRETATION_GREY16:
      return bands <= 2;
    case VIPS_INTERPRETATION_sRGB:
    case VIPS_INTERPRETATION_RGB:
    case VIPS_INTERPRETATION_RGB16:
      return bands == 3 || bands == 4;
    case VIPS_INTERPRETATION_CMYK:
      return bands == 4 || bands == 5;
    default:
      return false;
  }
}

// Lab, floating point and the like, into 8 bits of sRGB.
Image Plain(Image image) {
  if (IsPlain(image.get())) return image;
  VipsImage* plain = nullptr;
  if (vips_colourspace(image.get(), &plain, VIPS_INTERPRETATION_sRGB, nullptr) != 0) return nullptr;
  Image converted(plain);
  return IsPlain(converted.get()) ? std::move(converted) : nullptr;
}

// How the bands of one pixel become ink.
struct Shape {
  std::size_t bands = 0;
  std::size_t inks = 0;  // without alpha
  bool wide = false;     // 16 bits a band
};

// One row as 8-bit ink on white paper: the alpha, the band after the inks, decides how much of it.
void PutRow(const VipsPel* from, std::size_t pixels, const Shape& shape, std::uint8_t* to) {
  const auto* wide = reinterpret_cast<const std::uint16_t*>(from);
  const bool alpha = shape.bands > shape.inks;
  // No ink is 0 in CMYK and the brightest value in the others.
  const unsigned paper = shape.inks == 4 ? 0 : 255;
  for (std::size_t i = 0; i < pixels; ++i) {
    const std::size_t pixel = i * shape.bands;
    const auto band = [&](std::size_t b) -> unsigned {
      return shape.wide ? wide[pixel + b] >> 8U : from[pixel + b];
    };
    const unsigned opaque = alpha ? band(shape.inks) : 255U;
    for (std::size_t c = 0; c < shape.inks; ++c) {
      *to++ = static_cast<std::uint8_t>((band(c) * opaque + paper * (255U - opaque) + 127U) / 255U);
    }
  }
}

// REQUIRES: the line was prepared, from its first pixel on.
const VipsPel* RowOf(const VipsRegion& region, int line) {
  return region.data + std::ptrdiff_t{line - region.valid.top} * region.bpl;
}

std::vector<std::uint8_t> ProfileOf(VipsImage* image) {
  const void* data = nullptr;
  std::size_t size = 0;
  if (vips_image_get_typeof(image, VIPS_META_ICC_NAME) == 0 ||
      vips_image_get_blob(image, VIPS_META_ICC_NAME, &data, &size) != 0) {
    return {};
  }
  const auto* bytes = static_cast<const std::uint8_t*>(data);
  return {bytes, bytes + size};
}

Result<Raster> Read(Bytes bytes, Format format, std::uint32_t target_side, const Limits& limits) {
  const Image loaded = Open(bytes, format);
  if (!loaded) return Damaged(format);
  // The library parsed the header again by itself: what it found counts.
  const auto width = static_cast<std::uint32_t>(vips_image_get_width(loaded.get()));
  const auto height = static_cast<std::uint32_t>(vips_image_get_height(loaded.get()));
  OCELLUS_RETURN_IF_ERROR(CheckSize(NameOf(format), width, height, limits));

  Raster raster;
  g_object_ref(loaded.get());
  const bool was_plain = IsPlain(loaded.get());
  const Image image = Plain(Image(loaded.get()));
  if (!image) return Damaged(format);
  if (was_plain) raster.icc = ProfileOf(loaded.get());

  Shape shape;
  shape.bands = static_cast<std::size_t>(vips_image_get_bands(image.get()));
  shape.wide = vips_image_get_format(image.get()) == VIPS_FORMAT_USHORT;
  const bool cmyk = vips_image_guess_interpretation(image.get()) == VIPS_INTERPRETATION_CMYK;
  shape.inks = shape.bands <= 2 ? 1 : cmyk ? 4 : 3;
  raster.ink = shape.bands <= 2 ? Ink::kGrey : cmyk ? Ink::kCmyk : Ink::kRgb;

  BoxShrinker shrinker({.width = width,
                        .height = height,
                        .channels = static_cast<std::uint32_t>(shape.inks),
                        .factor = BoxShrinker::FactorFor(width, height, target_side)});
  // A region is read in this thread; libvips' own way out would start another for each picture.
  const Region region(vips_region_new(image.get()));
  if (!region) return Damaged(format);
  std::vector<std::uint8_t> row(std::size_t{width} * shape.inks);
  const int rows = vips_image_get_height(image.get());
  for (int y = 0; y < rows; y += kStripRows) {
    const VipsRect strip = {0, y, vips_image_get_width(image.get()),
                            VIPS_MIN(kStripRows, rows - y)};
    if (vips_region_prepare(region.get(), &strip) != 0) return Damaged(format);
    for (int line = y; line < y + strip.height; ++line) {
      PutRow(RowOf(*region, line), width, shape, row.data());
      shrinker.AddRow(row.data());
    }
  }
  raster.width = shrinker.width();
  raster.height = shrinker.height();
  raster.samples = std::move(shrinker).Take();
  return raster;
}

}  // namespace

Result<Raster> DecodeByVips(Bytes bytes, Format format, std::uint32_t target_side,
                            const Limits& limits) {
  if (!InitVips()) return Status(Code::kInternal, "libvips cannot be initialised");
  Result<Raster> raster = Read(bytes, format, target_side, limits);
  // Gives this thread's buffers back, so that memory stays flat however many threads decode.
  vips_thread_shutdown();
  return raster;
}

}  // namespace ocellus::image
