#include "store/embedded/catalog.h"

#include <numeric>
#include <set>
#include <utility>

#include "store/embedded/format.h"

namespace ocellus::store::embedded {
namespace {

// The schema and, where the columns are not numbered 0, 1, 2, …, their numbers.
std::string ToJson(const CatalogEntry& entry) {
  Value value = ToValue(entry.schema);
  ColumnIds counted(entry.column_ids.size());
  std::iota(counted.begin(), counted.end(), 0U);
  if (entry.column_ids != counted || entry.next_column_id != counted.size()) {
    Value::List ids(entry.column_ids.begin(), entry.column_ids.end());
    value.as_map()->emplace_back("column_ids", std::move(ids));
    value.as_map()->emplace_back("next_column_id", entry.next_column_id);
  }
  return WriteJson(value);
}

// InvalidArgument: they are no numbering of the schema's columns.
Status ReadColumnIds(const Value& value, CatalogEntry& entry) {
  const std::size_t columns = entry.schema.columns.size();
  const Value* ids = value.Find("column_ids");
  if (ids == nullptr) {
    entry.column_ids.resize(columns);
    std::iota(entry.column_ids.begin(), entry.column_ids.end(), 0U);
    entry.next_column_id = static_cast<std::uint32_t>(columns);
    return {};
  }
  const auto wrong = [] { return Status(Code::kInvalidArgument, "the columns are not numbered"); };
  const Value* next = value.Find("next_column_id");
  if (ids->as_list() == nullptr || ids->as_list()->size() != columns || next == nullptr ||
      next->as_int() == nullptr || *next->as_int() < 0 || *next->as_int() > kMaxColumnId) {
    return wrong();
  }
  entry.next_column_id = static_cast<std::uint32_t>(*next->as_int());
  std::set<std::int64_t> seen;
  for (const Value& id : *ids->as_list()) {
    if (id.as_int() == nullptr || *id.as_int() < 0 || *id.as_int() >= *next->as_int() ||
        !seen.insert(*id.as_int()).second) {
      return wrong();
    }
    entry.column_ids.push_back(static_cast<std::uint32_t>(*id.as_int()));
  }
  return {};
}

Result<CatalogEntry> EntryFromJson(std::int64_t id, std::string_view json) {
  OCELLUS_ASSIGN_OR_RETURN(const Value value, ParseJson(json));
  CatalogEntry entry;
  entry.id = id;
  OCELLUS_ASSIGN_OR_RETURN(entry.schema, SchemaFromValue(value));
  OCELLUS_RETURN_IF_ERROR(ReadColumnIds(value, entry));
  return entry;
}

}  // namespace

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
    Result<CatalogEntry> entry = EntryFromJson(list->Int(0), list->Text(1));
    if (!entry.ok()) {
      return Status(Code::kCorruption, database_->path() + ": the schema of table " +
                                           std::to_string(list->Int(0)) + ": " +
                                           entry.status().message());
    }
    entries.push_back(*std::move(entry));
  }
}

Result<CatalogEntry> Catalog::Add(const TableSchema& schema,
                                  const std::function<Status(std::int64_t id)>& make) {
  CatalogEntry entry;
  entry.schema = schema;
  entry.next_column_id = static_cast<std::uint32_t>(schema.columns.size());
  entry.column_ids.resize(entry.next_column_id);
  std::iota(entry.column_ids.begin(), entry.column_ids.end(), 0U);
  Transaction transaction(*database_);
  OCELLUS_RETURN_IF_ERROR(transaction.Begin());
  OCELLUS_ASSIGN_OR_RETURN(Statement* const insert,
                           database_->Cached("INSERT INTO tables(schema) VALUES(?1)"));
  const std::string json = ToJson(entry);
  {
    const StatementScope scope(*insert);
    insert->BindText(1, json);
    OCELLUS_RETURN_IF_ERROR(insert->Run());
  }
  OCELLUS_ASSIGN_OR_RETURN(entry.id, database_->QueryInt("SELECT max(id) FROM tables"));
  OCELLUS_RETURN_IF_ERROR(make(entry.id));
  OCELLUS_RETURN_IF_ERROR(transaction.Commit());
  return entry;
}

Status Catalog::Replace(const CatalogEntry& entry) {
  OCELLUS_ASSIGN_OR_RETURN(Statement* const update,
                           database_->Cached("UPDATE tables SET schema=?2 WHERE id=?1"));
  const std::string json = ToJson(entry);
  const StatementScope scope(*update);
  update->BindInt(1, entry.id);
  update->BindText(2, json);
  return update->Run();
}

Status Catalog::Remove(std::int64_t id) {
  OCELLUS_ASSIGN_OR_RETURN(Statement* const remove,
                           database_->Cached("DELETE FROM tables WHERE id=?1"));
  const StatementScope scope(*remove);
  remove->BindInt(1, id);
  return remove->Run();
}

Status Catalog::Replace(std::int64_t removed, std::int64_t id, const TableSchema& schema) {
  Transaction transaction(*database_);
  OCELLUS_RETURN_IF_ERROR(transaction.Begin());
  OCELLUS_RETURN_IF_ERROR(Remove(removed));
  OCELLUS_ASSIGN_OR_RETURN(Statement* const update,
                           database_->Cached("UPDATE tables SET schema=?2 WHERE id=?1"));
  const std::string json = WriteJson(ToValue(schema));
  {
    const StatementScope scope(*update);
    update->BindInt(1, id);
    update->BindText(2, json);
    OCELLUS_RETURN_IF_ERROR(update->Run());
  }
  return transaction.Commit();
}

}  // namespace ocellus::store::embedded
