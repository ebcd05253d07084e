// ContrastDetector: takes for the subject what differs from the colours of the picture's edges.
//
// Right where one thing stands before a background of few colours, as in product pictures; where
// everything differs (a street, a crowd) or nothing does it answers with the whole picture. Needs
// no model; a few hundred microseconds.

#pragma once

#include <vector>

#include "embed/subject_detector.h"

namespace ocellus::embed {

// Thread-safe: it has no state.
class ContrastDetector final : public SubjectDetector {
 public:
  Result<std::vector<SubjectBox>> Find(const image::Picture& picture) const override;
};

}  // namespace ocellus::embed
