// TableGates: lets one who copies a table know what changes meanwhile, and for a moment keep it
// from changing.
//
// Thread-safe.

#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "store/row.h"

namespace ocellus::engine {

class TableGates {
 public:
  // Held around every write to a table. Waits while its gate is closed.
  class Writer {
   public:
    // `keys` are those that the write changes.
    Writer(TableGates& gates, const std::string& table, std::vector<store::Key> keys);
    ~Writer();
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

   private:
    TableGates& gates_;
    const std::string table_;
    const std::vector<store::Key> keys_;  // remembered when the write is through, not before
  };

  // Held by the one who copies the table: changes are remembered from then on. On return every
  // write that was under way is through. REQUIRES: no other for that table
  class Watch {
   public:
    Watch(TableGates& gates, const std::string& table);
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

    // The keys that changed since the last call, each once.
    std::vector<store::Key> TakeChanges();

   private:
    TableGates& gates_;
    const std::string table_;
  };

  // While it is held nobody writes to the table. REQUIRES: there is a Watch
  class Closed {
   public:
    Closed(TableGates& gates, const std::string& table);
    ~Closed();
    Closed(const Closed&) = delete;
    Closed& operator=(const Closed&) = delete;

    // How many keys were changed since the Watch began, those that changed twice counted twice.
    std::uint64_t changes() const { return changes_; }

   private:
    TableGates& gates_;
    const std::string table_;
    std::uint64_t changes_ = 0;
  };

  bool IsWatched(const std::string& table) EXCLUDES(mutex_);

 private:
  struct Gate {
    std::uint64_t writers = 0;
    std::uint64_t changes = 0;
    bool watched = false;
    bool closed = false;
    std::map<std::string, store::Key> changed;  // by their JSON
  };

  void ForgetIfIdle(const std::string& table) REQUIRES(mutex_);

  Mutex mutex_;
  CondVar changed_;
  std::map<std::string, Gate> gates_ GUARDED_BY(mutex_);  // of tables in use
};

}  // namespace ocellus::engine
