// rows.db: the rows of one table in SQLite. Bytes and SQL: docs/format/store.md.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "index/bitmap.h"
#include "store/embedded/sqlite.h"
#include "store/row.h"
#include "store/schema.h"

namespace ocellus::store::embedded {

// Numbers of a table's columns in its files, by position in the schema: c<id>. They stay when other
// columns come and go, and none is used twice.
using ColumnIds = std::vector<std::uint32_t>;

// The names and statements that follow from a schema. Columns are named c0, c1, … by their ids, so
// that a column may have any name.
//
// Thread safety: const methods may be called concurrently. The schema is borrowed.
class RowLayout {
 public:
  // REQUIRES: one id a column
  RowLayout(const TableSchema& schema, ColumnIds ids);

  const TableSchema& schema() const { return schema_; }
  const std::string& find_sql() const { return find_sql_; }
  const std::string& insert_sql() const { return insert_sql_; }

  // Blobs and vectors: kept in a table of their own each, so that reading rows never reads them.
  bool IsAside(std::size_t position) const;
  const std::vector<std::size_t>& aside() const { return aside_; }
  const std::vector<std::size_t>& vectors() const { return vectors_; }
  const std::vector<std::size_t>& key() const { return key_; }

  const std::vector<std::size_t>& texts() const { return texts_; }  // full-text columns

  std::uint32_t IdOf(std::size_t position) const { return ids_[position]; }
  const ColumnIds& ids() const { return ids_; }
  // ids().size() when no column has it.
  std::size_t PositionOf(std::uint32_t id) const;

  std::string NameOf(std::size_t position) const { return "c" + std::to_string(ids_[position]); }
  std::string AsideOf(std::size_t position) const {
    return "data_" + std::to_string(ids_[position]);
  }
  // With its type, as CREATE TABLE and ALTER TABLE have it.
  std::string DefinitionOf(std::size_t position) const;
  std::string CreateAsideSql(std::size_t position) const;
  // Of the table of texts; empty when there are no full-text columns.
  std::string CreateTextsSql() const;
  // The full-text columns, separated by commas.
  std::string TextNames() const;

 private:
  const TableSchema& schema_;
  const ColumnIds ids_;
  std::vector<std::size_t> aside_;
  std::vector<std::size_t> texts_;
  std::vector<std::size_t> vectors_;
  std::vector<std::size_t> key_;
  std::string find_sql_;
  std::string insert_sql_;
};

// What a reader wants of a row, worked out once for many rows.
struct RowSelection {
  std::vector<std::size_t> plain;  // positions read from the table of rows
  std::vector<std::size_t> blobs;
  std::vector<std::size_t> vectors;  // not read by RowFile
  std::string sql;                   // of `plain`
};

// InvalidArgument: no such column.
Result<RowSelection> Select(const RowLayout& layout, const std::vector<std::string>& columns);

// One row as it is written down besides its cells.
struct RowPlace {
  std::uint32_t slot = 0;
  std::uint64_t born = 0;  // counts the rows ever written to the table: the order of insertion
};

// One connection to the file.
//
// Thread safety: thread-compatible. The layout is borrowed.
class RowFile {
 public:
  // Makes the file with no rows. REQUIRES: nothing is at `path`
  static Status Create(const std::string& path, const RowLayout& layout);

  // Opens it; kCorruption when it is no such file.
  static Result<std::unique_ptr<RowFile>> Open(const std::string& path, const RowLayout& layout,
                                               Database::Role role);

  Database& database() { return *database_; }

  // Of the last commit that the current transaction sees.
  Result<std::uint64_t> Sequence();

  Result<std::optional<std::uint32_t>> FindSlot(const Key& key);

  // The selected cells but vectors; all others are absent. kCorruption: there is no such row, or it
  // is not as the schema says.
  Result<Row> Read(const RowPlace& place, const RowSelection& selection);

  // Changes, within a transaction of the writer. The row is valid and its integers in double
  // columns are doubles.
  Status Insert(const RowPlace& place, const Row& row);
  Status Erase(std::uint32_t slot);
  Status SetSequence(std::uint64_t sequence);
  Status AddMapKey(std::size_t position, const std::string& key);

  // Gives a row that has none its vector. REQUIRES: as Insert(); the row has none
  Status AddVector(std::uint32_t slot, std::size_t position, const Vector& vector);
  // Whether one of the row's cells is there.
  Result<bool> HasAny(std::uint32_t slot, const std::vector<std::size_t>& positions);

  // Changes of the file's shape, each a transaction of its own. REQUIRES: none is open.
  // Adds the columns of these positions, empty, in place of what has their names.
  Status AddColumns(const std::vector<std::size_t>& positions);
  // Removes every column that the layout has not, with what is aside and its map keys.
  Status RemoveOtherColumns();
  // Makes the table of texts that of the layout's full-text columns, from the rows; does nothing
  // where it is that already. True: it was made.
  Result<bool> ConformTexts();

  // Calls visit(slot, score) for every row that matches an FTS5 expression and is `allowed`.
  Status ScoreTexts(const std::string& match, const index::Bitmap& allowed,
                    const std::function<void(std::uint32_t slot, double score)>& visit);
  // Those of the allowed rows that match.
  Result<index::Bitmap> MatchTexts(const std::string& match, const index::Bitmap& allowed);

  // Whole scans, in the order of slots; a visitor's failure ends them.
  // has_vector[i]: whether the row has the vector of the column layout.vectors()[i].
  using PlaceVisitor =
      std::function<Status(const RowPlace& place, const std::vector<bool>& has_vector)>;
  Status ForEachPlace(const PlaceVisitor& visit);
  // cells[i] is the cell of positions[i].
  Status ForEachRow(
      const std::vector<std::size_t>& positions,
      const std::function<Status(std::uint32_t slot, std::vector<Cell>& cells)>& visit);
  Status ForEachVector(std::size_t position,
                       const std::function<Status(std::uint32_t slot, const Vector&)>& visit);
  Status ForEachMapKey(
      const std::function<Status(std::size_t position, std::string_view key)>& visit);

 private:
  RowFile(std::unique_ptr<Database> database, const RowLayout& layout)
      : database_(std::move(database)), layout_(layout) {}

  Status Corrupt(const std::string& what) const;
  Result<Cell> ReadCell(const Statement& statement, int column, std::size_t position) const;
  Result<std::string> ReadBlob(std::uint32_t slot, std::size_t position);
  Status InsertAside(std::uint32_t slot, std::size_t position, std::string_view bytes);
  // texts[i]: of the column layout.texts()[i]; null where it is absent.
  Status InsertTexts(std::uint32_t slot, const std::vector<const Value*>& texts);
  Status EraseTexts(std::uint32_t slot);
  Result<std::vector<std::string>> Names(const std::string& sql);
  Status CheckSum(const Statement& statement, std::size_t position) const;

  const std::unique_ptr<Database> database_;
  const RowLayout& layout_;
};

}  // namespace ocellus::store::embedded
