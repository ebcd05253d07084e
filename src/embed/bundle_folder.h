// BundleFolder: the files of one bundle, and which of them are its networks.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "os/file_system.h"

namespace ocellus::embed {

// Keeps the digests of the files that were read or visited, in that order. One owner thread.
class BundleFolder {
 public:
  // `files` is borrowed and outlives the object.
  BundleFolder(os::FileSystem& files, std::string directory);

  std::string Path(std::string_view name) const { return directory_ + "/" + std::string(name); }
  // The last part of the folder's path.
  std::string Name() const { return directory_.substr(directory_.find_last_of('/') + 1); }
  Result<bool> Has(std::string_view name) const { return files_.Exists(Path(name)); }

  // All of a JSON or text file, at most 64 MB. NotFound names the path.
  Result<std::string> Read(std::string_view name);

  // A network's file, which somebody else reads: checked as CheckOnnx() does, or for OpenVINO's
  // .xml with its .bin beside it. Files that it refers to are visited too. One that was visited
  // already is passed over. InvalidArgument and NotFound begin with the path.
  Status VisitNetwork(const std::string& name);

  // What `sha256sum FILES | sha256sum` prints.
  std::string TotalDigest() const;
  // The names, in order.
  const std::vector<std::string>& names() const { return names_; }

 private:
  Result<std::uint64_t> SizeOf(const std::string& name) const;
  Status Visit(const std::string& name, bool is_onnx);
  void Digest(std::string_view name, Bytes bytes);

  os::FileSystem& files_;
  std::string directory_;
  std::string digests_;
  std::vector<std::string> names_;
};

// The networks' files, by their names below the folder.
struct NetworkFiles {
  std::string vision;
  std::string text;       // empty: none
  bool combined = false;  // both towers in one network: vision == text
};

// Looks for them under the names that hubs use. `variant` ("fp16", "int8", "uint8", "quantized";
// empty: any, the exact one first) picks one of several. NotFound lists what was looked for.
Result<NetworkFiles> FindNetworks(const BundleFolder& folder, std::string_view variant);

// Of all the files that a hub has for a model, those that a bundle is made of: what LoadBundle()
// would read, and whatever its networks may keep beside them. NotFound: no network among them.
Result<std::vector<std::string>> ChooseBundleFiles(const std::vector<std::string>& names,
                                                   std::string_view variant);

}  // namespace ocellus::embed
