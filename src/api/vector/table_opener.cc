#include "api/vector/table_opener.h"

#include <utility>

namespace ocellus::api::vector {

Outcome<TableView> TableOpener::Open(const Principal& principal, Role role,
                                     const std::string& name) {
  if (Status access = CheckAccess(principal, role, name); !access.ok()) {
    return Failure{ErrorId::kForbidden, access.message()};
  }
  OCELLUS_ASSIGN_OR_RETURN(TableGates::Hold hold, gates_.Share(name));
  const Result<std::shared_ptr<const store::Table>> table = engine_.Current(name);
  if (!table.ok()) {
    if (table.status().code() != Code::kNotFound) return OfEngine(table.status());
    return Failure{ErrorId::kTableNotFound, "tableName: no such table: " + name};
  }
  if (IsStopped((*table)->schema())) {
    return Failure{ErrorId::kTableStopped, "tableName: the table " + name + " is stopped"};
  }
  return TableView(DescriptionOf(name, *table), std::move(hold));
}

std::shared_ptr<const TableDescription> TableOpener::DescriptionOf(
    const std::string& name, const std::shared_ptr<const store::Table>& table) {
  {
    MutexLock lock(mutex_);
    const auto known = known_.find(name);
    if (known != known_.end() && known->second.table.lock() == table) {
      return known->second.description;
    }
  }
  auto description = std::make_shared<const TableDescription>(table->schema());
  MutexLock lock(mutex_);
  std::erase_if(known_, [](const auto& entry) { return entry.second.table.expired(); });
  known_[name] = {table, description};
  return description;
}

}  // namespace ocellus::api::vector
