// Opens a table's files and brings into memory what searches need.

#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "os/file_system.h"
#include "store/embedded/catalog.h"
#include "store/embedded/table_core.h"

namespace ocellus::store::embedded {

// A line for the server's log.
using LogLine = std::function<void(const std::string& line)>;

struct OpenedTable {
  std::unique_ptr<TableCore> core;
  WriterState writer;
};

// Paths within a table's folder.
std::string RowsPath(const std::string& folder);
std::string VectorsPath(const std::string& folder, std::uint32_t column_id);
std::string ColumnsPath(const std::string& folder);

// Makes the files of a new table, with its columns numbered from 0, durable on return but for the
// folder's own entry. REQUIRES: the folder does not exist
Status CreateTableFiles(os::FileSystem& files, const std::string& folder,
                        const TableSchema& schema);

// Removes the columns that the table has no more and makes the table of texts that of the schema;
// reads slots and births; opens the vector indexes and fills those that need it from the rows;
// takes the columns that filters had loaded from the column file when it agrees with the rows.
// kCorruption names the file. `files` outlives the table.
Result<OpenedTable> LoadTable(os::FileSystem& files, const std::string& folder,
                              const CatalogEntry& entry, StoreMetrics& metrics, const LogLine& log);

// Adds to the files of a table that is closed what it has to have under `entry`; what it has no
// more stays until it is loaded next. A failure, and a crash after it, leaves a table that loads
// as before.
Status PrepareTable(const std::string& folder, const CatalogEntry& entry,
                    const ColumnIds& old_column_ids);

// Adds a row's sparse vector, if it has one, to an index. REQUIRES: Validate() passed the cells
void AddSparse(index::SparseIndex& index, index::SparseIndex::RowId row, const Cell& indices,
               const Cell& values);

// Makes the derived files agree with the rows at `sequence`, so that the next opening need not
// rebuild them. A failure costs time then, and is logged. REQUIRES: nobody uses the table
void CloseTable(os::FileSystem& files, const std::string& folder, TableCore& core,
                std::uint64_t sequence, const LogLine& log);

}  // namespace ocellus::store::embedded
