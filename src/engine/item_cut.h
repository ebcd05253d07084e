// What is cut out of a picture to make an item's vector.

#pragma once

#include "image/image.h"

namespace ocellus::engine {

// How long it is at most, by its short side. The picture towers of bundles see pictures of about
// this shape whole; of longer ones they see the middle (our own), or see them squashed, and then an
// item is another when it is turned a little. Measured in docs/decisions/0011-subject-detector.md;
// `MAX_ASPECT` in training/ is the same number.
inline constexpr double kMaxCutAspect = 1.25;

// `box`, and on both sides of its long axis as much of the picture as makes it no longer than
// kMaxCutAspect, give or take a pixel; longer only where the picture has no more. Where one side
// has less than its half, the other gives more.
// REQUIRES: the box is not empty and lies inside the picture
image::Box ItemCut(const image::Box& box, const image::Info& picture);

}  // namespace ocellus::engine
