#include "engine/engine.h"

#include <algorithm>
#include <atomic>
#include <limits>
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

}  // namespace

struct Engine::Making {
  std::size_t vector_at;  // positions in the schema's columns
  std::size_t source_at;
  bool picture;
  const std::string* source_name;  // borrowed from the schema
  embed::Embedder* embedder;
};

Engine::Engine(store::TableStore& store, const embed::BundleRegistry& bundles,
               EngineOptions options, MetricsRegistry& metrics)
    : store_(store),
      bundles_(bundles),
      options_(options),
      pixels_(options.max_pixels_in_flight),
      decode_seconds_(Stage(metrics, "decode")),
      embed_seconds_(Stage(metrics, "embed")),
      search_seconds_(Stage(metrics, "search")),
      store_seconds_(Stage(metrics, "store")) {}

Result<std::shared_ptr<store::Table>> Engine::Open(const std::string& name) {
  if (IsInternal(name)) return Status(Code::kNotFound, "no such table: " + name);
  return store_.OpenTable(name);
}

Status Engine::FillFromBundle(const store::TableSchema& schema, store::Column& column) const {
  store::VectorSpec& spec = column.vector;
  if (spec.bundle.empty() && spec.source_column.empty()) return {};  // the caller's own vectors

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
  if (const store::Column* source = schema.Find(spec.source_column)) {
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

Result<store::TableSchema> Engine::CreateTable(store::TableSchema schema) {
  if (IsInternal(schema.name)) {
    return Status(Code::kInvalidArgument, "name: " + std::string(kInternalPrefix) +
                                              " is the prefix of the server's own tables");
  }
  for (store::Column& column : schema.columns) {
    if (column.type != store::ColumnType::kVector) continue;
    OCELLUS_RETURN_IF_ERROR(FillFromBundle(schema, column));
  }
  OCELLUS_RETURN_IF_ERROR(store::Validate(schema));
  OCELLUS_RETURN_IF_ERROR(store_.CreateTable(schema));
  return schema;
}

Status Engine::DropTable(const std::string& name) {
  if (IsInternal(name)) return Status(Code::kNotFound, "no such table: " + name);
  return store_.DropTable(name);
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

Result<store::Vector> Engine::EmbedPicture(embed::Embedder& embedder, Bytes bytes) {
  // One kind of failure for all that is wrong with the bytes: a retry cannot help.
  const auto refuse = [](const Status& status) {
    const bool limit = status.code() == Code::kResourceExhausted;
    return Status(limit ? Code::kInvalidArgument : status.code(), status.message());
  };
  if (bytes.empty()) return Status(Code::kInvalidArgument, "the picture has 0 bytes");

  Result<image::Info> info = image::Probe(bytes, options_.picture_limits);
  if (!info.ok()) return refuse(info.status());
  PixelBudget::Hold hold = pixels_.Acquire(std::uint64_t{info->width} * info->height);
  image::Picture picture;
  {
    const StageTimer timer(decode_seconds_);
    Result<image::Picture> decoded =
        image::Decode(bytes, {embedder.info().picture_side}, options_.picture_limits);
    if (!decoded.ok()) return refuse(decoded.status());
    picture = *std::move(decoded);
  }
  hold.ShrinkTo(std::uint64_t{picture.width} * picture.height);
  const StageTimer timer(embed_seconds_);
  return embedder.EmbedPicture(picture);
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
    if (column.type != store::ColumnType::kVector || column.vector.source_column.empty()) continue;
    const std::size_t source = schema.IndexOf(column.vector.source_column);
    OCELLUS_ASSIGN_OR_RETURN(embed::Embedder * embedder, EmbedderOf(column));
    makings.push_back(
        {i, source, IsPicture(schema.columns[source]), &schema.columns[source].name, embedder});
  }
  return makings;
}

Status Engine::MakeVectors(const std::vector<Making>& makings, store::Row& row) {
  for (const Making& making : makings) {
    store::Cell& cell = row.cells[making.vector_at];
    if (!std::holds_alternative<std::monostate>(cell)) continue;  // the caller brought it
    const store::Cell& source = row.cells[making.source_at];
    Result<store::Vector> vector = store::Vector();
    if (const auto* blob = std::get_if<store::Blob>(&source); blob != nullptr && making.picture) {
      vector = EmbedPicture(*making.embedder, AsBytes(blob->bytes));
    } else if (const auto* value = std::get_if<Value>(&source);
               value != nullptr && value->as_string() != nullptr && !making.picture) {
      vector = EmbedText(*making.embedder, *value->as_string());
    } else {
      continue;  // nothing to make it from; a wrong type is the store's to refuse
    }
    if (!vector.ok()) return std::move(vector).status().WithContext(*making.source_name);
    cell = *std::move(vector);
  }
  return {};
}

Status Engine::Upsert(const std::string& table_name, std::vector<store::Row> rows,
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
  if (makings.empty() || rows.size() == 1) {
    for (std::size_t i = 0; i < rows.size(); ++i) make(i);
  } else {
    // Side by side, so that the embedder can batch them.
    std::atomic<std::size_t> next = 0;
    std::vector<std::jthread> workers;
    const std::size_t count = std::min<std::size_t>(
        rows.size(), std::max<std::size_t>(2, std::thread::hardware_concurrency()));
    for (std::size_t worker = 0; worker < count; ++worker) {
      workers.emplace_back([&] {
        for (std::size_t i = next++; i < rows.size(); i = next++) make(i);
      });
    }
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (made[i].ok()) continue;
    if (rows.size() == 1) return std::move(made[i]);
    return std::move(made[i]).WithContext("row " + std::to_string(i));
  }

  const StageTimer timer(store_seconds_);
  return table->Write({std::move(rows), {}});
}

Status Engine::Delete(const std::string& table_name, std::vector<store::Key> keys) {
  OCELLUS_ASSIGN_OR_RETURN(const std::shared_ptr<store::Table> table, Open(table_name));
  const StageTimer timer(store_seconds_);
  return table->Write({{}, std::move(keys)});
}

Result<std::vector<std::optional<store::Row>>> Engine::Get(
    const std::string& table_name, std::span<const store::Key> keys,
    const std::vector<std::string>& columns) {
  OCELLUS_ASSIGN_OR_RETURN(const std::shared_ptr<store::Table> table, Open(table_name));
  const StageTimer timer(store_seconds_);
  return table->Get(keys, columns);
}

Result<std::vector<store::Row>> Engine::Scan(const std::string& table_name,
                                             const store::ScanRequest& request) {
  OCELLUS_ASSIGN_OR_RETURN(const std::shared_ptr<store::Table> table, Open(table_name));
  const StageTimer timer(store_seconds_);
  return table->Scan(request);
}

Result<std::uint64_t> Engine::Count(const std::string& table_name, const query::Filter& filter) {
  OCELLUS_ASSIGN_OR_RETURN(const std::shared_ptr<store::Table> table, Open(table_name));
  const StageTimer timer(store_seconds_);
  return table->Count(filter);
}

Result<store::Vector> Engine::QueryVector(const SearchSpec& spec, const store::Column& column) {
  if (const auto* vector = std::get_if<VectorQuery>(&spec.query)) return vector->vector;
  OCELLUS_ASSIGN_OR_RETURN(embed::Embedder * embedder, EmbedderOf(column));
  if (const auto* text = std::get_if<TextQuery>(&spec.query)) {
    Result<store::Vector> vector = EmbedText(*embedder, text->text);
    if (!vector.ok()) return std::move(vector).status().WithContext("text");
    return vector;
  }
  Result<store::Vector> vector = EmbedPicture(*embedder, std::get<PictureQuery>(spec.query).bytes);
  if (!vector.ok()) return std::move(vector).status().WithContext("picture");
  return vector;
}

Result<std::vector<store::Hit>> Engine::Search(const SearchSpec& spec) {
  if (spec.top_k < 1 || spec.top_k > options_.max_top_k) {
    return Status(Code::kInvalidArgument, "top_k: expected 1 to " +
                                              std::to_string(options_.max_top_k) + ", got " +
                                              std::to_string(spec.top_k));
  }
  OCELLUS_ASSIGN_OR_RETURN(const std::shared_ptr<store::Table> table, Open(spec.table));
  OCELLUS_ASSIGN_OR_RETURN(const store::Column* column,
                           VectorColumn(table->schema(), spec.vector_column));
  OCELLUS_ASSIGN_OR_RETURN(store::Vector vector, QueryVector(spec, *column));
  const StageTimer timer(search_seconds_);
  return table->Search({column->name, std::move(vector), spec.top_k, spec.filter, spec.columns});
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
