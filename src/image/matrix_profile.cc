#include "image/matrix_profile.h"

#include <algorithm>
#include <cmath>

#include "image/reader.h"

namespace ocellus::image {
namespace {

// ICC.1:2010: the header, then a table of tags.
constexpr std::uint64_t kHeaderBytes = 128;
constexpr std::uint32_t kMaxTags = 100;

// sRGB's own primaries under D50, as columns; the ICC's sRGB profiles have these.
constexpr double kSrgbPrimaries[3][3] = {{0.4360747, 0.2225045, 0.0139322},
                                         {0.3850649, 0.7168786, 0.0971045},
                                         {0.1430804, 0.0606169, 0.7141733}};
// The inverse: from X, Y, Z under D50 to light of sRGB's primaries.
constexpr double kXyzToSrgb[3][3] = {{3.1338561, -1.6168667, -0.4906146},
                                     {-0.9787684, 1.9161415, 0.0334540},
                                     {0.0719453, -0.2289914, 1.4052427}};

double SrgbToLight(double value) {
  return value <= 0.04045 ? value / 12.92 : std::pow((value + 0.055) / 1.055, 2.4);
}

double LightToSrgb(double light) {
  return light <= 0.0031308 ? light * 12.92 : 1.055 * std::pow(light, 1 / 2.4) - 0.055;
}

// Light in steps of 2^-14, which tell all bytes of sRGB apart, to bytes.
constexpr int kLightBits = 14;
constexpr std::int32_t kFullLight = 1 << kLightBits;

const std::array<std::uint8_t, kFullLight + 1>& ByteOfLight() {
  static const auto table = [] {
    std::array<std::uint8_t, kFullLight + 1> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      bytes[i] = static_cast<std::uint8_t>(
          std::lround(255 * LightToSrgb(static_cast<double>(i) / kFullLight)));
    }
    return bytes;
  }();
  return table;
}

double Fixed(Reader& reader, std::uint64_t at) {
  return static_cast<double>(static_cast<std::int32_t>(reader.U32(at))) / 65536.0;
}

// A curve of the type 'curv' or 'para', at the 256 bytes.
bool ReadCurve(Reader& reader, std::uint64_t at, std::array<float, 256>& light) {
  const bool table = reader.Matches(at, "curv");
  if (!table && !reader.Matches(at, "para")) return false;
  const std::uint32_t count = table ? reader.U32(at + 8) : 0;
  const std::uint32_t kind = table ? 0 : reader.U16(at + 8);
  constexpr std::array<std::uint32_t, 5> kParameters = {1, 3, 4, 5, 7};
  if (!table && kind >= kParameters.size()) return false;
  // Of the parametric kinds: g a b c d e f, in this order.
  std::array<double, 7> p = {1, 1, 0, 0, 0, 0, 0};
  if (table && count == 1) p[0] = reader.U16(at + 12) / 256.0;
  for (std::uint32_t i = 0; !table && i < kParameters[kind]; ++i) {
    p[i] = Fixed(reader, at + 12 + std::uint64_t{4} * i);
  }
  for (std::size_t i = 0; i < light.size(); ++i) {
    const double x = static_cast<double>(i) / 255;
    double y = 0;
    if (table && count > 1) {
      const double place = x * (count - 1);
      const auto below = static_cast<std::uint32_t>(place);
      const std::uint32_t above = std::min(below + 1, count - 1);
      const double low = reader.U16(at + 12 + std::uint64_t{2} * below);
      const double high = reader.U16(at + 12 + std::uint64_t{2} * above);
      y = (low + (high - low) * (place - below)) / 65535;
    } else {
      const double power = std::pow(std::max(0.0, p[1] * x + p[2]), p[0]);
      switch (kind) {
        case 0:
          y = std::pow(x, p[0]);
          break;
        case 1:
          y = p[1] * x + p[2] >= 0 ? power : 0;
          break;
        case 2:
          y = p[1] * x + p[2] >= 0 ? power + p[3] : p[3];
          break;
        case 3:
          y = x >= p[4] ? power : p[3] * x;
          break;
        default:
          y = x >= p[4] ? power + p[5] : p[3] * x + p[6];
      }
    }
    if (!std::isfinite(y)) return false;
    light[i] = static_cast<float>(std::clamp(y, 0.0, 1.0));
  }
  return !reader.overrun();
}

}  // namespace

std::optional<MatrixProfile> MatrixProfile::Read(Bytes icc) {
  Reader reader(icc, ByteOrder::kBig);
  if (!reader.Matches(16, "RGB XYZ ")) return std::nullopt;
  MatrixProfile profile;
  unsigned found = 0;
  const std::uint32_t tags = reader.U32(kHeaderBytes);
  for (std::uint32_t i = 0; i < tags && i < kMaxTags && !reader.overrun(); ++i) {
    const std::uint64_t entry = kHeaderBytes + 4 + std::uint64_t{12} * i;
    const std::uint64_t at = reader.U32(entry + 4);
    if (reader.Matches(entry, "A2B0")) return std::nullopt;  // a table, which goes before
    for (std::size_t c = 0; c < 3; ++c) {
      constexpr const char* kPrimaryTags[] = {"rXYZ", "gXYZ", "bXYZ"};
      constexpr const char* kCurveTags[] = {"rTRC", "gTRC", "bTRC"};
      if (reader.Matches(entry, kPrimaryTags[c])) {
        for (std::size_t k = 0; k < 3; ++k)
          profile.primaries_[c][k] = Fixed(reader, at + 8 + 4 * k);
        if (reader.Matches(at, "XYZ ")) found |= 1U << c;
      } else if (reader.Matches(entry, kCurveTags[c])) {
        if (ReadCurve(reader, at, profile.light_[c])) found |= 8U << c;
      }
    }
  }
  constexpr unsigned kAll = 63;
  if (found != kAll || reader.overrun()) return std::nullopt;
  return profile;
}

bool MatrixProfile::IsSrgb() const {
  // Profiles round in the third place.
  constexpr double kTolerance = 0.002;
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t k = 0; k < 3; ++k) {
      if (std::abs(primaries_[c][k] - kSrgbPrimaries[c][k]) > kTolerance) return false;
    }
    for (std::size_t i = 0; i < 256; i += 15) {
      const double want = SrgbToLight(static_cast<double>(i) / 255);
      if (std::abs(static_cast<double>(light_[c][i]) - want) > kTolerance) return false;
    }
  }
  return true;
}

void MatrixProfile::ToSrgb(std::uint8_t* rgb, std::size_t pixels) const {
  const auto& byte_of_light = ByteOfLight();
  std::array<std::array<std::int32_t, 256>, 3> light{};
  std::array<std::array<std::int32_t, 3>, 3> matrix{};
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t i = 0; i < 256; ++i) {
      light[c][i] = static_cast<std::int32_t>(std::lround(light_[c][i] * float{kFullLight}));
    }
    for (std::size_t out = 0; out < 3; ++out) {
      double sum = 0;
      for (std::size_t k = 0; k < 3; ++k) sum += kXyzToSrgb[out][k] * primaries_[c][k];
      // So that three products with full light fit 31 bits; those of real profiles are below 2.
      matrix[out][c] =
          static_cast<std::int32_t>(std::lround(std::clamp(sum, -2.6, 2.6) * kFullLight));
    }
  }
  constexpr std::int32_t kHalf = kFullLight / 2;
  for (std::size_t i = 0; i < pixels; ++i, rgb += 3) {
    const std::int32_t red = light[0][rgb[0]];
    const std::int32_t green = light[1][rgb[1]];
    const std::int32_t blue = light[2][rgb[2]];
    for (std::size_t out = 0; out < 3; ++out) {
      const auto& row = matrix[out];
      const std::int32_t sum = row[0] * red + row[1] * green + row[2] * blue;
      const std::int32_t value = std::clamp((sum + kHalf) >> kLightBits, 0, kFullLight);
      rgb[out] = byte_of_light[static_cast<std::size_t>(value)];
    }
  }
}

}  // namespace ocellus::image
