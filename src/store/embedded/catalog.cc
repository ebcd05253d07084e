#include "store/embedded/catalog.h"

#include <utility>

#include "store/embedded/format.h"

namespace ocellus::store::embedded {

Result<std::unique_ptr<Catalog>> Catalog::Open(const std::string& path, bool create) {
  OCELLUS_ASSIGN_OR_RETURN(auto database, Database::Open(path, create ? Database::Role::kCreate
                                                                      : Database::Role::kWriter));
  OCELLUS_ASSIGN_OR_RETURN(std::int64_t id, database->QueryInt("PRAGMA application_id"));
  if (id == 0 && create) {
    Transaction transaction(*database);
    OCELLUS_RETURN_IF_ERROR(transaction.Begin());
    OCELLUS_RETURN_IF_ERROR(database->Execute(
        "CREATE TABLE tables(id INTEGER PRIMARY KEY AUTOINCREMENT, schema TEXT NOT NULL) STRICT;"
        "PRAGMA application_id=" +
        std::to_string(kCatalogApplicationId) +
        "; PRAGMA user_version=" + std::to_string(kFormatVersion) + ";"));
    OCELLUS_RETURN_IF_ERROR(transaction.Commit());
    id = kCatalogApplicationId;
  }
  OCELLUS_ASSIGN_OR_RETURN(const std::int64_t version, database->QueryInt("PRAGMA user_version"));
  if (id != kCatalogApplicationId || version != kFormatVersion) {
    return Status(Code::kCorruption,
                  path + ": is not a catalog of format " + std::to_string(kFormatVersion));
  }
  return std::unique_ptr<Catalog>(new Catalog(std::move(database)));
}

Result<std::vector<CatalogEntry>> Catalog::List() {
  std::vector<CatalogEntry> entries;
  OCELLUS_ASSIGN_OR_RETURN(Statement* const list,
                           database_->Cached("SELECT id, schema FROM tables ORDER BY id"));
  const StatementScope scope(*list);
  for (;;) {
    OCELLUS_ASSIGN_OR_RETURN(const bool more, list->Step());
    if (!more) return entries;
    const Result<Value> json = ParseJson(list->Text(1));
    Result<TableSchema> schema =
        json.ok() ? SchemaFromValue(*json) : Result<TableSchema>(json.status());
    if (!schema.ok()) {
      return Status(Code::kCorruption, database_->path() + ": the schema of table " +
                                           std::to_string(list->Int(0)) + ": " +
                                           schema.status().message());
    }
    entries.push_back({list->Int(0), *std::move(schema)});
  }
}

Result<std::int64_t> Catalog::Add(const TableSchema& schema,
                                  const std::function<Status(std::int64_t id)>& make) {
  Transaction transaction(*database_);
  OCELLUS_RETURN_IF_ERROR(transaction.Begin());
  OCELLUS_ASSIGN_OR_RETURN(Statement* const insert,
                           database_->Cached("INSERT INTO tables(schema) VALUES(?1)"));
  const std::string json = WriteJson(ToValue(schema));
  {
    const StatementScope scope(*insert);
    insert->BindText(1, json);
    OCELLUS_RETURN_IF_ERROR(insert->Run());
  }
  OCELLUS_ASSIGN_OR_RETURN(const std::int64_t id,
                           database_->QueryInt("SELECT max(id) FROM tables"));
  OCELLUS_RETURN_IF_ERROR(make(id));
  OCELLUS_RETURN_IF_ERROR(transaction.Commit());
  return id;
}

Status Catalog::Remove(std::int64_t id) {
  OCELLUS_ASSIGN_OR_RETURN(Statement* const remove,
                           database_->Cached("DELETE FROM tables WHERE id=?1"));
  const StatementScope scope(*remove);
  remove->BindInt(1, id);
  return remove->Run();
}

}  // namespace ocellus::store::embedded
