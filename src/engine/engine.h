// Engine: tables whose pictures and texts become vectors, and search over them. The only place
// where embedding and storage meet; every front speaks to it in its terms.
//
// Thread-safe. The store and the bundles are borrowed and outlive the engine.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/metrics.h"
#include "base/result.h"
#include "embed/contrast_detector.h"
#include "embed/registry.h"
#include "engine/pixel_budget.h"
#include "engine/table_gates.h"
#include "image/image.h"
#include "query/filter.h"
#include "store/table_store.h"

namespace ocellus::engine {

struct EngineOptions {
  image::Limits picture_limits;
  std::uint32_t max_top_k = 1000;
  // Pixels that may be decoded at one time by all callers together: bounds memory at three bytes
  // each. A single picture over it is decoded alone.
  std::uint64_t max_pixels_in_flight = 200'000'000;
  // Parts of one FusionQuery.
  std::size_t max_fusion_parts = 16;
  // Finds the subject of a picture; null: an embed::ContrastDetector. Borrowed, outlives the
  // engine.
  const embed::SubjectDetector* subjects = nullptr;
};

// What to search with. Bytes and texts are borrowed for the call.
struct PictureQuery {
  Bytes bytes;  // an encoded picture of any format of image::Format
  // The part of it that is meant, in pixels of the upright picture; what lies outside the picture
  // is cut off. InvalidArgument when nothing is left.
  std::optional<image::Box> region = {};
  bool find_subject = false;  // look for the part that is meant; with a region, that is the part
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

struct SearchSpec {
  std::string table;
  std::string vector_column;  // empty: the table's only one
  Query query;
  std::uint32_t top_k = 10;
  query::Filter filter;
  std::vector<std::string> columns;  // wanted in the rows, as in store::SearchRequest
  std::optional<store::SparseVector> sparse = {};
};

struct SearchResult {
  std::vector<store::Hit> hits;  // nearest first
  // Of a picture query with a region or find_subject: the boxes found, best first, in pixels of
  // the upright picture. The first is what was searched with.
  std::vector<embed::SubjectBox> boxes;
  store::Vector vector;  // that the query came to, to search with again without embedding
};

// What FillVectors() did.
struct FillOutcome {
  std::uint64_t made = 0;
  std::uint64_t failed = 0;          // its source cannot be embedded, say a damaged picture
  std::uint64_t without_source = 0;  // nothing to make it from
  std::string first_failure;         // why, of one that failed
};

struct UpsertOptions {
  // Columns that make a vector but are not kept.
  std::vector<std::string> discard;
  // Rows to remove in the same transaction, before the others are written.
  std::vector<store::Key> deletes = {};
};

struct TableInfo {
  store::TableSchema schema;
  store::TableStats stats;
};

// Tables of the server itself start with it; they are in no list and no caller reaches them here.
inline constexpr std::string_view kInternalPrefix = "ocellus.";

// The server's own table that is to take a table's place (engine/reembed.h).
std::string ReplacementOf(const std::string& table);

// An encoded picture, for showing.
struct PictureFile {
  std::string bytes;
  const char* content_type;  // static
};

struct PictureInfo {
  const char* content_type;  // static
  std::uint32_t width = 0;   // in pixels, upright
  std::uint32_t height = 0;
};

class Engine {
 public:
  Engine(store::TableStore& store, const embed::BundleRegistry& bundles, EngineOptions options,
         MetricsRegistry& metrics);

  // Vector columns with a source column get the bundle they name (the default one when they name
  // none), its digest and its dimension. NotFound: no such bundle. AlreadyExists. InvalidArgument:
  // the schema, a dimension other than the bundle's, or a name with the prefix of internal tables.
  Result<store::TableSchema> CreateTable(store::TableSchema schema);
  // The schema that CreateTable() would make of it, or its failure, and nothing is made; whether
  // the name is taken is not looked at.
  Result<store::TableSchema> Completed(store::TableSchema schema);
  // As store::TableStore::AlterTable(), with new vector columns filled in as by CreateTable().
  // Their vectors are not made: see FillVectors().
  Result<store::TableSchema> AlterTable(store::TableSchema schema);
  Status DropTable(const std::string& name);
  Result<store::TableSchema> Schema(const std::string& name);
  Result<TableInfo> DescribeTable(const std::string& name);
  Result<std::vector<TableInfo>> ListTables();            // internal ones left out
  Result<std::vector<store::TableSchema>> ListSchemas();  // the same, without counting

  // Makes the vectors that the rows lack from their source columns and writes the rows: all or
  // none; on disk when it returns ok. InvalidArgument for what is wrong with a row; it starts with
  // the column's name and ": " (of several rows, with "row 3: "), also when a picture cannot be
  // decoded. ResourceExhausted: the disk is full.
  Status Upsert(const std::string& table, std::vector<store::Row> rows,
                const UpsertOptions& options = {});
  Status Delete(const std::string& table, std::vector<store::Key> keys);

  Result<std::vector<std::optional<store::Row>>> Get(const std::string& table,
                                                     std::span<const store::Key> keys,
                                                     const std::vector<std::string>& columns);
  Result<std::vector<store::Row>> Scan(const std::string& table, const store::ScanRequest& request);
  Result<std::uint64_t> Count(const std::string& table, const query::Filter& filter);

  // Makes the vectors of one column that rows lack although they have a source: after the column
  // was added. Goes on past rows that fail. Can be called again and does then what is left; may
  // take hours, so call it from a job. Cancelled: `stopping` said so. InvalidArgument: no such
  // column, or it has no source.
  Result<FillOutcome> FillVectors(const std::string& table, const std::string& vector_column,
                                  const std::function<bool()>& stopping = {});

  Result<std::vector<store::Hit>> SearchText(const std::string& table,
                                             const store::TextSearchRequest& request);
  Result<std::vector<store::AggregateRow>> Aggregate(const std::string& table,
                                                     const store::AggregateRequest& request);

  // FailedPrecondition: the column's vectors were made by a bundle that is not the
  // one loaded under its name, or a text against a bundle without a text tower.
  // InvalidArgument: anything else that is wrong with the spec, also a picture that cannot be
  // decoded ("picture: ...").
  Result<SearchResult> Search(const SearchSpec& spec);

  // The vector that Search() would search this column with; for several tables with one bundle,
  // say.
  Result<store::Vector> Embed(const std::string& table, const std::string& vector_column,
                              const Query& query);

  // What the header of an encoded picture says. InvalidArgument: it is none, or over a limit.
  Result<PictureInfo> Measure(Bytes bytes) const;

  // Tokens of a text, as the default bundle's tokenizer counts them.
  std::size_t CountTokens(std::string_view text) const;

  // How the bundle of a vector column turns the cosines of a kind of query into scores; none: it
  // does not say, or the vectors come from the caller. NotFound, InvalidArgument: as Search().
  Result<std::optional<embed::ScoreCurve>> ScoresOf(const std::string& table,
                                                    const std::string& vector_column,
                                                    const Query& query);

  // A kept picture as it is (max_side 0) or as a JPEG of at most so many pixels a side.
  Result<PictureFile> Render(std::string bytes, std::uint32_t max_side);

  const EngineOptions& options() const { return options_; }

 private:
  friend class Embeddings;   // vectors for no table, within the same limits
  friend class Reembedding;  // it makes a table anew, beside the one that is in use
  struct Making;             // one vector column that is made from a source column

  Result<std::shared_ptr<store::Table>> Open(const std::string& name);
  // Whether a call on `table` failed because another took its place: it is made again then.
  bool WasReplaced(const std::string& name, const std::shared_ptr<store::Table>& table,
                   const Status& status);
  // Unavailable: the table changed its bundle meanwhile.
  Status UpsertOnce(const std::string& table, std::vector<store::Row> rows,
                    const UpsertOptions& options);
  Status FillFromBundle(const store::TableSchema& schema, store::Column& column) const;
  // The embedder of a column, checked to be the one that made what is stored there.
  Result<embed::Embedder*> EmbedderOf(const store::Column& column) const;
  Result<std::vector<Making>> MakingsOf(const store::TableSchema& schema) const;
  // Of a row's sources; none where it has none of them.
  Result<std::optional<store::Vector>> MakeVector(const Making& making, const store::Row& row);
  Status MakeVectors(const std::vector<Making>& makings, store::Row& row);
  Status CheckTopK(std::uint32_t top_k) const;
  Result<image::Info> ProbePicture(Bytes bytes) const;
  Result<image::Picture> DecodePicture(Bytes bytes, std::uint32_t target_side);
  Result<store::Vector> EmbedPicture(embed::Embedder& embedder, Bytes bytes);
  Result<store::Vector> EmbedText(embed::Embedder& embedder, std::string_view text);
  // `boxes` gets what a part of the picture was found in; untouched for whole pictures.
  Result<store::Vector> EmbedPart(embed::Embedder& embedder, const PictureQuery& query,
                                  std::vector<embed::SubjectBox>& boxes);
  Result<store::Vector> QueryVector(const Query& query, const store::Column& column,
                                    std::vector<embed::SubjectBox>& boxes);

  store::TableStore& store_;
  const embed::BundleRegistry& bundles_;
  const EngineOptions options_;
  PixelBudget pixels_;
  const embed::ContrastDetector contrast_;
  const embed::SubjectDetector& subjects_;
  TableGates gates_;
  Histogram& decode_seconds_;
  Histogram& embed_seconds_;
  Histogram& search_seconds_;
  Histogram& store_seconds_;
};

}  // namespace ocellus::engine
