#include "store/embedded/data_directory.h"

#include <array>
#include <charconv>
#include <utility>
#include <vector>

#include "store/embedded/format.h"
#include "store/embedded/sqlite.h"

namespace ocellus::store::embedded {
namespace {

constexpr std::size_t kMaxVersionBytes = 32;

// Takes a directory of a version to the next; a crash within leaves it at the old one, and the
// migration is run again.
struct Migration {
  std::int64_t from;
  Status (*run)(os::FileSystem& files, const std::string& path);
};

// A database of version 1 is one of version 2 that has neither texts nor altered columns.
Status MarkAsVersion2(const std::string& path) {
  OCELLUS_ASSIGN_OR_RETURN(const auto database, Database::Open(path, Database::Role::kWriter));
  OCELLUS_ASSIGN_OR_RETURN(const std::int64_t version, database->QueryInt("PRAGMA user_version"));
  if (version != 1) return {};
  return database->Execute("PRAGMA user_version=2");
}

Status MigrateToVersion2(os::FileSystem& files, const std::string& path) {
  const auto mark = [&](const std::string& file) -> Status {
    OCELLUS_ASSIGN_OR_RETURN(const bool there, files.Exists(file));
    if (!there) return {};
    Status status = MarkAsVersion2(file);
    // A damaged file is found and named when it is opened; it keeps no other from being migrated.
    return status.code() == Code::kCorruption ? Status() : std::move(status);
  };
  const std::string tables = path + "/tables";
  OCELLUS_ASSIGN_OR_RETURN(const bool there, files.Exists(tables));
  if (there) {
    OCELLUS_ASSIGN_OR_RETURN(const std::vector<std::string> folders, files.List(tables));
    for (const std::string& folder : folders) {
      OCELLUS_RETURN_IF_ERROR(mark(tables + "/" + folder + "/rows.db"));
    }
  }
  return mark(path + "/catalog.db");
}

constexpr std::array<Migration, 1> kMigrations = {{{1, MigrateToVersion2}}};

}  // namespace

Result<std::unique_ptr<DataDirectory>> DataDirectory::Open(os::FileSystem& files,
                                                           const std::string& path) {
  OCELLUS_ASSIGN_OR_RETURN(const bool there, files.Exists(path));
  if (!there) {
    OCELLUS_RETURN_IF_ERROR(files.CreateDirectories(path));
    OCELLUS_RETURN_IF_ERROR(files.SyncDirectory(os::DirectoryOf(path)));
  }
  std::unique_ptr<DataDirectory> directory(new DataDirectory(files, path));
  auto lock = files.Lock(path + "/LOCK");
  if (!lock.ok()) {
    return std::move(lock).status().WithContext("the data directory is in use");
  }
  directory->lock_ = *std::move(lock);
  OCELLUS_RETURN_IF_ERROR(directory->CheckVersion());
  OCELLUS_RETURN_IF_ERROR(files.CreateDirectories(directory->TablesPath()));
  OCELLUS_ASSIGN_OR_RETURN(const auto tables, files.List(directory->TablesPath()));
  OCELLUS_ASSIGN_OR_RETURN(const bool catalog, files.Exists(directory->CatalogPath()));
  directory->is_new_ = tables.empty();
  if (!catalog && !tables.empty()) {
    return Status(Code::kCorruption, directory->CatalogPath() + " is missing beside its tables");
  }
  OCELLUS_RETURN_IF_ERROR(files.SyncDirectory(path));
  return directory;
}

Status DataDirectory::CheckVersion() {
  const std::string path = path_ + "/VERSION";
  OCELLUS_ASSIGN_OR_RETURN(const bool catalog, files_.Exists(CatalogPath()));
  OCELLUS_ASSIGN_OR_RETURN(const bool version_file, files_.Exists(path));
  if (!version_file) {
    // The version is the first file of a directory.
    if (catalog) return {Code::kCorruption, path + " is missing beside catalog.db"};
    return os::PublishFile(files_, path, AsBytes(std::to_string(kFormatVersion) + "\n"));
  }
  OCELLUS_ASSIGN_OR_RETURN(const std::vector<std::uint8_t> bytes,
                           os::ReadWholeFile(files_, path, kMaxVersionBytes));
  const std::string_view text = AsText(bytes);
  std::int64_t version = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
  if (error != std::errc() || std::string_view(end, text.data() + text.size()) != "\n" ||
      version < 1) {
    return {Code::kCorruption, path + ": is not a version number"};
  }
  if (version > kFormatVersion) {
    return {Code::kFailedPrecondition,
            path + ": the data directory has format " + std::to_string(version) +
                ", this server reads formats up to " + std::to_string(kFormatVersion)};
  }
  for (const Migration& migration : kMigrations) {
    if (migration.from != version) continue;
    OCELLUS_RETURN_IF_ERROR(migration.run(files_, path_));
    ++version;
    OCELLUS_RETURN_IF_ERROR(os::PublishFile(files_, path, AsBytes(std::to_string(version) + "\n")));
  }
  return {};
}

Status DataDirectory::RemoveOrphans(const std::set<std::string>& keep) {
  OCELLUS_ASSIGN_OR_RETURN(const std::vector<std::string> names, files_.List(TablesPath()));
  for (const std::string& name : names) {
    if (keep.contains(name)) continue;
    OCELLUS_RETURN_IF_ERROR(RemoveTree(TablesPath() + "/" + name));
  }
  return {};
}

Status DataDirectory::RemoveTable(std::int64_t id) {
  OCELLUS_RETURN_IF_ERROR(RemoveTree(TablePath(id)));
  return files_.SyncDirectory(TablesPath());
}

Status DataDirectory::RemoveTree(const std::string& path) {
  // Nothing below a table's folder is a folder.
  if (const auto names = files_.List(path); names.ok()) {
    for (const std::string& name : *names) {
      OCELLUS_RETURN_IF_ERROR(files_.Remove(path + "/" + name));
    }
  }
  Status status = files_.Remove(path);
  return status.code() == Code::kNotFound ? Status() : status;
}

}  // namespace ocellus::store::embedded
