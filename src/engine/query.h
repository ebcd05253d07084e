// What a table is searched with.

#pragma once

#include <algorithm>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "image/image.h"
#include "store/row.h"

namespace ocellus::engine {

// Bytes and texts are borrowed for the call.
struct PictureQuery {
  Bytes bytes;  // an encoded picture of any format of image::Format
  // The part of it that is meant, in pixels of the upright picture; what lies outside the picture
  // is cut off. InvalidArgument when nothing is left.
  std::optional<image::Box> region = {};
  // Whether to look for the part that is meant; with a region, that is the part. None: where the
  // column's vectors are of parts.
  std::optional<bool> find_subject = {};
};
struct TextQuery {
  std::string_view text;  // UTF-8
};
struct VectorQuery {
  store::Vector vector;  // empty: only the sparse part counts (SearchSpec::sparse)
};
// Pictures and texts as one: the mean of the parts' unit vectors, as long as 1 again. Every part
// weighs the same. One or more, EngineOptions::max_fusion_parts at most.
struct FusionQuery {
  std::vector<std::variant<PictureQuery, TextQuery>> parts;
};
using Query = std::variant<PictureQuery, TextQuery, VectorQuery, FusionQuery>;

// Whether words are a part of it.
inline bool HasText(const Query& query) {
  if (const auto* fusion = std::get_if<FusionQuery>(&query)) {
    return std::any_of(fusion->parts.begin(), fusion->parts.end(),
                       [](const auto& part) { return std::holds_alternative<TextQuery>(part); });
  }
  return std::holds_alternative<TextQuery>(query);
}

}  // namespace ocellus::engine
