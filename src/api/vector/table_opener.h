// TableOpener: the tables that calls name, for who may use them.
//
// Thread-safe. What it is given is borrowed and outlives it.

#pragma once

#include <map>
#include <memory>
#include <string>

#include "api/access.h"
#include "api/vector/outcome.h"
#include "api/vector/table_gates.h"
#include "api/vector/table_view.h"
#include "base/mutex.h"
#include "engine/engine.h"

namespace ocellus::api::vector {

class TableOpener {
 public:
  TableOpener(engine::Engine& engine, TableGates& gates) : engine_(engine), gates_(gates) {}

  // The table that a call named, when the principal may use it so and it is not stopped.
  Outcome<TableView> Open(const Principal& principal, Role role, const std::string& name)
      EXCLUDES(mutex_);

 private:
  struct Known {
    std::weak_ptr<const store::Table> table;  // that was described
    std::shared_ptr<const TableDescription> description;
  };

  std::shared_ptr<const TableDescription> DescriptionOf(
      const std::string& name, const std::shared_ptr<const store::Table>& table) EXCLUDES(mutex_);

  engine::Engine& engine_;
  TableGates& gates_;
  Mutex mutex_;
  // A table of 256 fields takes a quarter of a millisecond to read. An altered one is another
  // object.
  std::map<std::string, Known> known_ GUARDED_BY(mutex_);
};

}  // namespace ocellus::api::vector
