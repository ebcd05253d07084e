// A contact sheet of kept pictures: one JPEG to look over many results at once.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"

namespace ocellus::engine {

inline constexpr std::size_t kMaxSheetPictures = 100;

// Encoded pictures, in order; one that is not there or cannot be decoded is an empty square. Within
// the engine's limits on what is decoded at one time. InvalidArgument: none, or more than
// kMaxSheetPictures.
Result<PictureFile> MakeContactSheet(Engine& engine,
                                     std::vector<std::optional<std::string>> pictures,
                                     std::uint32_t tile_side);

}  // namespace ocellus::engine
