// The pictures behind the paths that a user gave: folders, tar archives, manifests, single files.
//
// What a picture is called (docs/operations.md tells users the same):
//   folder   image_uri is the path from the folder's own name on: "Pictures/2024/cat.jpg"
//   tar      the archive's name without .tar or .tar.gz, then the member's: "shard-0/cat.jpg"
//   file     the name of its folder, then its own, as if the folder had been given
//   JSONL    what the line says
// image_id is the file name without its extension. Folders given one after the other so do not
// overwrite each other's "1.jpg".
//
// One owner thread.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/value.h"
#include "os/file_system.h"

namespace ocellus::cli {

struct FoundPicture {
  std::string origin;  // for messages: the path, with the member or line in it
  std::string image_id;
  std::string image_uri;
  Value::Map tags;  // of a manifest's line
  bool save_image = true;
  bool names_itself = false;  // a manifest's line: its image_uri is never changed
  std::string bytes;
  std::uint64_t weight = 0;  // bytes of the input that are done with it, for progress
};

class FindingSink {
 public:
  virtual ~FindingSink() = default;

  // False: enough, Find() returns.
  virtual bool OnPicture(FoundPicture picture) = 0;
  // Something that is or claims to be a picture cannot be read; the rest goes on.
  virtual bool OnUnreadable(const std::string& origin, const std::string& reason,
                            std::uint64_t weight) = 0;
  // A file that neither looks like a picture nor is called like one.
  virtual bool OnOtherFile(const std::string& origin, std::uint64_t weight) = 0;
};

class PictureFinder {
 public:
  // `files` is borrowed and outlives the finder.
  explicit PictureFinder(os::FileSystem& files) : files_(files) {}

  // Looks at each path and lists the folders. NotFound: one is not there. InvalidArgument: one is
  // neither file nor folder.
  Status Plan(const std::vector<std::string>& paths);

  // Of all input. The weights of what Find() reports add up to it, or nearly.
  std::uint64_t total_weight() const { return total_weight_; }

  // Reads it all, in the order of the paths, each folder sorted by name.
  void Find(FindingSink& sink);

 private:
  enum class Kind { kFile, kTar, kManifest };
  struct Input {
    Kind kind = Kind::kFile;
    std::string path;
    std::string uri;  // of the file, or what stands before a member's name
    std::uint64_t size = 0;
  };

  Status PlanFolder(const std::string& path, const std::string& name);
  bool FindFile(const Input& input, FindingSink& sink);
  bool FindInTar(const Input& input, FindingSink& sink);
  bool FindInManifest(const Input& input, FindingSink& sink);
  Result<FoundPicture> PictureOfLine(const std::string& line, const std::string& folder);

  os::FileSystem& files_;
  std::vector<Input> inputs_;
  std::uint64_t total_weight_ = 0;
};

// Whether the first bytes are those of a picture format that the server reads.
bool LooksLikePicture(std::string_view bytes);
// Whether the file's extension is one of a picture.
bool IsCalledLikePicture(std::string_view name);

}  // namespace ocellus::cli
