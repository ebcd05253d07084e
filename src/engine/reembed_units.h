// What Reembedding makes again as one, a unit: in a library a picture with all of its rows, in
// other tables a row.
//
// Thread-safe. What is given is borrowed and outlives it.

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/value.h"
#include "embed/embedder.h"
#include "engine/engine.h"
#include "query/filter.h"
#include "store/table_store.h"

namespace ocellus::engine {

struct ReembedUnit {
  std::vector<store::Row> rows;     // the first one is always there
  std::vector<store::Key> deletes;  // rows that it has no more
  std::string reason;               // why it cannot follow; empty: it can
};

class ReembedUnits {
 public:
  virtual ~ReembedUnits() = default;

  virtual const char* name() const = 0;      // "pictures", "rows"
  virtual const char* why_left() const = 0;  // most of those that cannot follow
  // Matches the first row of every unit.
  virtual query::Filter Firsts() const = 0;
  // Of the unit that the row belongs to.
  virtual store::Key FirstOf(const store::Key& row) const = 0;
  // Of all rows that the unit may have.
  virtual std::vector<store::Key> KeysOf(const store::Key& first) const = 0;
  // What tells a user which one it is: image_id and image_uri, or the row's key as "key", a JSON
  // text.
  virtual Value::Map Named(const store::Key& first) const = 0;

  // The columns that a unit is made again from, and those that tell whether it changed.
  virtual std::vector<std::string> Columns() const = 0;
  virtual std::vector<std::string> ComparedColumns() const = 0;
  enum class Copied { kNo, kYes, kLeftBehind };
  // Both rows with ComparedColumns().
  virtual Copied Compare(const store::Row& first, const store::Row& copy) const = 0;

  // Its vectors anew, its rows with Columns(). What cannot be made is taken out, and the reason
  // set. Fails when nothing is wrong with the unit itself.
  virtual Status Remake(ReembedUnit& unit) const = 0;
};

// `after` is what `before` shall become: other models at some of its vector columns. `embedder` is
// the bundle of a library that is `after`; tables name theirs.
std::unique_ptr<ReembedUnits> UnitsOf(Engine& engine, embed::Embedder& embedder,
                                      const store::TableSchema& before,
                                      const store::TableSchema& after);

// Positions of the vector columns that differ in the model that makes them.
std::vector<std::size_t> RemadeColumns(const store::TableSchema& before,
                                       const store::TableSchema& after);

}  // namespace ocellus::engine
