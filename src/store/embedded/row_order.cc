#include "store/embedded/row_order.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <compare>
#include <limits>
#include <numeric>
#include <span>
#include <utility>

#include "store/embedded/column_numbers.h"

namespace ocellus::store::embedded {
namespace {

constexpr double kNoNumber = std::numeric_limits<double>::quiet_NaN();

// A number for every row that orders as its value does; NaN where it has none.
std::vector<double> RanksOf(const FilterColumn& column, const std::vector<std::uint32_t>& slots) {
  const Dictionary& dictionary = column.dictionary();
  std::vector<double> rank_of(std::size_t{dictionary.size()} + 1, kNoNumber);
  std::vector<std::pair<Value, std::uint32_t>> distinct;
  std::vector<bool> seen(rank_of.size(), false);
  for (const std::uint32_t slot : slots) {
    const std::uint32_t id = column.ids().Get(slot);
    if (id == 0 || id >= seen.size() || seen[id]) continue;
    seen[id] = true;
    Value value = dictionary.At(id);
    if (value.as_list() == nullptr) distinct.emplace_back(std::move(value), id);
  }
  std::sort(distinct.begin(), distinct.end(), [](const auto& a, const auto& b) {
    return std::is_lt(query::OrderOf(a.first, b.first));
  });
  double rank = 0;
  for (std::size_t i = 0; i < distinct.size(); ++i) {
    // 1 and 1.0 tie.
    if (i > 0 && std::is_neq(query::OrderOf(distinct[i - 1].first, distinct[i].first))) ++rank;
    rank_of[distinct[i].second] = rank;
  }
  std::vector<double> ranks(slots.size());
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const std::uint32_t id = column.ids().Get(slots[i]);
    ranks[i] = id < rank_of.size() ? rank_of[id] : kNoNumber;
  }
  return ranks;
}

std::vector<double> NumbersFor(const TableSchema& schema, const Snapshot& snapshot,
                               const query::SortKey& key, const std::vector<std::uint32_t>& slots) {
  std::vector<double> numbers(slots.size());
  const ExpressionNumbers expression(schema, snapshot.columns, key.expression);
  if (key.expression.kind == query::Expression::Kind::kField &&
      !(expression.only_numbers() && expression.exact())) {
    // Not all numbers, so some row has a value.
    numbers = RanksOf(*FindColumn(schema, snapshot.columns, key.expression.field), slots);
  } else {
    for (std::size_t first = 0; first < slots.size(); first += kNumberBatch) {
      const std::size_t count = std::min<std::size_t>(kNumberBatch, slots.size() - first);
      expression.Gather({slots.data() + first, count}, {numbers.data() + first, count});
    }
  }
  if (key.descending) {
    for (double& number : numbers) number = -number;
  }
  return numbers;
}

}  // namespace

std::vector<std::uint32_t> InsertionOrder(const GrowingArray<std::uint64_t>& born, bool in_order,
                                          const index::Bitmap& allowed, const Page& page) {
  std::vector<std::uint32_t> slots;
  const std::uint64_t count = allowed.Count();
  std::uint64_t offset = page.offset;
  if (offset >= count || page.limit == 0) return slots;
  const std::uint64_t limit = std::min(page.limit, count - offset);
  if (in_order) {
    const auto words = allowed.words();
    for (std::size_t w = 0; w < words.size() && slots.size() < limit; ++w) {
      std::uint64_t word = words[w];
      const auto in_word = static_cast<std::uint64_t>(std::popcount(word));
      if (offset >= in_word) {
        offset -= in_word;
        continue;
      }
      for (; offset > 0; --offset) word &= word - 1;
      for (; word != 0 && slots.size() < limit; word &= word - 1) {
        slots.push_back(static_cast<std::uint32_t>(w * 64) +
                        static_cast<std::uint32_t>(std::countr_zero(word)));
      }
    }
    return slots;
  }
  std::vector<std::pair<std::uint64_t, std::uint32_t>> by_birth;
  by_birth.reserve(count);
  allowed.ForEach([&](std::uint32_t slot) { by_birth.emplace_back(born.Get(slot), slot); });
  const auto first = by_birth.begin() + static_cast<std::ptrdiff_t>(offset);
  const auto last = first + static_cast<std::ptrdiff_t>(limit);
  std::nth_element(by_birth.begin(), first, by_birth.end());
  std::partial_sort(first, last, by_birth.end());
  slots.reserve(limit);
  for (auto place = first; place != last; ++place) slots.push_back(place->second);
  return slots;
}

std::vector<std::uint32_t> KeyOrder(const TableSchema& schema, const Snapshot& snapshot,
                                    const GrowingArray<std::uint64_t>& born,
                                    const index::Bitmap& allowed,
                                    const std::vector<query::SortKey>& keys, const Page& page) {
  std::vector<std::uint32_t> slots;
  slots.reserve(allowed.Count());
  allowed.ForEach([&slots](std::uint32_t slot) { slots.push_back(slot); });
  if (page.offset >= slots.size() || page.limit == 0) return {};
  std::vector<std::vector<double>> numbers;
  for (const query::SortKey& key : keys) {
    // All rows tie on a constant.
    if (key.expression.kind == query::Expression::Kind::kConstant) continue;
    numbers.push_back(NumbersFor(schema, snapshot, key, slots));
  }
  const auto before = [&](std::uint32_t a, std::uint32_t b) {
    for (const std::vector<double>& key : numbers) {
      const double x = key[a];
      const double y = key[b];
      if (x < y) return true;
      if (x > y) return false;
      if (std::isnan(x) != std::isnan(y)) return std::isnan(y);  // without a value: last
    }
    return born.Get(slots[a]) < born.Get(slots[b]);
  };
  std::vector<std::uint32_t> order(slots.size());
  std::iota(order.begin(), order.end(), 0U);
  const std::uint64_t wanted = std::min<std::uint64_t>(page.limit, order.size() - page.offset);
  const auto first = order.begin() + static_cast<std::ptrdiff_t>(page.offset);
  const auto last = first + static_cast<std::ptrdiff_t>(wanted);
  std::nth_element(order.begin(), first, order.end(), before);
  std::partial_sort(first, last, order.end(), before);
  std::vector<std::uint32_t> result;
  result.reserve(wanted);
  for (auto place = first; place != last; ++place) result.push_back(slots[*place]);
  return result;
}

}  // namespace ocellus::store::embedded
