// The file of filter columns: what was in memory when the store was closed. Derived; bytes:
// docs/format/store.md.

#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "os/file_system.h"
#include "store/embedded/filter_columns.h"
#include "store/embedded/row_file.h"

namespace ocellus::store::embedded {

// Version history:
//   1  first release
inline constexpr std::uint32_t kColumnFileVersion = 1;

struct ColumnFileState {
  std::uint64_t sequence = 0;  // of the rows that the columns agree with
  std::uint32_t slots = 0;
};

// Puts the loaded columns at `path`, under their ids; after a crash the old file or the new one is
// there, whole.
Status SaveColumns(os::FileSystem& files, const std::string& path, const ColumnSet& columns,
                   const ColumnIds& ids, const ColumnFileState& state);

// The columns of the file at `path`, by position; those whose ids are not among `ids` are passed
// over. kNotFound: there is none, or it is of another state; whatever
// else keeps it from being used is kCorruption or a failure of the disk. A caller does without.
Result<ColumnSet> LoadColumns(os::FileSystem& files, const std::string& path, const ColumnIds& ids,
                              const ColumnFileState& state);

}  // namespace ocellus::store::embedded
