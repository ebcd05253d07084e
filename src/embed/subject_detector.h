// SubjectDetector: where in a picture the thing is that it shows.

#pragma once

#include <vector>

#include "base/result.h"
#include "image/image.h"

namespace ocellus::embed {

struct SubjectBox {
  image::Box box;   // in pixels of the picture that was looked at
  float score = 0;  // 0..1; larger is surer
};

// Thread-safe.
class SubjectDetector {
 public:
  virtual ~SubjectDetector() = default;

  // The subjects, best first: one box or more, none empty and each inside the picture. The whole
  // picture is the answer where no part of it stands out. REQUIRES: the picture is not empty
  virtual Result<std::vector<SubjectBox>> Find(const image::Picture& picture) const = 0;
};

}  // namespace ocellus::embed
