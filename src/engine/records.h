// Records: small things that fronts keep for their callers (answers, uploaded files), durable, with
// an owner, an end and limits. Rows of an internal table, so they are where all tables are.

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "base/value.h"
#include "store/table_store.h"

namespace ocellus::engine {

struct Record {
  std::string id;               // unique in the table; the caller's to choose
  std::string owner;            // who may see it
  std::int64_t created_ms = 0;  // since 1970; 0 in Put(): now
  std::int64_t expires_ms = 0;  // 0: never
  Value details;                // small: the store holds it in memory
  std::string bytes;
};

struct RecordsOptions {
  std::string table;  // its name after kInternalPrefix
  std::size_t max_records = 1000;
  std::uint64_t max_bytes = std::uint64_t{1} << 30;  // of all records' bytes together
  // Over a limit the oldest records go. Without it Put() fails.
  bool drop_oldest = false;
};

// Thread-safe. The store is borrowed and outlives the object.
class Records {
 public:
  Records(store::TableStore& store, RecordsOptions options)
      : store_(store), options_(std::move(options)) {}

  // Makes the table where there is none and reads what is kept. Before anything else.
  Status Open() EXCLUDES(mutex_);

  // On disk when it returns ok. ResourceExhausted: over a limit, or the disk is full.
  // InvalidArgument: larger than all records may be.
  Status Put(Record record) EXCLUDES(mutex_);

  // NotFound: never was, is another's, has been deleted or has expired.
  Result<Record> Get(const std::string& id, const std::string& owner) EXCLUDES(mutex_);
  Status Delete(const std::string& id, const std::string& owner) EXCLUDES(mutex_);

  // Those of an owner without their bytes, the oldest first, and how many bytes each has.
  Result<std::vector<std::pair<Record, std::uint64_t>>> List(const std::string& owner)
      EXCLUDES(mutex_);

 private:
  struct Entry {
    std::string owner;
    std::int64_t created_ms = 0;
    std::int64_t expires_ms = 0;
    std::uint64_t bytes = 0;
  };

  // Takes out of `entries_` what has expired and, for `bytes` more, what has to go.
  Result<std::vector<store::Key>> MakeRoom(std::uint64_t bytes) REQUIRES(mutex_);
  bool IsThere(const std::string& id, const std::string& owner) EXCLUDES(mutex_);
  void Insert(const std::string& id, Entry entry) REQUIRES(mutex_);
  void Erase(const std::string& id) REQUIRES(mutex_);

  store::TableStore& store_;
  const RecordsOptions options_;
  std::shared_ptr<store::Table> table_;  // constant after Open()

  Mutex mutex_;
  std::map<std::string, Entry> entries_ GUARDED_BY(mutex_);
  // Their ids by when they were made, and those that expire by when they do.
  std::set<std::pair<std::int64_t, std::string>> by_age_ GUARDED_BY(mutex_);
  std::set<std::pair<std::int64_t, std::string>> by_expiry_ GUARDED_BY(mutex_);
  std::uint64_t bytes_ GUARDED_BY(mutex_) = 0;
};

}  // namespace ocellus::engine
