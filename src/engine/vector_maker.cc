#include "engine/vector_maker.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>
#include <variant>

#include "engine/item_cut.h"

namespace ocellus::engine {
namespace {

// A subject is looked for in a picture large enough that one with half its sides still has the
// pixels that the model sees.
constexpr std::uint32_t kSubjectShare = 2;
// Pixels that the shortest side has where faces are looked for: a face a fifteenth as high still
// has about fifty, the least that is worth comparing.
constexpr std::uint32_t kFaceSide = 800;

// What who wants faces is told where nothing finds them.
constexpr char kNoFaceModel[] =
    "no face model is installed: fetch its weights with `scripts/bootstrap faces`, or name their "
    "folder as faces.models in the configuration, and restart";

// One kind of failure for all that is wrong with a picture's bytes: a retry cannot help.
Status Refusal(const Status& status) {
  const bool limit = status.code() == Code::kResourceExhausted;
  return {limit ? Code::kInvalidArgument : status.code(), status.message()};
}

std::string ToText(const image::Box& box) {
  return std::to_string(box.x) + "," + std::to_string(box.y) + "," + std::to_string(box.width) +
         "," + std::to_string(box.height);
}

bool IsWhole(const image::Info& picture, const image::Box& box) {
  return box.x == 0 && box.y == 0 && box.width == picture.width && box.height == picture.height;
}

// InvalidArgument: nothing of it is in the picture.
Result<image::Box> ClipTo(const image::Info& picture, const image::Box& region) {
  if (region.x >= picture.width || region.y >= picture.height || region.width == 0 ||
      region.height == 0) {
    return Status(Code::kInvalidArgument, "the region " + ToText(region) +
                                              " is not in the picture of " +
                                              std::to_string(picture.width) + " x " +
                                              std::to_string(picture.height) + " pixels");
  }
  return image::Box{region.x, region.y, std::min(region.width, picture.width - region.x),
                    std::min(region.height, picture.height - region.y)};
}

// The smallest box of a picture `to` wide and high that covers what `box` covers of one that is
// `from`.
image::Box Scale(const image::Box& box, const image::Info& from, const image::Info& to) {
  const auto floor_of = [](std::uint32_t at, std::uint32_t old_size, std::uint32_t new_size) {
    return static_cast<std::uint32_t>(std::uint64_t{at} * new_size / old_size);
  };
  const auto ceil_of = [](std::uint32_t at, std::uint32_t old_size, std::uint32_t new_size) {
    return static_cast<std::uint32_t>((std::uint64_t{at} * new_size + old_size - 1) / old_size);
  };
  image::Box scaled;
  scaled.x = floor_of(box.x, from.width, to.width);
  scaled.y = floor_of(box.y, from.height, to.height);
  scaled.width = ceil_of(box.x + box.width, from.width, to.width) - scaled.x;
  scaled.height = ceil_of(box.y + box.height, from.height, to.height) - scaled.y;
  return scaled;
}

std::uint32_t ShortestSide(const image::Box& box) {
  return std::min(box.width, box.height);
}

// Names the part of the query that is wrong; what fails for the column's sake names that.
Result<store::Vector> About(const char* what, Result<store::Vector> vector) {
  if (vector.ok()) return vector;
  const Code code = vector.status().code();
  if (code == Code::kFailedPrecondition || code == Code::kUnavailable) return vector;
  return std::move(vector).status().WithContext(what);
}

bool IsPicture(const store::Column& source) {
  return source.type == store::ColumnType::kBlob;
}

Status Outdated(const store::Column& column) {
  return {Code::kUnavailable,
          column.name + ": the model " + column.vector.bundle +
              " has changed, and its vectors are not all made again yet; try again later"};
}

}  // namespace

Histogram& StageSeconds(MetricsRegistry& metrics, const char* stage) {
  return metrics.GetHistogram("ocellus_stage_seconds", "Time that one stage of a request took.",
                              {{"stage", stage}});
}

// A picture that is decoded, maybe smaller than it is.
struct VectorMaker::Opened {
  image::Info full;
  image::Picture pixels;
  PixelBudget::Hold hold;

  image::Info Shrunk() const { return {full.format, pixels.width, pixels.height}; }
  // `box` in pixels of the full picture.
  image::Picture Cut(const image::Box& box) const {
    return image::Crop(pixels, Scale(box, full, Shrunk()));
  }
};

VectorMaker::VectorMaker(embed::BundleRegistry& bundles, const EngineOptions& options,
                         PixelBudget& pixels, MetricsRegistry& metrics)
    : bundles_(bundles),
      options_(options),
      pixels_(pixels),
      subjects_(options.subjects != nullptr ? *options.subjects : contrast_),
      decode_seconds_(StageSeconds(metrics, "decode")),
      detect_seconds_(StageSeconds(metrics, "detect")),
      embed_seconds_(StageSeconds(metrics, "embed")) {}

Status VectorMaker::Complete(const store::TableSchema& schema, store::Column& column) const {
  store::VectorSpec& spec = column.vector;
  if (spec.part == store::SourcePart::kFace) {
    if (options_.faces == nullptr) return {Code::kFailedPrecondition, kNoFaceModel};
    const embed::FaceModelInfo& info = options_.faces->info();
    spec.bundle = info.name;
    spec.bundle_digest = info.digest;
    spec.dimension = info.dimension;
    return {};
  }
  const std::vector<std::string> sources = store::SourcesOf(spec);
  if (spec.bundle.empty() && sources.empty()) return {};  // the caller's own vectors

  embed::Embedder* embedder = nullptr;
  if (spec.bundle.empty()) {
    embedder = &bundles_.Default();
  } else {
    OCELLUS_ASSIGN_OR_RETURN(embedder, bundles_.Load(spec.bundle));
  }
  const embed::BundleInfo& info = embedder->info();
  if (spec.dimension != 0 && spec.dimension != info.dimension) {
    return Status(Code::kInvalidArgument,
                  column.name + ": dimension " + std::to_string(spec.dimension) +
                      ", but the model bundle " + info.name + " makes vectors of " +
                      std::to_string(info.dimension));
  }
  for (const std::string& name : sources) {
    const store::Column* source = schema.Find(name);
    if (source == nullptr) continue;  // the store says so
    const bool text = source->type == store::ColumnType::kString && !source->multi;
    if (!text && !IsPicture(*source)) {
      return Status(Code::kInvalidArgument, column.name + ": its source column " + source->name +
                                                " holds neither a picture nor a text");
    }
    if (text && !info.embeds_text) {
      return Status(Code::kInvalidArgument,
                    column.name + ": the model bundle " + info.name + " does not embed text");
    }
  }
  spec.bundle = info.name;
  spec.bundle_digest = info.digest;
  spec.dimension = info.dimension;
  return {};
}

Result<embed::Embedder*> VectorMaker::EmbedderOf(const store::Column& column) const {
  const store::VectorSpec& spec = column.vector;
  if (spec.bundle.empty()) {
    return Status(Code::kFailedPrecondition,
                  column.name + ": its vectors come from the caller, so only a vector can be used");
  }
  Result<embed::Embedder*> embedder = bundles_.Find(spec.bundle);
  if (!embedder.ok()) {
    return Status(Code::kFailedPrecondition, column.name +
                                                 ": its vectors were made by the model bundle " +
                                                 spec.bundle + ", which is not loaded");
  }
  if (IsOutdated(column)) return Outdated(column);
  return embedder;
}

Result<const embed::FaceRecognizer*> VectorMaker::FacesOf(const store::Column& column) const {
  if (options_.faces == nullptr) {
    return Status(Code::kFailedPrecondition, column.name +
                                                 ": its vectors were made by the face model " +
                                                 column.vector.bundle + ": " + kNoFaceModel);
  }
  if (IsOutdated(column)) return Outdated(column);
  return options_.faces;
}

bool VectorMaker::IsOutdated(const store::Column& column) const {
  const store::VectorSpec& spec = column.vector;
  if (spec.part == store::SourcePart::kFace) {
    return options_.faces != nullptr && options_.faces->info().digest != spec.bundle_digest;
  }
  const Result<embed::Embedder*> embedder = bundles_.Find(spec.bundle);
  return embedder.ok() && (*embedder)->info().digest != spec.bundle_digest;
}

Result<image::Info> VectorMaker::Probe(Bytes bytes) const {
  if (bytes.empty()) return Status(Code::kInvalidArgument, "the picture has 0 bytes");
  Result<image::Info> info = image::Probe(bytes, options_.picture_limits);
  if (!info.ok()) return Refusal(info.status());
  return info;
}

Result<VectorMaker::Opened> VectorMaker::Open(Bytes bytes, const image::Info& info,
                                              std::uint32_t part_side, std::uint32_t side) {
  PixelBudget::Hold hold = pixels_.Acquire(std::uint64_t{info.width} * info.height);
  const StageTimer timer(decode_seconds_);
  const std::uint64_t shortest = std::min(info.width, info.height);
  const std::uint64_t wanted = std::uint64_t{side} * shortest / std::max(part_side, 1U);
  Result<image::Picture> decoded = image::Decode(
      bytes, {static_cast<std::uint32_t>(std::min(wanted, shortest))}, options_.picture_limits);
  if (!decoded.ok()) return Refusal(decoded.status());
  hold.ShrinkTo(std::uint64_t{decoded->width} * decoded->height);
  return Opened{info, *std::move(decoded), std::move(hold)};
}

Result<store::Vector> VectorMaker::OfPicture(embed::Embedder& embedder, Bytes bytes) {
  OCELLUS_ASSIGN_OR_RETURN(const image::Info info, Probe(bytes));
  const std::uint32_t shortest = std::min(info.width, info.height);
  OCELLUS_ASSIGN_OR_RETURN(const Opened opened,
                           Open(bytes, info, shortest, embedder.info().picture_side));
  const StageTimer timer(embed_seconds_);
  return embedder.EmbedPicture(opened.pixels);
}

Result<store::Vector> VectorMaker::OfText(embed::Embedder& embedder, std::string_view text) {
  if (!embedder.info().embeds_text) {
    return Status(Code::kFailedPrecondition,
                  "the model bundle " + embedder.info().name + " does not embed text");
  }
  const StageTimer timer(embed_seconds_);
  return embedder.EmbedText(text);
}

Result<std::vector<PicturePart>> VectorMaker::FindItems(const Opened& opened) {
  const StageTimer timer(detect_seconds_);
  OCELLUS_ASSIGN_OR_RETURN(const std::vector<embed::SubjectBox> found,
                           subjects_.Find(opened.pixels));
  std::vector<PicturePart> items;
  for (const embed::SubjectBox& subject : found) {
    const image::Box box = Scale(subject.box, opened.Shrunk(), opened.full);
    const bool whole = IsWhole(opened.full, box);
    items.push_back(
        {whole ? store::SourcePart::kAll : store::SourcePart::kSubject, box, subject.score, {}});
  }
  return items;
}

Result<std::vector<PicturePart>> VectorMaker::Items(embed::Embedder& embedder, Bytes bytes,
                                                    const ItemsSpec& spec) {
  OCELLUS_ASSIGN_OR_RETURN(const image::Info info, Probe(bytes));
  const image::Box all = {0, 0, info.width, info.height};
  std::vector<PicturePart> items;
  for (const image::Box& wanted : spec.boxes) {
    OCELLUS_ASSIGN_OR_RETURN(const image::Box box, ClipTo(info, wanted));
    const bool whole = IsWhole(info, box);
    items.push_back({whole ? store::SourcePart::kAll : store::SourcePart::kSubject, box, 1, {}});
  }
  if (items.empty() && !spec.find) items.push_back({store::SourcePart::kAll, all, 1, {}});

  const auto cut_of = [&](const PicturePart& item) {
    return spec.exactly ? item.box : ItemCut(item.box, info);
  };
  // The smallest part alone must still have the pixels that the model sees.
  std::uint32_t part_side = items.empty() ? ShortestSide(all) / kSubjectShare : ShortestSide(all);
  for (const PicturePart& item : items) part_side = std::min(part_side, ShortestSide(cut_of(item)));
  OCELLUS_ASSIGN_OR_RETURN(const Opened opened,
                           Open(bytes, info, part_side, embedder.info().picture_side));
  if (items.empty()) {
    OCELLUS_ASSIGN_OR_RETURN(items, FindItems(opened));
  }
  const StageTimer timer(embed_seconds_);
  for (std::size_t i = 0; i < std::min(items.size(), spec.max_items); ++i) {
    if (double{items[i].score} < spec.min_share * double{items.front().score}) break;
    OCELLUS_ASSIGN_OR_RETURN(items[i].vector, embedder.EmbedPicture(opened.Cut(cut_of(items[i]))));
  }
  return items;
}

Result<std::vector<PicturePart>> VectorMaker::WholeAndFaces(embed::Embedder* embedder,
                                                            const embed::FaceRecognizer& faces,
                                                            const PictureQuery& picture) {
  OCELLUS_ASSIGN_OR_RETURN(const image::Info info, Probe(picture.bytes));
  image::Box region = {0, 0, info.width, info.height};
  if (picture.region.has_value()) {
    OCELLUS_ASSIGN_OR_RETURN(region, ClipTo(info, *picture.region));
  }
  std::uint32_t side = kFaceSide;
  if (embedder != nullptr) side = std::max(side, embedder->info().picture_side);
  OCELLUS_ASSIGN_OR_RETURN(Opened opened, Open(picture.bytes, info, ShortestSide(region), side));
  const image::Info shrunk = opened.Shrunk();
  const image::Box seen = Scale(region, info, shrunk);
  if (picture.region.has_value()) opened.pixels = image::Crop(opened.pixels, seen);

  std::vector<PicturePart> parts;
  {
    const StageTimer timer(detect_seconds_);
    OCELLUS_ASSIGN_OR_RETURN(std::vector<embed::Face> found, faces.Find(opened.pixels));
    parts.push_back({store::SourcePart::kAll, region, 1, {}});
    for (embed::Face& face : found) {
      face.box.x += seen.x;
      face.box.y += seen.y;
      parts.push_back({store::SourcePart::kFace, Scale(face.box, shrunk, info), face.score,
                       std::move(face.vector)});
    }
  }
  if (embedder == nullptr) return parts;
  const StageTimer timer(embed_seconds_);
  OCELLUS_ASSIGN_OR_RETURN(parts.front().vector, embedder->EmbedPicture(opened.pixels));
  return parts;
}

Result<store::Vector> VectorMaker::OfPictureQuery(const store::Column& column,
                                                  const PictureQuery& query,
                                                  std::vector<embed::SubjectBox>& boxes) {
  std::vector<PicturePart> parts;
  if (column.vector.part == store::SourcePart::kFace) {
    OCELLUS_ASSIGN_OR_RETURN(const embed::FaceRecognizer* faces, FacesOf(column));
    OCELLUS_ASSIGN_OR_RETURN(parts, WholeAndFaces(nullptr, *faces, query));
    parts.erase(parts.begin());
    if (parts.empty()) return Status(Code::kInvalidArgument, "there is no face in it");
  } else {
    OCELLUS_ASSIGN_OR_RETURN(embed::Embedder * embedder, EmbedderOf(column));
    const bool of_subjects = column.vector.part == store::SourcePart::kSubject;
    const bool find = query.find_subject.value_or(of_subjects);
    if (!query.region.has_value() && !find) return OfPicture(*embedder, query.bytes);
    ItemsSpec spec;
    if (query.region.has_value()) spec.boxes = {*query.region};
    spec.exactly = !of_subjects;  // the caller means exactly that
    OCELLUS_ASSIGN_OR_RETURN(parts, Items(*embedder, query.bytes, spec));
  }
  for (const PicturePart& part : parts) boxes.push_back({part.box, part.score});
  return std::move(parts.front().vector);
}

Result<store::Vector> VectorMaker::OfTextQuery(const store::Column& column,
                                               const TextQuery& query) {
  if (column.vector.part != store::SourcePart::kAll) {
    return Status(Code::kFailedPrecondition,
                  column.name +
                      ": its vectors are of parts of pictures, which no words describe; "
                      "search with a picture");
  }
  OCELLUS_ASSIGN_OR_RETURN(embed::Embedder * embedder, EmbedderOf(column));
  return OfText(*embedder, query.text);
}

Result<store::Vector> VectorMaker::OfQuery(const store::Column& column, const Query& query,
                                           std::vector<embed::SubjectBox>& boxes) {
  if (const auto* vector = std::get_if<VectorQuery>(&query)) return vector->vector;
  const auto text_vector = [&](const TextQuery& text) {
    return About("text", OfTextQuery(column, text));
  };
  const auto picture_vector = [&](const PictureQuery& picture,
                                  std::vector<embed::SubjectBox>& found) {
    return About("picture", OfPictureQuery(column, picture, found));
  };
  if (const auto* text = std::get_if<TextQuery>(&query)) return text_vector(*text);
  if (const auto* picture = std::get_if<PictureQuery>(&query)) {
    return picture_vector(*picture, boxes);
  }
  const auto& parts = std::get<FusionQuery>(query).parts;
  if (parts.empty() || parts.size() > options_.max_fusion_parts) {
    return Status(Code::kInvalidArgument, "a query has 1 to " +
                                              std::to_string(options_.max_fusion_parts) +
                                              " parts, got " + std::to_string(parts.size()));
  }
  std::vector<store::Vector> vectors;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    std::vector<embed::SubjectBox> unused;
    const auto* text = std::get_if<TextQuery>(&parts[i]);
    Result<store::Vector> vector = text != nullptr
                                       ? text_vector(*text)
                                       : picture_vector(std::get<PictureQuery>(parts[i]), unused);
    if (!vector.ok()) {
      return std::move(vector).status().WithContext("part " + std::to_string(i + 1));
    }
    vectors.push_back(*std::move(vector));
  }
  Result<store::Vector> fused = Fuse(vectors);
  return fused.ok() ? std::move(fused) : std::move(fused).status().WithContext("the query");
}

Result<store::Vector> VectorMaker::Fuse(const std::vector<store::Vector>& vectors) {
  if (vectors.size() == 1) return vectors.front();
  std::vector<double> sum(vectors.front().size());
  for (const store::Vector& vector : vectors) {
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += double{vector[i]};
  }
  const double norm = std::sqrt(std::inner_product(sum.begin(), sum.end(), sum.begin(), 0.0));
  if (norm < 1e-6) {
    return Status(Code::kInvalidArgument, "its parts say the opposite of each other");
  }
  store::Vector fused(sum.size());
  std::transform(sum.begin(), sum.end(), fused.begin(),
                 [norm](double x) { return static_cast<float>(x / norm); });
  return fused;
}

}  // namespace ocellus::engine
