#include "engine/engine.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <numeric>
#include <thread>
#include <utility>

namespace ocellus::engine {
namespace {

Histogram& Stage(MetricsRegistry& metrics, const char* stage) {
  return metrics.GetHistogram("ocellus_stage_seconds", "Time that one stage of a request took.",
                              {{"stage", stage}});
}

bool IsInternal(std::string_view table) {
  return table.starts_with(kInternalPrefix);
}

bool IsPicture(const store::Column& source) {
  return source.type == store::ColumnType::kBlob;
}

// One kind of failure for all that is wrong with a picture's bytes: a retry cannot help.
Status Refusal(const Status& status) {
  const bool limit = status.code() == Code::kResourceExhausted;
  return {limit ? Code::kInvalidArgument : status.code(), status.message()};
}

// A subject is looked for in a picture large enough that one with half its sides still has the
// pixels that the model sees.
constexpr std::uint32_t kSubjectShare = 2;

// Runs work(0) to work(count - 1), several at once so that the embedder can batch them.
void SideBySide(std::size_t count, const std::function<void(std::size_t)>& work) {
  if (count == 1) return work(0);
  std::atomic<std::size_t> next = 0;
  std::vector<std::jthread> workers;
  const std::size_t threads =
      std::min<std::size_t>(count, std::max<std::size_t>(2, std::thread::hardware_concurrency()));
  for (std::size_t worker = 0; worker < threads; ++worker) {
    workers.emplace_back([&] {
      for (std::size_t i = next++; i < count; i = next++) work(i);
    });
  }
}

std::string ToText(const image::Box& box) {
  return std::to_string(box.x) + "," + std::to_string(box.y) + "," + std::to_string(box.width) +
         "," + std::to_string(box.height);
}

// The only vector column, or the named one.
Result<const store::Column*> VectorColumn(const store::TableSchema& schema,
                                          const std::string& name) {
  const store::Column* found = nullptr;
  for (const store::Column& column : schema.columns) {
    if (column.type != store::ColumnType::kVector) continue;
    if (!name.empty() && column.name != name) continue;
    if (found != nullptr) {
      return Status(Code::kInvalidArgument,
                    "table " + schema.name + " has several vector columns: say which one");
    }
    found = &column;
  }
  if (found == nullptr) {
    return Status(Code::kInvalidArgument, "table " + schema.name + " has no vector column" +
                                              (name.empty() ? std::string() : " named " + name));
  }
  return found;
}

// The whole picture where the part is not given. InvalidArgument: nothing of it is in the picture.
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

// The mean, as long as 1; of one vector that vector. InvalidArgument: the vectors cancel out.
Result<store::Vector> Fuse(const std::vector<store::Vector>& vectors) {
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

}  // namespace

std::string ReplacementOf(const std::string& table) {
  return std::string(kInternalPrefix) + "next." + table;
}

struct Engine::Making {
  struct Source {
    std::size_t at;  // in the schema's columns
    bool picture;
    const std::string* name;  // borrowed from the schema
  };
  std::size_t vector_at;
  std::vector<Source> sources;
  embed::Embedder* embedder;
};

Engine::Engine(store::TableStore& store, const embed::BundleRegistry& bundles,
               EngineOptions options, MetricsRegistry& metrics)
    : store_(store),
      bundles_(bundles),
      options_(options),
      pixels_(options.max_pixels_in_flight),
      subjects_(options.subjects != nullptr ? *options.subjects : contrast_),
      decode_seconds_(Stage(metrics, "decode")),
      embed_seconds_(Stage(metrics, "embed")),
      search_seconds_(Stage(metrics, "search")),
      store_seconds_(Stage(metrics, "store")) {}

Result<std::shared_ptr<store::Table>> Engine::Open(const std::string& name) {
  if (IsInternal(name)) return Status(Code::kNotFound, "no such table: " + name);
  return store_.OpenTable(name);
}

bool Engine::WasReplaced(const std::string& name, const std::shared_ptr<store::Table>& table,
                         const Status& status) {
  if (status.code() != Code::kNotFound) return false;
  const Result<std::shared_ptr<store::Table>> now = Open(name);
  return now.ok() && *now != table;
}

Status Engine::FillFromBundle(const store::TableSchema& schema, store::Column& column) const {
  store::VectorSpec& spec = column.vector;
  const std::vector<std::string> sources = store::SourcesOf(spec);
  if (spec.bundle.empty() && sources.empty()) return {};  // the caller's own vectors

  embed::Embedder* embedder = nullptr;
  if (spec.bundle.empty()) {
    embedder = &bundles_.Default();
  } else {
    OCELLUS_ASSIGN_OR_RETURN(embedder, bundles_.Find(spec.bundle));
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

Result<store::TableSchema> Engine::Completed(store::TableSchema schema) {
  if (IsInternal(schema.name)) {
    return Status(Code::kInvalidArgument, "name: " + std::string(kInternalPrefix) +
                                              " is the prefix of the server's own tables");
  }
  for (store::Column& column : schema.columns) {
    if (column.type != store::ColumnType::kVector) continue;
    OCELLUS_RETURN_IF_ERROR(FillFromBundle(schema, column));
  }
  OCELLUS_RETURN_IF_ERROR(store::Validate(schema));
  return schema;
}

Result<store::TableSchema> Engine::CreateTable(store::TableSchema schema) {
  OCELLUS_ASSIGN_OR_RETURN(schema, Completed(std::move(schema)));
  OCELLUS_RETURN_IF_ERROR(store_.CreateTable(schema));
  return schema;
}

Result<store::TableSchema> Engine::AlterTable(store::TableSchema schema) {
  OCELLUS_ASSIGN_OR_RETURN(const store::TableSchema old, Schema(schema.name));
  for (store::Column& column : schema.columns) {
    if (column.type != store::ColumnType::kVector) continue;
    const store::Column* before = old.Find(column.name);
    // What is stored stays what it is, whatever is loaded today.
    if (before != nullptr && before->type == column.type &&
        before->vector.bundle_digest == column.vector.bundle_digest &&
        !before->vector.bundle_digest.empty()) {
      continue;
    }
    OCELLUS_RETURN_IF_ERROR(FillFromBundle(schema, column));
  }
  OCELLUS_RETURN_IF_ERROR(store_.AlterTable(schema));
  return schema;
}

Status Engine::DropTable(const std::string& name) {
  if (IsInternal(name)) return Status(Code::kNotFound, "no such table: " + name);
  OCELLUS_RETURN_IF_ERROR(store_.DropTable(name));
  // What was being made to take its place.
  (void)store_.DropTable(ReplacementOf(name)).ok();
  return {};
}

Result<store::TableSchema> Engine::Schema(const std::string& name) {
  OCELLUS_ASSIGN_OR_RETURN(const std::shared_ptr<store::Table> table, Open(name));
  return table->schema();
}

Result<TableInfo> Engine::DescribeTable(const std::string& name) {
  OCELLUS_ASSIGN_OR_RETURN(const std::shared_ptr<store::Table> table, Open(name));
  OCELLUS_ASSIGN_OR_RETURN(const store::TableStats stats, table->Stats());
  return TableInfo{table->schema(), stats};
}

Result<std::vector<store::TableSchema>> Engine::ListSchemas() {
  OCELLUS_ASSIGN_OR_RETURN(std::vector<store::TableSchema> schemas, store_.ListTables());
  std::erase_if(schemas, [](const store::TableSchema& schema) { return IsInternal(schema.name); });
  return schemas;
}

Result<std::vector<TableInfo>> Engine::ListTables() {
  OCELLUS_ASSIGN_OR_RETURN(const std::vector<store::TableSchema> schemas, store_.ListTables());
  std::vector<TableInfo> tables;
  for (const store::TableSchema& schema : schemas) {
    if (IsInternal(schema.name)) continue;
    Result<TableInfo> info = DescribeTable(schema.name);
    if (info.ok()) {
      tables.push_back(*std::move(info));
    } else if (info.status().code() != Code::kNotFound) {  // dropped in between
      return std::move(info).status();
    }
  }
  return tables;
}

Result<embed::Embedder*> Engine::EmbedderOf(const store::Column& column) const {
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
  if ((*embedder)->info().digest != spec.bundle_digest) {
    return Status(Code::kFailedPrecondition,
                  column.name + ": its vectors were made by another version of the model bundle " +
                      spec.bundle + " (" + spec.bundle_digest.substr(0, 12) + ", loaded is " +
                      (*embedder)->info().digest.substr(0, 12) + ")");
  }
  return embedder;
}

Result<image::Info> Engine::ProbePicture(Bytes bytes) const {
  if (bytes.empty()) return Status(Code::kInvalidArgument, "the picture has 0 bytes");
  Result<image::Info> info = image::Probe(bytes, options_.picture_limits);
  if (!info.ok()) return Refusal(info.status());
  return info;
}

Result<image::Picture> Engine::DecodePicture(Bytes bytes, std::uint32_t target_side) {
  const StageTimer timer(decode_seconds_);
  Result<image::Picture> decoded = image::Decode(bytes, {target_side}, options_.picture_limits);
  if (!decoded.ok()) return Refusal(decoded.status());
  return decoded;
}

Result<store::Vector> Engine::EmbedPicture(embed::Embedder& embedder, Bytes bytes) {
  OCELLUS_ASSIGN_OR_RETURN(const image::Info info, ProbePicture(bytes));
  PixelBudget::Hold hold = pixels_.Acquire(std::uint64_t{info.width} * info.height);
  OCELLUS_ASSIGN_OR_RETURN(const image::Picture picture,
                           DecodePicture(bytes, embedder.info().picture_side));
  hold.ShrinkTo(std::uint64_t{picture.width} * picture.height);
  const StageTimer timer(embed_seconds_);
  return embedder.EmbedPicture(picture);
}

Result<store::Vector> Engine::EmbedPart(embed::Embedder& embedder, const PictureQuery& query,
                                        std::vector<embed::SubjectBox>& boxes) {
  if (!query.region.has_value() && !query.find_subject) return EmbedPicture(embedder, query.bytes);
  OCELLUS_ASSIGN_OR_RETURN(const image::Info info, ProbePicture(query.bytes));
  PixelBudget::Hold hold = pixels_.Acquire(std::uint64_t{info.width} * info.height);
  std::optional<image::Box> part;
  if (query.region.has_value()) {
    OCELLUS_ASSIGN_OR_RETURN(part, ClipTo(info, *query.region));
    boxes = {{*part, 1.0F}};
  }
  // The part alone must still have the pixels that the model sees.
  const std::uint64_t shortest = std::min(info.width, info.height);
  const std::uint64_t part_shortest =
      part.has_value() ? std::min(part->width, part->height) : shortest / kSubjectShare;
  const std::uint64_t side = std::uint64_t{embedder.info().picture_side} * shortest /
                             std::max<std::uint64_t>(part_shortest, 1);
  OCELLUS_ASSIGN_OR_RETURN(
      const image::Picture picture,
      DecodePicture(query.bytes, static_cast<std::uint32_t>(std::min(side, shortest))));
  const image::Info shrunk = {info.format, picture.width, picture.height};
  if (!part.has_value()) {
    OCELLUS_ASSIGN_OR_RETURN(boxes, subjects_.Find(picture));
    for (embed::SubjectBox& found : boxes) found.box = Scale(found.box, shrunk, info);
    part = boxes.front().box;
  }
  image::Picture cut = image::Crop(picture, Scale(*part, info, shrunk));
  hold.ShrinkTo(std::uint64_t{cut.width} * cut.height);
  const StageTimer timer(embed_seconds_);
  return embedder.EmbedPicture(cut);
}

Result<store::Vector> Engine::EmbedText(embed::Embedder& embedder, std::string_view text) {
  if (!embedder.info().embeds_text) {
    return Status(Code::kFailedPrecondition,
                  "the model bundle " + embedder.info().name + " does not embed text");
  }
  const StageTimer timer(embed_seconds_);
  return embedder.EmbedText(text);
}

Result<std::vector<Engine::Making>> Engine::MakingsOf(const store::TableSchema& schema) const {
  std::vector<Making> makings;
  for (std::size_t i = 0; i < schema.columns.size(); ++i) {
    const store::Column& column = schema.columns[i];
    if (column.type != store::ColumnType::kVector) continue;
    const std::vector<std::string> names = store::SourcesOf(column.vector);
    if (names.empty()) continue;
    OCELLUS_ASSIGN_OR_RETURN(embed::Embedder * embedder, EmbedderOf(column));
    Making making = {i, {}, embedder};
    for (const std::string& name : names) {
      const std::size_t at = schema.IndexOf(name);
      making.sources.push_back({at, IsPicture(schema.columns[at]), &schema.columns[at].name});
    }
    makings.push_back(std::move(making));
  }
  return makings;
}

Result<std::optional<store::Vector>> Engine::MakeVector(const Making& making,
                                                        const store::Row& row) {
  std::vector<store::Vector> parts;
  for (const Making::Source& source : making.sources) {
    const store::Cell& cell = row.cells[source.at];
    Result<store::Vector> part = store::Vector();
    if (const auto* blob = std::get_if<store::Blob>(&cell); blob != nullptr && source.picture) {
      part = EmbedPicture(*making.embedder, AsBytes(blob->bytes));
    } else if (const auto* value = std::get_if<Value>(&cell);
               value != nullptr && value->as_string() != nullptr && !source.picture) {
      part = EmbedText(*making.embedder, *value->as_string());
    } else {
      continue;  // nothing to make it from; a wrong type is the store's to refuse
    }
    if (!part.ok()) return std::move(part).status().WithContext(*source.name);
    parts.push_back(*std::move(part));
  }
  if (parts.empty()) return std::optional<store::Vector>();
  Result<store::Vector> fused = Fuse(parts);
  if (!fused.ok()) return std::move(fused).status().WithContext(*making.sources.front().name);
  return std::optional(*std::move(fused));
}

Status Engine::MakeVectors(const std::vector<Making>& makings, store::Row& row) {
  for (const Making& making : makings) {
    store::Cell& cell = row.cells[making.vector_at];
    if (!std::holds_alternative<std::monostate>(cell)) continue;  // the caller brought it
    OCELLUS_ASSIGN_OR_RETURN(std::optional<store::Vector> vector, MakeVector(making, row));
    if (vector.has_value()) cell = *std::move(vector);
  }
  return {};
}

Status Engine::Upsert(const std::string& table_name, std::vector<store::Row> rows,
                      const UpsertOptions& options) {
  if (!gates_.IsWatched(table_name)) return UpsertOnce(table_name, std::move(rows), options);
  // It may change its bundle between the making of the vectors and the write.
  Status status = UpsertOnce(table_name, rows, options);
  if (status.code() != Code::kUnavailable) return status;
  return UpsertOnce(table_name, std::move(rows), options);
}

Status Engine::UpsertOnce(const std::string& table_name, std::vector<store::Row> rows,
                          const UpsertOptions& options) {
  OCELLUS_ASSIGN_OR_RETURN(const std::shared_ptr<store::Table> table, Open(table_name));
  const store::TableSchema& schema = table->schema();
  OCELLUS_ASSIGN_OR_RETURN(const std::vector<Making> makings, MakingsOf(schema));
  for (const store::Row& row : rows) {
    if (row.cells.size() != schema.columns.size()) {
      return Status(Code::kInvalidArgument, "a row has " + std::to_string(row.cells.size()) +
                                                " cells, the table " +
                                                std::to_string(schema.columns.size()) + " columns");
    }
  }

  std::vector<Status> made(rows.size());
  const auto make = [&](std::size_t i) {
    made[i] = MakeVectors(makings, rows[i]);
    for (const std::string& column : options.discard) {
      const std::size_t at = schema.IndexOf(column);
      if (at < rows[i].cells.size()) rows[i].cells[at] = std::monostate();
    }
  };
  if (makings.empty()) {
    for (std::size_t i = 0; i < rows.size(); ++i) make(i);
  } else {
    SideBySide(rows.size(), make);
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (made[i].ok()) continue;
    if (rows.size() == 1) return std::move(made[i]);
    return std::move(made[i]).WithContext("row " + std::to_string(i));
  }

  const StageTimer timer(store_seconds_);
  std::vector<store::Key> keys = options.deletes;
  keys.reserve(keys.size() + rows.size());
  for (const store::Row& row : rows) {
    OCELLUS_RETURN_IF_ERROR(store::Validate(schema, row));
    keys.push_back(store::KeyOf(schema, row));
  }
  const TableGates::Writer writer(gates_, table_name, std::move(keys));
  Status written = table->Write({std::move(rows), options.deletes});
  if (!WasReplaced(table_name, table, written)) return written;
  // The vectors are of the bundle before.
  return {Code::kUnavailable, "the table has changed its model bundle this moment; try again"};
}

Status Engine::Delete(const std::string& table_name, std::vector<store::Key> keys) {
  const TableGates::Writer writer(gates_, table_name, keys);
  OCELLUS_ASSIGN_OR_RETURN(const std::shared_ptr<store::Table> table, Open(table_name));
  const StageTimer timer(store_seconds_);
  return table->Write({{}, std::move(keys)});
}

Result<std::vector<std::optional<store::Row>>> Engine::Get(
    const std::string& table_name, std::span<const store::Key> keys,
    const std::vector<std::string>& columns) {
  OCELLUS_ASSIGN_OR_RETURN(const std::shared_ptr<store::Table> table, Open(table_name));
  const StageTimer timer(store_seconds_);
  auto result = table->Get(keys, columns);
  if (!result.ok() && WasReplaced(table_name, table, result.status()))
    return Get(table_name, keys, columns);
  return result;
}

Result<std::vector<store::Row>> Engine::Scan(const std::string& table_name,
                                             const store::ScanRequest& request) {
  OCELLUS_ASSIGN_OR_RETURN(const std::shared_ptr<store::Table> table, Open(table_name));
  const StageTimer timer(store_seconds_);
  auto result = table->Scan(request);
  if (!result.ok() && WasReplaced(table_name, table, result.status()))
    return Scan(table_name, request);
  return result;
}

Result<std::uint64_t> Engine::Count(const std::string& table_name, const query::Filter& filter) {
  OCELLUS_ASSIGN_OR_RETURN(const std::shared_ptr<store::Table> table, Open(table_name));
  const StageTimer timer(store_seconds_);
  auto result = table->Count(filter);
  if (!result.ok() && WasReplaced(table_name, table, result.status()))
    return Count(table_name, filter);
  return result;
}

Result<std::vector<store::Hit>> Engine::SearchText(const std::string& table_name,
                                                   const store::TextSearchRequest& request) {
  OCELLUS_RETURN_IF_ERROR(CheckTopK(request.top_k));
  OCELLUS_ASSIGN_OR_RETURN(const std::shared_ptr<store::Table> table, Open(table_name));
  const StageTimer timer(search_seconds_);
  auto hits = table->SearchText(request);
  if (!hits.ok() && WasReplaced(table_name, table, hits.status())) {
    return SearchText(table_name, request);
  }
  return hits;
}

Result<std::vector<store::AggregateRow>> Engine::Aggregate(const std::string& table_name,
                                                           const store::AggregateRequest& request) {
  OCELLUS_ASSIGN_OR_RETURN(const std::shared_ptr<store::Table> table, Open(table_name));
  const StageTimer timer(store_seconds_);
  auto groups = table->Aggregate(request);
  if (!groups.ok() && WasReplaced(table_name, table, groups.status())) {
    return Aggregate(table_name, request);
  }
  return groups;
}

Result<FillOutcome> Engine::FillVectors(const std::string& table_name,
                                        const std::string& vector_column,
                                        const std::function<bool()>& stopping) {
  constexpr std::uint64_t kRowsAtATime = 64;  // of pictures of 20 MB at most: held in memory
  OCELLUS_ASSIGN_OR_RETURN(const std::shared_ptr<store::Table> table, Open(table_name));
  const store::TableSchema& schema = table->schema();
  OCELLUS_ASSIGN_OR_RETURN(const std::vector<Making> makings, MakingsOf(schema));
  const auto making = std::find_if(makings.begin(), makings.end(), [&](const Making& one) {
    return schema.columns[one.vector_at].name == vector_column;
  });
  if (making == makings.end()) {
    return Status(Code::kInvalidArgument,
                  "'" + vector_column + "' is no vector column that is made from another");
  }
  store::ScanRequest request;
  request.lacking_vector = vector_column;
  request.limit = kRowsAtATime;
  request.columns = schema.primary_key;
  for (const Making::Source& source : making->sources) request.columns.push_back(*source.name);
  FillOutcome outcome;
  for (;;) {
    if (stopping && stopping()) return Status(Code::kCancelled, "stopped");
    // Rows that could not be filled stay in front.
    request.offset = outcome.failed + outcome.without_source;
    OCELLUS_ASSIGN_OR_RETURN(const std::vector<store::Row> rows, table->Scan(request));
    if (rows.empty()) return outcome;
    std::vector<Result<std::optional<store::Vector>>> made(rows.size(),
                                                           std::optional<store::Vector>());
    SideBySide(rows.size(), [&](std::size_t i) { made[i] = MakeVector(*making, rows[i]); });
    std::vector<store::VectorFill> fills;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (!made[i].ok()) {
        if (made[i].status().code() != Code::kInvalidArgument) return std::move(made[i]).status();
        if (outcome.failed++ == 0) outcome.first_failure = made[i].status().message();
      } else if (made[i]->has_value()) {
        fills.push_back({store::KeyOf(schema, rows[i]), **std::move(made[i])});
      } else {
        ++outcome.without_source;
      }
    }
    outcome.made += fills.size();
    std::vector<store::Key> keys;
    keys.reserve(fills.size());
    for (const store::VectorFill& fill : fills) keys.push_back(fill.key);
    const TableGates::Writer writer(gates_, table_name, std::move(keys));
    OCELLUS_RETURN_IF_ERROR(table->FillVectors(vector_column, std::move(fills)));
  }
}

Result<store::Vector> Engine::QueryVector(const Query& query, const store::Column& column,
                                          std::vector<embed::SubjectBox>& boxes) {
  if (const auto* vector = std::get_if<VectorQuery>(&query)) return vector->vector;
  OCELLUS_ASSIGN_OR_RETURN(embed::Embedder * embedder, EmbedderOf(column));
  const auto text_vector = [&](const TextQuery& text) {
    Result<store::Vector> vector = EmbedText(*embedder, text.text);
    return vector.ok() ? std::move(vector) : std::move(vector).status().WithContext("text");
  };
  const auto picture_vector = [&](const PictureQuery& picture,
                                  std::vector<embed::SubjectBox>& found) {
    Result<store::Vector> vector = EmbedPart(*embedder, picture, found);
    return vector.ok() ? std::move(vector) : std::move(vector).status().WithContext("picture");
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

Status Engine::CheckTopK(std::uint32_t top_k) const {
  if (top_k >= 1 && top_k <= options_.max_top_k) return {};
  return {Code::kInvalidArgument, "top_k: expected 1 to " + std::to_string(options_.max_top_k) +
                                      ", got " + std::to_string(top_k)};
}

Result<SearchResult> Engine::Search(const SearchSpec& spec) {
  OCELLUS_RETURN_IF_ERROR(CheckTopK(spec.top_k));
  OCELLUS_ASSIGN_OR_RETURN(const std::shared_ptr<store::Table> table, Open(spec.table));
  OCELLUS_ASSIGN_OR_RETURN(const store::Column* column,
                           VectorColumn(table->schema(), spec.vector_column));
  SearchResult result;
  OCELLUS_ASSIGN_OR_RETURN(result.vector, QueryVector(spec.query, *column, result.boxes));
  const StageTimer timer(search_seconds_);
  Result<std::vector<store::Hit>> hits = table->Search(
      {column->name, result.vector, spec.top_k, spec.filter, spec.columns, spec.sparse});
  if (!hits.ok() && WasReplaced(spec.table, table, hits.status())) return Search(spec);
  if (!hits.ok()) return std::move(hits).status();
  result.hits = *std::move(hits);
  return result;
}

Result<store::Vector> Engine::Embed(const std::string& table_name, const std::string& vector_column,
                                    const Query& query) {
  OCELLUS_ASSIGN_OR_RETURN(const std::shared_ptr<store::Table> table, Open(table_name));
  OCELLUS_ASSIGN_OR_RETURN(const store::Column* column,
                           VectorColumn(table->schema(), vector_column));
  std::vector<embed::SubjectBox> unused;
  return QueryVector(query, *column, unused);
}

Result<PictureInfo> Engine::Measure(Bytes bytes) const {
  const Result<image::Info> info = image::Probe(bytes, options_.picture_limits);
  if (!info.ok()) return Status(Code::kInvalidArgument, info.status().message());
  return PictureInfo{image::ContentType(info->format), info->width, info->height};
}

std::size_t Engine::CountTokens(std::string_view text) const {
  return bundles_.Default().CountTokens(text);
}

Result<std::optional<embed::ScoreCurve>> Engine::ScoresOf(const std::string& table_name,
                                                          const std::string& vector_column,
                                                          const Query& query) {
  OCELLUS_ASSIGN_OR_RETURN(const std::shared_ptr<store::Table> table, Open(table_name));
  OCELLUS_ASSIGN_OR_RETURN(const store::Column* column,
                           VectorColumn(table->schema(), vector_column));
  const Result<embed::Embedder*> embedder = EmbedderOf(*column);
  if (!embedder.ok() || std::holds_alternative<VectorQuery>(query)) {
    return std::optional<embed::ScoreCurve>();
  }
  const embed::BundleInfo& info = (*embedder)->info();
  return std::holds_alternative<TextQuery>(query) ? info.text_scores : info.picture_scores;
}

Result<PictureFile> Engine::Render(std::string bytes, std::uint32_t max_side) {
  OCELLUS_ASSIGN_OR_RETURN(const image::Info info,
                           image::Probe(AsBytes(bytes), options_.picture_limits));
  if (max_side == 0) return PictureFile{std::move(bytes), image::ContentType(info.format)};
  const PixelBudget::Hold hold = pixels_.Acquire(std::uint64_t{info.width} * info.height);
  const StageTimer timer(decode_seconds_);
  OCELLUS_ASSIGN_OR_RETURN(const std::vector<std::uint8_t> jpeg,
                           image::Thumbnail(AsBytes(bytes), max_side, options_.picture_limits));
  return PictureFile{std::string(AsText(jpeg)), image::ContentType(image::Format::kJpeg)};
}

}  // namespace ocellus::engine
