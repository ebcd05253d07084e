// Distinct values, each with a number: what the columns that filters read are made of.

#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/value.h"
#include "store/embedded/growing_array.h"

namespace ocellus::store::embedded {

// Identifiers count from 1; 0 stands for "no value". A list is one value. Numbers are kept apart by
// type, except that -0.0 is 0.0.
//
// Memory: a value's bytes and about 18 more. Nothing is ever removed: see FilterColumn::Compacted.
//
// Thread safety: one thread interns; Find() and At() may run meanwhile on any number of threads.
class Dictionary {
 public:
  Dictionary() = default;
  Dictionary(const Dictionary&) = delete;
  Dictionary& operator=(const Dictionary&) = delete;

  // The value's identifier, given now if it has none. REQUIRES: a scalar or a list of scalars,
  // not null; fewer than 2^32 - 2 values so far
  std::uint32_t Intern(const Value& value) EXCLUDES(mutex_);

  // 0 when the value is not there.
  std::uint32_t Find(const Value& value) const EXCLUDES(mutex_);

  // Identifiers 1..size() may be passed to At().
  std::uint32_t size() const { return size_.load(std::memory_order_acquire); }
  Value At(std::uint32_t id) const;

  // The encoded form of a value, for the column file; stable on disk (docs/format/store.md).
  std::string_view EncodedAt(std::uint32_t id) const;
  std::uint32_t InternEncoded(std::string_view encoded) EXCLUDES(mutex_);

  // How many of the values are lists, and the identifiers of these.
  std::uint32_t list_count() const { return list_count_.load(std::memory_order_acquire); }
  std::uint32_t ListAt(std::uint32_t index) const { return lists_.Get(index); }

 private:
  // A place of the hash table. The hash spares most looks at the values themselves, which are
  // scattered over memory.
  struct Place {
    std::uint32_t id = 0;  // 0: free
    std::uint32_t hash = 0;
  };

  // Where `encoded` is, or the free place for it.
  std::size_t Probe(std::string_view encoded, std::uint32_t hash) const REQUIRES(mutex_);
  void Grow() REQUIRES(mutex_);
  const char* Keep(std::string_view encoded) REQUIRES(mutex_);

  // Each points at a length (4 bytes) and that many bytes; index 0 is value 1.
  GrowingArray<const char*> entries_;
  GrowingArray<std::uint32_t> lists_;
  std::atomic<std::uint32_t> size_ = 0;        // released after the entry is there
  std::atomic<std::uint32_t> list_count_ = 0;  // the same

  mutable Mutex mutex_;
  std::vector<Place> table_ GUARDED_BY(mutex_);  // open addressing, half full at most
  std::vector<std::unique_ptr<char[]>> blocks_ GUARDED_BY(mutex_);
  char* free_ GUARDED_BY(mutex_) = nullptr;  // in the last block
  std::size_t free_bytes_ GUARDED_BY(mutex_) = 0;
};

// The encoding: one byte of type, then the content. False where the bytes are no encoding.
void EncodeValue(const Value& value, std::string& out);
bool DecodeValue(std::string_view encoded, Value& value);

}  // namespace ocellus::store::embedded
