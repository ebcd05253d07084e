// The plane geometry of faces: boxes that overlap, and the upright square that a face is cut out
// as.
//
// Plain functions: thread-safe.

#pragma once

#include <array>
#include <complex>
#include <cstdint>
#include <vector>

#include "image/image.h"

namespace ocellus::embed {

// A square in pixels, which may reach beyond the picture.
struct Square {
  double x = 0;  // of its centre
  double y = 0;
  double side = 0;
};

// The share of the smaller square that lies in the other, 0..1. REQUIRES: sides above 0
double OverlapOf(const Square& a, const Square& b);

// The part of the square inside the picture, of a pixel at least. REQUIRES: the picture is not
// empty
image::Box BoxOf(const Square& square, const image::Picture& picture);

// The square as a picture of side x side pixels; what lies beyond the picture is as its nearest
// edge. REQUIRES: the picture is not empty, side > 0, square.side > 0
image::Picture CutSquare(const image::Picture& picture, const Square& square, std::uint32_t side);

// Corners of the eyes and the base of the nose, in dlib's order: the left eye's (on the right
// of the picture) outer and inner, the right eye's outer and inner, the nose.
using FacePoints = std::array<std::complex<double>, 5>;

// The face turned upright and brought to a square of 150 pixels, as the network saw faces when it
// was trained. `points` are in pixels of `picture`. False: the points are one.
bool CutFace(const image::Picture& picture, const FacePoints& points, image::Picture& face);

// A face that the network has seen is about as bright as this: see docs/decisions/0013-faces.md.
void EvenBrightness(image::Picture& face);

}  // namespace ocellus::embed
