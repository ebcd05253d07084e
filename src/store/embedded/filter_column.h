// One field of a table's rows (a column, or one key of a map column) as filters read it.

#pragma once

#include <cstdint>
#include <memory>

#include "base/value.h"
#include "index/bitmap.h"
#include "query/filter.h"
#include "store/embedded/dictionary.h"
#include "store/embedded/growing_array.h"

namespace ocellus::store::embedded {

// The value of every slot, as its identifier in a dictionary of the distinct ones. A condition is
// evaluated once per distinct value; the rows then cost one look at four bytes each.
//
// Memory: 4 bytes a slot (none for runs of 1024 slots that never had a value) and the dictionary.
//
// Thread safety: one thread calls Set(), on slots that no reader's row set holds; readers may run
// Evaluate() meanwhile and get an undefined answer for exactly those slots.
class FilterColumn {
 public:
  // A null value: the row has no such field.
  void Set(std::uint32_t slot, const Value& value);

  // The slots below `slots` whose value meets the condition.
  index::Bitmap Evaluate(const query::Condition& condition, std::uint32_t slots) const;

  // Whether most values of the dictionary are no slot's any more.
  // `live_rows`: rows of the table.
  bool Wasteful(std::uint64_t live_rows) const;

  // A new column with the values of the live slots and no others.
  std::shared_ptr<FilterColumn> Compacted(const index::Bitmap& live) const;

  // For the column file.
  const Dictionary& dictionary() const { return dictionary_; }
  Dictionary& dictionary() { return dictionary_; }
  const GrowingArray<std::uint32_t>& ids() const { return ids_; }
  GrowingArray<std::uint32_t>& ids() { return ids_; }

 private:
  Dictionary dictionary_;
  GrowingArray<std::uint32_t> ids_;
};

}  // namespace ocellus::store::embedded
