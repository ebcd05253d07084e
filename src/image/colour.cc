// The one file that includes lcms2.

#include <lcms2.h>

#include <cstddef>
#include <memory>
#include <utility>

#include "image/matrix_profile.h"
#include "image/raster.h"
#include "image/reader.h"

namespace ocellus::image {
namespace {

// Profiles in pictures are a few KB, those of printing presses up to 3 MB.
constexpr std::size_t kMaxProfileBytes = std::size_t{8} << 20;
constexpr std::size_t kProfileHeaderBytes = 128;

struct CloseProfile {
  void operator()(void* profile) const { cmsCloseProfile(profile); }
};
using Profile = std::unique_ptr<void, CloseProfile>;

struct DeleteTransform {
  void operator()(void* transform) const { cmsDeleteTransform(transform); }
};
using Transform = std::unique_ptr<void, DeleteTransform>;

cmsUInt32Number SampleType(Ink ink) {
  switch (ink) {
    case Ink::kGrey:
      return TYPE_GRAY_8;
    case Ink::kRgb:
      return TYPE_RGB_8;
    case Ink::kCmyk:
      return TYPE_CMYK_8;
  }
  return TYPE_RGB_8;
}

// Nothing if the profile cannot be used.
Transform TransformFor(const Raster& raster) {
  if (!ProfileIsFor(raster.icc, raster.ink)) return nullptr;
  const Profile from(
      cmsOpenProfileFromMem(raster.icc.data(), static_cast<cmsUInt32Number>(raster.icc.size())));
  if (!from) return nullptr;
  const Profile srgb(cmsCreate_sRGBProfile());
  if (!srgb) return nullptr;
  // Perceptual is what browsers and PIL use; for a matrix profile all intents are the same.
  return Transform(cmsCreateTransform(from.get(), SampleType(raster.ink), srgb.get(), TYPE_RGB_8,
                                      INTENT_PERCEPTUAL, 0));
}

// Row by row: lcms counts pixels in 32 bits.
void Convert(const Transform& transform, const std::uint8_t* from, const Raster& shape,
             std::uint8_t* to) {
  const std::size_t stride = std::size_t{shape.width} * static_cast<std::size_t>(shape.ink);
  for (std::uint32_t y = 0; y < shape.height; ++y) {
    cmsDoTransform(transform.get(), from + stride * y, to + std::size_t{shape.width} * 3 * y,
                   shape.width);
  }
}

void PlainToRgb(const Raster& raster, std::uint8_t* to) {
  const std::size_t pixels = std::size_t{raster.width} * raster.height;
  const std::uint8_t* from = raster.samples.data();
  if (raster.ink == Ink::kGrey) {
    for (std::size_t i = 0; i < pixels; ++i, to += 3) to[0] = to[1] = to[2] = from[i];
    return;
  }
  for (std::size_t i = 0; i < pixels; ++i, from += 4, to += 3) {
    const unsigned light = 255U - from[3];
    for (std::size_t c = 0; c < 3; ++c) {
      to[c] = static_cast<std::uint8_t>(((255U - from[c]) * light + 127U) / 255U);
    }
  }
}

}  // namespace

bool ProfileIsFor(Bytes icc, Ink ink) {
  if (icc.size() < kProfileHeaderBytes || icc.size() > kMaxProfileBytes) return false;
  const Reader reader(icc, ByteOrder::kBig);
  constexpr std::uint64_t kSpaceAt = 16;
  switch (ink) {
    case Ink::kGrey:
      return reader.Matches(kSpaceAt, "GRAY");
    case Ink::kRgb:
      return reader.Matches(kSpaceAt, "RGB ");
    case Ink::kCmyk:
      return reader.Matches(kSpaceAt, "CMYK");
  }
  return false;
}

Picture ToSrgb(Raster raster) {
  Picture picture{.width = raster.width, .height = raster.height, .rgb = {}};
  const std::size_t pixels = std::size_t{raster.width} * raster.height;
  if (raster.ink == Ink::kRgb) {
    picture.rgb = std::move(raster.samples);
    if (!ProfileIsFor(raster.icc, Ink::kRgb)) return picture;
    if (const auto matrix = MatrixProfile::Read(raster.icc)) {
      if (!matrix->IsSrgb()) matrix->ToSrgb(picture.rgb.data(), pixels);
    } else if (const Transform transform = TransformFor(raster)) {
      // In place: lcms reads a pixel before it writes it.
      Convert(transform, picture.rgb.data(), raster, picture.rgb.data());
    }
    return picture;
  }
  picture.rgb.resize(pixels * 3);
  if (const Transform transform = TransformFor(raster)) {
    Convert(transform, raster.samples.data(), raster, picture.rgb.data());
  } else {
    PlainToRgb(raster, picture.rgb.data());
  }
  return picture;
}

}  // namespace ocellus::image
