#include "index/sparse_index.h"

#include <algorithm>

namespace ocellus::index {
namespace {

// Most indices are rare, so lists start small; they double up to 64 KiB a chunk.
constexpr std::uint32_t kFirstChunk = 2;
constexpr std::uint32_t kMaxChunk = 4096;

}  // namespace

SparseIndex::~SparseIndex() {
  for (auto& [index, list] : lists_) {
    for (Chunk* chunk = list.head; chunk != nullptr;) {
      Chunk* next = chunk->next.load(std::memory_order_relaxed);
      delete chunk;
      chunk = next;
    }
  }
}

void SparseIndex::Append(List& list, const Posting& posting) {
  Chunk* tail = list.tail;
  std::uint32_t count = tail == nullptr ? 0 : tail->count.load(std::memory_order_relaxed);
  if (tail == nullptr || count == tail->capacity) {
    auto* chunk =
        new Chunk(tail == nullptr ? kFirstChunk : std::min(kMaxChunk, tail->capacity * 2));
    if (tail == nullptr) {
      list.head = chunk;
    } else {
      tail->next.store(chunk, std::memory_order_release);
    }
    list.tail = tail = chunk;
    count = 0;
  }
  tail->postings[count] = posting;
  tail->count.store(count + 1, std::memory_order_release);
}

void SparseIndex::Add(RowId row, std::span<const std::int64_t> indices,
                      std::span<const float> values) {
  MutexLock lock(mutex_);
  for (std::size_t i = 0; i < indices.size(); ++i) {
    Append(lists_[indices[i]], {row.version, row.slot, values[i]});
  }
  rows_.fetch_add(1, std::memory_order_relaxed);
}

const SparseIndex::Chunk* SparseIndex::Find(std::int64_t index) const {
  MutexLock lock(mutex_);
  const auto list = lists_.find(index);
  return list == lists_.end() ? nullptr : list->second.head;
}

std::vector<Neighbor> SparseIndex::Search(std::span<const std::int64_t> indices,
                                          std::span<const float> values, const Bitmap& allowed,
                                          const VersionOf& version_of) const {
  std::vector<double> sums(allowed.size(), 0);
  Bitmap found(allowed.size());
  for (std::size_t i = 0; i < indices.size(); ++i) {
    const double factor = values[i];
    for (const Chunk* chunk = Find(indices[i]); chunk != nullptr;
         chunk = chunk->next.load(std::memory_order_acquire)) {
      const std::uint32_t count = chunk->count.load(std::memory_order_acquire);
      for (std::uint32_t p = 0; p < count; ++p) {
        const Posting& posting = chunk->postings[p];
        if (!allowed.Test(posting.slot) || version_of(posting.slot) != posting.version) continue;
        sums[posting.slot] += factor * double{posting.value};
        found.Set(posting.slot);
      }
    }
  }
  std::vector<Neighbor> neighbors;
  neighbors.reserve(found.Count());
  found.ForEach([&](std::uint32_t slot) {
    neighbors.push_back({slot, static_cast<float>(sums[slot])});
  });
  return neighbors;
}

std::unique_ptr<SparseIndex> SparseIndex::Compacted(const Bitmap& live,
                                                    const VersionOf& version_of) const {
  auto compacted = std::make_unique<SparseIndex>();
  MutexLock lock(mutex_);
  MutexLock own(compacted->mutex_);
  for (const auto& [index, list] : lists_) {
    List kept;
    for (const Chunk* chunk = list.head; chunk != nullptr;
         chunk = chunk->next.load(std::memory_order_acquire)) {
      const std::uint32_t count = chunk->count.load(std::memory_order_acquire);
      for (std::uint32_t p = 0; p < count; ++p) {
        const Posting& posting = chunk->postings[p];
        if (live.Test(posting.slot) && version_of(posting.slot) == posting.version) {
          Append(kept, posting);
        }
      }
    }
    if (kept.head != nullptr) compacted->lists_.emplace(index, kept);
  }
  compacted->rows_ = live.Count();
  return compacted;
}

}  // namespace ocellus::index
