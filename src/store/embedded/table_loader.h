// Opens a table's files and brings into memory what searches need.

#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "os/file_system.h"
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
std::string VectorsPath(const std::string& folder, std::size_t position);
std::string ColumnsPath(const std::string& folder);

// Makes the files of a new table, durable on return but for the folder's own entry.
// REQUIRES: the folder does not exist
Status CreateTableFiles(os::FileSystem& files, const std::string& folder,
                        const TableSchema& schema);

// Reads slots and births; opens the vector indexes and fills those that need it from the rows;
// takes the columns that filters had loaded from the column file when it agrees with the rows.
// kCorruption names the file. `files` outlives the table.
Result<OpenedTable> LoadTable(os::FileSystem& files, const std::string& folder, TableSchema schema,
                              StoreMetrics& metrics, const LogLine& log);

// Makes the derived files agree with the rows at `sequence`, so that the next opening need not
// rebuild them. A failure costs time then, and is logged. REQUIRES: nobody uses the table
void CloseTable(os::FileSystem& files, const std::string& folder, TableCore& core,
                std::uint64_t sequence, const LogLine& log);

}  // namespace ocellus::store::embedded
