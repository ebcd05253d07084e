#include "store/embedded/aggregation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <compare>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>

#include "query/sort_key.h"
#include "store/embedded/column_numbers.h"

namespace ocellus::store::embedded {
namespace {

using Kind = AggregateFunction::Kind;

constexpr std::size_t kMaxGroupKeys = 16;
constexpr std::size_t kMaxFunctions = 64;

// The rows of an aggregation and the group of each.
struct Groups {
  std::vector<std::uint32_t> slots;     // of the rows, ascending
  std::vector<std::uint32_t> group_of;  // of slots[i]
  std::vector<std::uint32_t> first;     // the slot of each group's first row
  std::size_t size() const { return first.size(); }
};

// The identifiers of a column with one for each content: 1 and 1.0 are two in the dictionary.
class GroupIds {
 public:
  explicit GroupIds(const FilterColumn* column) : column_(column) {
    if (column == nullptr) return;
    const Dictionary& dictionary = column->dictionary();
    same_as_.resize(std::size_t{dictionary.size()} + 1);
    std::iota(same_as_.begin(), same_as_.end(), 0U);
    for (std::uint32_t id = 1; id < same_as_.size(); ++id) {
      if (dictionary.EncodedAt(id).front() != 'd') continue;
      const double number = dictionary.At(id).number();
      if (std::trunc(number) != number || std::abs(number) >= 9e18) continue;
      const std::uint32_t integer = dictionary.Find(Value(static_cast<std::int64_t>(number)));
      if (integer != 0 && integer < same_as_.size()) same_as_[id] = integer;
    }
  }

  std::uint32_t At(std::uint32_t slot) const {
    if (column_ == nullptr) return 0;
    const std::uint32_t id = column_->ids().Get(slot);
    return id < same_as_.size() ? same_as_[id] : 0;
  }
  Value ValueAt(std::uint32_t slot) const {
    const std::uint32_t id = At(slot);
    return id == 0 ? Value() : column_->dictionary().At(id);
  }
  std::size_t count() const { return std::max<std::size_t>(1, same_as_.size()); }

 private:
  const FilterColumn* column_;
  std::vector<std::uint32_t> same_as_;
};

Status TooManyGroups() {
  return {Code::kInvalidArgument, "more than " + std::to_string(kMaxGroups) + " groups"};
}

// Splits every group by one more key.
Status Split(const GroupIds& ids, Groups& groups) {
  constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();
  std::vector<std::uint32_t> first;
  const auto add = [&](std::size_t row) {
    first.push_back(groups.slots[row]);
    return static_cast<std::uint32_t>(first.size() - 1);
  };
  if (groups.size() == 1) {
    std::vector<std::uint32_t> group_of_id(ids.count(), kNone);
    for (std::size_t row = 0; row < groups.slots.size(); ++row) {
      std::uint32_t& group = group_of_id[ids.At(groups.slots[row])];
      if (group == kNone) group = add(row);
      groups.group_of[row] = group;
      if (first.size() > kMaxGroups) return TooManyGroups();
    }
  } else {
    std::unordered_map<std::uint64_t, std::uint32_t> group_of_pair;
    for (std::size_t row = 0; row < groups.slots.size(); ++row) {
      const std::uint64_t pair =
          (std::uint64_t{groups.group_of[row]} << 32) | ids.At(groups.slots[row]);
      const auto [place, is_new] = group_of_pair.try_emplace(pair, 0);
      if (is_new) place->second = add(row);
      groups.group_of[row] = place->second;
      if (first.size() > kMaxGroups) return TooManyGroups();
    }
  }
  groups.first = std::move(first);
  return {};
}

// One function's values so far, by group.
class Accumulator {
 public:
  Accumulator(const TableSchema& schema, const ColumnSet& columns,
              const AggregateFunction& function)
      : kind_(function.kind) {
    if (!function.argument.has_value()) return;
    argument_ = &*function.argument;
    numbers_.emplace(schema, columns, *argument_);
    if (argument_->kind == query::Expression::Kind::kField) {
      column_ = FindColumn(schema, columns, argument_->field);
    }
  }

  std::vector<Value> Run(const Groups& groups) {
    if (kind_ == Kind::kCount) return Count(groups);
    if (kind_ == Kind::kMin || kind_ == Kind::kMax) {
      // Values as they are: texts, and integers that stay integers.
      if (argument_->kind == query::Expression::Kind::kConstant) return Constants(groups);
      return column_ != nullptr ? ExtremeValues(groups) : ExtremeNumbers(groups);
    }
    return kind_ == Kind::kSum ? Sum(groups) : Average(groups);
  }

 private:
  // visit(group, slot, number)
  template <typename Visitor>
  void ForEachNumber(const Groups& groups, Visitor visit) const {
    std::array<double, kNumberBatch> numbers;
    const std::span<const std::uint32_t> slots = groups.slots;
    for (std::size_t start = 0; start < slots.size(); start += kNumberBatch) {
      const std::size_t count = std::min<std::size_t>(kNumberBatch, slots.size() - start);
      numbers_->Gather(slots.subspan(start, count), {numbers.data(), count});
      for (std::size_t i = 0; i < count; ++i) {
        if (!std::isnan(numbers[i])) {
          visit(groups.group_of[start + i], slots[start + i], numbers[i]);
        }
      }
    }
  }

  std::vector<Value> Count(const Groups& groups) const {
    std::vector<std::int64_t> counts(groups.size(), 0);
    if (argument_ == nullptr) {
      for (const std::uint32_t group : groups.group_of) ++counts[group];
    } else if (column_ != nullptr) {
      for (std::size_t row = 0; row < groups.slots.size(); ++row) {
        if (column_->ids().Get(groups.slots[row]) != 0) ++counts[groups.group_of[row]];
      }
    } else if (!argument_->is_arithmetic() && !argument_->constant.is_null()) {
      for (const std::uint32_t group : groups.group_of) ++counts[group];
    } else {
      ForEachNumber(groups, [&](std::uint32_t group, std::uint32_t, double) { ++counts[group]; });
    }
    return {counts.begin(), counts.end()};
  }

  // The integer of a row whose argument is one.
  std::optional<std::int64_t> IntegerAt(std::uint32_t slot) const {
    if (argument_->is_arithmetic()) return std::nullopt;
    Value value = argument_->constant;
    if (column_ != nullptr) {
      const std::string_view encoded = column_->dictionary().EncodedAt(column_->ids().Get(slot));
      if (encoded.front() != 'i') return std::nullopt;
      value = column_->dictionary().At(column_->ids().Get(slot));
    }
    const std::int64_t* integer = value.as_int();
    return integer != nullptr ? std::optional(*integer) : std::nullopt;
  }

  std::vector<Value> Sum(const Groups& groups) const {
    struct Total {
      __extension__ __int128 integers = 0;
      double doubles = 0;
      bool any = false;
      bool any_double = false;
    };
    std::vector<Total> totals(groups.size());
    ForEachNumber(groups, [&](std::uint32_t group, std::uint32_t slot, double number) {
      Total& total = totals[group];
      total.any = true;
      if (const std::optional<std::int64_t> integer = IntegerAt(slot)) {
        total.integers += *integer;
      } else {
        total.doubles += number;
        total.any_double = true;
      }
    });
    std::vector<Value> sums;
    for (const Total& total : totals) {
      const auto whole = static_cast<std::int64_t>(total.integers);
      if (!total.any) {
        sums.emplace_back();
      } else if (!total.any_double && total.integers == whole) {
        sums.emplace_back(whole);
      } else {
        sums.push_back(Finite(static_cast<double>(total.integers) + total.doubles));
      }
    }
    return sums;
  }

  std::vector<Value> Average(const Groups& groups) const {
    struct Total {
      double sum = 0;
      std::uint64_t count = 0;
    };
    std::vector<Total> totals(groups.size());
    ForEachNumber(groups, [&](std::uint32_t group, std::uint32_t, double number) {
      totals[group].sum += number;
      ++totals[group].count;
    });
    std::vector<Value> averages;
    for (const Total& total : totals) {
      averages.push_back(total.count == 0 ? Value()
                                          : Finite(total.sum / static_cast<double>(total.count)));
    }
    return averages;
  }

  static Value Finite(double number) { return std::isfinite(number) ? Value(number) : Value(); }

  bool IsBetter(std::strong_ordering order) const {
    return kind_ == Kind::kMin ? std::is_lt(order) : std::is_gt(order);
  }

  // The constant, for the groups that have a row: all but the one of an empty table.
  std::vector<Value> Constants(const Groups& groups) const {
    const bool any = !groups.slots.empty();
    return std::vector<Value>(groups.size(), any ? argument_->constant : Value());
  }

  std::vector<Value> ExtremeNumbers(const Groups& groups) const {
    std::vector<double> best(groups.size(), std::numeric_limits<double>::quiet_NaN());
    ForEachNumber(groups, [&](std::uint32_t group, std::uint32_t, double number) {
      double& so_far = best[group];
      const bool better = kind_ == Kind::kMin ? number < so_far : number > so_far;
      if (std::isnan(so_far) || better) so_far = number;
    });
    std::vector<Value> values;
    for (const double number : best) values.push_back(Finite(number));
    return values;
  }

  std::vector<Value> ExtremeValues(const Groups& groups) const {
    const Dictionary& dictionary = column_->dictionary();
    const std::uint32_t known = dictionary.size();
    if (numbers_->only_numbers() && numbers_->exact()) {
      // Compared as numbers, given as they are.
      std::vector<double> best(groups.size(), std::numeric_limits<double>::quiet_NaN());
      std::vector<std::uint32_t> where(groups.size(), 0);
      ForEachNumber(groups, [&](std::uint32_t group, std::uint32_t slot, double number) {
        double& so_far = best[group];
        const bool better = kind_ == Kind::kMin ? number < so_far : number > so_far;
        if (!std::isnan(so_far) && !better) return;
        so_far = number;
        where[group] = column_->ids().Get(slot);
      });
      std::vector<Value> values;
      for (const std::uint32_t id : where) {
        values.push_back(id == 0 ? Value() : dictionary.At(id));
      }
      return values;
    }
    std::vector<Value> best(groups.size());
    std::vector<std::uint32_t> id_of(groups.size(), 0);
    for (std::size_t row = 0; row < groups.slots.size(); ++row) {
      const std::uint32_t id = column_->ids().Get(groups.slots[row]);
      const std::uint32_t group = groups.group_of[row];
      if (id == 0 || id > known || id == id_of[group]) continue;
      Value value = dictionary.At(id);
      if (value.as_list() != nullptr) continue;
      if (!best[group].is_null() && !IsBetter(query::OrderOf(value, best[group]))) continue;
      best[group] = std::move(value);
      id_of[group] = id;
    }
    return best;
  }

  const Kind kind_;
  const query::Expression* argument_ = nullptr;  // null: none
  std::optional<ExpressionNumbers> numbers_;     // of the argument
  const FilterColumn* column_ = nullptr;         // where the argument is a field that a row has
};

// The order in which the groups are answered.
std::vector<std::size_t> Order(const AggregateRequest& request, const Groups& groups,
                               const std::vector<std::vector<Value>>& columns,
                               const GrowingArray<std::uint64_t>& born) {
  std::vector<query::SortKey> keys;
  for (const AggregateOrder& order : request.order) keys.push_back({{}, order.descending});
  std::vector<std::vector<Value>> values(groups.size());
  for (std::size_t group = 0; group < groups.size(); ++group) {
    for (const AggregateOrder& order : request.order) {
      values[group].push_back(columns[order.column][group]);
    }
  }
  std::vector<std::size_t> sorted(groups.size());
  std::iota(sorted.begin(), sorted.end(), std::size_t{0});
  std::sort(sorted.begin(), sorted.end(), [&](std::size_t a, std::size_t b) {
    if (query::ComesBefore(keys, values[a], values[b])) return true;
    if (query::ComesBefore(keys, values[b], values[a])) return false;
    return born.Get(groups.first[a]) < born.Get(groups.first[b]);
  });
  return sorted;
}

}  // namespace

Status CheckAggregate(const TableSchema& schema, const AggregateRequest& request) {
  OCELLUS_RETURN_IF_ERROR(CheckFilter(schema, request.filter));
  if (request.group_by.size() > kMaxGroupKeys) {
    return {Code::kInvalidArgument, "more than 16 group keys"};
  }
  if (request.functions.size() > kMaxFunctions) {
    return {Code::kInvalidArgument, "more than 64 functions"};
  }
  for (const query::Field& field : request.group_by) {
    OCELLUS_RETURN_IF_ERROR(CheckField(schema, field, "group key"));
  }
  for (const AggregateFunction& function : request.functions) {
    if (function.argument.has_value()) {
      OCELLUS_RETURN_IF_ERROR(CheckExpression(schema, *function.argument, "function"));
    } else if (function.kind != Kind::kCount) {
      return {Code::kInvalidArgument, "function: only a count has no argument"};
    }
  }
  for (const AggregateOrder& order : request.order) {
    if (order.column >= request.group_by.size() + request.functions.size()) {
      return {Code::kInvalidArgument, "order: the answer has no such column"};
    }
  }
  return {};
}

std::vector<query::Field> FieldsOf(const AggregateRequest& request) {
  std::vector<query::Field> fields = query::FieldsOf(request.filter);
  fields.insert(fields.end(), request.group_by.begin(), request.group_by.end());
  for (const AggregateFunction& function : request.functions) {
    if (function.argument.has_value()) query::CollectFields(*function.argument, fields);
  }
  return fields;
}

Result<std::vector<AggregateRow>> Aggregate(const TableSchema& schema, const Snapshot& snapshot,
                                            const GrowingArray<std::uint64_t>& born,
                                            const index::Bitmap& allowed,
                                            const AggregateRequest& request) {
  Groups groups;
  groups.slots.reserve(allowed.Count());
  allowed.ForEach([&](std::uint32_t slot) { groups.slots.push_back(slot); });
  groups.group_of.resize(groups.slots.size(), 0);
  groups.first.assign(1, groups.slots.empty() ? 0 : groups.slots.front());
  std::vector<GroupIds> ids;
  for (const query::Field& field : request.group_by) {
    ids.emplace_back(FindColumn(schema, snapshot.columns, field));
    OCELLUS_RETURN_IF_ERROR(Split(ids.back(), groups));
  }
  if (!snapshot.in_order) {
    for (std::size_t row = 0; row < groups.slots.size(); ++row) {
      std::uint32_t& first = groups.first[groups.group_of[row]];
      if (born.Get(groups.slots[row]) < born.Get(first)) first = groups.slots[row];
    }
  }

  std::vector<std::vector<Value>> columns;
  for (const GroupIds& key : ids) {
    std::vector<Value>& values = columns.emplace_back();
    for (const std::uint32_t slot : groups.first) values.push_back(key.ValueAt(slot));
  }
  for (const AggregateFunction& function : request.functions) {
    columns.push_back(Accumulator(schema, snapshot.columns, function).Run(groups));
  }

  std::vector<AggregateRow> rows;
  for (const std::size_t group : Order(request, groups, columns, born)) {
    if (rows.size() == request.limit) break;
    AggregateRow& row = rows.emplace_back();
    for (std::size_t i = 0; i < columns.size(); ++i) {
      auto& to = i < ids.size() ? row.group : row.results;
      to.push_back(std::move(columns[i][group]));
    }
  }
  return rows;
}

}  // namespace ocellus::store::embedded
