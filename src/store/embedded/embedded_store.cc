#include "store/embedded/embedded_store.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

#include "base/mutex.h"
#include "store/embedded/catalog.h"
#include "store/embedded/data_directory.h"
#include "store/embedded/embedded_table.h"
#include "store/embedded/format.h"

namespace ocellus::store {
namespace embedded {
namespace {

class Store final : public EmbeddedStore {
 public:
  Store(const EmbeddedStoreOptions& options, os::FileSystem& files, MetricsRegistry& metrics,
        std::unique_ptr<DataDirectory> directory, std::unique_ptr<Catalog> catalog)
      : files_(files),
        max_readers_(options.max_readers),
        log_(options.log ? options.log : [](const std::string&) {}),
        metrics_(metrics),
        directory_(std::move(directory)),
        catalog_(std::move(catalog)) {}
  ~Store() override { CloseTables(); }

  Status OpenTables() EXCLUDES(changing_, mutex_);

  Status CreateTable(const TableSchema& schema) override EXCLUDES(changing_, mutex_);
  Status AlterTable(const TableSchema& schema) override EXCLUDES(changing_, mutex_);
  Status DropTable(const std::string& name) override EXCLUDES(changing_, mutex_);
  Status ReplaceTable(const std::string& name, const std::string& replacement) override
      EXCLUDES(changing_, mutex_);
  Result<std::shared_ptr<Table>> OpenTable(const std::string& name) override
      EXCLUDES(changing_, mutex_);
  Result<std::vector<TableSchema>> ListTables() override EXCLUDES(mutex_);
  void Close() override EXCLUDES(changing_, mutex_) { CloseTables(); }

 private:
  struct Entry {
    CatalogEntry catalog;
    std::shared_ptr<EmbeddedTable> table;  // null: it could not be opened, or is being altered
    Status status;                         // why
    bool altering = false;
  };

  // The entry with its table open or, if that failed, with why.
  Entry Load(CatalogEntry catalog) REQUIRES(changing_);
  std::vector<Entry>::iterator Find(const std::string& name) REQUIRES(mutex_);
  Result<std::shared_ptr<Table>> OpenAgain(const std::string& name) EXCLUDES(changing_, mutex_);
  // As it is now. NotFound.
  Result<Entry> Get(const std::string& name) EXCLUDES(mutex_);
  void Replace(Entry entry) EXCLUDES(mutex_);  // the one of its name, if that is still there
  Status CheckOpen() const REQUIRES(changing_);
  void CloseTables() EXCLUDES(changing_, mutex_);

  os::FileSystem& files_;
  const std::size_t max_readers_;
  const LogLine log_;
  StoreMetrics metrics_;

  // Held while tables are made, altered and dropped, which can take long: one after the other, and
  // nobody who opens a table waits. Taken before mutex_.
  Mutex changing_;
  std::unique_ptr<DataDirectory> directory_ GUARDED_BY(changing_);  // null once closed
  std::unique_ptr<Catalog> catalog_ GUARDED_BY(changing_);

  Mutex mutex_;  // held for a moment only
  CondVar altered_;
  bool closed_ GUARDED_BY(mutex_) = false;
  std::vector<Entry> entries_ GUARDED_BY(mutex_);  // in the order of creation; changed under both
};

// Who opens a table that is being altered waits so long: alterations without texts or many rows
// take milliseconds, and then nobody notices.
constexpr std::chrono::seconds kAlterPatience{5};

Status Closed() {
  return {Code::kUnavailable, "the store is closed"};
}

// Whether a table that failed to open so may open later: damage stays, a full disk does not.
bool MayPass(const Status& status) {
  return status.code() == Code::kResourceExhausted || status.code() == Code::kIoError;
}

// What of a column cannot change.
Status CheckUnchanged(const Column& before, const Column& after) {
  const auto refuse = [&](const char* what) {
    return Status(Code::kInvalidArgument, "column '" + after.name + "': its " + what +
                                              " cannot be changed; remove it and add another");
  };
  if (before.type != after.type || before.multi != after.multi) return refuse("type");
  if (before.vector.dimension != after.vector.dimension) return refuse("dimension");
  if (before.vector.metric != after.vector.metric) return refuse("metric");
  if (before.vector.bundle != after.vector.bundle ||
      before.vector.bundle_digest != after.vector.bundle_digest) {
    return refuse("model bundle");
  }
  if (before.vector.part != after.vector.part) return refuse("part of a picture");
  return {};
}

// The entry of a table under another schema. InvalidArgument: as TableStore::AlterTable().
Result<CatalogEntry> Altered(const CatalogEntry& old, const TableSchema& schema, bool has_rows) {
  if (schema.primary_key != old.schema.primary_key) {
    return Status(Code::kInvalidArgument, "the primary key cannot be changed");
  }
  if (schema.namespace_column != old.schema.namespace_column) {
    return Status(Code::kInvalidArgument, "the namespace column cannot be changed");
  }
  CatalogEntry altered = {old.id, schema, {}, old.next_column_id};
  for (const Column& column : schema.columns) {
    const std::size_t before = old.schema.IndexOf(column.name);
    if (before < old.schema.columns.size()) {
      OCELLUS_RETURN_IF_ERROR(CheckUnchanged(old.schema.columns[before], column));
      if (column.required && !old.schema.columns[before].required && has_rows) {
        return Status(Code::kInvalidArgument,
                      "column '" + column.name + "' cannot become required: there are rows");
      }
      altered.column_ids.push_back(old.column_ids[before]);
      continue;
    }
    if (column.required && has_rows) {
      return Status(Code::kInvalidArgument,
                    "column '" + column.name + "' is new and cannot be required: there are rows");
    }
    if (altered.next_column_id >= kMaxColumnId) {
      return Status(Code::kResourceExhausted, "the table has had too many columns");
    }
    altered.column_ids.push_back(altered.next_column_id++);
  }
  return altered;
}

Status Store::CheckOpen() const {
  return directory_ == nullptr ? Closed() : Status();
}

std::vector<Store::Entry>::iterator Store::Find(const std::string& name) {
  return std::find_if(entries_.begin(), entries_.end(),
                      [&](const Entry& entry) { return entry.catalog.schema.name == name; });
}

Result<Store::Entry> Store::Get(const std::string& name) {
  MutexLock lock(mutex_);
  const auto found = Find(name);
  if (found == entries_.end()) return Status(Code::kNotFound, "no table '" + name + "'");
  return *found;
}

void Store::Replace(Entry entry) {
  MutexLock lock(mutex_);
  const auto found = Find(entry.catalog.schema.name);
  if (found != entries_.end()) *found = std::move(entry);
  altered_.NotifyAll();
}

Status Store::OpenTables() {
  MutexLock changing(changing_);
  OCELLUS_ASSIGN_OR_RETURN(std::vector<CatalogEntry> tables, catalog_->List());
  std::set<std::string> folders;
  for (const CatalogEntry& table : tables) folders.insert(std::to_string(table.id));
  OCELLUS_RETURN_IF_ERROR(directory_->RemoveOrphans(folders));
  for (CatalogEntry& table : tables) {
    Entry entry = Load(std::move(table));
    MutexLock lock(mutex_);
    entries_.push_back(std::move(entry));
  }
  return {};
}

Store::Entry Store::Load(CatalogEntry catalog) {
  const std::string folder = directory_->TablePath(catalog.id);
  Result<OpenedTable> opened = LoadTable(files_, folder, catalog, metrics_, log_);
  Entry entry = {std::move(catalog), nullptr, {}};
  if (opened.ok()) {
    entry.table = std::make_shared<EmbeddedTable>(files_, folder, *std::move(opened), max_readers_,
                                                  metrics_, log_);
  } else {
    entry.status =
        std::move(opened).status().WithContext("open table '" + entry.catalog.schema.name + "'");
    log_(entry.status.message());
  }
  return entry;
}

Status Store::CreateTable(const TableSchema& schema) {
  OCELLUS_RETURN_IF_ERROR(Validate(schema));
  MutexLock changing(changing_);
  OCELLUS_RETURN_IF_ERROR(CheckOpen());
  if (Get(schema.name).ok()) {
    return {Code::kAlreadyExists, "table '" + schema.name + "' is there already"};
  }
  const auto make = [&, &directory = *directory_](std::int64_t id) -> Status {
    // What a failed attempt left under this number.
    OCELLUS_RETURN_IF_ERROR(directory.RemoveTable(id));
    OCELLUS_RETURN_IF_ERROR(CreateTableFiles(files_, directory.TablePath(id), schema));
    return files_.SyncDirectory(directory.TablesPath());
  };
  OCELLUS_ASSIGN_OR_RETURN(CatalogEntry catalog, catalog_->Add(schema, make));
  Entry entry = Load(std::move(catalog));
  if (entry.table == nullptr) {
    OCELLUS_RETURN_IF_ERROR(catalog_->Remove(entry.catalog.id));
    // What is left of the folder is removed by the next opening.
    [[maybe_unused]] const Status removed = directory_->RemoveTable(entry.catalog.id);
    return std::move(entry.status);
  }
  MutexLock lock(mutex_);
  entries_.push_back(std::move(entry));
  return {};
}

Status Store::AlterTable(const TableSchema& schema) {
  OCELLUS_RETURN_IF_ERROR(Validate(schema));
  MutexLock changing(changing_);
  OCELLUS_RETURN_IF_ERROR(CheckOpen());
  OCELLUS_ASSIGN_OR_RETURN(const Entry old, Get(schema.name));
  if (old.table == nullptr) return old.status;
  {
    // Refused before anything is closed.
    const Result<CatalogEntry> possible = Altered(old.catalog, schema, old.table->HasRows());
    if (!possible.ok()) return possible.status();
  }
  Replace({old.catalog,
           nullptr,
           {Code::kUnavailable, "table '" + schema.name + "' is being altered"},
           /*altering=*/true});
  // With the table closed its files are of one state, clean marks and all.
  old.table->Stop(
      {Code::kFailedPrecondition, "table '" + schema.name + "' was altered: open it again"},
      /*keep=*/true);
  // Once more: rows may have come meanwhile.
  Result<CatalogEntry> altered = Altered(old.catalog, schema, old.table->HasRows());
  Status status;
  if (altered.ok()) {
    status = PrepareTable(directory_->TablePath(old.catalog.id), *altered, old.catalog.column_ids);
  } else {
    status = altered.status();
  }
  // The decision. Before it the table loads as it was, after it as it shall be.
  if (status.ok()) status = catalog_->Replace(*altered);
  Entry entry = Load(status.ok() ? *std::move(altered) : old.catalog);
  if (status.ok() && entry.table == nullptr) status = entry.status;
  Replace(std::move(entry));
  return std::move(status).WithContext("alter table '" + schema.name + "'");
}

Status Store::DropTable(const std::string& name) {
  MutexLock changing(changing_);
  OCELLUS_RETURN_IF_ERROR(CheckOpen());
  OCELLUS_ASSIGN_OR_RETURN(const Entry entry, Get(name));
  OCELLUS_RETURN_IF_ERROR(catalog_->Remove(entry.catalog.id));
  {
    MutexLock lock(mutex_);
    entries_.erase(Find(name));
  }
  if (entry.table != nullptr) {
    entry.table->Stop({Code::kNotFound, "table '" + name + "' was dropped"}, /*keep=*/false);
  }
  Status status = directory_->RemoveTable(entry.catalog.id);
  // It is dropped all the same: the next opening removes the rest.
  if (!status.ok()) log_("drop table '" + name + "': " + status.message());
  return {};
}

// The replacement is closed and opened again under its new name before the catalog changes. Until
// the catalog's commit a crash leaves both tables as they were.
Status Store::ReplaceTable(const std::string& name, const std::string& replacement) {
  MutexLock changing(changing_);
  OCELLUS_RETURN_IF_ERROR(CheckOpen());
  OCELLUS_ASSIGN_OR_RETURN(const Entry old, Get(name));
  OCELLUS_ASSIGN_OR_RETURN(const Entry next, Get(replacement));
  if (next.table == nullptr) return next.status;
  Replace({next.catalog,
           nullptr,
           {Code::kUnavailable, "table '" + replacement + "' is being moved"},
           /*altering=*/true});
  next.table->Stop({Code::kNotFound, "table '" + replacement + "' was moved"}, /*keep=*/true);
  CatalogEntry renamed = next.catalog;
  renamed.schema.name = name;
  Entry moved = Load(std::move(renamed));
  Status status = moved.table == nullptr
                      ? moved.status
                      : catalog_->Replace(old.catalog.id, moved.catalog.id, moved.catalog.schema);
  if (!status.ok()) {
    if (moved.table != nullptr) moved.table->Stop(status, /*keep=*/true);
    moved.table.reset();
    Replace(Load(next.catalog));
    return std::move(status).WithContext("replace table '" + name + "'");
  }
  {
    MutexLock lock(mutex_);
    *Find(replacement) = std::move(moved);
    entries_.erase(std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
      return entry.catalog.id == old.catalog.id;
    }));
    altered_.NotifyAll();
  }
  if (old.table != nullptr) {
    old.table->Stop({Code::kNotFound, "table '" + name + "' was replaced"}, /*keep=*/false);
  }
  status = directory_->RemoveTable(old.catalog.id);
  // It is replaced all the same: the next opening removes the rest.
  if (!status.ok()) log_("replace table '" + name + "': " + status.message());
  return {};
}

Result<std::shared_ptr<Table>> Store::OpenTable(const std::string& name) {
  const auto deadline = std::chrono::steady_clock::now() + kAlterPatience;
  {
    MutexLock lock(mutex_);
    for (;;) {
      if (closed_) return Closed();
      const auto found = Find(name);
      if (found == entries_.end()) return Status(Code::kNotFound, "no table '" + name + "'");
      if (found->table != nullptr) return std::shared_ptr<Table>(found->table);
      if (!found->altering) {
        if (!MayPass(found->status)) return found->status;
        break;
      }
      if (std::chrono::steady_clock::now() >= deadline) return found->status;
      altered_.WaitUntil(mutex_, deadline);
    }
  }
  return OpenAgain(name);
}

// Opens a table that could not be opened for a reason that may be gone.
Result<std::shared_ptr<Table>> Store::OpenAgain(const std::string& name) {
  MutexLock changing(changing_);
  OCELLUS_RETURN_IF_ERROR(CheckOpen());
  OCELLUS_ASSIGN_OR_RETURN(Entry entry, Get(name));
  if (entry.table == nullptr) {
    entry = Load(std::move(entry.catalog));
    Replace(entry);
  }
  if (entry.table == nullptr) return entry.status;
  return std::shared_ptr<Table>(std::move(entry.table));
}

Result<std::vector<TableSchema>> Store::ListTables() {
  MutexLock lock(mutex_);
  if (closed_) return Closed();
  std::vector<TableSchema> schemas;
  for (const Entry& entry : entries_) schemas.push_back(entry.catalog.schema);
  return schemas;
}

void Store::CloseTables() {
  MutexLock changing(changing_);
  std::vector<Entry> entries;
  {
    MutexLock lock(mutex_);
    closed_ = true;
    entries.swap(entries_);
    altered_.NotifyAll();
  }
  for (const Entry& entry : entries) {
    if (entry.table != nullptr) entry.table->Stop(Closed(), /*keep=*/true);
  }
  entries.clear();
  catalog_.reset();
  directory_.reset();  // the lock, last
}

}  // namespace
}  // namespace embedded

Result<std::unique_ptr<EmbeddedStore>> OpenEmbeddedStore(const EmbeddedStoreOptions& options,
                                                         os::FileSystem& files,
                                                         MetricsRegistry& metrics) {
  OCELLUS_ASSIGN_OR_RETURN(auto directory, embedded::DataDirectory::Open(files, options.directory));
  OCELLUS_ASSIGN_OR_RETURN(auto catalog,
                           embedded::Catalog::Open(directory->CatalogPath(), directory->is_new()));
  auto store = std::make_unique<embedded::Store>(options, files, metrics, std::move(directory),
                                                 std::move(catalog));
  OCELLUS_RETURN_IF_ERROR(store->OpenTables());
  return std::unique_ptr<EmbeddedStore>(std::move(store));
}

}  // namespace ocellus::store
