// The index that reads every allowed row: int8 codes first, then float vectors for the rows whose
// codes cannot rule them out. Its answers are those of a brute-force search in double precision.

#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "index/bitmap.h"
#include "index/vector_index.h"

namespace ocellus::os {
class FileSystem;
}  // namespace ocellus::os

namespace ocellus::index {

class VectorFile;

// One vector file (docs/format/vector_file.md), mapped. Thread safety: as VectorIndex.
class ExactIndex final : public VectorIndex {
 public:
  struct Spec {
    std::uint32_t dimension = 0;  // 1 to kMaxDimension
    Metric metric = Metric::kCosine;
  };

  struct Opened;

  // Opens the file at `path`, or makes it. `files` must outlive the index. The file keeps its
  // vectors when it was closed with `expected_sequence` and verifies; otherwise, whatever is there
  // (nothing, an unclean shutdown, another sequence or spec, damage), it starts empty and says so.
  // A crash after this returns and before Close() also leads to a rebuild.
  // kFailedPrecondition: a newer version of the format, which is left untouched.
  // kInvalidArgument: the spec. kResourceExhausted, kIoError: the disk.
  static Result<Opened> Open(os::FileSystem& files, const std::string& path, const Spec& spec,
                             std::uint64_t expected_sequence);

  ~ExactIndex() override;

  std::uint32_t dimension() const override;
  Metric metric() const override;
  std::uint32_t capacity() const override;
  Status Reserve(std::uint32_t slots) override;
  void Put(std::uint32_t slot, std::span<const float> vector) override;
  Result<std::vector<Neighbor>> Search(std::span<const float> query, std::uint32_t top_k,
                                       const Bitmap& allowed) const override;
  std::span<const float> Vector(std::uint32_t slot) const override;
  Status Close(std::uint64_t sequence) override;

  const VectorFile& file() const { return *file_; }  // for benchmarks

 private:
  explicit ExactIndex(std::unique_ptr<VectorFile> file);

  std::unique_ptr<VectorFile> file_;
};

struct ExactIndex::Opened {
  std::unique_ptr<ExactIndex> index;
  bool needs_rebuild = false;  // the index is empty: Reserve() and Put() every row
  std::string rebuild_reason;  // for the log
};

}  // namespace ocellus::index
