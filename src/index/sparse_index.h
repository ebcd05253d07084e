// An inverted list of sparse vectors: for every index the rows that have it. In memory, derived:
// whoever owns it fills it again from the rows.
//
// Memory: 16 bytes for each element of each row, about 80 more for each distinct index.

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "index/bitmap.h"
#include "index/vector_index.h"

namespace ocellus::index {

// Rows are addressed by slot and, as a slot is used again, by a version that is never given twice
// to a slot. What a row that is gone had stays until Compacted().
//
// Thread safety: ONE thread calls Add(); Search() and the counts may be called from any number of
// threads meanwhile, with rows that they were told of after their Add() had returned.
class SparseIndex {
 public:
  // The version of the row at a slot now. Called for allowed slots only; any thread.
  using VersionOf = std::function<std::uint64_t(std::uint32_t slot)>;

  SparseIndex() = default;
  SparseIndex(const SparseIndex&) = delete;
  SparseIndex& operator=(const SparseIndex&) = delete;
  ~SparseIndex();

  struct RowId {
    std::uint32_t slot = 0;
    std::uint64_t version = 0;
  };

  // REQUIRES: indices.size() == values.size(), the row was not added before
  void Add(RowId row, std::span<const std::int64_t> indices, std::span<const float> values)
      EXCLUDES(mutex_);

  // The inner product of the query with each allowed row that has one of its indices, by slot.
  // Sums are double precision. REQUIRES: indices.size() == values.size()
  std::vector<Neighbor> Search(std::span<const std::int64_t> indices, std::span<const float> values,
                               const Bitmap& allowed, const VersionOf& version_of) const
      EXCLUDES(mutex_);

  std::uint64_t rows() const { return rows_.load(std::memory_order_relaxed); }  // ever added

  // A new index with what the live rows have and no others.
  std::unique_ptr<SparseIndex> Compacted(const Bitmap& live, const VersionOf& version_of) const
      EXCLUDES(mutex_);

 private:
  struct Posting {
    std::uint64_t version;
    std::uint32_t slot;
    float value;
  };

  // Postings of one index, linked: they never move, so that searches read while Add() appends.
  struct Chunk {
    explicit Chunk(std::uint32_t size) : postings(new Posting[size]), capacity(size) {}

    const std::unique_ptr<Posting[]> postings;
    const std::uint32_t capacity;
    std::atomic<std::uint32_t> count = 0;  // released after the postings are there
    std::atomic<Chunk*> next = nullptr;    // released after the chunk is there
  };
  struct List {
    Chunk* head = nullptr;
    Chunk* tail = nullptr;
  };

  static void Append(List& list, const Posting& posting);
  const Chunk* Find(std::int64_t index) const EXCLUDES(mutex_);

  mutable Mutex mutex_;  // the table of lists, not their postings
  std::unordered_map<std::int64_t, List> lists_ GUARDED_BY(mutex_);
  std::atomic<std::uint64_t> rows_ = 0;
};

}  // namespace ocellus::index
