#include "engine/contact_sheet.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "base/parallel.h"
#include "image/contact_sheet.h"
#include "image/image.h"

namespace ocellus::engine {
namespace {

constexpr int kQuality = 80;

}  // namespace

Result<PictureFile> MakeContactSheet(Engine& engine,
                                     std::vector<std::optional<std::string>> pictures,
                                     std::uint32_t tile_side) {
  if (pictures.empty() || pictures.size() > kMaxSheetPictures) {
    return Status(Code::kInvalidArgument, "a contact sheet holds 1 to " +
                                              std::to_string(kMaxSheetPictures) +
                                              " pictures, not " + std::to_string(pictures.size()));
  }
  std::vector<image::Picture> tiles(pictures.size());
  ForEach(pictures.size(), std::max(2U, std::thread::hardware_concurrency()), [&](std::size_t i) {
    if (!pictures[i].has_value()) return;
    const Result<PictureFile> small = engine.Render(*std::exchange(pictures[i], {}), tile_side);
    if (!small.ok()) return;
    Result<image::Picture> tile =
        image::Decode(AsBytes(small->bytes), {}, engine.options().picture_limits);
    if (tile.ok()) tiles[i] = *std::move(tile);
  });
  OCELLUS_ASSIGN_OR_RETURN(
      const std::vector<std::uint8_t> jpeg,
      image::EncodeJpeg(image::ContactSheet(tiles, {.tile_side = tile_side}), kQuality));
  return PictureFile{std::string(AsText(jpeg)), image::ContentType(image::Format::kJpeg)};
}

}  // namespace ocellus::engine
