// VectorMaker: pictures, texts and queries to the vectors of a column, within the limits on what is
// decoded at one time.
//
// Thread-safe. What it is given is borrowed and outlives it.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/metrics.h"
#include "base/result.h"
#include "embed/contrast_detector.h"
#include "embed/registry.h"
#include "engine/options.h"
#include "engine/pixel_budget.h"
#include "engine/query.h"
#include "image/image.h"
#include "store/row.h"
#include "store/schema.h"

namespace ocellus::engine {

struct PicturePart {
  store::SourcePart kind = store::SourcePart::kAll;
  image::Box box;        // in pixels of the upright picture, inside it
  float score = 1;       // of its detection, 0..1; 1 where it was not looked for
  store::Vector vector;  // a face's is of the face model, all others of the bundle
};

// The items of a picture that are wanted.
struct ItemsSpec {
  // Where they are; none: they are looked for. What lies outside the picture is cut off.
  // InvalidArgument when nothing is left of one.
  std::vector<image::Box> boxes;
  bool find = true;           // false, and no boxes: the whole picture is the item
  std::size_t max_items = 1;  // that get a vector
  double min_share = 0;       // of the best one's score: items below it get none
  bool exactly = false;       // cut out just the box, however long it is, not its ItemCut()
};

class VectorMaker {
 public:
  VectorMaker(embed::BundleRegistry& bundles, const EngineOptions& options, PixelBudget& pixels,
              MetricsRegistry& metrics);

  // Gives a vector column with a source or a bundle the bundle it names (the default one when it
  // names none), its digest and its dimension; one of faces the face model's. NotFound: no such
  // bundle. FailedPrecondition: one that cannot be loaded; faces, and no face model.
  // InvalidArgument: a source that cannot be embedded, or another dimension.
  Status Complete(const store::TableSchema& schema, store::Column& column) const;

  // What made the column's vectors. FailedPrecondition: the caller did, or it is not loaded.
  // Unavailable: another version of it is loaded.
  Result<embed::Embedder*> EmbedderOf(const store::Column& column) const;
  Result<const embed::FaceRecognizer*> FacesOf(const store::Column& column) const;
  // Whether what is loaded is another version of what made the column's vectors.
  bool IsOutdated(const store::Column& column) const;

  // InvalidArgument for all functions below: what cannot be embedded, a damaged picture or one over
  // a limit too.
  Result<store::Vector> OfPicture(embed::Embedder& embedder, Bytes bytes);
  // FailedPrecondition: the bundle does not embed text.
  Result<store::Vector> OfText(embed::Embedder& embedder, std::string_view text);

  // What the column is to be searched with. `boxes` gets what a part of the picture was found in,
  // best first, the first being the one that counts; untouched for whole pictures.
  // FailedPrecondition and Unavailable: as the functions above; a text where the vectors are of
  // parts of pictures.
  Result<store::Vector> OfQuery(const store::Column& column, const Query& query,
                                std::vector<embed::SubjectBox>& boxes);

  // Best first; the whole picture where nothing stands out. All that were found, of which the first
  // `max_items` have a vector.
  Result<std::vector<PicturePart>> Items(embed::Embedder& embedder, Bytes bytes,
                                         const ItemsSpec& spec);

  // The picture, or the region of it, and then the faces in there, largest first. Without an
  // embedder the whole has no vector.
  Result<std::vector<PicturePart>> WholeAndFaces(embed::Embedder* embedder,
                                                 const embed::FaceRecognizer& faces,
                                                 const PictureQuery& picture);

  // The mean, as long as 1; of one vector that vector. InvalidArgument: the vectors cancel out.
  // REQUIRES: one or more, of equal size
  static Result<store::Vector> Fuse(const std::vector<store::Vector>& vectors);

 private:
  struct Opened;

  // With at least `side` pixels across what is `part_side` across, where the picture has them.
  Result<Opened> Open(Bytes bytes, const image::Info& info, std::uint32_t part_side,
                      std::uint32_t side);
  Result<image::Info> Probe(Bytes bytes) const;
  // In pixels of the whole picture, without vectors.
  Result<std::vector<PicturePart>> FindItems(const Opened& opened);
  Result<store::Vector> OfPictureQuery(const store::Column& column, const PictureQuery& query,
                                       std::vector<embed::SubjectBox>& boxes);
  Result<store::Vector> OfTextQuery(const store::Column& column, const TextQuery& query);

  embed::BundleRegistry& bundles_;
  const EngineOptions& options_;
  PixelBudget& pixels_;
  const embed::ContrastDetector contrast_;
  const embed::SubjectDetector& subjects_;
  Histogram& decode_seconds_;
  Histogram& detect_seconds_;
  Histogram& embed_seconds_;
};

// The histogram of one stage of requests.
Histogram& StageSeconds(MetricsRegistry& metrics, const char* stage);

}  // namespace ocellus::engine
