// Numbers of the data directory. On disk; never change one, add. docs/format/store.md.

#pragma once

#include <cstdint>

namespace ocellus::store::embedded {

// Of the whole data directory, in VERSION and as the user_version of every SQLite file.
// Version history:
//   1  first release
//   2  full-text columns (the table of texts in rows.db), columns with numbers of their own
inline constexpr std::int64_t kFormatVersion = 2;

inline constexpr std::int64_t kCatalogApplicationId = 0x4F63436C;  // "OcCl"
inline constexpr std::int64_t kRowsApplicationId = 0x4F635277;     // "OcRw"

// Numbers that the columns of one table may take over its life.
inline constexpr std::uint32_t kMaxColumnId = 999'999'999;

// Different keys that one map column may have over the life of its table: each can be filtered on,
// and costs memory once a filter reads the column.
inline constexpr std::size_t kMaxMapKeys = 1000;

}  // namespace ocellus::store::embedded
