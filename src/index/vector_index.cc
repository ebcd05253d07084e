#include "index/vector_index.h"

#include <cmath>
#include <string>

namespace ocellus::index {

Status CheckVector(std::span<const float> vector, std::uint32_t dimension) {
  if (vector.size() != dimension) {
    return {Code::kInvalidArgument, "the vector has " + std::to_string(vector.size()) +
                                        " components, the index has " + std::to_string(dimension)};
  }
  for (std::size_t i = 0; i < vector.size(); ++i) {
    if (!(std::fabs(vector[i]) <= kMaxComponent)) {  // NaN too
      return {Code::kInvalidArgument, "component " + std::to_string(i) +
                                          " of the vector is not a finite number within 1e12"};
    }
  }
  return {};
}

}  // namespace ocellus::index
