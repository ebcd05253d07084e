// Nearest rows by vector, as the stores see it. An index is derived data: the store's rows are the
// truth, and an index that cannot be trusted is filled again from them.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "index/bitmap.h"

namespace ocellus::index {

// The numbers are on disk; never change.
enum class Metric : std::uint32_t {
  kCosine = 1,
  kInnerProduct = 2,
  kSquaredL2 = 3,
};

// A row found. Cosine and inner product: larger is nearer; squared L2: smaller is nearer.
struct Neighbor {
  std::uint32_t slot = 0;
  float score = 0;

  friend bool operator==(const Neighbor&, const Neighbor&) = default;
};

inline constexpr std::uint32_t kMaxDimension = 16384;

// Larger components are refused: their squares still add up within a float.
inline constexpr float kMaxComponent = 1e12F;

// kInvalidArgument unless the vector has the dimension and every component is finite and within
// kMaxComponent. A vector of zeros passes: under cosine it is as near to everything as anything
// (score 0).
Status CheckVector(std::span<const float> vector, std::uint32_t dimension);

// Vectors addressed by slot. The store chooses slots, densely from 0, and may use a slot again once
// no search can see its old vector.
//
// Thread safety: Search() and Vector() may be called from any number of threads, also while ONE
// thread (the store's writer) calls Reserve() and Put(). A slot that Put() is writing must not be
// set in any search's `allowed` and must not be passed to Vector(); set it only in a bitmap handed
// to the searches (through a mutex or a release store) after Put() has returned. Close() and the
// destructor want the index to themselves.
class VectorIndex {
 public:
  VectorIndex() = default;
  VectorIndex(const VectorIndex&) = delete;
  VectorIndex& operator=(const VectorIndex&) = delete;
  virtual ~VectorIndex() = default;

  virtual std::uint32_t dimension() const = 0;
  virtual Metric metric() const = 0;

  // Slots that Put() may use are those below capacity().
  virtual std::uint32_t capacity() const = 0;

  // Makes capacity() at least `slots`, taking the disk space now: call it before the rows are
  // committed, so that a full disk (kResourceExhausted) fails the request and not a later write.
  // After a failure the index is as it was.
  virtual Status Reserve(std::uint32_t slots) = 0;

  // Sets a slot's vector. Cannot fail. Not durable before Close().
  // REQUIRES: slot < capacity(), CheckVector(vector, dimension()).ok()
  virtual void Put(std::uint32_t slot, std::span<const float> vector) = 0;

  // The min(top_k, allowed.Count()) nearest of the allowed rows, best first, equal scores by slot.
  // kInvalidArgument when CheckVector(query) fails. REQUIRES: every allowed slot has been Put().
  virtual Result<std::vector<Neighbor>> Search(std::span<const float> query, std::uint32_t top_k,
                                               const Bitmap& allowed) const = 0;

  // The vector as it was Put(); valid until that slot is Put() again or the index is destroyed.
  // REQUIRES: slot < capacity(), it has been Put()
  virtual std::span<const float> Vector(std::uint32_t slot) const = 0;

  // Makes everything durable and marks the index as agreeing with the store at `sequence` (its
  // commit counter). No other call may follow. After a failure, and without a call, the next
  // opening asks for a rebuild.
  virtual Status Close(std::uint64_t sequence) = 0;
};

}  // namespace ocellus::index
