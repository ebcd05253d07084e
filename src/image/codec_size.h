// The picture sizes that HEVC and AV1 bitstreams declare, which is what their decoders allocate,
// whatever the container around them says.
//
// Thread safety: functions without state.

#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"

namespace ocellus::image {

struct PixelSize {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
};

// Of each sequence parameter set in an HEVCDecoderConfigurationRecord (ISO/IEC 14496-15, 8.3.3).
std::vector<PixelSize> SizesInHevcRecord(Bytes record);

// Of each sequence parameter set among NAL units with a length of 4 bytes before each.
std::vector<PixelSize> SizesInHevcData(Bytes data);

// Of each sequence header among AV1's open bitstream units.
std::vector<PixelSize> SizesInAv1Data(Bytes data);

}  // namespace ocellus::image
