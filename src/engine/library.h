// Picture libraries: tables of a few fixed shapes, and what one does with them. Tables of other
// interfaces whose pictures can be searched (picture_table.h) are libraries to those who read, with
// their key as id, no uri, and their other columns as tags; nobody writes to them here.
//
// Thread-safe. The engine is borrowed and outlives the object.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "base/value.h"
#include "engine/engine.h"
#include "engine/library_schema.h"
#include "engine/picture_table.h"
#include "query/filter.h"

namespace ocellus::engine {

struct Library {
  std::string name;
  LibraryMode mode = LibraryMode::kWholePicture;
  std::string description;
  std::int64_t create_time_ms = 0;  // since 1970
  std::uint64_t pictures = 0;
  std::uint64_t bytes_on_disk = 0;
};

struct NewPicture {
  PictureKey key;
  std::string bytes;  // encoded
  Value::Map tags;
  bool keep_bytes = true;
  // Of a library of main subjects: which they are. Others have no choice.
  ItemsSpec items = {};
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
  std::optional<PictureRegion> region = {};  // that was found; none where pictures have no parts
};

// Which faces of a query are looked for: the nearest to any of them count.
enum class QueryFaces : std::uint8_t { kLargest, kAll };

// Items of a query that are looked for, the best first, and the least score one must have, as a
// share of the best one's: the thing that is meant is not always what stands out most.
inline constexpr std::size_t kQueryItems = 3;
inline constexpr double kQueryItemShare = 0.3;

struct LibrarySearch {
  std::string library;
  Query query;
  std::uint32_t top_k = 10;
  query::Filter filter;  // on kLibraryTagsColumn and the other columns
  QueryFaces faces = QueryFaces::kLargest;
  std::size_t max_items = kQueryItems;  // of the query's; 1: the best one alone
};

struct LibraryAnswer {
  std::vector<LibraryHit> hits;  // the best first
  // Of a picture query: the parts that it was taken by, best first; none: by the whole picture.
  // What is nearest to any of them is found first.
  std::vector<PictureRegion> query_regions;
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
  // for which a model is not installed.
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
  // Unavailable: it waits for the vectors of a model that has changed.
  Status Put(const std::string& library, NewPicture picture);

  // Nearest first. Codes as Engine::Search; InvalidArgument is about the picture or the text,
  // Unavailable as above.
  //
  // In a library of faces a picture query with a face is answered by the faces of pictures, and by
  // their whole content with 0.49 of its score: under 0.5, where a face begins to be the same
  // person's. Any other picture is answered by whole content alone.
  Result<LibraryAnswer> Search(const LibrarySearch& search);

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

  // Takes away the picture of that id and uri, or all of that id, with whatever was made of them.
  // How many there were; on disk when it returns ok.
  Result<std::uint64_t> Remove(const std::string& library, const std::string& id,
                               const std::optional<std::string>& uri);

  // Whether the picture is there, with its bytes or without.
  bool Has(const std::string& library, const PictureKey& key);

  // Those of `digests` (as Sha256Hex writes them) that a picture of the library has, each once.
  Result<std::vector<std::string>> Known(const std::string& library, Value::List digests);

  Engine& engine() { return engine_; }
  const LibraryOptions& options() const { return options_; }

 private:
  struct View;      // what can be read
  struct Prepared;  // a query as the vectors that libraries of one make are searched with

  // The schema of a library that can be written.
  Result<store::TableSchema> Writable(const std::string& name);
  // A library or a picture table as it is now.
  Result<View> Readable(const std::string& name);
  // What `read` makes of what it is given, a Result. While it reads the table may be altered or
  // take the vectors of another bundle: then it reads again.
  template <typename Read>
  std::invoke_result_t<Read, const View&> Steadily(const std::string& name, const Read& read);
  Result<Library> Counted(const TableInfo& table);
  Result<std::vector<PicturePart>> PartsOf(const store::TableSchema& schema, Bytes bytes,
                                           const ItemsSpec& items);
  Result<Prepared> Prepare(const View& view, const LibrarySearch& search);
  Result<Prepared> PrepareItems(const View& view, const PictureQuery& picture,
                                std::size_t max_items);
  Result<Prepared> PrepareFaces(const View& view, const PictureQuery& picture, QueryFaces wanted);
  Result<std::vector<LibraryHit>> SearchPrepared(const View& view, const Prepared& prepared,
                                                 const LibrarySearch& search);
  Result<std::vector<LibraryHit>> SearchColumn(const View& view, const LibrarySearch& search,
                                               const std::string& column,
                                               const store::Vector& vector);
  Result<KeptPicture> FetchFromLibrary(const View& view, const std::string& id,
                                       const std::optional<std::string>& uri);
  Result<KeptPicture> FetchFromTable(const View& view, const std::string& id,
                                     const std::optional<std::string>& uri);

  Engine& engine_;
  const LibraryOptions options_;
  Mutex creation_;
};

}  // namespace ocellus::engine
