#include "api/vector/table_view.h"

#include <algorithm>
#include <utility>

#include "api/fields.h"
#include "api/vector/values.h"
#include "base/base64.h"
#include "base/bytes.h"

namespace ocellus::api::vector {
namespace {

using store::ColumnType;

const Value& ValueIn(const store::Cell& cell) {
  static const Value kNull;
  const Value* value = std::get_if<Value>(&cell);
  return value != nullptr ? *value : kNull;
}

std::size_t FirstMapColumn(const store::TableSchema& schema) {
  const auto found =
      std::find_if(schema.columns.begin(), schema.columns.end(),
                   [](const store::Column& column) { return column.type == ColumnType::kMap; });
  return static_cast<std::size_t>(found - schema.columns.begin());
}

// What a map column can hold: scalars and lists of them as they are, all else as its JSON.
Value Flat(Value value) {
  const auto is_scalar = [](const Value& element) {
    return element.as_bool() != nullptr || element.is_number() || element.as_string() != nullptr;
  };
  if (is_scalar(value)) return value;
  const Value::List* list = value.as_list();
  if (list != nullptr && std::all_of(list->begin(), list->end(), is_scalar)) return value;
  return WriteJson(value);
}

Failure InField(const std::string& name, const Status& status) {
  return {ErrorOf(status), "fields." + name + ": " + status.message()};
}

}  // namespace

void AddColumn(std::vector<std::string>& columns, const std::string& column) {
  if (column.empty()) return;
  if (std::find(columns.begin(), columns.end(), column) == columns.end()) columns.push_back(column);
}

TableDescription::TableDescription(store::TableSchema of)
    : schema(std::move(of)), definition(DefinitionOf(schema)), extra_at(FirstMapColumn(schema)) {}

Outcome<const IndexDefinition*> TableView::Index(std::string_view name) const {
  const std::vector<IndexDefinition>& indexes = definition().indexes;
  if (indexes.empty()) {
    return Failure{ErrorId::kIndexNotFound, "indexName: the table has no vector index"};
  }
  if (name.empty()) return &indexes.front();
  for (const IndexDefinition& index : indexes) {
    if (index.name == name) return &index;
  }
  std::string known;
  for (const IndexDefinition& index : indexes) known += (known.empty() ? "" : ", ") + index.name;
  return Failure{ErrorId::kIndexNotFound, "indexName: no index \"" + std::string(name) +
                                              "\"; those of the table are " + known};
}

std::optional<ResolvedField> TableView::Resolve(std::string_view name) const {
  if (const FieldDefinition* field = definition().Field(name)) {
    const store::Column* column = schema().Find(name);
    if (column == nullptr || column->type == ColumnType::kVector ||
        column->type == ColumnType::kBlob) {
      return std::nullopt;
    }
    return ResolvedField{{std::string(name), {}},
                         IsText(field->type) ? ValueKind::kText : ValueKind::kNumber};
  }
  if (extra_at() == schema().columns.size() || name.empty()) return std::nullopt;
  return ResolvedField{{schema().columns[extra_at()].name, std::string(name)}, ValueKind::kAny};
}

bool TableView::IsShownByDefault(const FieldDefinition& field) const {
  if (definition().IndexOfField(field.name) != nullptr) return false;
  // Of another front's tables the pictures themselves are shown only when they are named.
  const store::Column* column = schema().Find(field.name);
  return column == nullptr || column->type != ColumnType::kBlob;
}

std::vector<std::string> TableView::ColumnsFor(const Output& output) const {
  std::vector<std::string> columns = schema().primary_key;
  const auto add = [&](const std::string& name) {
    const store::Column* column = schema().Find(name);
    if (column != nullptr && column->type != ColumnType::kBlob) AddColumn(columns, name);
  };
  bool extra = output.all_fields;
  if (output.all_fields) {
    for (const FieldDefinition& field : definition().fields) {
      if (IsShownByDefault(field)) add(field.name);
    }
  }
  for (const std::string& name : output.fields) {
    add(name);
    extra = extra || definition().Field(name) == nullptr;
  }
  if (extra && extra_at() < schema().columns.size()) {
    AddColumn(columns, schema().columns[extra_at()].name);
  }
  AddColumn(columns, output.vector_column);
  return columns;
}

std::vector<std::string> TableView::PictureColumnsFor(const Output& output) const {
  std::vector<std::string> columns;
  const auto add = [&](const std::string& name) {
    for (const std::string& candidate : {name, name + kPictureSuffix}) {
      const store::Column* column = schema().Find(candidate);
      if (column != nullptr && column->type == ColumnType::kBlob) AddColumn(columns, candidate);
    }
  };
  if (output.all_fields) {
    for (const FieldDefinition& field : definition().fields) {
      if (IsShownByDefault(field)) add(field.name);
    }
  }
  for (const std::string& name : output.fields) {
    if (definition().Field(name) != nullptr) add(name);
  }
  return columns;
}

bool TableView::HasPictures() const {
  return std::any_of(schema().columns.begin(), schema().columns.end(),
                     [](const store::Column& column) { return column.type == ColumnType::kBlob; });
}

Value TableView::IdOf(const store::Row& row) const {
  return ValueIn(row.cells[At(schema().primary_key.front())]);
}

Value TableView::CellOf(const store::Row& row, const query::Field& field) const {
  const std::size_t at = At(field.column);
  if (at >= row.cells.size()) return nullptr;
  const Value& value = ValueIn(row.cells[at]);
  if (field.key.empty()) return value;
  const Value* entry = value.Find(field.key);
  return entry != nullptr ? *entry : Value();
}

void TableView::AppendVector(std::string& out, const store::Row& row,
                             std::string_view column) const {
  const std::size_t at = At(column);
  const auto* vector = at < row.cells.size() ? std::get_if<store::Vector>(&row.cells[at]) : nullptr;
  AppendFloats(out, vector != nullptr ? *vector : store::Vector());
}

void TableView::AppendField(std::string& out, const store::Row& row,
                            const FieldDefinition& field) const {
  for (const std::size_t at : {At(field.name), At(field.name + kPictureSuffix)}) {
    if (at >= row.cells.size()) continue;
    const store::Cell& cell = row.cells[at];
    if (const auto* vector = std::get_if<store::Vector>(&cell)) return AppendFloats(out, *vector);
    if (const auto* blob = std::get_if<store::Blob>(&cell)) {
      out += '"' + EncodeBase64(AsBytes(blob->bytes)) + '"';
      return;
    }
    if (!ValueIn(cell).is_null()) {
      out += WriteJson(ValueIn(cell));
      return;
    }
  }
  out += WriteJson(DefaultOf(field.type, field.multi));
}

void TableView::AppendFields(std::string& out, const store::Row& row, const Output& output) const {
  out += '{';
  bool first = true;
  const auto name = [&](const std::string& field) {
    if (!first) out += ',';
    first = false;
    out += WriteJson(field) + ':';
  };
  static const Value kNone;
  const Value& extra = extra_at() < row.cells.size() ? ValueIn(row.cells[extra_at()]) : kNone;
  if (output.all_fields) {
    for (const FieldDefinition& field : definition().fields) {
      if (!IsShownByDefault(field)) continue;
      name(field.name);
      AppendField(out, row, field);
    }
    if (extra.as_map() != nullptr) {
      for (const auto& [key, value] : *extra.as_map()) {
        name(key);
        out += WriteJson(value);
      }
    }
  }
  for (const std::string& wanted : output.fields) {
    if (const FieldDefinition* field = definition().Field(wanted)) {
      name(wanted);
      AppendField(out, row, *field);
    } else if (const Value* value = extra.Find(wanted)) {
      name(wanted);
      out += WriteJson(*value);
    }
  }
  out += '}';
}

Result<Value> TableView::KeyValue(Value id) const {
  const FieldDefinition* key = definition().Field(definition().key);
  OCELLUS_ASSIGN_OR_RETURN(Value value, CastScalar(key->type, std::move(id)));
  if (const std::string* text = value.as_string(); text != nullptr && text->empty()) {
    return Status(Code::kInvalidArgument, "a key must not be empty");
  }
  return value;
}

Outcome<bool> TableView::PutSource(store::Row& row, const FieldDefinition& field, Value value,
                                   SourceRole role, const PictureReader& pictures) const {
  Result<Value> cast = CastScalar(field.type, std::move(value));
  if (!cast.ok()) return InField(field.name, cast.status());
  std::string text = std::move(*cast->as_string());
  // An empty text is nothing to make a vector from.
  if (text.empty()) return true;
  if (role == SourceRole::kText) {
    row.cells[At(field.name)] = Value(std::move(text));
    return true;
  }
  if (role == SourceRole::kEither && !LooksLikePicture(text)) {
    row.cells[At(field.name + kTextSuffix)] = Value(text);
    row.cells[At(field.name)] = Value(std::move(text));
    return true;
  }
  Result<SentPicture> picture = pictures.Read(text, role == SourceRole::kPicture);
  if (!picture.ok()) {
    const bool refused = picture.status().code() == Code::kInvalidArgument;
    return Failure{refused ? ErrorId::kInvalidImage : ErrorOf(picture.status()),
                   "fields." + field.name + ": " + picture.status().message()};
  }
  if (picture->is_location) row.cells[At(field.name)] = Value(std::move(text));
  row.cells[At(field.name + kPictureSuffix)] = store::Blob{std::move(picture->bytes)};
  return true;
}

Outcome<bool> TableView::PutField(store::Row& row, const FieldDefinition& field, Value value,
                                  const PictureReader& pictures) const {
  if (const IndexDefinition* index = definition().IndexOfField(field.name)) {
    Result<store::Vector> vector = CastVector(value);
    if (!vector.ok()) return InField(field.name, vector.status());
    if (vector->empty()) return true;
    if (vector->size() != index->dimension) {
      return Failure{ErrorId::kDimensionMismatch,
                     "fields." + field.name + ": " + std::to_string(vector->size()) +
                         " elements, the index " + index->name + " has " +
                         std::to_string(index->dimension) + " dimensions"};
    }
    row.cells[At(field.name)] = *std::move(vector);
    return true;
  }
  const SourceRole role = RoleOf(definition(), field.name);
  if (role != SourceRole::kNone) {
    return PutSource(row, field, std::move(value), role, pictures);
  }
  Result<Value> cast = field.multi ? CastList(field.type, std::move(value))
                                   : CastScalar(field.type, std::move(value));
  if (!cast.ok()) return InField(field.name, cast.status());
  row.cells[At(field.name)] = *std::move(cast);
  return true;
}

void TableView::PutExtra(store::Row& row, std::string name, Value value) const {
  store::Cell& cell = row.cells[extra_at()];
  if (std::holds_alternative<std::monostate>(cell)) cell = Value(Value::Map());
  Value::Map& extra = *std::get<Value>(cell).as_map();
  std::erase_if(extra, [&](const auto& entry) { return entry.first == name; });
  extra.emplace_back(std::move(name), Flat(std::move(value)));
}

Outcome<store::Row> TableView::RowOf(Value::Map fields, RowUse use,
                                     const PictureReader& pictures) const {
  store::Row row;
  row.cells.resize(schema().columns.size());
  // A copy fills a field that the document lacks.
  for (const ProcessDefinition& process : definition().processes) {
    if (process.op != ProcessDefinition::Operator::kCopy) continue;
    const auto find = [&](const std::string& name) {
      return std::find_if(fields.begin(), fields.end(),
                          [&](const auto& member) { return member.first == name; });
    };
    if (find(process.to) != fields.end() || find(process.from.front()) == fields.end()) continue;
    Value copied = find(process.from.front())->second;
    fields.emplace_back(process.to, std::move(copied));
  }
  for (auto& [name, value] : fields) {
    if (value.is_null()) continue;
    const FieldDefinition* field = definition().Field(name);
    if (field == nullptr) {
      if (name.empty()) return InvalidField("fields", "a field's name must not be empty");
      PutExtra(row, std::move(name), std::move(value));
      continue;
    }
    if (name == definition().key) {
      Result<Value> key = KeyValue(std::move(value));
      if (!key.ok()) return InField(name, key.status());
      row.cells[At(name)] = *std::move(key);
      continue;
    }
    Outcome<bool> put = PutField(row, *field, std::move(value), pictures);
    if (!put.ok()) return std::move(put).status();
  }
  if (std::holds_alternative<std::monostate>(row.cells[At(definition().key)])) {
    return InvalidField("fields." + definition().key, "required, it is the primary key");
  }
  if (use == RowUse::kAdd) FillDefaults(row);
  return row;
}

void TableView::FillDefaults(store::Row& row) const {
  for (const FieldDefinition& field : definition().fields) {
    if (definition().IndexOfField(field.name) != nullptr) continue;
    if (RoleOf(definition(), field.name) != SourceRole::kNone) continue;
    store::Cell& cell = row.cells[At(field.name)];
    if (std::holds_alternative<std::monostate>(cell)) cell = DefaultOf(field.type, field.multi);
  }
}

void TableView::Merge(store::Row& row, store::Row update) const {
  std::vector<bool> sent(row.cells.size(), false);
  std::vector<bool> changed(row.cells.size(), false);
  const auto take = [&](std::size_t at) {
    sent[at] = true;
    changed[at] = row.cells[at] != update.cells[at];
    row.cells[at] = std::move(update.cells[at]);
  };
  for (std::size_t at = 0; at < row.cells.size(); ++at) {
    if (std::holds_alternative<std::monostate>(update.cells[at])) continue;
    if (at == extra_at()) {
      for (auto& [name, value] : *std::get<Value>(update.cells[at]).as_map()) {
        PutExtra(row, name, std::move(value));
      }
      continue;
    }
    if (schema().columns[at].type != ColumnType::kVector) take(at);
  }
  // A source field's columns belong together: what it was before is gone from all of them.
  for (const FieldDefinition& field : definition().fields) {
    const std::size_t picture = At(field.name + kPictureSuffix);
    const std::size_t text = At(field.name + kTextSuffix);
    const std::size_t plain = At(field.name);
    const bool is_sent =
        (picture < sent.size() && sent[picture]) || (text < sent.size() && sent[text]);
    if (!is_sent) continue;
    for (const std::size_t at : {plain, picture, text}) {
      if (at >= sent.size() || sent[at]) continue;
      changed[at] = !std::holds_alternative<std::monostate>(row.cells[at]);
      row.cells[at] = std::monostate();
    }
  }
  for (std::size_t at = 0; at < row.cells.size(); ++at) {
    const store::Column& column = schema().columns[at];
    if (column.type != ColumnType::kVector) continue;
    for (const std::string& source : store::SourcesOf(column.vector)) {
      if (changed[At(source)]) row.cells[at] = std::monostate();
    }
    if (!std::holds_alternative<std::monostate>(update.cells[at])) {
      row.cells[at] = std::move(update.cells[at]);
    }
  }
}

}  // namespace ocellus::api::vector
