#include "store/embedded/table_loader.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>
#include <vector>

#include "index/exact_index.h"
#include "store/embedded/column_file.h"

namespace ocellus::store::embedded {
namespace {

index::Metric IndexMetric(Metric metric) {
  switch (metric) {
    case Metric::kInnerProduct:
      return index::Metric::kInnerProduct;
    case Metric::kSquaredEuclidean:
      return index::Metric::kSquaredL2;
    default:
      return index::Metric::kCosine;
  }
}

// Slots, births and who has vectors: from one pass over the rows.
Status LoadPlaces(RowFile& rows, TableCore& core, Snapshot& snapshot, WriterState& writer) {
  const std::vector<std::size_t>& vectors = core.layout.vectors();
  std::vector<index::Bitmap> with_vector(vectors.size());
  std::vector<bool> some_lack(vectors.size(), false);
  std::uint64_t last_born = 0;
  // Every slot was a row of some bytes once, and the file does not shrink. A damaged slot beyond
  // would ask for memory without bound.
  Database& database = rows.database();
  OCELLUS_ASSIGN_OR_RETURN(const std::int64_t pages, database.QueryInt("PRAGMA page_count"));
  OCELLUS_ASSIGN_OR_RETURN(const std::int64_t page_bytes, database.QueryInt("PRAGMA page_size"));
  OCELLUS_RETURN_IF_ERROR(
      rows.ForEachPlace([&](const RowPlace& place, const std::vector<bool>& has_vector) -> Status {
        if (std::int64_t{place.slot} >= pages * page_bytes) {
          return {Code::kCorruption, database.path() + ": slot " + std::to_string(place.slot) +
                                         " in a file too small for so many rows"};
        }
        if (place.slot >= snapshot.live.size()) {
          const std::uint64_t doubled = std::min<std::uint64_t>(
              std::uint64_t{snapshot.live.size()} * 2, SlotAllocator::kMaxSlots);
          const std::uint32_t grown = std::max(place.slot + 1, static_cast<std::uint32_t>(doubled));
          snapshot.live.Resize(grown);
          for (index::Bitmap& bitmap : with_vector) bitmap.Resize(grown);
        }
        snapshot.live.Set(place.slot);
        snapshot.slots = place.slot + 1;
        ++snapshot.rows;
        core.born.Set(place.slot, place.born);
        if (place.born < last_born) snapshot.in_order = false;
        last_born = place.born;
        writer.next_born = std::max(writer.next_born, place.born + 1);
        for (std::size_t i = 0; i < has_vector.size(); ++i) {
          if (has_vector[i]) {
            with_vector[i].Set(place.slot);
          } else {
            some_lack[i] = true;
          }
        }
        return {};
      }));
  snapshot.live.Resize(snapshot.slots);
  snapshot.with_vector.resize(core.schema.columns.size());
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    if (!some_lack[i]) continue;
    with_vector[i].Resize(snapshot.slots);
    snapshot.with_vector[vectors[i]] =
        std::make_shared<const index::Bitmap>(std::move(with_vector[i]));
  }
  // The lowest free slot is given out first.
  std::vector<std::uint32_t> free;
  index::Bitmap holes = snapshot.live;
  holes.Flip();
  holes.ForEach([&](std::uint32_t slot) { free.push_back(slot); });
  writer.slots = SlotAllocator(snapshot.slots, {free.rbegin(), free.rend()});
  return {};
}

// What filters are likely to read costs nothing to have from the start, and saves the first filter
// a pass over all rows. Texts are left until they are asked for: they may be long. So are the parts
// of sparse vectors: hardly two rows have the same.
ColumnSet ColumnsOfEmptyTable(const TableSchema& schema) {
  ColumnSetBuilder columns(ColumnSet(schema.columns.size()));
  std::set<std::string> sparse;
  for (const Column& column : schema.columns) {
    sparse.insert({column.vector.sparse_indices_column, column.vector.sparse_values_column});
  }
  for (std::size_t i = 0; i < schema.columns.size(); ++i) {
    if (sparse.contains(schema.columns[i].name)) continue;
    switch (schema.columns[i].type) {
      case ColumnType::kBool:
      case ColumnType::kInt64:
      case ColumnType::kDouble:
      case ColumnType::kMap:
        columns.Load(i);
        break;
      case ColumnType::kString:
        if (schema.columns[i].name == schema.namespace_column) columns.Load(i);
        break;
      case ColumnType::kBlob:
      case ColumnType::kVector:
        break;
    }
  }
  return columns.Finish();
}

Status FillIndex(RowFile& rows, const Snapshot& snapshot, std::size_t position,
                 index::VectorIndex& index) {
  OCELLUS_RETURN_IF_ERROR(index.Reserve(snapshot.slots));
  const index::Bitmap& expected =
      snapshot.with_vector[position] != nullptr ? *snapshot.with_vector[position] : snapshot.live;
  const std::string path = rows.database().path();
  std::uint64_t found = 0;
  OCELLUS_RETURN_IF_ERROR(
      rows.ForEachVector(position, [&](std::uint32_t slot, const Vector& vector) -> Status {
        if (!expected.Test(slot) || !index::CheckVector(vector, index.dimension()).ok()) {
          return {Code::kCorruption, path + ": a vector is damaged or has no row"};
        }
        index.Put(slot, vector);
        ++found;
        return {};
      }));
  if (found != expected.Count()) {
    return {Code::kCorruption,
            path + ": " + std::to_string(expected.Count() - found) + " rows lost their vectors"};
  }
  return {};
}

Status OpenIndexes(os::FileSystem& files, const std::string& folder, RowFile& rows,
                   const Snapshot& snapshot, TableCore& core, StoreMetrics& metrics,
                   const LogLine& log) {
  core.indexes.resize(core.schema.columns.size());
  for (const std::size_t position : core.layout.vectors()) {
    const VectorSpec& spec = core.schema.columns[position].vector;
    const std::string path = VectorsPath(folder, core.layout.IdOf(position));
    OCELLUS_ASSIGN_OR_RETURN(
        auto opened,
        index::ExactIndex::Open(files, path, {spec.dimension, IndexMetric(spec.metric)},
                                snapshot.sequence));
    if (opened.needs_rebuild) {
      // Of a column that is new to the table there is nothing to fill.
      const index::Bitmap* with_vector = snapshot.with_vector[position].get();
      if (snapshot.rows > 0 && (with_vector == nullptr || !with_vector->None())) {
        log("table '" + core.schema.name + "': filling the index of column '" +
            core.schema.columns[position].name + "' again from " + std::to_string(snapshot.rows) +
            " rows: " + opened.rebuild_reason);
        metrics.index_rebuilds.Add();
      }
      OCELLUS_RETURN_IF_ERROR(FillIndex(rows, snapshot, position, *opened.index));
    }
    if (opened.index->capacity() < snapshot.slots) {
      return {Code::kCorruption, path + ": has fewer vectors than the table rows"};
    }
    core.indexes[position] = std::move(opened.index);
  }
  return {};
}

// What an altered table has no more, also when a crash came before it was removed. That a full disk
// keeps it there costs room and nothing else.
Status RemoveOldColumns(os::FileSystem& files, const std::string& folder, RowFile& rows,
                        const TableCore& core, const LogLine& log) {
  const auto note = [&](const Status& status) {
    if (!status.ok()) log("table '" + core.schema.name + "': " + status.message());
  };
  note(rows.RemoveOtherColumns());
  std::set<std::string> wanted;
  for (const std::size_t position : core.layout.vectors()) {
    wanted.insert(VectorsPath(folder, core.layout.IdOf(position)));
  }
  OCELLUS_ASSIGN_OR_RETURN(const std::vector<std::string> names, files.List(folder));
  for (const std::string& name : names) {
    const std::string path = folder + "/" + name;
    if (name.ends_with(".vectors") && !wanted.contains(path)) note(files.Remove(path));
  }
  OCELLUS_ASSIGN_OR_RETURN(const bool made, rows.ConformTexts());
  if (made) log("table '" + core.schema.name + "': indexed its texts again");
  return {};
}

// The sparse parts of vector columns, from one pass over the rows each.
Status LoadSparse(RowFile& rows, const TableCore& core, Snapshot& snapshot) {
  snapshot.sparse.resize(core.schema.columns.size());
  for (const std::size_t position : core.layout.vectors()) {
    const VectorSpec& spec = core.schema.columns[position].vector;
    if (spec.sparse_indices_column.empty()) continue;
    auto index = std::make_shared<index::SparseIndex>();
    const std::vector<std::size_t> columns = {core.schema.IndexOf(spec.sparse_indices_column),
                                              core.schema.IndexOf(spec.sparse_values_column)};
    OCELLUS_RETURN_IF_ERROR(
        rows.ForEachRow(columns, [&](std::uint32_t slot, std::vector<Cell>& cells) -> Status {
          AddSparse(*index, {slot, core.born.Get(slot)}, cells[0], cells[1]);
          return {};
        }));
    snapshot.sparse[position] = std::move(index);
  }
  return {};
}

}  // namespace

void AddSparse(index::SparseIndex& index, index::SparseIndex::RowId row, const Cell& indices,
               const Cell& values) {
  const auto list = [](const Cell& cell) {
    const Value* value = std::get_if<Value>(&cell);
    return value == nullptr ? nullptr : value->as_list();
  };
  const Value::List* at = list(indices);
  const Value::List* what = list(values);
  if (at == nullptr || what == nullptr || at->size() != what->size()) return;
  std::vector<std::int64_t> numbers;
  std::vector<float> floats;
  for (std::size_t i = 0; i < at->size(); ++i) {
    if ((*at)[i].as_int() == nullptr || !(*what)[i].is_number()) return;  // damaged
    numbers.push_back(*(*at)[i].as_int());
    floats.push_back(static_cast<float>((*what)[i].number()));
  }
  index.Add(row, numbers, floats);
}

std::string RowsPath(const std::string& folder) {
  return folder + "/rows.db";
}

std::string VectorsPath(const std::string& folder, std::uint32_t column_id) {
  return folder + "/c" + std::to_string(column_id) + ".vectors";
}

std::string ColumnsPath(const std::string& folder) {
  return folder + "/columns";
}

Status CreateTableFiles(os::FileSystem& files, const std::string& folder,
                        const TableSchema& schema) {
  OCELLUS_RETURN_IF_ERROR(files.CreateDirectories(folder));
  ColumnIds ids(schema.columns.size());
  std::iota(ids.begin(), ids.end(), 0U);
  OCELLUS_RETURN_IF_ERROR(RowFile::Create(RowsPath(folder), RowLayout(schema, std::move(ids))));
  return files.SyncDirectory(folder);
}

Status PrepareTable(const std::string& folder, const CatalogEntry& entry,
                    const ColumnIds& old_column_ids) {
  const RowLayout layout(entry.schema, entry.column_ids);
  OCELLUS_ASSIGN_OR_RETURN(const auto rows,
                           RowFile::Open(RowsPath(folder), layout, Database::Role::kWriter));
  std::vector<std::size_t> added;
  for (std::size_t i = 0; i < entry.column_ids.size(); ++i) {
    const auto old = std::find(old_column_ids.begin(), old_column_ids.end(), layout.IdOf(i));
    if (old == old_column_ids.end()) added.push_back(i);
  }
  if (!added.empty()) OCELLUS_RETURN_IF_ERROR(rows->AddColumns(added));
  const Result<bool> texts = rows->ConformTexts();
  return texts.ok() ? Status() : texts.status();
}

Result<OpenedTable> LoadTable(os::FileSystem& files, const std::string& folder,
                              const CatalogEntry& entry, StoreMetrics& metrics,
                              const LogLine& log) {
  OpenedTable table;
  table.core = std::make_unique<TableCore>(entry.schema, entry.column_ids);
  TableCore& core = *table.core;
  OCELLUS_ASSIGN_OR_RETURN(table.writer.rows,
                           RowFile::Open(RowsPath(folder), core.layout, Database::Role::kWriter));
  RowFile& rows = *table.writer.rows;
  OCELLUS_RETURN_IF_ERROR(RemoveOldColumns(files, folder, rows, core, log));

  auto snapshot = std::make_shared<Snapshot>();
  OCELLUS_ASSIGN_OR_RETURN(snapshot->sequence, rows.Sequence());
  snapshot->columns.resize(core.schema.columns.size());
  OCELLUS_RETURN_IF_ERROR(LoadPlaces(rows, core, *snapshot, table.writer));
  table.writer.map_keys.resize(core.schema.columns.size());
  OCELLUS_RETURN_IF_ERROR(
      rows.ForEachMapKey([&](std::size_t position, std::string_view key) -> Status {
        table.writer.map_keys[position].emplace(key);
        return {};
      }));
  OCELLUS_RETURN_IF_ERROR(OpenIndexes(files, folder, rows, *snapshot, core, metrics, log));
  if (snapshot->rows == 0) {
    snapshot->columns = ColumnsOfEmptyTable(core.schema);
  }
  OCELLUS_RETURN_IF_ERROR(LoadSparse(rows, core, *snapshot));
  Result<ColumnSet> columns = LoadColumns(files, ColumnsPath(folder), core.layout.ids(),
                                          {snapshot->sequence, snapshot->slots});
  if (columns.ok()) {
    snapshot->columns = *std::move(columns);
  } else if (columns.status().code() != Code::kNotFound) {
    log("table '" + core.schema.name + "': " + columns.status().message() +
        "; filters will read their columns from the rows");
  }
  core.snapshots = std::make_unique<SnapshotRegistry>(std::move(snapshot));
  return table;
}

void CloseTable(os::FileSystem& files, const std::string& folder, TableCore& core,
                std::uint64_t sequence, const LogLine& log) {
  for (const auto& index : core.indexes) {
    if (index == nullptr) continue;
    if (Status status = index->Close(sequence); !status.ok()) {
      log("table '" + core.schema.name + "': " + status.message() +
          "; the index will be filled again");
    }
  }
  const SnapshotPtr snapshot = core.snapshots->Current();
  const ColumnSet& columns = snapshot->columns;
  if (std::all_of(columns.begin(), columns.end(), [](const auto& one) { return one == nullptr; })) {
    return;
  }
  // As LoadPlaces() will find it: free slots at the end do not count.
  std::uint32_t slots = 0;
  snapshot->live.ForEach([&slots](std::uint32_t slot) { slots = slot + 1; });
  if (Status status =
          SaveColumns(files, ColumnsPath(folder), columns, core.layout.ids(), {sequence, slots});
      !status.ok()) {
    log("table '" + core.schema.name + "': " + status.message() +
        "; filters will read their columns from the rows");
  }
}

}  // namespace ocellus::store::embedded
