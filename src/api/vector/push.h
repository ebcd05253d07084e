// Pushes: documents into rows, in the order of the body and in one transaction.

#pragma once

#include <array>
#include <cstdint>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "api/access.h"
#include "api/request.h"
#include "api/vector/outcome.h"
#include "api/vector/pictures.h"
#include "api/vector/table_opener.h"
#include "api/vector/table_view.h"
#include "base/result.h"
#include "base/value.h"
#include "engine/engine.h"

namespace ocellus::api::vector {

struct PushLimits {
  // Of the interface's own choosing: a push is one transaction, and is held in memory.
  std::size_t max_body_bytes = std::size_t{32} << 20;
  std::size_t max_documents = 10'000;
};

// One entry of a body.
struct Operation {
  enum class Kind : std::uint8_t { kAdd, kUpdate, kDelete };

  Kind kind = Kind::kAdd;
  Value::Map fields;
};

// The body of a push. InvalidArgument starts with the place: "[3].cmd: ...".
Result<std::vector<Operation>> ReadPush(std::string_view body, const PushLimits& limits);

// Thread-safe. What it is given is borrowed and outlives it.
class Pusher {
 public:
  Pusher(engine::Engine& engine, TableOpener& tables, const PictureReader& pictures,
         PushLimits limits = {})
      : engine_(engine), tables_(tables), pictures_(pictures), limits_(limits) {}

  // All or nothing; on disk when there is no failure. `data_source` is the table's name, with an
  // instance's name and _ before it or without.
  std::vector<Failure> Push(const Request& request, const std::string& data_source);

 private:
  struct Changes;

  Outcome<std::string> TableOf(const std::string& data_source);
  // The rows of adds and updates, by their place; pictures are read side by side.
  std::vector<Outcome<store::Row>> RowsOf(const TableView& view,
                                          std::vector<Operation>& operations) const;
  std::vector<Failure> Collect(const TableView& view, std::vector<Operation> operations,
                               Changes& changes);
  Outcome<bool> MergeUpdates(const TableView& view, Changes& changes);
  std::vector<Failure> Write(const TableView& view, Changes changes);

  engine::Engine& engine_;
  TableOpener& tables_;
  const PictureReader& pictures_;
  const PushLimits limits_;
  // An update reads a row before it writes it: no other push writes to the table between. One for
  // all tables of one hash.
  std::array<std::shared_mutex, 64> table_locks_;
};

}  // namespace ocellus::api::vector
