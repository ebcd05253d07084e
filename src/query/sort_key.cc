#include "query/sort_key.h"

#include <compare>

#include "query/compare.h"

namespace ocellus::query {
namespace {

// Of a kind of value; kNone stands last.
enum class Rank : std::uint8_t { kNumber, kString, kBool, kNone };

Rank RankOf(const Value& value) {
  if (value.is_number()) return Rank::kNumber;
  if (value.as_string() != nullptr) return Rank::kString;
  return value.as_bool() != nullptr ? Rank::kBool : Rank::kNone;
}

}  // namespace

std::strong_ordering OrderOf(const Value& a, const Value& b) {
  const Rank rank_a = RankOf(a);
  const Rank rank_b = RankOf(b);
  if (rank_a != rank_b) return rank_a <=> rank_b;
  const std::partial_ordering order = Compare(a, b);
  if (std::is_lt(order)) return std::strong_ordering::less;
  return std::is_gt(order) ? std::strong_ordering::greater : std::strong_ordering::equal;
}

bool ComesBefore(std::span<const SortKey> keys, std::span<const Value> a,
                 std::span<const Value> b) {
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const bool none_a = RankOf(a[i]) == Rank::kNone;
    const bool none_b = RankOf(b[i]) == Rank::kNone;
    if (none_a != none_b) return none_b;
    const std::strong_ordering order = OrderOf(a[i], b[i]);
    if (std::is_neq(order)) return keys[i].descending ? std::is_gt(order) : std::is_lt(order);
  }
  return false;
}

}  // namespace ocellus::query
