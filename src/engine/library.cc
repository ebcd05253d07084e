#include "engine/library.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <utility>

#include "base/digest.h"

namespace ocellus::engine {
namespace {

// What the whole content of a picture counts in a search by face: less than half, so that it never
// comes before the same person.
constexpr double kContentShareBesideFaces = 0.49;

std::int64_t NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

Status NoSuchLibrary(const std::string& name) {
  return Status(Code::kNotFound, "no such library: " + name);
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

struct Libraries::View {
  std::shared_ptr<const store::Table> source;
  store::TableSchema schema;
  std::optional<PictureTable> table;  // none: it is a library

  LibraryMode mode() const {
    return table.has_value() ? LibraryMode::kWholePicture : ModeOf(schema);
  }
  const std::string& content_column() const {
    static const std::string kColumn = kLibraryVectorColumn;
    return table.has_value() ? table->vector_column : kColumn;
  }
  bool has_parts() const { return !table.has_value() && HasParts(schema); }
};

struct Libraries::Prepared {
  struct Part {
    store::Vector vector;
    std::optional<embed::ScoreCurve> scores;
    bool face = false;
    double share = 1;  // of its score that counts
  };
  std::vector<Part> parts;  // of a picture the one that it scores best against counts
  std::vector<PictureRegion> regions;
};

Result<Library> Libraries::Create(const std::string& name, LibraryMode mode,
                                  const std::string& description) {
  MutexLock lock(creation_);
  OCELLUS_ASSIGN_OR_RETURN(const std::vector<store::TableSchema> tables, engine_.ListSchemas());
  std::size_t libraries = 0;
  for (const store::TableSchema& table : tables) {
    if (table.name == name) {
      return Status(Code::kAlreadyExists,
                    (IsLibrary(table) ? "library " : "table ") + name + " exists already");
    }
    if (IsLibrary(table)) ++libraries;
  }
  if (libraries >= options_.max_libraries) {
    return Status(Code::kResourceExhausted, "there are " + std::to_string(libraries) +
                                                " libraries, and the limit is " +
                                                std::to_string(options_.max_libraries));
  }
  const LibraryDescription library = {name, mode, description, NowMs()};
  OCELLUS_ASSIGN_OR_RETURN(const store::TableSchema schema, engine_.CreateTable(SchemaOf(library)));
  return Library{name, mode, description, library.create_time_ms, 0, 0};
}

Status Libraries::Drop(const std::string& name) {
  OCELLUS_ASSIGN_OR_RETURN(const store::TableSchema schema, Writable(name));
  const Status status = engine_.DropTable(name);
  return status.code() == Code::kNotFound ? NoSuchLibrary(name) : status;
}

Result<Library> Libraries::Counted(const TableInfo& table) {
  const store::TableSchema& schema = table.schema;
  const LibraryDescription made = DescriptionOf(schema).value_or(LibraryDescription());
  Library library = {schema.name,         made.mode,        made.text,
                     made.create_time_ms, table.stats.rows, table.stats.bytes_on_disk};
  if (IsLibrary(schema) && HasParts(schema)) {
    OCELLUS_ASSIGN_OR_RETURN(library.pictures, engine_.Count(schema.name, FirstParts(schema)));
  }
  return library;
}

Result<std::vector<Library>> Libraries::List() {
  OCELLUS_ASSIGN_OR_RETURN(const std::vector<TableInfo> tables, engine_.ListTables());
  std::vector<Library> libraries;
  for (const TableInfo& table : tables) {
    if (!IsLibrary(table.schema) && !AsPictureTable(table.schema).has_value()) continue;
    Result<Library> library = Counted(table);
    if (library.ok()) {
      libraries.push_back(*std::move(library));
    } else if (library.status().code() != Code::kNotFound) {  // dropped in between
      return std::move(library).status();
    }
  }
  return libraries;
}

Result<Library> Libraries::Find(const std::string& name) {
  const Result<TableInfo> table = engine_.DescribeTable(name);
  if (!table.ok() && table.status().code() != Code::kNotFound) return table.status();
  if (!table.ok() || !IsLibrary(table->schema)) return NoSuchLibrary(name);
  return Counted(*table);
}

Result<store::TableSchema> Libraries::Writable(const std::string& name) {
  Result<store::TableSchema> schema = engine_.Schema(name);
  if (!schema.ok() && schema.status().code() != Code::kNotFound) return schema;
  if (!schema.ok()) return NoSuchLibrary(name);
  if (IsLibrary(*schema)) return schema;
  if (!AsPictureTable(*schema).has_value()) return NoSuchLibrary(name);
  return Status(Code::kNotFound, "no such library: " + name +
                                     " is a table of another interface, and read-only here");
}

Result<Libraries::View> Libraries::Readable(const std::string& name) {
  Result<std::shared_ptr<const store::Table>> source = engine_.Current(name);
  if (!source.ok() && source.status().code() != Code::kNotFound) return std::move(source).status();
  if (!source.ok()) return NoSuchLibrary(name);
  View view = {*source, (*source)->schema(), std::nullopt};
  if (IsLibrary(view.schema)) return view;
  view.table = AsPictureTable(view.schema);
  if (!view.table.has_value()) return NoSuchLibrary(name);
  return view;
}

template <typename Read>
std::invoke_result_t<Read, const Libraries::View&> Libraries::Steadily(const std::string& name,
                                                                       const Read& read) {
  while (true) {
    OCELLUS_ASSIGN_OR_RETURN(const View view, Readable(name));
    auto result = read(view);
    const Result<std::shared_ptr<const store::Table>> now = engine_.Current(name);
    if (!now.ok() || *now == view.source) return result;
  }
}

Result<LibraryMode> Libraries::FindMode(const std::string& name) {
  OCELLUS_ASSIGN_OR_RETURN(const store::TableSchema schema, Writable(name));
  return ModeOf(schema);
}

Result<LibraryMode> Libraries::FindReadable(const std::string& name) {
  OCELLUS_ASSIGN_OR_RETURN(const View view, Readable(name));
  return view.mode();
}

Result<std::vector<PicturePart>> Libraries::PartsOf(const store::TableSchema& schema, Bytes bytes,
                                                    const ItemsSpec& items) {
  VectorMaker& vectors = engine_.vectors();
  OCELLUS_ASSIGN_OR_RETURN(embed::Embedder * embedder,
                           vectors.EmbedderOf(*schema.Find(kLibraryVectorColumn)));
  if (ModeOf(schema) == LibraryMode::kFaceOrWholePicture) {
    OCELLUS_ASSIGN_OR_RETURN(const embed::FaceRecognizer* faces,
                             vectors.FacesOf(*schema.Find(kLibraryFaceColumn)));
    return vectors.WholeAndFaces(embedder, *faces, {bytes});
  }
  OCELLUS_ASSIGN_OR_RETURN(std::vector<PicturePart> parts, vectors.Items(*embedder, bytes, items));
  if (parts.size() > items.max_items) parts.resize(items.max_items);
  return parts;
}

Status Libraries::Put(const std::string& library, NewPicture picture) {
  OCELLUS_ASSIGN_OR_RETURN(const store::TableSchema known, Writable(library));
  const auto row_of = [&](const store::TableSchema& schema) {
    store::Row row;
    row.cells.resize(schema.columns.size());
    const auto set = [&](const char* column, Value value) {
      row.cells[schema.IndexOf(column)] = std::move(value);
    };
    set(kLibraryIdColumn, picture.key.id);
    set(kLibraryUriColumn, picture.key.uri);
    set(kLibraryTagsColumn, picture.tags);
    set(kLibraryDigestColumn, Sha256Hex(AsBytes(picture.bytes)));
    set(kLibraryCreatedColumn, NowMs());
    return row;
  };
  if (!HasParts(known)) {
    store::Row row = row_of(known);
    row.cells[known.IndexOf(kLibraryImageColumn)] = store::Blob{std::move(picture.bytes)};
    UpsertOptions options;
    if (!picture.keep_bytes) options.discard = {kLibraryImageColumn};
    std::vector<store::Row> rows;
    rows.push_back(std::move(row));
    return AboutThePicture(engine_.Upsert(library, std::move(rows), options));
  }
  return AboutThePicture(
      engine_.Write(library, [&](const store::TableSchema& schema) -> Result<store::WriteBatch> {
        if (!IsLibrary(schema) || ModeOf(schema) != ModeOf(known)) return NoSuchLibrary(library);
        OCELLUS_ASSIGN_OR_RETURN(std::vector<PicturePart> parts,
                                 PartsOf(schema, AsBytes(picture.bytes), picture.items));
        store::Row row = row_of(schema);
        if (picture.keep_bytes) {
          row.cells[schema.IndexOf(kLibraryImageColumn)] = store::Blob{picture.bytes};
        }
        return RowsOf(schema, std::move(row), std::move(parts));
      }));
}

Result<std::uint64_t> Libraries::Remove(const std::string& library, const std::string& id,
                                        const std::optional<std::string>& uri) {
  OCELLUS_ASSIGN_OR_RETURN(const store::TableSchema schema, Writable(library));
  store::ScanRequest scan;
  scan.columns = schema.primary_key;
  scan.limit = 1000;
  scan.filter = query::Filter::Where({kLibraryIdColumn, ""}, query::Op::kEqual, id);
  if (uri.has_value()) {
    scan.filter =
        query::Filter::And({std::move(scan.filter), query::Filter::Where({kLibraryUriColumn, ""},
                                                                         query::Op::kEqual, *uri)});
  }
  std::uint64_t removed = 0;
  for (;;) {
    OCELLUS_ASSIGN_OR_RETURN(const std::vector<store::Row> rows, engine_.Scan(library, scan));
    if (rows.empty()) return removed;
    std::vector<store::Key> keys;
    for (const store::Row& row : rows) {
      keys.push_back(store::KeyOf(schema, row));
      if (keys.back() == KeyOf(schema, PictureOf(schema, row))) ++removed;
    }
    OCELLUS_RETURN_IF_ERROR(engine_.Delete(library, std::move(keys)));
  }
}

Result<Libraries::Prepared> Libraries::Prepare(const View& view, const LibrarySearch& search) {
  VectorMaker& vectors = engine_.vectors();
  if (view.has_parts() && HasText(search.query)) {
    return Status(Code::kFailedPrecondition,
                  "library " + view.schema.name + " is searched by picture only");
  }
  const auto* picture = std::get_if<PictureQuery>(&search.query);
  if (picture != nullptr && view.mode() == LibraryMode::kMainSubject) {
    return PrepareItems(view, *picture, search.max_items);
  }
  if (picture != nullptr && view.mode() == LibraryMode::kFaceOrWholePicture) {
    return PrepareFaces(view, *picture, search.faces);
  }
  const store::Column& column = *view.schema.Find(view.content_column());
  Prepared prepared;
  Prepared::Part& whole = prepared.parts.emplace_back();
  const Result<embed::Embedder*> embedder = vectors.EmbedderOf(column);
  if (embedder.ok() && !std::holds_alternative<VectorQuery>(search.query)) {
    const embed::BundleInfo& info = (*embedder)->info();
    const bool text = std::holds_alternative<TextQuery>(search.query);
    whole.scores = text ? info.text_scores : info.picture_scores;
  }
  std::vector<embed::SubjectBox> boxes;
  OCELLUS_ASSIGN_OR_RETURN(whole.vector, vectors.OfQuery(column, search.query, boxes));
  for (const embed::SubjectBox& found : boxes) {
    prepared.regions.push_back({store::SourcePart::kSubject, found.box, double{found.score}});
  }
  return prepared;
}

Result<Libraries::Prepared> Libraries::PrepareItems(const View& view, const PictureQuery& picture,
                                                    std::size_t max_items) {
  VectorMaker& vectors = engine_.vectors();
  OCELLUS_ASSIGN_OR_RETURN(embed::Embedder * embedder,
                           vectors.EmbedderOf(*view.schema.Find(kLibraryVectorColumn)));
  ItemsSpec spec;
  if (picture.region.has_value()) spec.boxes = {*picture.region};
  spec.find = picture.find_subject.value_or(true);
  spec.max_items = max_items;
  spec.min_share = kQueryItemShare;
  OCELLUS_ASSIGN_OR_RETURN(std::vector<PicturePart> items,
                           vectors.Items(*embedder, picture.bytes, spec));
  Prepared prepared;
  for (PicturePart& item : items) {
    if (item.vector.empty()) break;
    prepared.parts.push_back({std::move(item.vector), embedder->info().picture_scores});
    if (spec.find || picture.region.has_value()) {
      prepared.regions.push_back({store::SourcePart::kSubject, item.box, double{item.score}});
    }
  }
  return prepared;
}

Result<Libraries::Prepared> Libraries::PrepareFaces(const View& view, const PictureQuery& picture,
                                                    QueryFaces wanted) {
  VectorMaker& vectors = engine_.vectors();
  OCELLUS_ASSIGN_OR_RETURN(embed::Embedder * embedder,
                           vectors.EmbedderOf(*view.schema.Find(kLibraryVectorColumn)));
  OCELLUS_ASSIGN_OR_RETURN(const embed::FaceRecognizer* faces,
                           vectors.FacesOf(*view.schema.Find(kLibraryFaceColumn)));
  OCELLUS_ASSIGN_OR_RETURN(std::vector<PicturePart> found,
                           vectors.WholeAndFaces(embedder, *faces, picture));
  if (wanted == QueryFaces::kLargest && found.size() > 2) found.resize(2);
  Prepared prepared;
  const bool faceless = found.size() == 1;
  for (PicturePart& part : found) {
    const bool face = part.kind == store::SourcePart::kFace;
    if (face || (faceless && picture.region.has_value())) {
      prepared.regions.push_back({part.kind, part.box, double{part.score}});
    }
    prepared.parts.push_back({std::move(part.vector),
                              face ? faces->info().scores : embedder->info().picture_scores, face,
                              face || faceless ? 1 : kContentShareBesideFaces});
  }
  return prepared;
}

Result<std::vector<LibraryHit>> Libraries::SearchColumn(const View& view,
                                                        const LibrarySearch& search,
                                                        const std::string& column,
                                                        const store::Vector& vector) {
  const store::TableSchema& schema = view.schema;
  SearchSpec spec;
  spec.table = schema.name;
  spec.vector_column = column;
  spec.query = VectorQuery{vector};
  spec.bundle_digest = schema.Find(column)->vector.bundle_digest;
  spec.top_k = search.top_k;
  if (view.table.has_value()) {
    spec.filter = OnColumns(schema, *view.table, search.filter, kLibraryTagsColumn);
    spec.columns = TagColumns(schema, *view.table);
  } else {
    spec.filter = search.filter;
    spec.columns = {kLibraryIdColumn, kLibraryUriColumn, kLibraryTagsColumn};
  }
  if (view.has_parts()) {
    spec.columns.insert(spec.columns.end(),
                        {kLibraryKindColumn, kLibraryBoxColumn, kLibraryConfidenceColumn});
    spec.distinct = PictureColumns(schema);
  }
  OCELLUS_ASSIGN_OR_RETURN(SearchResult found, engine_.Search(spec));
  std::vector<LibraryHit> hits;
  hits.reserve(found.hits.size());
  for (store::Hit& hit : found.hits) {
    LibraryHit& out = hits.emplace_back();
    if (view.table.has_value()) {
      out.key = {IdOf(schema, *view.table, hit.row), ""};
      out.tags = TagsOf(schema, *view.table, hit.row);
      out.cosine = CosineOf(view.table->metric, hit.score);
    } else {
      out.key = PictureOf(schema, hit.row);
      out.tags = TagsOf(schema, hit.row);
      out.cosine = hit.score;
      out.region = RegionOf(schema, hit.row);
    }
  }
  return hits;
}

Result<std::vector<LibraryHit>> Libraries::SearchPrepared(const View& view,
                                                          const Prepared& prepared,
                                                          const LibrarySearch& search) {
  std::map<std::pair<std::string, std::string>, LibraryHit> best;  // of each picture
  for (const Prepared::Part& part : prepared.parts) {
    const std::string column = part.face ? kLibraryFaceColumn : view.content_column();
    OCELLUS_ASSIGN_OR_RETURN(std::vector<LibraryHit> hits,
                             SearchColumn(view, search, column, part.vector));
    for (LibraryHit& hit : hits) hit.score = part.share * ScoreOf(part.scores, hit.cosine);
    if (prepared.parts.size() == 1) return hits;
    for (LibraryHit& hit : hits) {
      const auto [place, added] = best.emplace(std::pair(hit.key.id, hit.key.uri), hit);
      if (!added && place->second.score < hit.score) place->second = std::move(hit);
    }
  }
  std::vector<LibraryHit> hits;
  hits.reserve(best.size());
  for (auto& [key, hit] : best) hits.push_back(std::move(hit));
  std::stable_sort(hits.begin(), hits.end(),
                   [](const LibraryHit& a, const LibraryHit& b) { return a.score > b.score; });
  if (hits.size() > search.top_k) hits.resize(search.top_k);
  return hits;
}

Result<LibraryAnswer> Libraries::Search(const LibrarySearch& search) {
  Result<LibraryAnswer> answer =
      Steadily(search.library, [&](const View& view) -> Result<LibraryAnswer> {
        OCELLUS_ASSIGN_OR_RETURN(Prepared prepared, Prepare(view, search));
        OCELLUS_ASSIGN_OR_RETURN(std::vector<LibraryHit> hits,
                                 SearchPrepared(view, prepared, search));
        return LibraryAnswer{std::move(hits), std::move(prepared.regions)};
      });
  if (!answer.ok()) return AboutThePicture(std::move(answer).status());
  return answer;
}

Result<std::vector<FoundPicture>> Libraries::SearchAll(const std::vector<std::string>& libraries,
                                                       LibrarySearch search) {
  std::vector<FoundPicture> found;
  std::map<std::string, Prepared> known;  // by what makes the vectors
  const auto search_one = [&](const View& view) -> Result<std::vector<LibraryHit>> {
    std::string maker = std::to_string(static_cast<int>(view.mode()));
    for (const store::Column& column : view.schema.columns) {
      maker += " " + column.vector.bundle + " " + column.vector.bundle_digest;
    }
    auto prepared = known.find(maker);
    if (prepared == known.end()) {
      Result<Prepared> made = Prepare(view, search);
      if (!made.ok()) return AboutThePicture(std::move(made).status());
      prepared = known.emplace(maker, *std::move(made)).first;
    }
    return SearchPrepared(view, prepared->second, search);
  };
  for (const std::string& name : libraries) {
    OCELLUS_ASSIGN_OR_RETURN(std::vector<LibraryHit> hits, Steadily(name, search_one));
    for (LibraryHit& hit : hits) found.push_back({name, std::move(hit)});
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
      modes.emplace_back(schema.name, ModeOf(schema));
    } else if (AsPictureTable(schema).has_value()) {
      modes.emplace_back(schema.name, LibraryMode::kWholePicture);
    }
  }
  return modes;
}

Result<std::vector<std::optional<std::string>>> Libraries::ReadBytes(
    const std::string& library, const std::vector<PictureKey>& keys) {
  OCELLUS_ASSIGN_OR_RETURN(const View view, Readable(library));
  const store::TableSchema& schema = view.schema;
  if (view.table.has_value()) {
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
  for (const PictureKey& key : keys) wanted.push_back(KeyOf(schema, key));
  OCELLUS_ASSIGN_OR_RETURN(std::vector<std::optional<store::Row>> rows,
                           engine_.Get(library, wanted, {kLibraryImageColumn}));
  std::vector<std::optional<std::string>> bytes(keys.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!rows[i].has_value()) continue;
    if (auto* blob = std::get_if<store::Blob>(&rows[i]->cells[schema.IndexOf(kLibraryImageColumn)]))
      bytes[i] = std::move(blob->bytes);
  }
  return bytes;
}

Result<KeptPicture> Libraries::Fetch(const std::string& library, const std::string& id,
                                     const std::optional<std::string>& uri) {
  return Steadily(library, [&](const View& view) {
    return view.table.has_value() ? FetchFromTable(view, id, uri) : FetchFromLibrary(view, id, uri);
  });
}

Result<KeptPicture> Libraries::FetchFromTable(const View& view, const std::string& id,
                                              const std::optional<std::string>& uri) {
  const store::TableSchema& schema = view.schema;
  const std::optional<store::Key> key = KeyOfId(schema, *view.table, id);
  if (!key.has_value() || (uri.has_value() && !uri->empty())) {
    return Status(Code::kNotFound, "no such picture in library " + schema.name);
  }
  OCELLUS_ASSIGN_OR_RETURN(std::vector<std::optional<store::Row>> rows,
                           engine_.Get(schema.name, {&*key, 1}, {view.table->picture_column}));
  if (!rows.front().has_value()) {
    return Status(Code::kNotFound, "no such picture in library " + schema.name);
  }
  const std::size_t at = schema.IndexOf(view.table->picture_column);
  auto* blob = at < rows.front()->cells.size() ? std::get_if<store::Blob>(&rows.front()->cells[at])
                                               : nullptr;
  if (blob == nullptr) return Status(Code::kNotFound, "this picture's bytes were not kept");
  std::string digest = Sha256Hex(AsBytes(blob->bytes));
  return KeptPicture{std::move(blob->bytes), std::move(digest)};
}

Result<KeptPicture> Libraries::FetchFromLibrary(const View& view, const std::string& id,
                                                const std::optional<std::string>& uri) {
  const store::TableSchema& schema = view.schema;
  const std::vector<std::string> columns = {kLibraryImageColumn, kLibraryDigestColumn};
  std::optional<store::Row> row;
  if (uri.has_value()) {
    const std::vector<store::Key> keys = {KeyOf(schema, {id, *uri})};
    OCELLUS_ASSIGN_OR_RETURN(std::vector<std::optional<store::Row>> rows,
                             engine_.Get(schema.name, keys, columns));
    row = std::move(rows.front());
  } else {
    store::ScanRequest scan;
    scan.filter = query::Filter::And(
        {FirstParts(schema), query::Filter::Where({kLibraryIdColumn, ""}, query::Op::kEqual, id)});
    scan.columns = columns;
    scan.limit = 1;
    OCELLUS_ASSIGN_OR_RETURN(std::vector<store::Row> rows, engine_.Scan(schema.name, scan));
    if (!rows.empty()) row = std::move(rows.front());
  }
  if (!row.has_value()) return Status(Code::kNotFound, "no such picture in library " + schema.name);
  auto* blob = std::get_if<store::Blob>(&row->cells[schema.IndexOf(kLibraryImageColumn)]);
  if (blob == nullptr) return Status(Code::kNotFound, "this picture's bytes were not kept");
  return KeptPicture{std::move(blob->bytes), TextIn(schema, *row, kLibraryDigestColumn)};
}

bool Libraries::Has(const std::string& library, const PictureKey& key) {
  const Result<store::TableSchema> schema = Writable(library);
  if (!schema.ok()) return false;
  const std::vector<store::Key> keys = {KeyOf(*schema, key)};
  const auto rows = engine_.Get(library, keys, {kLibraryIdColumn});
  return rows.ok() && rows->front().has_value();
}

Result<std::vector<std::string>> Libraries::Known(const std::string& library, Value::List digests) {
  OCELLUS_ASSIGN_OR_RETURN(const store::TableSchema schema, Writable(library));
  store::ScanRequest scan;
  scan.columns = {kLibraryDigestColumn};
  scan.limit = 1000;
  std::set<std::string> known;
  scan.filter =
      query::Filter::Where({kLibraryDigestColumn, ""}, query::Op::kIn, std::move(digests));
  while (true) {  // several pictures may have one digest
    OCELLUS_ASSIGN_OR_RETURN(const std::vector<store::Row> rows, engine_.Scan(library, scan));
    for (const store::Row& row : rows) known.insert(TextIn(schema, row, kLibraryDigestColumn));
    if (rows.size() < scan.limit) break;
    scan.offset += scan.limit;
  }
  return std::vector<std::string>(known.begin(), known.end());
}

}  // namespace ocellus::engine
