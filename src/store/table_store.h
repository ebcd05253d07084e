// TableStore: where tables live. The engine sees only this; store/embedded keeps tables in a data
// directory, store/tidb keeps them in a cluster.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "query/filter.h"
#include "query/sort_key.h"
#include "query/text_query.h"
#include "store/aggregate.h"
#include "store/row.h"
#include "store/schema.h"

namespace ocellus::store {

// Changes to one table, made together: all of them or none. A later change of the same key wins.
struct WriteBatch {
  std::vector<Row> upserts;  // inserts the row, or replaces the whole row of the same key
  std::vector<Key> deletes;  // applied before the upserts; a key that is not there is no error
};

// A vector for a row that is there and has none, because the column came after the row.
struct VectorFill {
  Key key;
  Vector vector;
};

// Elements of a sparse vector: indices[i] has values[i]; one that stands twice counts twice.
struct SparseVector {
  std::vector<std::int64_t> indices;
  std::vector<float> values;
};

struct SearchRequest {
  std::string vector_column;
  Vector query;
  std::uint32_t top_k = 10;
  query::Filter filter;
  // Columns wanted in the rows; the other cells come back null. Blobs and vectors cost what they
  // weigh, so name them only when they are used.
  std::vector<std::string> columns;
  // Of a column with a sparse part: rows with a dense vector are found, by the sum of both
  // products. With an empty `query`: rows that share an index with it, by the sparse product alone.
  std::optional<SparseVector> sparse = {};
};

struct TextSearchRequest {
  query::TextQuery query;
  std::uint32_t top_k = 10;
  query::Filter filter = {};
  std::vector<std::string> columns = {};  // as in SearchRequest
};

struct Hit {
  float score = 0;  // of the column's metric; of a text: BM25, positive, larger is better
  Row row;
};

struct ScanRequest {
  query::Filter filter;
  std::vector<std::string> columns;
  std::uint64_t offset = 0;  // rows to pass over
  std::uint64_t limit = 100;
  std::vector<query::SortKey> order = {};  // first key first; ties, and no keys: as inserted
  std::string lacking_vector = {};         // a vector column: only rows without a vector in it
};

struct TableStats {
  std::uint64_t rows = 0;
  std::uint64_t bytes_on_disk = 0;
};

// One table. Thread-safe. A search sees all rows of every Write that returned before it began, and
// never a part of a batch.
class Table {
 public:
  virtual ~Table() = default;

  virtual const TableSchema& schema() const = 0;

  // When it returns ok the batch is on disk and every later search sees it; else nothing of it is.
  // InvalidArgument: a row or key that does not fit the schema. ResourceExhausted: the disk is
  // full.
  virtual Status Write(WriteBatch batch) = 0;

  // The rows of `keys`, in their order; none where a key has no row.
  virtual Result<std::vector<std::optional<Row>>> Get(std::span<const Key> keys,
                                                      const std::vector<std::string>& columns) = 0;

  // The `top_k` nearest of the rows that the filter admits, nearest first, ties in the order of
  // insertion; fewer only when the filter admits fewer. InvalidArgument: not a vector column, wrong
  // dimension, NaN, or a filter on a column that the table has not.
  virtual Result<std::vector<Hit>> Search(const SearchRequest& request) = 0;

  // The `top_k` best of the rows that the filter admits and the text query matches, by BM25 (k1
  // 1.2, b 0.75) over the full-text columns; ties in the order of insertion. InvalidArgument: the
  // table has no full-text column, a column of the query is none, a text without a word in it,
  // more than 64 nodes or 1024 words, or the filter.
  virtual Result<std::vector<Hit>> SearchText(const TextSearchRequest& request) = 0;

  // Rows that the filter admits, in the order asked for, else in that of insertion.
  // InvalidArgument: the filter, or an order by a column that cannot be filtered on.
  virtual Result<std::vector<Row>> Scan(const ScanRequest& request) = 0;
  virtual Result<std::uint64_t> Count(const query::Filter& filter) = 0;

  // Groups and functions over the rows that the filter admits. InvalidArgument: the request, or
  // more than kMaxGroups groups.
  virtual Result<std::vector<AggregateRow>> Aggregate(const AggregateRequest& request) = 0;

  // Gives vectors to rows that lack them in this column and, where the column has sources, have
  // one; passes over all other keys. The rows stay as and where they are. Durable on return.
  // InvalidArgument as Write().
  virtual Status FillVectors(const std::string& vector_column, std::vector<VectorFill> fills) = 0;

  virtual Result<TableStats> Stats() = 0;
};

// All tables. Thread-safe.
class TableStore {
 public:
  virtual ~TableStore() = default;

  // AlreadyExists when a table of that name is there.
  virtual Status CreateTable(const TableSchema& schema) = 0;

  // Gives the table of that name the schema: columns of it that are not there yet are added, empty;
  // those that it has no more are removed with all that is in them; sparse parts, sources, full
  // text, attributes and `required` become as it says. Durable on return; after a crash the table
  // is as before or as after. Holders of the table as it was get FailedPrecondition from later
  // calls and open it again. NotFound. InvalidArgument, and nothing is changed: another primary key
  // or namespace column, a column of another type (multi, dimension, metric or model bundle
  // included), a new column that is required while there are rows.
  virtual Status AlterTable(const TableSchema& schema) = 0;

  // Its disk is free on return. Searches that hold the table may finish. NotFound.
  virtual Status DropTable(const std::string& name) = 0;

  // Puts table `replacement` in the place of table `name`, under that name, at once and for good;
  // what was there is dropped. Both have the same primary key. Searches that hold the old table may
  // finish. NotFound: either is missing.
  virtual Status ReplaceTable(const std::string& name, const std::string& replacement) = 0;

  // NotFound. The table stays usable for its holder after a drop, which then fails its calls.
  virtual Result<std::shared_ptr<Table>> OpenTable(const std::string& name) = 0;

  // In the order of creation.
  virtual Result<std::vector<TableSchema>> ListTables() = 0;
};

}  // namespace ocellus::store
