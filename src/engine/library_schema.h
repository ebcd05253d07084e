// The tables behind picture libraries: their columns, and a picture as rows of them.
//
// In a library of whole pictures a picture is one row. In the others it is one row for each of its
// parts, 0 and up: the items that it shows; or the whole of it and then its faces. Row 0 is always
// there and has the bytes; each row has its own vector, box and kind, and a copy of the tags, so
// that a filter on rows is one on pictures.
//
// Functions without state.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/value.h"
#include "engine/vector_maker.h"
#include "query/filter.h"
#include "store/table_store.h"

namespace ocellus::engine {

// The columns of a library's table. Kept on disk with the tables: never change.
inline constexpr char kLibraryIdColumn[] = "image_id";  // the primary key begins with these two
inline constexpr char kLibraryUriColumn[] = "image_uri";
inline constexpr char kLibraryImageColumn[] = "image";  // the bytes, unless they are not kept
inline constexpr char kLibraryTagsColumn[] = "tags";    // free keys, scalar or list values
// SHA-256 of the bytes, also when not kept. Empty: the row has no vector, because its picture was
// not kept when the library changed its bundle (engine/reembed.h); it waits to be imported again.
inline constexpr char kLibraryDigestColumn[] = "digest";
inline constexpr char kLibraryCreatedColumn[] = "created";  // milliseconds since 1970
inline constexpr char kLibraryVectorColumn[] = "embedding";
// Only where pictures have parts.
inline constexpr char kLibraryPartColumn[] = "part";  // ends the primary key
inline constexpr char kLibraryKindColumn[] = "kind";  // "whole", "item" or "face"
inline constexpr char kLibraryBoxColumn[] = "box";    // x, y, width, height in upright pixels
inline constexpr char kLibraryConfidenceColumn[] = "confidence";  // of the detection, 0..1
inline constexpr char kLibraryFaceColumn[] = "face";              // a face's vector

// What of a picture its vector is made of. Cannot be changed later.
enum class LibraryMode : std::uint8_t {
  kWholePicture,  // searched by picture and by words
  kMainSubject,
  kFaceOrWholePicture,
};

// Items of one picture that may be kept.
inline constexpr std::size_t kMaxItems = 8;

// What names a picture in its library.
struct PictureKey {
  std::string id;
  std::string uri;
};

// Where in its picture a part is, in pixels of the upright picture.
struct PictureRegion {
  store::SourcePart kind = store::SourcePart::kAll;
  image::Box box;
  double score = 1;  // of its detection, 0..1
};

struct LibraryDescription {
  std::string name;
  LibraryMode mode = LibraryMode::kWholePicture;
  std::string text;                 // the maker's own
  std::int64_t create_time_ms = 0;  // since 1970
};

store::TableSchema SchemaOf(const LibraryDescription& library);
// None: the table is no library.
std::optional<LibraryDescription> DescriptionOf(const store::TableSchema& schema);

bool IsLibrary(const store::TableSchema& schema);
// REQUIRES for the functions below but PictureColumns(): IsLibrary(schema)
LibraryMode ModeOf(const store::TableSchema& schema);

// Whether a picture may have several rows.
bool HasParts(const store::TableSchema& schema);
// Matches row 0 of every picture.
query::Filter FirstParts(const store::TableSchema& schema);
// The columns that rows of one picture share, for SearchSpec::distinct; empty where a picture is
// one row, and for all other tables.
std::vector<std::string> PictureColumns(const store::TableSchema& schema);

// Of row 0.
store::Key KeyOf(const store::TableSchema& schema, const PictureKey& picture);
// Of all rows that the picture may have from the `first` on.
std::vector<store::Key> KeysOf(const store::TableSchema& schema, const PictureKey& picture,
                               std::size_t first);

PictureKey PictureOf(const store::TableSchema& schema, const store::Row& row);
Value::Map TagsOf(const store::TableSchema& schema, store::Row& row);  // moved out
// Where the row has its columns; else none.
std::optional<PictureRegion> RegionOf(const store::TableSchema& schema, const store::Row& row);
std::string TextIn(const store::TableSchema& schema, const store::Row& row,
                   std::string_view column);

// The picture as the library keeps it: `row` (without a vector) for each of its parts, the bytes
// with the first alone; and the keys of those that it has no more, or never had. REQUIRES:
// HasParts(schema), one part or more
store::WriteBatch RowsOf(const store::TableSchema& schema, store::Row row,
                         std::vector<PicturePart> parts);

}  // namespace ocellus::engine
