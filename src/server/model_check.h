// Trying a bundle out: whether it runs, what it makes of built-in pictures and texts, how fast, and
// in how much memory.

#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "embed/bundle.h"

namespace ocellus::server {

struct BundleReport {
  embed::BundleInfo info;
  std::string family;
  // Of the directions of all vectors, 16 digits: the same wherever the bundle runs.
  std::string vectors;
  double pictures_per_second = 0;  // one core, the picture tower with its preparation
  double text_ms = 0;              // one core; 0: no texts
  double megabytes = 0;            // of memory that it took
};

// Compiles the bundle and runs it on one core. InvalidArgument: what is wrong with it, as
// MakeEmbedder() says it, or that its vectors are of no use.
Result<BundleReport> TryBundle(embed::Bundle bundle);

}  // namespace ocellus::server
