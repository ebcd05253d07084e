#include "server/model_folder.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/digest.h"
#include "os/path.h"

namespace ocellus::server {
namespace {

constexpr char kDefault[] = "default";
constexpr std::size_t kCopyBytes = std::size_t{4} << 20;

Status CopyFile(os::FileSystem& files, const std::string& from, const std::string& to) {
  OCELLUS_ASSIGN_OR_RETURN(const auto source, files.Open(from, os::OpenMode::kRead));
  OCELLUS_ASSIGN_OR_RETURN(const auto target, files.Open(to, os::OpenMode::kTruncate));
  std::vector<std::uint8_t> buffer(kCopyBytes);
  for (std::uint64_t at = 0;;) {
    OCELLUS_ASSIGN_OR_RETURN(const std::size_t size, source->ReadAt(at, buffer));
    if (size == 0) break;
    OCELLUS_RETURN_IF_ERROR(target->WriteAt(at, Bytes(buffer).first(size)));
    at += size;
  }
  return target->Sync();
}

Status CopyFiles(os::FileSystem& files, const std::string& from,
                 const std::vector<std::string>& names, const std::string& to) {
  std::set<std::string> folders = {to};
  for (const std::string& name : names) {
    folders.insert(os::DirectoryOf(to + "/" + name));
  }
  for (const std::string& folder : folders) {
    OCELLUS_RETURN_IF_ERROR(files.CreateDirectories(folder));
  }
  for (const std::string& name : names) {
    OCELLUS_RETURN_IF_ERROR(CopyFile(files, from + "/" + name, to + "/" + name));
  }
  for (const std::string& folder : folders) {
    OCELLUS_RETURN_IF_ERROR(files.SyncDirectory(folder));
  }
  return {};
}

}  // namespace

Result<std::string> FindModels(os::FileSystem& files, const std::string& models) {
  if (!models.empty()) return models;
  OCELLUS_ASSIGN_OR_RETURN(const std::string program, os::RealPath("/proc/self/exe"));
  const std::string folder = os::DirectoryOf(program);
  std::string tried;
  for (const char* below : {"/../../models", "/../share/ocellus/models"}) {
    const std::string candidate = folder + below;
    const Result<bool> there = files.Exists(candidate + "/" + kDefault + "/config.json");
    if (there.ok() && *there) return candidate;
    tried += (tried.empty() ? "" : " and ") + candidate;
  }
  return Status(Code::kNotFound, "no model bundles beside the program (" + tried +
                                     "): name their folder with --models DIR");
}

Result<std::vector<std::string>> BundleNames(os::FileSystem& files, const std::string& models) {
  Result<std::vector<std::string>> all = files.List(models);
  if (!all.ok()) return std::move(all).status().WithContext("model bundles");
  std::vector<std::string> names;
  for (const std::string& name : *all) {
    if (name.starts_with('.')) continue;  // one that is being put there
    for (const char* file : {"/config.json", "/open_clip_config.json"}) {
      std::string path = models;
      path.append("/").append(name).append(file);
      const Result<bool> there = files.Exists(path);
      if (!there.ok() || !*there) continue;
      names.push_back(name);
      break;
    }
  }
  std::stable_partition(names.begin(), names.end(),
                        [](const std::string& name) { return name == kDefault; });
  return names;
}

Result<std::string> FindBundleFolder(os::FileSystem& files, const std::string& models,
                                     const std::string& name) {
  OCELLUS_ASSIGN_OR_RETURN(const std::vector<std::string> folders, BundleNames(files, models));
  for (const std::string& folder : folders) {
    const Result<std::string> found = embed::ReadBundleName(files, models + "/" + folder);
    if (found.ok() ? *found == name : folder == name) return folder;
  }
  return Status(Code::kNotFound, "there is no bundle named " + name + " in " + models);
}

Status CheckBundleName(const std::string& name) {
  const auto good = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_' || c == '.';
  };
  if (!name.empty() && name.size() <= 100 && name.front() != '.' &&
      std::all_of(name.begin(), name.end(), good)) {
    return {};
  }
  return {Code::kInvalidArgument, "'" + name +
                                      "' cannot be a bundle's name: letters, digits, '.', '_' and "
                                      "'-' can, at most 100; choose one with --as NAME"};
}

Result<std::uint64_t> BundleBytes(os::FileSystem& files, const std::string& directory,
                                  const embed::Bundle& bundle) {
  std::uint64_t bytes = 0;
  for (const std::string& name : bundle.files) {
    std::string path = directory;
    path.append("/").append(name);
    OCELLUS_ASSIGN_OR_RETURN(const auto file, files.Open(path, os::OpenMode::kRead));
    OCELLUS_ASSIGN_OR_RETURN(const std::uint64_t size, file->Size());
    bytes += size;
  }
  return bytes;
}

Status RemoveFolder(os::FileSystem& files, const std::string& path) {
  OCELLUS_ASSIGN_OR_RETURN(const bool there, files.Exists(path));
  if (!there) return {};
  // A file has no list; a folder is empty by then.
  if (const auto names = files.List(path); names.ok()) {
    for (const std::string& name : *names) {
      OCELLUS_RETURN_IF_ERROR(RemoveFolder(files, path + "/" + name));
    }
  }
  return files.Remove(path);
}

Status CopyBundle(os::FileSystem& files, const std::string& directory, const embed::Bundle& bundle,
                  const std::string& models, const std::string& name) {
  const std::string place = models + "/" + name;
  OCELLUS_ASSIGN_OR_RETURN(const bool taken, files.Exists(place));
  if (taken) {
    return {Code::kAlreadyExists, "there is a bundle " + name + " in " + models +
                                      " already; choose another name with "
                                      "--as NAME"};
  }
  const std::string draft = models + "/.adding-" + name + "-" + RandomHex(4);
  Status status = CopyFiles(files, directory, bundle.files, draft);
  if (status.ok()) status = files.Rename(draft, place);
  if (status.ok()) return files.SyncDirectory(models);
  (void)RemoveFolder(files, draft).ok();  // what is left begins with a dot and is passed over
  return std::move(status).WithContext("copy the bundle");
}

}  // namespace ocellus::server
