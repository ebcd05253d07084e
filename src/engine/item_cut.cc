#include "engine/item_cut.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace ocellus::engine {
namespace {

// The least that a side must have next to one of `other`.
std::uint32_t LeastBeside(std::uint32_t other) {
  return static_cast<std::uint32_t>(std::ceil(other / kMaxCutAspect));
}

// Makes the span [at, at + size) of [0, full) `wanted` long, its middle in the middle.
void Lengthen(std::uint32_t& at, std::uint32_t& size, std::uint32_t wanted, std::uint32_t full) {
  wanted = std::clamp(wanted, size, full);
  at -= std::min(at, (wanted - size) / 2);
  at = std::min(at, full - wanted);
  size = wanted;
}

}  // namespace

image::Box ItemCut(const image::Box& box, const image::Info& picture) {
  image::Box cut = box;
  Lengthen(cut.x, cut.width, LeastBeside(box.height), picture.width);
  Lengthen(cut.y, cut.height, LeastBeside(box.width), picture.height);
  return cut;
}

}  // namespace ocellus::engine
