// TableView: a stored table as clients of the OpenSearch front see it: fields and documents over
// columns and rows.
//
// Const use from several threads is safe.

#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/vector/definition.h"
#include "api/vector/filter.h"
#include "api/vector/outcome.h"
#include "api/vector/pictures.h"
#include "api/vector/table_gates.h"
#include "base/value.h"
#include "engine/engine.h"

namespace ocellus::api::vector {

// What of a row an answer has.
struct Output {
  bool all_fields = false;  // every field but the vectors; else those of `fields`
  std::vector<std::string> fields;
  std::string vector_column;  // beside the fields; empty: none
};

// How a document becomes a row.
enum class RowUse : std::uint8_t {
  kAdd,     // fields that the document lacks get their type's default
  kUpdate,  // cells of fields that it lacks stay null: see Merge()
};

// Adds the column, unless it is there already or empty.
void AddColumn(std::vector<std::string>& columns, const std::string& column);

// What a table is to this front. Never changes: a table that is altered has another one.
struct TableDescription {
  explicit TableDescription(store::TableSchema of);

  const store::TableSchema schema;
  const Definition definition;
  const std::size_t extra_at;  // of the first map column; columns.size(): none
};

class TableView {
 public:
  // The view keeps the table from being changed while it lives.
  TableView(std::shared_ptr<const TableDescription> description, TableGates::Hold hold)
      : hold_(std::move(hold)), description_(std::move(description)) {}

  const store::TableSchema& schema() const { return description_->schema; }
  const Definition& definition() const { return description_->definition; }
  const std::string& name() const { return schema().name; }

  // kIndexNotFound. Empty: the first one. Borrowed from the view.
  Outcome<const IndexDefinition*> Index(std::string_view name) const;

  // For filters and sort expressions: a field, else an entry of the map column for all others;
  // none when the table has no such column, and for vectors and pictures.
  std::optional<ResolvedField> Resolve(std::string_view name) const;

  // The columns that an answer needs, the key's among them; those of pictures apart, since they are
  // large.
  std::vector<std::string> ColumnsFor(const Output& output) const;
  std::vector<std::string> PictureColumnsFor(const Output& output) const;

  // Whether documents may hold pictures.
  bool HasPictures() const;

  Value IdOf(const store::Row& row) const;
  store::Key KeyOf(const store::Row& row) const { return store::KeyOf(schema(), row); }
  // Append the JSON of the fields, and of a vector: [] where there is none.
  void AppendFields(std::string& out, const store::Row& row, const Output& output) const;
  void AppendVector(std::string& out, const store::Row& row, std::string_view column) const;
  Value CellOf(const store::Row& row, const query::Field& field) const;

  // The cell that names a row: an id as a client writes it, number or text, as the key's type.
  Result<Value> KeyValue(Value id) const;

  // REQUIRES: IsOwn(schema()). Reads the pictures that the document says where they are.
  // InvalidArgument starts with "fields.<name>: "; a picture's is marked kInvalidImage.
  Outcome<store::Row> RowOf(Value::Map fields, RowUse use, const PictureReader& pictures) const;

  // Gives fields that have no value their type's default.
  void FillDefaults(store::Row& row) const;

  // `row` with what the update has: cells that are not null, entries of the map. Vectors that are
  // made from a cell that changed are left out, for the engine to make them again.
  void Merge(store::Row& row, store::Row update) const;

 private:
  std::size_t At(std::string_view column) const { return schema().IndexOf(column); }
  std::size_t extra_at() const { return description_->extra_at; }
  void AppendField(std::string& out, const store::Row& row, const FieldDefinition& field) const;
  bool IsShownByDefault(const FieldDefinition& field) const;
  Outcome<bool> PutSource(store::Row& row, const FieldDefinition& field, Value value,
                          SourceRole role, const PictureReader& pictures) const;
  Outcome<bool> PutField(store::Row& row, const FieldDefinition& field, Value value,
                         const PictureReader& pictures) const;
  void PutExtra(store::Row& row, std::string name, Value value) const;

  TableGates::Hold hold_;
  std::shared_ptr<const TableDescription> description_;
};

}  // namespace ocellus::api::vector
