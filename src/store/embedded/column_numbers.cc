#include "store/embedded/column_numbers.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <utility>

namespace ocellus::store::embedded {
namespace {

using query::Expression;
using query::Op;

constexpr double kNoNumber = std::numeric_limits<double>::quiet_NaN();

// Integers of at most this size are doubles too.
constexpr std::int64_t kMaxExact = std::int64_t{1} << 53;

bool IsExact(const Value& value) {
  const std::int64_t* integer = value.as_int();
  return integer == nullptr || (*integer <= kMaxExact && *integer >= -kMaxExact);
}

// left[i] becomes what `combine` makes of left[i] and right[i].
template <typename Combine>
void Calculate(std::span<double> left, std::span<const double> right, Combine combine) {
  for (std::size_t i = 0; i < left.size(); ++i) {
    const double result = combine(left[i], right[i]);
    left[i] = std::isfinite(result) ? result : kNoNumber;
  }
}

// Sets the slots of [0, slots) for which `holds(slot)`, 64 at a time.
template <typename Predicate>
index::Bitmap Where(std::uint32_t slots, Predicate holds) {
  index::Bitmap result(slots);
  for (std::uint32_t first = 0; first < slots; first += 64) {
    std::uint64_t word = 0;
    const std::uint32_t count = std::min<std::uint32_t>(64, slots - first);
    for (std::uint32_t i = 0; i < count; ++i) {
      word |= std::uint64_t{holds(first + i) ? 1U : 0U} << i;
    }
    result.SetWord(first / 64, word);
  }
  return result;
}

template <typename Compare>
index::Bitmap CompareNumbers(const ExpressionNumbers& left, const ExpressionNumbers& right,
                             std::uint32_t slots, Compare compare) {
  index::Bitmap result(slots);
  std::array<std::uint32_t, kNumberBatch> batch;
  std::array<double, kNumberBatch> a;
  std::array<double, kNumberBatch> b;
  for (std::uint32_t first = 0; first < slots; first += kNumberBatch) {
    const std::uint32_t count = std::min(kNumberBatch, slots - first);
    const std::span<std::uint32_t> these(batch.data(), count);
    std::iota(these.begin(), these.end(), first);
    left.Gather(these, {a.data(), count});
    right.Gather(these, {b.data(), count});
    for (std::uint32_t start = 0; start < count; start += 64) {
      std::uint64_t word = 0;
      const std::uint32_t end = std::min(count, start + 64);
      for (std::uint32_t i = start; i < end; ++i) {
        // NaN compares false with everything but by !=.
        const bool there = a[i] == a[i] && b[i] == b[i];
        word |= std::uint64_t{there && compare(a[i], b[i]) ? 1U : 0U} << (i - start);
      }
      result.SetWord((first + start) / 64, word);
    }
  }
  return result;
}

index::Bitmap CompareNumbers(const ExpressionNumbers& left, Op op, const ExpressionNumbers& right,
                             std::uint32_t slots) {
  switch (op) {
    case Op::kEqual:
      return CompareNumbers(left, right, slots, std::equal_to<>());
    case Op::kNotEqual:
      return CompareNumbers(left, right, slots, std::not_equal_to<>());
    case Op::kLess:
      return CompareNumbers(left, right, slots, std::less<>());
    case Op::kLessOrEqual:
      return CompareNumbers(left, right, slots, std::less_equal<>());
    case Op::kGreater:
      return CompareNumbers(left, right, slots, std::greater<>());
    case Op::kGreaterOrEqual:
      return CompareNumbers(left, right, slots, std::greater_equal<>());
    default:
      return index::Bitmap(slots);
  }
}

// A field or a constant, value by value: for texts, booleans and integers beyond the doubles.
class Values {
 public:
  Values(const TableSchema& schema, const ColumnSet& columns, const Expression& expression)
      : constant_(expression.constant) {
    if (expression.kind != Expression::Kind::kField) return;
    constant_ = Value();
    column_ = FindColumn(schema, columns, expression.field);
  }

  bool is_constant() const { return column_ == nullptr; }
  const Value& constant() const { return constant_; }
  const FilterColumn& column() const { return *column_; }

  Value At(std::uint32_t slot) const {
    const std::uint32_t id = column_->ids().Get(slot);
    return id == 0 || id > column_->dictionary().size() ? Value() : column_->dictionary().At(id);
  }

 private:
  Value constant_;
  const FilterColumn* column_ = nullptr;
};

index::Bitmap CompareValues(const Values& left, Op op, const Values& right, std::uint32_t slots) {
  if (left.is_constant() && right.is_constant()) {
    index::Bitmap result(slots);
    if (query::Matches(op, left.constant(), right.constant())) result.SetAll();
    return result;
  }
  if (!left.is_constant() && !right.is_constant()) {
    return Where(slots, [&](std::uint32_t slot) {
      return query::Matches(op, left.At(slot), right.At(slot));
    });
  }
  // Once per distinct value.
  const FilterColumn& column = left.is_constant() ? right.column() : left.column();
  std::vector<std::uint8_t> met(std::size_t{column.dictionary().size()} + 1, 0);
  for (std::uint32_t id = 1; id < met.size(); ++id) {
    const Value value = column.dictionary().At(id);
    const bool matches = left.is_constant() ? query::Matches(op, left.constant(), value)
                                            : query::Matches(op, value, right.constant());
    met[id] = matches ? 1 : 0;
  }
  return Where(slots, [&](std::uint32_t slot) {
    const std::uint32_t id = column.ids().Get(slot);
    return id < met.size() && met[id] != 0;
  });
}

// Computed numbers on one side, values as they are on the other.
index::Bitmap CompareMixed(const ExpressionNumbers& numbers, const Values& values,
                           bool numbers_left, Op op, std::uint32_t slots) {
  std::array<std::uint32_t, kNumberBatch> batch;
  std::array<double, kNumberBatch> computed;
  std::uint32_t first = slots;  // of the batch that is computed
  return Where(slots, [&](std::uint32_t slot) {
    if (slot % kNumberBatch == 0) {
      first = slot;
      const std::span<std::uint32_t> these(batch.data(), std::min(kNumberBatch, slots - first));
      std::iota(these.begin(), these.end(), first);
      numbers.Gather(these, {computed.data(), these.size()});
    }
    const double number = computed[slot - first];
    if (std::isnan(number)) return false;
    const Value value = values.is_constant() ? values.constant() : values.At(slot);
    return numbers_left ? query::Matches(op, Value(number), value)
                        : query::Matches(op, value, Value(number));
  });
}

}  // namespace

const FilterColumn* FindColumn(const TableSchema& schema, const ColumnSet& columns,
                               const query::Field& field) {
  const LoadedColumn& loaded = *columns[schema.IndexOf(field.column)];
  const auto column = loaded.find(field.key);
  return column == loaded.end() ? nullptr : column->second.get();
}

ExpressionNumbers::ExpressionNumbers(const TableSchema& schema, const ColumnSet& columns,
                                     const Expression& expression)
    : kind_(expression.kind) {
  if (kind_ == Expression::Kind::kConstant) {
    const Value& value = expression.constant;
    constant_ = value.is_number() ? value.number() : kNoNumber;
    only_numbers_ = value.is_number() || value.is_null();
    exact_ = IsExact(value);
  } else if (kind_ == Expression::Kind::kField) {
    column_ = FindColumn(schema, columns, expression.field);
    of_id_.assign(column_ == nullptr ? 1 : std::size_t{column_->dictionary().size()} + 1,
                  kNoNumber);
    for (std::uint32_t id = 1; id < of_id_.size(); ++id) {
      const Value value = column_->dictionary().At(id);
      if (value.is_number()) {
        of_id_[id] = value.number();
        exact_ = exact_ && IsExact(value);
      } else {
        only_numbers_ = only_numbers_ && value.as_list() != nullptr;
      }
    }
  } else {
    for (const Expression& operand : expression.operands) {
      operands_.emplace_back(schema, columns, operand);
    }
  }
}

bool ExpressionNumbers::only_numbers() const {
  return only_numbers_;
}

void ExpressionNumbers::Gather(std::span<const std::uint32_t> slots,
                               std::span<double> numbers) const {
  if (kind_ == Expression::Kind::kConstant) {
    std::fill(numbers.begin(), numbers.end(), constant_);
    return;
  }
  if (kind_ == Expression::Kind::kField) {
    if (column_ == nullptr) {
      std::fill(numbers.begin(), numbers.end(), kNoNumber);
      return;
    }
    for (std::size_t i = 0; i < slots.size(); ++i) {
      const std::uint32_t id = column_->ids().Get(slots[i]);
      numbers[i] = id < of_id_.size() ? of_id_[id] : kNoNumber;
    }
    return;
  }
  operands_[0].Gather(slots, numbers);
  if (kind_ == Expression::Kind::kNegate) {
    for (double& number : numbers) number = -number;
    return;
  }
  std::array<double, kNumberBatch> other;
  const std::span<double> right(other.data(), slots.size());
  operands_[1].Gather(slots, right);
  switch (kind_) {
    case Expression::Kind::kAdd:
      return Calculate(numbers, right, std::plus<>());
    case Expression::Kind::kSubtract:
      return Calculate(numbers, right, std::minus<>());
    case Expression::Kind::kMultiply:
      return Calculate(numbers, right, std::multiplies<>());
    default:
      return Calculate(numbers, right, std::divides<>());
  }
}

index::Bitmap EvaluateComparison(const TableSchema& schema, const ColumnSet& columns,
                                 const query::Comparison& comparison, std::uint32_t slots) {
  const ExpressionNumbers left(schema, columns, comparison.left);
  const ExpressionNumbers right(schema, columns, comparison.right);
  // What is no number meets no number.
  const bool numbers = left.only_numbers() || right.only_numbers();
  if (numbers && left.exact() && right.exact()) {
    return CompareNumbers(left, comparison.op, right, slots);
  }
  if (!comparison.left.is_arithmetic() && !comparison.right.is_arithmetic()) {
    return CompareValues({schema, columns, comparison.left}, comparison.op,
                         {schema, columns, comparison.right}, slots);
  }
  // Arithmetic beside values that are not all doubles.
  const bool left_computed = comparison.left.is_arithmetic();
  const Values values(schema, columns, left_computed ? comparison.right : comparison.left);
  return CompareMixed(left_computed ? left : right, values, left_computed, comparison.op, slots);
}

}  // namespace ocellus::store::embedded
