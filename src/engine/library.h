// Picture libraries: tables of one fixed shape, and what one does with them. Tables of other
// interfaces whose pictures can be searched (picture_table.h) are libraries to those who read, with
// their key as id, no uri, and their other columns as tags; nobody writes to them here.
//
// Thread-safe. The engine is borrowed and outlives the object.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "base/value.h"
#include "engine/engine.h"
#include "engine/picture_table.h"
#include "query/filter.h"

namespace ocellus::engine {

// The columns of a library's table. Kept on disk with the tables: never change.
inline constexpr char kLibraryIdColumn[] = "image_id";  // the primary key is these two
inline constexpr char kLibraryUriColumn[] = "image_uri";
inline constexpr char kLibraryImageColumn[] = "image";  // the bytes, unless they are not kept
inline constexpr char kLibraryTagsColumn[] = "tags";    // free keys, scalar or list values
// SHA-256 of the bytes, also when not kept. Empty: the row has no vector, because its picture was
// not kept when the library changed its bundle (engine/reembed.h); it waits to be imported again.
inline constexpr char kLibraryDigestColumn[] = "digest";
inline constexpr char kLibraryCreatedColumn[] = "created";  // milliseconds since 1970
inline constexpr char kLibraryVectorColumn[] = "embedding";

// What of a picture its vector is made of. Cannot be changed later.
enum class LibraryMode : std::uint8_t {
  kWholePicture,  // searched by picture and by words
  kMainSubject,
  kFaceOrWholePicture,
};

struct Library {
  std::string name;
  LibraryMode mode = LibraryMode::kWholePicture;
  std::string description;
  std::int64_t create_time_ms = 0;  // since 1970
  std::uint64_t pictures = 0;
  std::uint64_t bytes_on_disk = 0;
};

// What names a picture in its library.
struct PictureKey {
  std::string id;
  std::string uri;
};

struct NewPicture {
  PictureKey key;
  std::string bytes;  // encoded
  Value::Map tags;
  bool keep_bytes = true;
};

struct KeptPicture {
  std::string bytes;
  std::string digest;
};

struct LibraryHit {
  PictureKey key;
  Value tags;        // a map
  float cosine = 0;  // -1..1
  // 0..1, larger is nearer: calibrated where the library's bundle says how, else the cosine with 0
  // for everything beyond a right angle.
  double score = 0;
};

struct LibrarySearch {
  std::string library;
  Query query;
  std::uint32_t top_k = 10;
  query::Filter filter;  // on kLibraryTagsColumn and the other columns
};

// Of a search in several libraries.
struct FoundPicture {
  std::string library;
  LibraryHit hit;
};

struct LibraryOptions {
  std::size_t max_libraries = 5;
};

class Libraries {
 public:
  Libraries(Engine& engine, LibraryOptions options) : engine_(engine), options_(options) {}

  // Counted and created under one lock, so that the limit holds. AlreadyExists, also when a table
  // that is no library has the name. ResourceExhausted: over the limit. FailedPrecondition: a mode
  // that this build cannot make vectors for.
  Result<Library> Create(const std::string& name, LibraryMode mode, const std::string& description)
      EXCLUDES(creation_);
  Status Drop(const std::string& name);
  Result<std::vector<Library>> List();  // picture tables too

  // NotFound, also for a table that is no library.
  Result<Library> Find(const std::string& name);
  // The same without counting: cheap enough for every request. Of libraries that can be written.
  Result<LibraryMode> FindMode(const std::string& name);
  // Of those that can be read: picture tables too.
  Result<LibraryMode> FindReadable(const std::string& name);

  // Inserts the picture or replaces the one of the same key; on disk when it returns ok.
  // InvalidArgument: not a picture; the message is about the picture alone. NotFound: no library.
  Status Put(const std::string& library, NewPicture picture);

  // Nearest first. Codes as Engine::Search; InvalidArgument is about the picture or the text.
  Result<std::vector<LibraryHit>> Search(const LibrarySearch& search);

  // The nearest of several libraries together: `search` for each of `libraries`, in place of its
  // own one. The query is embedded once for all libraries that make their vectors the same way.
  Result<std::vector<FoundPicture>> SearchAll(const std::vector<std::string>& libraries,
                                              LibrarySearch search);

  // Every library and its mode, in the order of creation; without counting.
  Result<std::vector<std::pair<std::string, LibraryMode>>> Modes();

  // The bytes of each picture in turn; none where they are not kept or the picture is gone.
  Result<std::vector<std::optional<std::string>>> ReadBytes(const std::string& library,
                                                            const std::vector<PictureKey>& keys);

  // The kept bytes; with no `uri` the first picture of that id. NotFound: not there or not kept.
  Result<KeptPicture> Fetch(const std::string& library, const std::string& id,
                            const std::optional<std::string>& uri);

  // Whether the picture is there, with its bytes or without.
  bool Has(const std::string& library, const PictureKey& key);

  // Those of `digests` (as Sha256Hex writes them) that a picture of the library has, each once.
  Result<std::vector<std::string>> Known(const std::string& library, Value::List digests);

  Engine& engine() { return engine_; }
  const LibraryOptions& options() const { return options_; }

 private:
  Status Check(const std::string& name);  // ok: it is a library
  // The schema of a library or of a picture table.
  Result<store::TableSchema> Readable(const std::string& name);
  Result<std::vector<LibraryHit>> SearchTable(const store::TableSchema& schema,
                                              const PictureTable& table,
                                              const LibrarySearch& search);

  Engine& engine_;
  const LibraryOptions options_;
  Mutex creation_;
};

}  // namespace ocellus::engine
