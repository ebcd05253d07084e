// How texts become the tokens that full-text search finds, and what a row that has them is worth.
// Registered with SQLite's FTS5 on every connection. What it does decides what is in the files:
// docs/format/store.md.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

struct sqlite3;

namespace ocellus::store::embedded {

// The tokenizer's name in CREATE VIRTUAL TABLE. Another analysis gets another name, so that the
// texts of an older one are indexed again.
inline constexpr char kTokenizer[] = "ocellus1";

// The scoring function: BM25 with k1 = 1.2, b = 0.75 and Lucene's idf, ln(1 + (N - n + 0.5) /
// (n + 0.5)), which is never negative; of each phrase of the query, summed.
inline constexpr char kBm25Function[] = "ocellus_bm25";

// ocellus_allowed(bitmap, slot): whether an index::Bitmap, bound as a pointer, has the slot.
inline constexpr char kAllowedFunction[] = "ocellus_allowed";
inline constexpr char kBitmapPointer[] = "ocellus_bitmap";

// Makes the three known to a connection.
Status RegisterTextSearch(sqlite3* connection);

// The words of a text: what a query has to find, in its order. A word is a run of letters and
// digits (Unicode; of Chinese characters, kana and hangul the run as they stand side by side).
// Each is a piece of `text`.
Result<std::vector<std::string_view>> WordsOf(sqlite3* connection, std::string_view text);

}  // namespace ocellus::store::embedded
