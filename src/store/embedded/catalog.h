// catalog.db: which tables there are. Bytes and SQL: docs/format/store.md.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/embedded/row_file.h"
#include "store/embedded/sqlite.h"
#include "store/schema.h"

namespace ocellus::store::embedded {

struct CatalogEntry {
  std::int64_t id = 0;  // names the table's folder; never used again after a drop
  TableSchema schema;
  ColumnIds column_ids;              // of the schema's columns, by position
  std::uint32_t next_column_id = 0;  // above all that the table ever had
};

// Thread safety: one thread at a time.
class Catalog {
 public:
  // Opens the file at `path`; makes it when it is missing or empty and `create` says so.
  // kCorruption: it is no catalog of this format.
  static Result<std::unique_ptr<Catalog>> Open(const std::string& path, bool create);

  // In the order of creation.
  Result<std::vector<CatalogEntry>> List();

  // Enters a table, with its columns numbered from 0. `make(id)` makes its files before the entry
  // is committed: after a crash a folder without an entry is rubbish. Its failure takes the entry
  // back.
  Result<CatalogEntry> Add(const TableSchema& schema,
                           const std::function<Status(std::int64_t id)>& make);

  Status Replace(const CatalogEntry& entry);  // what is entered under its id; durable on return

  Status Remove(std::int64_t id);  // durable on return

  // Removes one table and gives another its schema, both or neither. Durable on return.
  Status Replace(std::int64_t removed, std::int64_t id, const TableSchema& schema);

 private:
  explicit Catalog(std::unique_ptr<Database> database) : database_(std::move(database)) {}

  const std::unique_ptr<Database> database_;
};

}  // namespace ocellus::store::embedded
