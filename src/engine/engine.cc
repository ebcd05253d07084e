#include "engine/engine.h"

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>
#include <utility>

namespace ocellus::engine {
namespace {

bool IsInternal(std::string_view table) {
  return table.starts_with(kInternalPrefix);
}

bool IsPicture(const store::Column& source) {
  return source.type == store::ColumnType::kBlob;
}

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

// Whether the server makes its vectors from other columns.
bool IsMade(const store::Column& column) {
  return column.type == store::ColumnType::kVector && !store::SourcesOf(column.vector).empty();
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

Engine::Engine(store::TableStore& store, embed::BundleRegistry& bundles, EngineOptions options,
               MetricsRegistry& metrics)
    : store_(store),
      bundles_(bundles),
      options_(options),
      pixels_(options.max_pixels_in_flight),
      vectors_(bundles, options_, pixels_, metrics),
      decode_seconds_(StageSeconds(metrics, "decode")),
      search_seconds_(StageSeconds(metrics, "search")),
      store_seconds_(StageSeconds(metrics, "store")) {}

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

Result<store::TableSchema> Engine::Completed(store::TableSchema schema) {
  if (IsInternal(schema.name)) {
    return Status(Code::kInvalidArgument, "name: " + std::string(kInternalPrefix) +
                                              " is the prefix of the server's own tables");
  }
  for (store::Column& column : schema.columns) {
    if (column.type != store::ColumnType::kVector) continue;
    OCELLUS_RETURN_IF_ERROR(vectors_.Complete(schema, column));
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
  const TableGates::Writer writer(gates_, schema.name, {});
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
    OCELLUS_RETURN_IF_ERROR(vectors_.Complete(schema, column));
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

Result<std::shared_ptr<const store::Table>> Engine::Current(const std::string& name) {
  OCELLUS_ASSIGN_OR_RETURN(std::shared_ptr<const store::Table> table, Open(name));
  return table;
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

Result<Engine::Making> Engine::MakingOf(const store::TableSchema& schema,
                                        std::size_t column) const {
  const store::Column& made = schema.columns[column];
  OCELLUS_ASSIGN_OR_RETURN(embed::Embedder * embedder, vectors_.EmbedderOf(made));
  Making making = {column, {}, embedder};
  for (const std::string& name : store::SourcesOf(made.vector)) {
    const std::size_t at = schema.IndexOf(name);
    making.sources.push_back({at, IsPicture(schema.columns[at]), &schema.columns[at].name});
  }
  return making;
}

Result<std::vector<Engine::Making>> Engine::MakingsOf(const store::TableSchema& schema) const {
  std::vector<Making> makings;
  for (std::size_t i = 0; i < schema.columns.size(); ++i) {
    if (!IsMade(schema.columns[i])) continue;
    OCELLUS_ASSIGN_OR_RETURN(Making making, MakingOf(schema, i));
    makings.push_back(std::move(making));
  }
  return makings;
}

Result<std::optional<store::Vector>> Engine::MakeVector(const store::TableSchema& schema,
                                                        std::size_t column, const store::Row& row) {
  if (!IsMade(schema.columns[column])) return std::optional<store::Vector>();
  OCELLUS_ASSIGN_OR_RETURN(const Making making, MakingOf(schema, column));
  return MakeVector(making, row);
}

Result<std::optional<store::Vector>> Engine::MakeVector(const Making& making,
                                                        const store::Row& row) {
  std::vector<store::Vector> parts;
  for (const Making::Source& source : making.sources) {
    const store::Cell& cell = row.cells[source.at];
    Result<store::Vector> part = store::Vector();
    if (const auto* blob = std::get_if<store::Blob>(&cell); blob != nullptr && source.picture) {
      part = vectors_.OfPicture(*making.embedder, AsBytes(blob->bytes));
    } else if (const auto* value = std::get_if<Value>(&cell);
               value != nullptr && value->as_string() != nullptr && !source.picture) {
      part = vectors_.OfText(*making.embedder, *value->as_string());
    } else {
      continue;  // nothing to make it from; a wrong type is the store's to refuse
    }
    if (!part.ok()) return std::move(part).status().WithContext(*source.name);
    parts.push_back(*std::move(part));
  }
  if (parts.empty()) return std::optional<store::Vector>();
  Result<store::Vector> fused = VectorMaker::Fuse(parts);
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

  return WriteOnce(table_name, table, {std::move(rows), options.deletes});
}

Status Engine::WriteOnce(const std::string& table_name, const std::shared_ptr<store::Table>& table,
                         store::WriteBatch batch) {
  const StageTimer timer(store_seconds_);
  std::vector<store::Key> keys = batch.deletes;
  keys.reserve(keys.size() + batch.upserts.size());
  for (const store::Row& row : batch.upserts) {
    OCELLUS_RETURN_IF_ERROR(store::Validate(table->schema(), row));
    keys.push_back(store::KeyOf(table->schema(), row));
  }
  const TableGates::Writer writer(gates_, table_name, std::move(keys));
  Status written = table->Write(std::move(batch));
  if (!WasReplaced(table_name, table, written)) return written;
  // The vectors are of the bundle before.
  return {Code::kUnavailable, "the table has changed its model bundle this moment; try again"};
}

Status Engine::Write(const std::string& table_name, const BatchMaker& make) {
  Status status;
  for (int attempt = 0; attempt < 2; ++attempt) {
    OCELLUS_ASSIGN_OR_RETURN(const std::shared_ptr<store::Table> table, Open(table_name));
    OCELLUS_ASSIGN_OR_RETURN(store::WriteBatch batch, make(table->schema()));
    status = WriteOnce(table_name, table, std::move(batch));
    if (status.code() != Code::kUnavailable) break;
  }
  return status;
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
  const std::size_t column = schema.IndexOf(vector_column);
  if (column == schema.columns.size() || !IsMade(schema.columns[column])) {
    return Status(Code::kInvalidArgument,
                  "'" + vector_column + "' is no vector column that is made from another");
  }
  OCELLUS_ASSIGN_OR_RETURN(const Making making, MakingOf(schema, column));
  store::ScanRequest request;
  request.lacking_vector = vector_column;
  request.limit = kRowsAtATime;
  request.columns = schema.primary_key;
  for (const Making::Source& source : making.sources) request.columns.push_back(*source.name);
  FillOutcome outcome;
  for (;;) {
    if (stopping && stopping()) return Status(Code::kCancelled, "stopped");
    // Rows that could not be filled stay in front.
    request.offset = outcome.failed + outcome.without_source;
    OCELLUS_ASSIGN_OR_RETURN(const std::vector<store::Row> rows, table->Scan(request));
    if (rows.empty()) return outcome;
    std::vector<Result<std::optional<store::Vector>>> made(rows.size(),
                                                           std::optional<store::Vector>());
    SideBySide(rows.size(), [&](std::size_t i) { made[i] = MakeVector(making, rows[i]); });
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

Status Engine::CheckTopK(std::uint32_t top_k) const {
  if (top_k >= 1 && top_k <= options_.max_top_k) return {};
  return {Code::kInvalidArgument, "top_k: expected 1 to " + std::to_string(options_.max_top_k) +
                                      ", got " + std::to_string(top_k)};
}

Result<std::vector<store::Hit>> Engine::SearchDistinct(store::Table& table,
                                                       store::SearchRequest request,
                                                       const std::vector<std::string>& columns) {
  if (columns.empty()) return table.Search(request);
  const std::uint32_t wanted = request.top_k;
  for (const std::string& column : columns) {
    if (std::find(request.columns.begin(), request.columns.end(), column) ==
        request.columns.end()) {
      request.columns.push_back(column);
    }
  }
  for (;;) {
    OCELLUS_ASSIGN_OR_RETURN(std::vector<store::Hit> hits, table.Search(request));
    const bool all = hits.size() < request.top_k;
    std::set<std::string> seen;
    std::erase_if(hits, [&](const store::Hit& hit) {
      Value::List values;
      for (const std::string& column : columns) {
        const auto* value = std::get_if<Value>(&hit.row.cells[table.schema().IndexOf(column)]);
        values.push_back(value != nullptr ? *value : Value());
      }
      return !seen.insert(WriteJson(Value(std::move(values)))).second;
    });
    if (all || hits.size() >= wanted) {
      if (hits.size() > wanted) hits.resize(wanted);
      return hits;
    }
    request.top_k *= 2;
  }
}

Result<SearchResult> Engine::Search(const SearchSpec& spec) {
  OCELLUS_RETURN_IF_ERROR(CheckTopK(spec.top_k));
  OCELLUS_ASSIGN_OR_RETURN(const std::shared_ptr<store::Table> table, Open(spec.table));
  OCELLUS_ASSIGN_OR_RETURN(const store::Column* column,
                           VectorColumn(table->schema(), spec.vector_column));
  if (!spec.bundle_digest.empty() && spec.bundle_digest != column->vector.bundle_digest) {
    return Status(Code::kUnavailable, "the table has changed its model bundle; try again");
  }
  SearchResult result;
  OCELLUS_ASSIGN_OR_RETURN(result.vector, vectors_.OfQuery(*column, spec.query, result.boxes));
  const StageTimer timer(search_seconds_);
  Result<std::vector<store::Hit>> hits = SearchDistinct(
      *table, {column->name, result.vector, spec.top_k, spec.filter, spec.columns, spec.sparse},
      spec.distinct);
  if (!hits.ok() && WasReplaced(spec.table, table, hits.status())) return Search(spec);
  if (!hits.ok()) return std::move(hits).status();
  result.hits = *std::move(hits);
  return result;
}

Result<PictureInfo> Engine::Measure(Bytes bytes) const {
  const Result<image::Info> info = image::Probe(bytes, options_.picture_limits);
  if (!info.ok()) return Status(Code::kInvalidArgument, info.status().message());
  return PictureInfo{image::ContentType(info->format), info->width, info->height};
}

std::size_t Engine::CountTokens(std::string_view text) const {
  return bundles_.Default().CountTokens(text);
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
