// The folder of model bundles: what is in it, and putting one more there.
//
// Thread safety: functions may be called concurrently, but for one name.

#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "embed/bundle.h"
#include "os/file_system.h"

namespace ocellus::server {

// `models`, or where a build or an installation has it: ../../models and ../share/ocellus/models,
// from the program's place. NotFound.
Result<std::string> FindModels(os::FileSystem& files, const std::string& models);

// Names of the folders in it that look like bundles; the default one first.
Result<std::vector<std::string>> BundleNames(os::FileSystem& files, const std::string& models);

// The folder below `models` whose bundle has that name; of one that cannot be read the folder's
// name counts, so that whoever asked for it learns what is wrong with it. NotFound.
Result<std::string> FindBundleFolder(os::FileSystem& files, const std::string& models,
                                     const std::string& name);

// Fit to be a folder's and a bundle's name: letters, digits, '.', '_', '-', not '.' first, at most
// 100. InvalidArgument.
Status CheckBundleName(const std::string& name);

// Bytes of a bundle's files, all together.
Result<std::uint64_t> BundleBytes(os::FileSystem& files, const std::string& directory,
                                  const embed::Bundle& bundle);

// Copies the bundle's files from `directory` into a folder of that name: it is there whole and on
// disk, or not at all. AlreadyExists. ResourceExhausted: the disk.
Status CopyBundle(os::FileSystem& files, const std::string& directory, const embed::Bundle& bundle,
                  const std::string& models, const std::string& name);

// Removes a folder and all in it; one that is not there is no failure.
Status RemoveFolder(os::FileSystem& files, const std::string& path);

}  // namespace ocellus::server
