// The embedded store: tables in a data directory of this machine, in this process.
//
// The rows of a table are in an SQLite file, its truth. Vector indexes and filter columns are
// derived from it and rebuilt whenever they do not agree. What is where: docs/format/store.md.
//
// Memory a row: about 8 bytes, 4 for every column and every key of a map column that filters read,
// and the distinct values of these; 16 for each element of a sparse vector. Columns of numbers and
// maps and the namespace are there from the start; a text column comes when the first filter asks
// for it, which then waits for one pass over the rows (about a second for a million), and stays.

#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "base/result.h"
#include "os/file_system.h"
#include "store/table_store.h"

namespace ocellus::store {

struct EmbeddedStoreOptions {
  std::string directory;  // made when missing
  // Readers of one table at a time, each with a connection of its own; more wait for their turn.
  std::size_t max_readers = 32;
  // Gets a line where something had to be repaired or could not be. May be empty.
  std::function<void(const std::string& line)> log = {};
};

// Thread-safe.
class EmbeddedStore : public TableStore {
 public:
  // Fails the calls that begin from now on (kUnavailable), lets those under way finish, makes
  // everything derived durable and gives the directory back. Without it (a crash) nothing that was
  // acknowledged is lost, but the next opening fills every vector index again from the rows.
  // The destructor does the same. A second call does nothing.
  virtual void Close() = 0;
};

// Opens the directory. Reads the places of all rows, which takes about half a second for a million,
// and all sparse vectors (about a second for a hundred thousand of 50 elements).
//
// FailedPrecondition: another process has the directory open, or a newer version wrote it.
// Corruption: the directory or its catalog is damaged, with the file's name. A table that is
// damaged keeps none of the others from opening: OpenTable() gives its failure, DropTable() removes
// it. ResourceExhausted, IoError: the disk. `files` and `metrics` outlive the store.
Result<std::unique_ptr<EmbeddedStore>> OpenEmbeddedStore(const EmbeddedStoreOptions& options,
                                                         os::FileSystem& files,
                                                         MetricsRegistry& metrics);

}  // namespace ocellus::store
