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
#include "embed/registry.h"
#include "engine/options.h"
#include "engine/pixel_budget.h"
#include "engine/query.h"
#include "engine/table_gates.h"
#include "engine/vector_maker.h"
#include "image/image.h"
#include "query/filter.h"
#include "store/table_store.h"

namespace ocellus::engine {

struct SearchSpec {
  std::string table;
  std::string vector_column;  // empty: the table's only one
  Query query;
  std::uint32_t top_k = 10;
  query::Filter filter;
  std::vector<std::string> columns;  // wanted in the rows, as in store::SearchRequest
  std::optional<store::SparseVector> sparse = {};
  // Of rows that are equal in these columns only the nearest is found. Empty: each row for itself.
  std::vector<std::string> distinct = {};
  // The digest of the bundle that the vector of a VectorQuery is of. Empty: not known.
  std::string bundle_digest = {};
};

struct SearchResult {
  std::vector<store::Hit> hits;  // nearest first
  // Of a picture query that is about a part of the picture: the boxes found, best first, in pixels
  // of the upright picture. The first is what was searched with.
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
  Engine(store::TableStore& store, embed::BundleRegistry& bundles, EngineOptions options,
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
  // The table as it is now: another object once it was altered or its vectors are another bundle's.
  // Who reads in several calls sees by it whether all of them read the same.
  Result<std::shared_ptr<const store::Table>> Current(const std::string& name);
  Result<TableInfo> DescribeTable(const std::string& name);
  Result<std::vector<TableInfo>> ListTables();            // internal ones left out
  Result<std::vector<store::TableSchema>> ListSchemas();  // the same, without counting

  // Makes the vectors that the rows lack from their source columns and writes the rows: all or
  // none; on disk when it returns ok. InvalidArgument for what is wrong with a row; it starts with
  // the column's name and ": " (of several rows, with "row 3: "), also when a picture cannot be
  // decoded. ResourceExhausted: the disk is full.
  Status Upsert(const std::string& table, std::vector<store::Row> rows,
                const UpsertOptions& options = {});
  // The same with rows that the caller makes, vectors too, for the table as it is: `make` is called
  // again when the table has changed its bundle meanwhile.
  using BatchMaker = std::function<Result<store::WriteBatch>(const store::TableSchema&)>;
  Status Write(const std::string& table, const BatchMaker& make);
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

  // FailedPrecondition: the column's vectors were made by a bundle that is not loaded, or a text
  // against a bundle without a text tower, or where the vectors are of parts of pictures.
  // Unavailable: the bundle that is loaded is another version, or the table has changed its bundle
  // since the spec's vector was made. InvalidArgument: anything else that is wrong with the spec,
  // also a picture that cannot be decoded ("picture: ...").
  Result<SearchResult> Search(const SearchSpec& spec);

  // What the header of an encoded picture says. InvalidArgument: it is none, or over a limit.
  Result<PictureInfo> Measure(Bytes bytes) const;

  // The vector of one column as it is made from a row's sources; empty where it has none of them,
  // or the column has none. InvalidArgument: one cannot be embedded. Unavailable and
  // FailedPrecondition as VectorMaker::EmbedderOf().
  Result<std::optional<store::Vector>> MakeVector(const store::TableSchema& schema,
                                                  std::size_t column, const store::Row& row);

  // Tokens of a text, as the default bundle's tokenizer counts them.
  std::size_t CountTokens(std::string_view text) const;

  // A kept picture as it is (max_side 0) or as a JPEG of at most so many pixels a side.
  Result<PictureFile> Render(std::string bytes, std::uint32_t max_side);

  const EngineOptions& options() const { return options_; }

  // Vectors of other things than rows, within the same limits.
  VectorMaker& vectors() { return vectors_; }

 private:
  friend class Reembedding;  // it makes a table anew, beside the one that is in use
  struct Making;             // one vector column that is made from a source column

  Result<std::shared_ptr<store::Table>> Open(const std::string& name);
  // Whether a call on `table` failed because another took its place: it is made again then.
  bool WasReplaced(const std::string& name, const std::shared_ptr<store::Table>& table,
                   const Status& status);
  // Unavailable: the table changed its bundle meanwhile.
  Status UpsertOnce(const std::string& table, std::vector<store::Row> rows,
                    const UpsertOptions& options);
  // Unavailable: as above.
  Status WriteOnce(const std::string& table_name, const std::shared_ptr<store::Table>& table,
                   store::WriteBatch batch);
  // REQUIRES: a vector column with sources
  Result<Making> MakingOf(const store::TableSchema& schema, std::size_t column) const;
  Result<std::vector<Making>> MakingsOf(const store::TableSchema& schema) const;
  // Of a row's sources; none where it has none of them.
  Result<std::optional<store::Vector>> MakeVector(const Making& making, const store::Row& row);
  Status MakeVectors(const std::vector<Making>& makings, store::Row& row);
  Status CheckTopK(std::uint32_t top_k) const;
  Result<std::vector<store::Hit>> SearchDistinct(store::Table& table, store::SearchRequest request,
                                                 const std::vector<std::string>& columns);

  store::TableStore& store_;
  embed::BundleRegistry& bundles_;
  const EngineOptions options_;
  PixelBudget pixels_;
  VectorMaker vectors_;
  TableGates gates_;
  Histogram& decode_seconds_;
  Histogram& search_seconds_;
  Histogram& store_seconds_;
};

}  // namespace ocellus::engine
