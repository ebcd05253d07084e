// TableView: a stored table as clients of the OpenSearch front see it: fields and documents over
// columns and rows.
//
// Const use from several threads is safe.

#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
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

class TableView {
 public:
  // The view keeps the table from being changed while it lives.
  TableView(store::TableSchema schema, TableGates::Hold hold);

  const store::TableSchema& schema() const { return schema_; }
  const Definition& definition() const { return definition_; }
  const std::string& name() const { return schema_.name; }

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
  store::Key KeyOf(const store::Row& row) const { return store::KeyOf(schema_, row); }
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
  std::size_t At(std::string_view column) const { return schema_.IndexOf(column); }
  void AppendField(std::string& out, const store::Row& row, const FieldDefinition& field) const;
  bool IsShownByDefault(const FieldDefinition& field) const;
  Outcome<bool> PutSource(store::Row& row, const FieldDefinition& field, Value value,
                          SourceRole role, const PictureReader& pictures) const;
  Outcome<bool> PutField(store::Row& row, const FieldDefinition& field, Value value,
                         const PictureReader& pictures) const;
  void PutExtra(store::Row& row, std::string name, Value value) const;

  TableGates::Hold hold_;
  store::TableSchema schema_;
  Definition definition_;
  std::size_t extra_at_;  // of the first map column; columns.size(): none
};

}  // namespace ocellus::api::vector
