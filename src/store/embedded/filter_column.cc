#include "store/embedded/filter_column.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace ocellus::store::embedded {
namespace {

using query::Condition;
using query::Op;

// 1 for every identifier (0: no value) that meets a condition. Bytes, not bits: the linear pass
// over the slots looks one up for each.
using Met = std::vector<std::uint8_t>;

// Below this number of distinct values trying each is quicker than hashing.
constexpr std::uint32_t kFewValues = 32;

constexpr std::uint32_t kWordBits = 64;

// Marks the scalars that equal `value`: by hash, as 1 and 1.0 are the only two forms of one value.
void MarkEqual(const Dictionary& dictionary, const Value& value, Met& met) {
  const auto mark = [&](const Value& form) {
    const std::uint32_t id = dictionary.Find(form);
    if (id != 0 && id < met.size()) met[id] = 1;
  };
  constexpr double kTwoTo63 = 9223372036854775808.0;
  if (value.as_list() != nullptr || value.as_map() != nullptr || value.is_null()) return;
  mark(value);
  if (const std::int64_t* integer = value.as_int()) {
    const auto number = static_cast<double>(*integer);
    if (number < kTwoTo63 && static_cast<std::int64_t>(number) == *integer) mark(Value(number));
  } else if (const double* number = value.as_double(); number != nullptr &&
                                                       std::trunc(*number) == *number &&
                                                       *number >= -kTwoTo63 && *number < kTwoTo63) {
    mark(Value(static_cast<std::int64_t>(*number)));
  }
}

// Equality with one value or, for kIn, with one of a list.
void MarkPositive(const Dictionary& dictionary, const Condition& condition, Met& met) {
  const Value& value = condition.value;
  if (condition.op == Op::kEqual) {
    MarkEqual(dictionary, value, met);
  } else if (const Value::List* list = value.as_list()) {
    for (const Value& one : *list) MarkEqual(dictionary, one, met);
  }
  for (std::uint32_t i = 0, count = dictionary.list_count(); i < count; ++i) {
    const std::uint32_t id = dictionary.ListAt(i);
    if (id < met.size()) met[id] = query::Matches(condition, dictionary.At(id)) ? 1 : 0;
  }
}

Met Evaluate(const Dictionary& dictionary, const Condition& condition) {
  const std::uint32_t size = dictionary.size();
  Met met(std::size_t{size} + 1, 0);
  met[0] = query::Matches(condition, Value()) ? 1 : 0;
  const bool negative = condition.op == Op::kNotEqual || condition.op == Op::kNotIn;
  const bool by_hash = negative || condition.op == Op::kEqual || condition.op == Op::kIn;
  if (!by_hash || size < kFewValues) {
    for (std::uint32_t id = 1; id <= size; ++id) {
      met[id] = query::Matches(condition, dictionary.At(id)) ? 1 : 0;
    }
    return met;
  }
  if (!negative) {
    MarkPositive(dictionary, condition, met);
    return met;
  }
  Condition positive = condition;
  positive.op = condition.op == Op::kNotEqual ? Op::kEqual : Op::kIn;
  met[0] = 0;
  MarkPositive(dictionary, positive, met);
  for (std::uint8_t& one : met) one ^= 1;
  return met;
}

}  // namespace

void FilterColumn::Set(std::uint32_t slot, const Value& value) {
  ids_.Set(slot, value.is_null() ? 0 : dictionary_.Intern(value));
}

index::Bitmap FilterColumn::Evaluate(const Condition& condition, std::uint32_t slots) const {
  const Met met = embedded::Evaluate(dictionary_, condition);
  index::Bitmap result(slots);
  if (std::find(met.begin(), met.end(), 1) == met.end()) return result;
  if (std::find(met.begin(), met.end(), 0) == met.end()) {
    result.SetAll();
    return result;
  }
  ids_.ForEachRun(slots, [&](std::uint32_t first, const std::uint32_t* ids, std::uint32_t count) {
    if (ids == nullptr && met[0] == 0) return;
    for (std::uint32_t start = 0; start < count; start += kWordBits) {
      const std::uint32_t end = std::min(count, start + kWordBits);
      std::uint64_t word = 0;
      for (std::uint32_t i = start; i < end; ++i) {
        const std::uint32_t id = ids == nullptr ? 0 : GrowingArray<std::uint32_t>::Load(ids[i]);
        // An identifier newer than `met` is in a slot that the caller's rows do not have.
        word |= std::uint64_t{id < met.size() ? met[id] : std::uint8_t{0}} << (i - start);
      }
      result.SetWord((first + start) / kWordBits, word);
    }
  });
  return result;
}

bool FilterColumn::Wasteful(std::uint64_t live_rows) const {
  constexpr std::uint64_t kSmall = 4096;  // not worth the work below it
  return dictionary_.size() > 2 * live_rows + kSmall;
}

std::shared_ptr<FilterColumn> FilterColumn::Compacted(const index::Bitmap& live) const {
  auto compacted = std::make_shared<FilterColumn>();
  std::vector<std::uint32_t> renamed(std::size_t{dictionary_.size()} + 1, 0);
  live.ForEach([&](std::uint32_t slot) {
    const std::uint32_t id = ids_.Get(slot);
    if (id == 0) return;
    if (renamed[id] == 0) {
      renamed[id] = compacted->dictionary_.InternEncoded(dictionary_.EncodedAt(id));
    }
    compacted->ids_.Set(slot, renamed[id]);
  });
  return compacted;
}

}  // namespace ocellus::store::embedded
