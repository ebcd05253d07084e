#include "engine/library.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <utility>

#include "base/digest.h"

namespace ocellus::engine {
namespace {

// Attributes and words below are kept on disk: never change.
constexpr char kKindAttribute[] = "kind";
constexpr char kLibraryKind[] = "library";
constexpr char kModeAttribute[] = "mode";
constexpr char kDescriptionAttribute[] = "description";
constexpr char kCreateTimeAttribute[] = "create_time";

// Positions of the columns, as SchemaOf makes them.
enum ColumnAt : std::size_t { kId, kUri, kImage, kTags, kDigest, kCreated, kVector, kColumns };

const char* ModeWord(LibraryMode mode) {
  switch (mode) {
    case LibraryMode::kMainSubject:
      return "main_subject";
    case LibraryMode::kFaceOrWholePicture:
      return "face_or_whole_picture";
    case LibraryMode::kWholePicture:
      break;
  }
  return "whole_picture";
}

LibraryMode ModeOf(std::string_view word) {
  for (const LibraryMode mode : {LibraryMode::kMainSubject, LibraryMode::kFaceOrWholePicture}) {
    if (word == ModeWord(mode)) return mode;
  }
  return LibraryMode::kWholePicture;
}

std::int64_t NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

const Value* Attribute(const store::TableSchema& schema, std::string_view name) {
  for (const auto& [key, value] : schema.attributes) {
    if (key == name) return &value;
  }
  return nullptr;
}

std::string TextAttribute(const store::TableSchema& schema, std::string_view name) {
  const Value* value = Attribute(schema, name);
  return value != nullptr && value->as_string() != nullptr ? *value->as_string() : std::string();
}

bool IsLibrary(const store::TableSchema& schema) {
  return TextAttribute(schema, kKindAttribute) == kLibraryKind;
}

Status NoSuchLibrary(const std::string& name) {
  return Status(Code::kNotFound, "no such library: " + name);
}

store::TableSchema SchemaOf(const std::string& name, LibraryMode mode,
                            const std::string& description, std::int64_t now_ms) {
  using store::ColumnType;
  store::TableSchema schema;
  schema.name = name;
  schema.columns.resize(kColumns);
  schema.columns[kId] = {kLibraryIdColumn, ColumnType::kString, false, true, {}};
  schema.columns[kUri] = {kLibraryUriColumn, ColumnType::kString, false, true, {}};
  schema.columns[kImage] = {kLibraryImageColumn, ColumnType::kBlob, false, false, {}};
  schema.columns[kTags] = {kLibraryTagsColumn, ColumnType::kMap, false, false, {}};
  schema.columns[kDigest] = {kLibraryDigestColumn, ColumnType::kString, false, true, {}};
  schema.columns[kCreated] = {kLibraryCreatedColumn, ColumnType::kInt64, false, true, {}};
  store::VectorSpec vector;
  vector.metric = store::Metric::kCosine;
  vector.source_column = kLibraryImageColumn;
  schema.columns[kVector] = {kLibraryVectorColumn, ColumnType::kVector, false, true, vector};
  schema.primary_key = {kLibraryIdColumn, kLibraryUriColumn};
  schema.attributes = {{kKindAttribute, kLibraryKind},
                       {kModeAttribute, ModeWord(mode)},
                       {kDescriptionAttribute, description},
                       {kCreateTimeAttribute, now_ms}};
  return schema;
}

Library LibraryOf(const store::TableSchema& schema, const store::TableStats& stats) {
  Library library;
  library.name = schema.name;
  library.mode = ModeOf(TextAttribute(schema, kModeAttribute));
  library.description = TextAttribute(schema, kDescriptionAttribute);
  const Value* created = Attribute(schema, kCreateTimeAttribute);
  if (created != nullptr && created->as_int() != nullptr)
    library.create_time_ms = *created->as_int();
  library.pictures = stats.rows;
  library.bytes_on_disk = stats.bytes_on_disk;
  return library;
}

store::Key KeyOf(const PictureKey& key) {
  return {key.id, key.uri};
}

std::string TextCell(const store::Row& row, ColumnAt at) {
  const auto* value = std::get_if<Value>(&row.cells[at]);
  return value != nullptr && value->as_string() != nullptr ? *value->as_string() : std::string();
}

// The message without the column or the part of the query that the engine names: callers of a
// library know neither.
Status AboutThePicture(Status status) {
  if (status.code() != Code::kInvalidArgument) return status;
  for (const std::string_view prefix : {"image: ", "picture: ", "text: "}) {
    if (!status.message().starts_with(prefix)) continue;
    return Status(status.code(), status.message().substr(prefix.size()));
  }
  return status;
}

// As LibraryHit::score says.
double ScoreOf(const std::optional<embed::ScoreCurve>& curve, float cosine) {
  return curve.has_value() ? curve->Score(double{cosine}) : std::clamp(double{cosine}, 0.0, 1.0);
}

}  // namespace

Result<Library> Libraries::Create(const std::string& name, LibraryMode mode,
                                  const std::string& description) {
  if (mode != LibraryMode::kWholePicture) {
    return Status(Code::kFailedPrecondition,
                  "this server makes vectors of whole pictures only so far");
  }
  MutexLock lock(creation_);
  OCELLUS_ASSIGN_OR_RETURN(const std::vector<TableInfo> tables, engine_.ListTables());
  std::size_t libraries = 0;
  for (const TableInfo& table : tables) {
    if (table.schema.name == name) {
      return Status(Code::kAlreadyExists,
                    (IsLibrary(table.schema) ? "library " : "table ") + name + " exists already");
    }
    if (IsLibrary(table.schema)) ++libraries;
  }
  if (libraries >= options_.max_libraries) {
    return Status(Code::kResourceExhausted, "there are " + std::to_string(libraries) +
                                                " libraries, and the limit is " +
                                                std::to_string(options_.max_libraries));
  }
  OCELLUS_ASSIGN_OR_RETURN(const store::TableSchema schema,
                           engine_.CreateTable(SchemaOf(name, mode, description, NowMs())));
  return LibraryOf(schema, {});
}

Status Libraries::Drop(const std::string& name) {
  OCELLUS_RETURN_IF_ERROR(Check(name));
  const Status status = engine_.DropTable(name);
  return status.code() == Code::kNotFound ? NoSuchLibrary(name) : status;
}

Result<std::vector<Library>> Libraries::List() {
  OCELLUS_ASSIGN_OR_RETURN(const std::vector<TableInfo> tables, engine_.ListTables());
  std::vector<Library> libraries;
  for (const TableInfo& table : tables) {
    if (IsLibrary(table.schema) || AsPictureTable(table.schema).has_value()) {
      libraries.push_back(LibraryOf(table.schema, table.stats));
    }
  }
  return libraries;
}

Result<Library> Libraries::Find(const std::string& name) {
  const Result<TableInfo> table = engine_.DescribeTable(name);
  if (!table.ok() && table.status().code() != Code::kNotFound) return table.status();
  if (!table.ok() || !IsLibrary(table->schema)) return NoSuchLibrary(name);
  return LibraryOf(table->schema, table->stats);
}

Result<LibraryMode> Libraries::FindMode(const std::string& name) {
  const Result<store::TableSchema> schema = engine_.Schema(name);
  if (!schema.ok() && schema.status().code() != Code::kNotFound) return schema.status();
  if (!schema.ok()) return NoSuchLibrary(name);
  if (IsLibrary(*schema)) return ModeOf(TextAttribute(*schema, kModeAttribute));
  if (!AsPictureTable(*schema).has_value()) return NoSuchLibrary(name);
  return Status(Code::kNotFound, "no such library: " + name +
                                     " is a table of another interface, and read-only here");
}

Result<store::TableSchema> Libraries::Readable(const std::string& name) {
  Result<store::TableSchema> schema = engine_.Schema(name);
  if (!schema.ok() && schema.status().code() != Code::kNotFound) return schema;
  const bool readable = schema.ok() && (IsLibrary(*schema) || AsPictureTable(*schema).has_value());
  if (!readable) return NoSuchLibrary(name);
  return schema;
}

Result<LibraryMode> Libraries::FindReadable(const std::string& name) {
  OCELLUS_ASSIGN_OR_RETURN(const store::TableSchema schema, Readable(name));
  return IsLibrary(schema) ? ModeOf(TextAttribute(schema, kModeAttribute))
                           : LibraryMode::kWholePicture;
}

Status Libraries::Check(const std::string& name) {
  Result<LibraryMode> mode = FindMode(name);
  return mode.ok() ? Status() : std::move(mode).status();
}

Status Libraries::Put(const std::string& library, NewPicture picture) {
  OCELLUS_RETURN_IF_ERROR(Check(library));
  store::Row row;
  row.cells.resize(kColumns);
  row.cells[kId] = Value(std::move(picture.key.id));
  row.cells[kUri] = Value(std::move(picture.key.uri));
  row.cells[kTags] = Value(std::move(picture.tags));
  row.cells[kDigest] = Value(Sha256Hex(AsBytes(picture.bytes)));
  row.cells[kCreated] = Value(NowMs());
  row.cells[kImage] = store::Blob{std::move(picture.bytes)};
  UpsertOptions options;
  if (!picture.keep_bytes) options.discard = {kLibraryImageColumn};
  std::vector<store::Row> rows;
  rows.push_back(std::move(row));
  return AboutThePicture(engine_.Upsert(library, std::move(rows), options));
}

Result<std::vector<LibraryHit>> Libraries::Search(const LibrarySearch& search) {
  OCELLUS_ASSIGN_OR_RETURN(const store::TableSchema schema, Readable(search.library));
  if (!IsLibrary(schema)) return SearchTable(schema, *AsPictureTable(schema), search);
  SearchSpec spec;
  spec.table = search.library;
  spec.vector_column = kLibraryVectorColumn;
  spec.query = search.query;
  spec.top_k = search.top_k;
  spec.filter = search.filter;
  spec.columns = {kLibraryIdColumn, kLibraryUriColumn, kLibraryTagsColumn};
  Result<SearchResult> found = engine_.Search(spec);
  if (!found.ok()) return AboutThePicture(std::move(found).status());
  OCELLUS_ASSIGN_OR_RETURN(const std::optional<embed::ScoreCurve> curve,
                           engine_.ScoresOf(search.library, kLibraryVectorColumn, search.query));
  std::vector<LibraryHit> hits;
  hits.reserve(found->hits.size());
  for (store::Hit& hit : found->hits) {
    LibraryHit& out = hits.emplace_back();
    out.key = {TextCell(hit.row, kId), TextCell(hit.row, kUri)};
    out.cosine = hit.score;
    out.score = ScoreOf(curve, hit.score);
    auto* tags = std::get_if<Value>(&hit.row.cells[kTags]);
    out.tags =
        tags != nullptr && tags->as_map() != nullptr ? std::move(*tags) : Value(Value::Map());
  }
  return hits;
}

Result<std::vector<LibraryHit>> Libraries::SearchTable(const store::TableSchema& schema,
                                                       const PictureTable& table,
                                                       const LibrarySearch& search) {
  SearchSpec spec;
  spec.table = search.library;
  spec.vector_column = table.vector_column;
  spec.query = search.query;
  spec.top_k = search.top_k;
  spec.filter = OnColumns(schema, table, search.filter, kLibraryTagsColumn);
  spec.columns = TagColumns(schema, table);
  Result<SearchResult> found = engine_.Search(spec);
  if (!found.ok()) return AboutThePicture(std::move(found).status());
  OCELLUS_ASSIGN_OR_RETURN(const std::optional<embed::ScoreCurve> curve,
                           engine_.ScoresOf(search.library, table.vector_column, search.query));
  std::vector<LibraryHit> hits;
  hits.reserve(found->hits.size());
  for (const store::Hit& hit : found->hits) {
    const float cosine = CosineOf(table.metric, hit.score);
    hits.push_back({{IdOf(schema, table, hit.row), ""},
                    TagsOf(schema, table, hit.row),
                    cosine,
                    ScoreOf(curve, cosine)});
  }
  return hits;
}

Result<std::vector<FoundPicture>> Libraries::SearchAll(const std::vector<std::string>& libraries,
                                                       LibrarySearch search) {
  std::vector<FoundPicture> found;
  const Query query = search.query;
  std::map<std::string, store::Vector> vectors;  // by what makes them
  for (const std::string& name : libraries) {
    OCELLUS_ASSIGN_OR_RETURN(const store::TableSchema schema, Readable(name));
    const std::string column =
        IsLibrary(schema) ? kLibraryVectorColumn : AsPictureTable(schema)->vector_column;
    const store::VectorSpec& spec = schema.Find(column)->vector;
    const std::string maker =
        spec.bundle + " " + spec.bundle_digest + " " + TextAttribute(schema, kModeAttribute);
    auto vector = vectors.find(maker);
    if (vector == vectors.end()) {
      Result<store::Vector> made = engine_.Embed(name, column, query);
      if (!made.ok()) return AboutThePicture(std::move(made).status());
      vector = vectors.emplace(maker, *std::move(made)).first;
    }
    search.library = name;
    search.query = VectorQuery{vector->second};
    OCELLUS_ASSIGN_OR_RETURN(std::vector<LibraryHit> hits, Search(search));
    OCELLUS_ASSIGN_OR_RETURN(const std::optional<embed::ScoreCurve> curve,
                             engine_.ScoresOf(name, column, query));
    for (LibraryHit& hit : hits) {
      hit.score = ScoreOf(curve, hit.cosine);
      found.push_back({name, std::move(hit)});
    }
  }
  // By score: cosines of two bundles do not compare.
  std::stable_sort(found.begin(), found.end(), [](const FoundPicture& a, const FoundPicture& b) {
    return a.hit.score > b.hit.score;
  });
  if (found.size() > search.top_k) found.resize(search.top_k);
  return found;
}

Result<std::vector<std::pair<std::string, LibraryMode>>> Libraries::Modes() {
  OCELLUS_ASSIGN_OR_RETURN(const std::vector<store::TableSchema> schemas, engine_.ListSchemas());
  std::vector<std::pair<std::string, LibraryMode>> modes;
  for (const store::TableSchema& schema : schemas) {
    if (IsLibrary(schema)) {
      modes.emplace_back(schema.name, ModeOf(TextAttribute(schema, kModeAttribute)));
    } else if (AsPictureTable(schema).has_value()) {
      modes.emplace_back(schema.name, LibraryMode::kWholePicture);
    }
  }
  return modes;
}

Result<std::vector<std::optional<std::string>>> Libraries::ReadBytes(
    const std::string& library, const std::vector<PictureKey>& keys) {
  OCELLUS_ASSIGN_OR_RETURN(const store::TableSchema schema, Readable(library));
  if (!IsLibrary(schema)) {
    std::vector<std::optional<std::string>> bytes(keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) {
      Result<KeptPicture> picture = Fetch(library, keys[i].id, std::nullopt);
      if (picture.ok()) {
        bytes[i] = std::move(picture->bytes);
      } else if (picture.status().code() != Code::kNotFound) {
        return std::move(picture).status();
      }
    }
    return bytes;
  }
  std::vector<store::Key> wanted;
  wanted.reserve(keys.size());
  for (const PictureKey& key : keys) wanted.push_back(KeyOf(key));
  OCELLUS_ASSIGN_OR_RETURN(std::vector<std::optional<store::Row>> rows,
                           engine_.Get(library, wanted, {kLibraryImageColumn}));
  std::vector<std::optional<std::string>> bytes(keys.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!rows[i].has_value()) continue;
    if (auto* blob = std::get_if<store::Blob>(&rows[i]->cells[kImage]))
      bytes[i] = std::move(blob->bytes);
  }
  return bytes;
}

Result<KeptPicture> Libraries::Fetch(const std::string& library, const std::string& id,
                                     const std::optional<std::string>& uri) {
  OCELLUS_ASSIGN_OR_RETURN(const store::TableSchema schema, Readable(library));
  if (!IsLibrary(schema)) {
    const PictureTable table = *AsPictureTable(schema);
    const std::optional<store::Key> key = KeyOfId(schema, table, id);
    if (!key.has_value() || (uri.has_value() && !uri->empty())) {
      return Status(Code::kNotFound, "no such picture in library " + library);
    }
    OCELLUS_ASSIGN_OR_RETURN(std::vector<std::optional<store::Row>> rows,
                             engine_.Get(library, {&*key, 1}, {table.picture_column}));
    if (!rows.front().has_value()) {
      return Status(Code::kNotFound, "no such picture in library " + library);
    }
    const std::size_t at = schema.IndexOf(table.picture_column);
    auto* blob = at < rows.front()->cells.size()
                     ? std::get_if<store::Blob>(&rows.front()->cells[at])
                     : nullptr;
    if (blob == nullptr) return Status(Code::kNotFound, "this picture's bytes were not kept");
    std::string digest = Sha256Hex(AsBytes(blob->bytes));
    return KeptPicture{std::move(blob->bytes), std::move(digest)};
  }
  const std::vector<std::string> columns = {kLibraryImageColumn, kLibraryDigestColumn};
  std::optional<store::Row> row;
  if (uri.has_value()) {
    const std::vector<store::Key> keys = {KeyOf({id, *uri})};
    OCELLUS_ASSIGN_OR_RETURN(std::vector<std::optional<store::Row>> rows,
                             engine_.Get(library, keys, columns));
    row = std::move(rows.front());
  } else {
    store::ScanRequest scan;
    scan.filter = query::Filter::Where({kLibraryIdColumn, ""}, query::Op::kEqual, id);
    scan.columns = columns;
    scan.limit = 1;
    OCELLUS_ASSIGN_OR_RETURN(std::vector<store::Row> rows, engine_.Scan(library, scan));
    if (!rows.empty()) row = std::move(rows.front());
  }
  if (!row.has_value()) return Status(Code::kNotFound, "no such picture in library " + library);
  auto* blob = std::get_if<store::Blob>(&row->cells[kImage]);
  if (blob == nullptr) return Status(Code::kNotFound, "this picture's bytes were not kept");
  return KeptPicture{std::move(blob->bytes), TextCell(*row, kDigest)};
}

bool Libraries::Has(const std::string& library, const PictureKey& key) {
  if (!Check(library).ok()) return false;
  const std::vector<store::Key> keys = {KeyOf(key)};
  const auto rows = engine_.Get(library, keys, {kLibraryIdColumn});
  return rows.ok() && rows->front().has_value();
}

Result<std::vector<std::string>> Libraries::Known(const std::string& library, Value::List digests) {
  OCELLUS_RETURN_IF_ERROR(Check(library));
  store::ScanRequest scan;
  scan.columns = {kLibraryDigestColumn};
  scan.limit = 1000;
  std::set<std::string> known;
  scan.filter =
      query::Filter::Where({kLibraryDigestColumn, ""}, query::Op::kIn, std::move(digests));
  while (true) {  // several pictures may have one digest
    OCELLUS_ASSIGN_OR_RETURN(const std::vector<store::Row> rows, engine_.Scan(library, scan));
    for (const store::Row& row : rows) known.insert(TextCell(row, kDigest));
    if (rows.size() < scan.limit) break;
    scan.offset += scan.limit;
  }
  return std::vector<std::string>(known.begin(), known.end());
}

}  // namespace ocellus::engine
