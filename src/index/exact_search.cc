#include "index/exact_search.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "index/row_codes.h"
#include "index/vector_file.h"
#include "kernels/kernels.h"

namespace ocellus::index {
namespace {

constexpr std::size_t kBlockRows = 64;  // a word of the bitmap

// How many vectors ahead of the one being scored memory is asked for.
constexpr std::size_t kPrefetchVectors = 2;

// Candidates between two rounds of ruling out, at least.
constexpr std::size_t kMinCandidates = 256;

struct Candidate {
  float upper;
  float lower;
  std::uint32_t slot;
};

bool Nearer(const Neighbor& a, const Neighbor& b) {
  return a.score != b.score ? a.score > b.score : a.slot < b.slot;
}

// A row's true value (larger is nearer) from its float vector.
class Scorer {
 public:
  Scorer(Metric metric, std::span<const float> query)
      : kernel_(kernels::Active()),
        metric_(metric),
        query_(query),
        length_(std::sqrt(kernel_.dot(query.data(), query.data(), query.size()))) {}

  float Value(const float* vector) const {
    const std::size_t n = query_.size();
    if (metric_ == Metric::kSquaredL2) {
      return static_cast<float>(-kernel_.squared_l2(query_.data(), vector, n));
    }
    const double dot = kernel_.dot(query_.data(), vector, n);
    if (metric_ == Metric::kInnerProduct) return static_cast<float>(dot);
    const double lengths = length_ * std::sqrt(kernel_.dot(vector, vector, n));
    if (lengths == 0) return 0;
    return static_cast<float>(std::clamp(dot / lengths, -1.0, 1.0));
  }

 private:
  const kernels::Table& kernel_;
  const Metric metric_;
  const std::span<const float> query_;
  const double length_;
};

// One search, from its first row to its answer. Codes come first even for a handful of rows:
// scoring 110 allowed rows among a million by their vectors at once took no less time, 200 of them
// more.
class Search {
 public:
  Search(const VectorFile& file, std::span<const float> query, std::uint32_t top_k)
      : chunks_(file.chunks()),
        layout_(file.layout()),
        kernel_(kernels::Active()),
        query_(query),
        metric_(file.header().metric),
        top_k_(top_k),
        limit_(std::max<std::size_t>(kMinCandidates, std::size_t{2} * top_k)),
        codes_(metric_, query, layout_.code_bytes) {}

  // Makes those allowed rows candidates that their codes do not rule out.
  void Scan(const Bitmap& allowed);

  std::vector<Neighbor> Answer();

 private:
  struct Rows {  // gathered from words that are not full
    std::size_t count = 0;
    std::uint32_t slots[kBlockRows];
    const std::uint8_t* codes[kBlockRows];
  };

  const std::uint8_t* Codes(std::uint32_t slot) const {
    return chunks_[slot / kChunkSlots] + slot % kChunkSlots * layout_.code_bytes;
  }
  const float* Numbers(std::uint32_t slot) const {
    return reinterpret_cast<const float*>(chunks_[slot / kChunkSlots] + layout_.rows_offset) +
           slot % kChunkSlots * kRowNumbers;
  }
  const float* Vector(std::uint32_t slot) const {
    return reinterpret_cast<const float*>(chunks_[slot / kChunkSlots] + layout_.vectors_offset) +
           slot % kChunkSlots * query_.size();
  }

  void ScanBlock(std::uint32_t first_slot);
  void ScanRows(Rows& rows);
  void Add(std::uint32_t slot, const Bounds& bounds);
  void RuleOut();
  void Prefetch(std::uint32_t slot) const;

  const std::span<std::uint8_t* const> chunks_;
  const ChunkLayout& layout_;
  const kernels::Table& kernel_;
  const std::span<const float> query_;
  const Metric metric_;
  const std::size_t top_k_;

  std::size_t limit_;  // candidates that start a round of ruling out
  const QueryCodes codes_;
  std::vector<Candidate> candidates_;
  float threshold_ = -std::numeric_limits<float>::infinity();  // top_k rows reach at least this
};

void Search::Scan(const Bitmap& allowed) {
  const std::span<const std::uint64_t> words = allowed.words();
  Rows rows;
  for (std::size_t w = 0; w < words.size(); ++w) {
    // A sparse filter over a million rows is 15,625 words, nearly all of them zero.
    while (w + 4 < words.size() && (words[w] | words[w + 1] | words[w + 2] | words[w + 3]) == 0) {
      w += 4;
    }
    const std::uint32_t first = static_cast<std::uint32_t>(w * 64);
    if (words[w] == ~std::uint64_t{0}) {
      ScanBlock(first);
      continue;
    }
    for (std::uint64_t word = words[w]; word != 0; word &= word - 1) {
      const std::uint32_t slot = first + static_cast<std::uint32_t>(std::countr_zero(word));
      rows.slots[rows.count] = slot;
      rows.codes[rows.count] = Codes(slot);
      if (++rows.count == kBlockRows) ScanRows(rows);
    }
  }
  ScanRows(rows);
}

void Search::ScanBlock(std::uint32_t first_slot) {
  float estimates[kBlockRows];
  Bounds bounds[kBlockRows];
  kernel_.dot_code_block(codes_.codes(), Codes(first_slot), kBlockRows, estimates);
  codes_.BoundRows(estimates, Numbers(first_slot), kBlockRows, bounds);
  for (std::uint32_t i = 0; i < kBlockRows; ++i) Add(first_slot + i, bounds[i]);
}

void Search::ScanRows(Rows& rows) {
  float estimates[kBlockRows];
  float numbers[kBlockRows * kRowNumbers];
  Bounds bounds[kBlockRows];
  kernel_.dot_code_rows(codes_.codes(), rows.codes, rows.count, estimates);
  for (std::size_t i = 0; i < rows.count; ++i) {
    std::memcpy(numbers + i * kRowNumbers, Numbers(rows.slots[i]), kRowNumbers * sizeof(float));
  }
  codes_.BoundRows(estimates, numbers, rows.count, bounds);
  for (std::size_t i = 0; i < rows.count; ++i) Add(rows.slots[i], bounds[i]);
  rows.count = 0;
}

void Search::Add(std::uint32_t slot, const Bounds& bounds) {
  // Written so that what is no number, which only a forged file has, is left out too.
  if (!(bounds.upper >= threshold_ && bounds.lower <= bounds.upper)) return;
  candidates_.push_back({bounds.upper, bounds.lower, slot});
  if (candidates_.size() >= limit_) RuleOut();
}

// Raises the threshold to the top_k-th largest lower bound and drops whom it rules out.
void Search::RuleOut() {
  if (candidates_.size() <= top_k_) return;
  const auto kth = candidates_.begin() + static_cast<std::ptrdiff_t>(top_k_ - 1);
  std::nth_element(candidates_.begin(), kth, candidates_.end(),
                   [](const Candidate& a, const Candidate& b) { return a.lower > b.lower; });
  threshold_ = kth->lower;
  std::erase_if(candidates_, [this](const Candidate& c) { return c.upper < threshold_; });
  limit_ = std::max(limit_, 2 * candidates_.size());
}

void Search::Prefetch(std::uint32_t slot) const {
  const char* vector = reinterpret_cast<const char*>(Vector(slot));
  for (std::size_t i = 0; i < query_.size_bytes(); i += 64) __builtin_prefetch(vector + i);
}

// Scores the candidates by their vectors, the most promising first, until none left can matter.
std::vector<Neighbor> Search::Answer() {
  RuleOut();
  std::sort(candidates_.begin(), candidates_.end(), [](const Candidate& a, const Candidate& b) {
    return a.upper != b.upper ? a.upper > b.upper : a.slot < b.slot;
  });
  const Scorer scorer(metric_, query_);
  std::vector<Neighbor> best;  // a heap with the worst on top
  for (std::size_t i = 0; i < candidates_.size(); ++i) {
    const Candidate& candidate = candidates_[i];
    if (best.size() == top_k_ && candidate.upper < best.front().score) break;
    if (i + kPrefetchVectors < candidates_.size()) {
      Prefetch(candidates_[i + kPrefetchVectors].slot);
    }
    const Neighbor found{candidate.slot, scorer.Value(Vector(candidate.slot))};
    if (best.size() == top_k_) {
      if (!Nearer(found, best.front())) continue;
      std::pop_heap(best.begin(), best.end(), Nearer);
      best.pop_back();
    }
    best.push_back(found);
    std::push_heap(best.begin(), best.end(), Nearer);
  }
  std::sort_heap(best.begin(), best.end(), Nearer);
  if (metric_ == Metric::kSquaredL2) {
    for (Neighbor& neighbor : best) neighbor.score = 0 - neighbor.score;  // not -0
  }
  return best;
}

}  // namespace

std::vector<Neighbor> SearchExact(const VectorFile& file, std::span<const float> query,
                                  std::uint32_t top_k, const Bitmap& allowed) {
  if (top_k == 0) return {};
  Search search(file, query, top_k);
  search.Scan(allowed);
  return search.Answer();
}

}  // namespace ocellus::index
