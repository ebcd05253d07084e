#include "store/embedded/embedded_store.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/mutex.h"
#include "store/embedded/catalog.h"
#include "store/embedded/data_directory.h"
#include "store/embedded/embedded_table.h"

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

  Status OpenTables() EXCLUDES(mutex_);

  Status CreateTable(const TableSchema& schema) override EXCLUDES(mutex_);
  Status DropTable(const std::string& name) override EXCLUDES(mutex_);
  Result<std::shared_ptr<Table>> OpenTable(const std::string& name) override EXCLUDES(mutex_);
  Result<std::vector<TableSchema>> ListTables() override EXCLUDES(mutex_);
  void Close() override EXCLUDES(mutex_) { CloseTables(); }

 private:
  struct Entry {
    CatalogEntry catalog;
    std::shared_ptr<EmbeddedTable> table;  // null: it could not be opened
    Status status;                         // why
  };

  std::vector<Entry>::iterator Find(const std::string& name) REQUIRES(mutex_);
  Status CheckOpen() const REQUIRES(mutex_);
  void CloseTables() EXCLUDES(mutex_);

  os::FileSystem& files_;
  const std::size_t max_readers_;
  const LogLine log_;
  StoreMetrics metrics_;

  Mutex mutex_;  // held while tables are made and dropped, so that these come one after the other
  std::unique_ptr<DataDirectory> directory_ GUARDED_BY(mutex_);  // null once closed
  std::unique_ptr<Catalog> catalog_ GUARDED_BY(mutex_);
  std::vector<Entry> entries_ GUARDED_BY(mutex_);  // in the order of creation
};

Status Closed() {
  return {Code::kUnavailable, "the store is closed"};
}

Status Store::CheckOpen() const {
  return directory_ == nullptr ? Closed() : Status();
}

std::vector<Store::Entry>::iterator Store::Find(const std::string& name) {
  return std::find_if(entries_.begin(), entries_.end(),
                      [&](const Entry& entry) { return entry.catalog.schema.name == name; });
}

Status Store::OpenTables() {
  MutexLock lock(mutex_);
  OCELLUS_ASSIGN_OR_RETURN(std::vector<CatalogEntry> tables, catalog_->List());
  std::set<std::string> folders;
  for (const CatalogEntry& table : tables) folders.insert(std::to_string(table.id));
  OCELLUS_RETURN_IF_ERROR(directory_->RemoveOrphans(folders));
  for (CatalogEntry& table : tables) {
    const std::string folder = directory_->TablePath(table.id);
    Entry entry = {std::move(table), nullptr, {}};
    Result<OpenedTable> opened = LoadTable(files_, folder, entry.catalog.schema, metrics_, log_);
    if (opened.ok()) {
      entry.table = std::make_shared<EmbeddedTable>(files_, folder, *std::move(opened),
                                                    max_readers_, metrics_, log_);
    } else {
      entry.status =
          std::move(opened).status().WithContext("open table '" + entry.catalog.schema.name + "'");
      log_(entry.status.message());
    }
    entries_.push_back(std::move(entry));
  }
  return {};
}

Status Store::CreateTable(const TableSchema& schema) {
  OCELLUS_RETURN_IF_ERROR(Validate(schema));
  MutexLock lock(mutex_);
  OCELLUS_RETURN_IF_ERROR(CheckOpen());
  if (Find(schema.name) != entries_.end()) {
    return {Code::kAlreadyExists, "table '" + schema.name + "' is there already"};
  }
  std::string folder;
  const auto make = [&, &directory = *directory_](std::int64_t id) -> Status {
    folder = directory.TablePath(id);
    // What a failed attempt left under this number.
    OCELLUS_RETURN_IF_ERROR(directory.RemoveTable(id));
    OCELLUS_RETURN_IF_ERROR(CreateTableFiles(files_, folder, schema));
    return files_.SyncDirectory(directory.TablesPath());
  };
  OCELLUS_ASSIGN_OR_RETURN(const std::int64_t id, catalog_->Add(schema, make));
  Result<OpenedTable> opened = LoadTable(files_, folder, schema, metrics_, log_);
  if (!opened.ok()) {
    OCELLUS_RETURN_IF_ERROR(catalog_->Remove(id));
    // What is left of the folder is removed by the next opening.
    [[maybe_unused]] const Status removed = directory_->RemoveTable(id);
    return std::move(opened).status();
  }
  entries_.push_back({{id, schema},
                      std::make_shared<EmbeddedTable>(files_, folder, *std::move(opened),
                                                      max_readers_, metrics_, log_),
                      {}});
  return {};
}

Status Store::DropTable(const std::string& name) {
  MutexLock lock(mutex_);
  OCELLUS_RETURN_IF_ERROR(CheckOpen());
  const auto found = Find(name);
  if (found == entries_.end()) return {Code::kNotFound, "no table '" + name + "'"};
  OCELLUS_RETURN_IF_ERROR(catalog_->Remove(found->catalog.id));
  const Entry entry = std::move(*found);
  entries_.erase(found);
  if (entry.table != nullptr) {
    entry.table->Stop({Code::kNotFound, "table '" + name + "' was dropped"}, /*keep=*/false);
  }
  Status status = directory_->RemoveTable(entry.catalog.id);
  // It is dropped all the same: the next opening removes the rest.
  if (!status.ok()) log_("drop table '" + name + "': " + status.message());
  return {};
}

Result<std::shared_ptr<Table>> Store::OpenTable(const std::string& name) {
  MutexLock lock(mutex_);
  OCELLUS_RETURN_IF_ERROR(CheckOpen());
  const auto found = Find(name);
  if (found == entries_.end()) return Status(Code::kNotFound, "no table '" + name + "'");
  if (found->table == nullptr) return found->status;
  return std::shared_ptr<Table>(found->table);
}

Result<std::vector<TableSchema>> Store::ListTables() {
  MutexLock lock(mutex_);
  OCELLUS_RETURN_IF_ERROR(CheckOpen());
  std::vector<TableSchema> schemas;
  for (const Entry& entry : entries_) schemas.push_back(entry.catalog.schema);
  return schemas;
}

void Store::CloseTables() {
  MutexLock lock(mutex_);
  for (const Entry& entry : entries_) {
    if (entry.table != nullptr) entry.table->Stop(Closed(), /*keep=*/true);
  }
  entries_.clear();
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
