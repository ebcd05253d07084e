#include "api/vector/definition.h"

#include <algorithm>
#include <array>
#include <utility>

namespace ocellus::api::vector {
namespace {

using store::ColumnType;

struct TypeName {
  FieldType type;
  std::string_view name;
};
constexpr std::array<TypeName, 12> kTypes = {{
    {FieldType::kInt8, "INT8"},
    {FieldType::kInt16, "INT16"},
    {FieldType::kInt32, "INT32"},
    {FieldType::kInt64, "INT64"},
    {FieldType::kUint8, "UINT8"},
    {FieldType::kUint16, "UINT16"},
    {FieldType::kUint32, "UINT32"},
    {FieldType::kUint64, "UINT64"},
    {FieldType::kFloat, "FLOAT"},
    {FieldType::kDouble, "DOUBLE"},
    {FieldType::kString, "STRING"},
    {FieldType::kText, "TEXT"},
}};

ColumnType ColumnTypeOf(FieldType type) {
  if (IsInteger(type)) return ColumnType::kInt64;
  return IsText(type) ? ColumnType::kString : ColumnType::kDouble;
}

const char* DistanceName(store::Metric metric) {
  switch (metric) {
    case store::Metric::kSquaredEuclidean:
      return "SquaredEuclidean";
    case store::Metric::kInnerProduct:
      return "InnerProduct";
    case store::Metric::kCosine:
      break;
  }
  return "Cosine";
}

const char* ModalName(ProcessDefinition::Modal modal) {
  switch (modal) {
    case ProcessDefinition::Modal::kText:
      return "text";
    case ProcessDefinition::Modal::kImage:
      return "image";
    case ProcessDefinition::Modal::kFusion:
      break;
  }
  return "fusion";
}

std::string Joined(const std::vector<std::string>& parts) {
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : ",") + part;
  return out;
}

Value IndexValue(const IndexDefinition& index) {
  return Value::Map{{"indexName", index.name},
                    {"vectorField", index.field},
                    {"dimension", std::to_string(index.dimension)},
                    {"distanceType", DistanceName(index.metric)},
                    {"vectorIndexType", index.type},
                    {"namespace", index.namespace_field},
                    {"sparseIndexField", index.sparse_indices_field},
                    {"sparseValueField", index.sparse_values_field},
                    {"advanceParams", index.advance_params}};
}

Value ProcessValue(const ProcessDefinition& process) {
  const bool vectorize = process.op == ProcessDefinition::Operator::kVectorize;
  Value params;
  if (vectorize) {
    params = Value::Map{{"vectorModal", ModalName(process.modal)},
                        {"vectorModel", process.model},
                        {"srcFieldConfig", process.source_config}};
  }
  return Value::Map{{"dstField", process.to},
                    {"srcField", Joined(process.from)},
                    {"operator", vectorize ? "vectorize" : "copy"},
                    {"params", std::move(params)}};
}

// Whether hybrid searches find the field's words: TEXT fields or, in a table without one, every
// STRING that is neither a key nor a picture.
bool HasFullText(const Definition& definition, const FieldDefinition& field) {
  if (field.multi || !IsText(field.type)) return false;
  const bool any_text =
      std::any_of(definition.fields.begin(), definition.fields.end(),
                  [](const FieldDefinition& other) { return other.type == FieldType::kText; });
  if (any_text) return field.type == FieldType::kText;
  const bool is_namespace = std::any_of(
      definition.indexes.begin(), definition.indexes.end(),
      [&](const IndexDefinition& index) { return index.namespace_field == field.name; });
  return field.name != definition.key && !is_namespace &&
         RoleOf(definition, field.name) != SourceRole::kPicture;
}

// The column that a process embeds of a source field.
std::string SourceColumn(const Definition& definition, const std::string& field,
                         ProcessDefinition::Modal modal) {
  if (modal == ProcessDefinition::Modal::kImage) return field + kPictureSuffix;
  return RoleOf(definition, field) == SourceRole::kEither ? field + kTextSuffix : field;
}

store::VectorSpec VectorSpecOf(const Definition& definition, const IndexDefinition& index) {
  store::VectorSpec spec;
  spec.dimension = index.dimension;
  spec.metric = index.metric;
  spec.sparse_indices_column = index.sparse_indices_field;
  spec.sparse_values_column = index.sparse_values_field;
  for (const ProcessDefinition& process : definition.processes) {
    if (process.op != ProcessDefinition::Operator::kVectorize || process.to != index.field)
      continue;
    spec.bundle = process.model;
    if (process.modal != ProcessDefinition::Modal::kFusion) {
      spec.source_column = SourceColumn(definition, process.from.front(), process.modal);
      continue;
    }
    for (const std::string& field : process.from) {
      const SourceRole role = RoleOf(definition, field);
      if (role != SourceRole::kPicture) {
        spec.source_columns.push_back(
            SourceColumn(definition, field, ProcessDefinition::Modal::kText));
      }
      if (role != SourceRole::kText) spec.source_columns.push_back(field + kPictureSuffix);
    }
  }
  return spec;
}

const Value* Attribute(const store::TableSchema& schema, std::string_view name) {
  for (const auto& [key, value] : schema.attributes) {
    if (key == name) return &value;
  }
  return nullptr;
}

// What this front sees of a table that another one made.
Definition Derived(const store::TableSchema& schema) {
  Definition definition;
  definition.name = schema.name;
  definition.key = schema.primary_key.empty() ? std::string() : schema.primary_key.front();
  for (const store::Column& column : schema.columns) {
    switch (column.type) {
      case ColumnType::kBool:
        definition.fields.push_back({column.name, FieldType::kInt8, column.multi});
        break;
      case ColumnType::kInt64:
        definition.fields.push_back({column.name, FieldType::kInt64, column.multi});
        break;
      case ColumnType::kDouble:
        definition.fields.push_back({column.name, FieldType::kDouble, column.multi});
        break;
      case ColumnType::kString:
      case ColumnType::kBlob:
        definition.fields.push_back({column.name, FieldType::kString, column.multi});
        break;
      case ColumnType::kVector:
        definition.fields.push_back({column.name, FieldType::kFloat, true});
        definition.indexes.push_back({.name = column.name,
                                      .field = column.name,
                                      .dimension = column.vector.dimension,
                                      .metric = column.vector.metric,
                                      .type = "Linear"});
        if (!column.vector.source_column.empty()) {
          const store::Column* source = schema.Find(column.vector.source_column);
          const bool text = source != nullptr && source->type == ColumnType::kString;
          definition.processes.push_back(
              {ProcessDefinition::Operator::kVectorize,
               column.name,
               {column.vector.source_column},
               text ? ProcessDefinition::Modal::kText : ProcessDefinition::Modal::kImage,
               column.vector.bundle,
               {}});
        }
        break;
      case ColumnType::kMap:
        break;
    }
  }
  return definition;
}

}  // namespace

bool IsInteger(FieldType type) {
  return type <= FieldType::kUint64;
}

bool IsText(FieldType type) {
  return type == FieldType::kString || type == FieldType::kText;
}

std::string NameOf(FieldType type, bool multi) {
  return (multi ? "MULTI_" : "") + std::string(kTypes[static_cast<std::size_t>(type)].name);
}

const FieldDefinition* Definition::Field(std::string_view field) const {
  const auto found =
      std::find_if(fields.begin(), fields.end(),
                   [&](const FieldDefinition& candidate) { return candidate.name == field; });
  return found == fields.end() ? nullptr : &*found;
}

const IndexDefinition* Definition::IndexOfField(std::string_view field) const {
  const auto found =
      std::find_if(indexes.begin(), indexes.end(),
                   [&](const IndexDefinition& candidate) { return candidate.field == field; });
  return found == indexes.end() ? nullptr : &*found;
}

SourceRole RoleOf(const Definition& definition, std::string_view field) {
  using Modal = ProcessDefinition::Modal;
  std::array<bool, 3> of = {};  // by modal
  for (const ProcessDefinition& process : definition.processes) {
    if (process.op != ProcessDefinition::Operator::kVectorize) continue;
    if (std::find(process.from.begin(), process.from.end(), field) == process.from.end()) continue;
    of[static_cast<std::size_t>(process.modal)] = true;
  }
  const bool text = of[static_cast<std::size_t>(Modal::kText)];
  const bool picture = of[static_cast<std::size_t>(Modal::kImage)];
  const bool fusion = of[static_cast<std::size_t>(Modal::kFusion)];
  // A fusion alone takes either; beside another process it takes what that one does.
  if (text == picture) return text || fusion ? SourceRole::kEither : SourceRole::kNone;
  return picture ? SourceRole::kPicture : SourceRole::kText;
}

Value ToValue(const Definition& definition) {
  Value::Map fields;
  for (const FieldDefinition& field : definition.fields) {
    fields.emplace_back(field.name, NameOf(field.type, field.multi));
  }
  Value::List indexes;
  for (const IndexDefinition& index : definition.indexes) indexes.push_back(IndexValue(index));
  Value::List processes;
  for (const ProcessDefinition& process : definition.processes) {
    processes.push_back(ProcessValue(process));
  }
  return Value::Map{{"name", definition.name},
                    {"partitionCount", definition.partitions},
                    {"primaryKey", definition.key},
                    {"dataProcessorCount", definition.processors},
                    {"fieldSchema", std::move(fields)},
                    {"vectorIndex", std::move(indexes)},
                    {"dataProcessConfig", std::move(processes)},
                    {"dataSource", definition.data_source}};
}

store::TableSchema SchemaOf(const Definition& definition) {
  store::TableSchema schema;
  schema.name = definition.name;
  schema.primary_key = {definition.key};
  for (const FieldDefinition& field : definition.fields) {
    store::Column column;
    column.name = field.name;
    if (const IndexDefinition* index = definition.IndexOfField(field.name)) {
      column.type = ColumnType::kVector;
      column.vector = VectorSpecOf(definition, *index);
    } else {
      column.type = ColumnTypeOf(field.type);
      column.multi = field.multi;
      column.required = field.name == definition.key;
      column.full_text = HasFullText(definition, field);
    }
    schema.columns.push_back(std::move(column));
    const SourceRole role = RoleOf(definition, field.name);
    if (role == SourceRole::kPicture || role == SourceRole::kEither) {
      schema.columns.push_back({.name = field.name + kPictureSuffix, .type = ColumnType::kBlob});
    }
    if (role == SourceRole::kEither) {
      schema.columns.push_back({.name = field.name + kTextSuffix, .type = ColumnType::kString});
    }
  }
  schema.columns.push_back({.name = kExtraColumn, .type = ColumnType::kMap});
  schema.attributes = {{kKindAttribute, kTableKind}, {kDefinitionAttribute, ToValue(definition)}};
  return schema;
}

Definition DefinitionOf(const store::TableSchema& schema) {
  const Value* kept = Attribute(schema, kDefinitionAttribute);
  if (!IsOwn(schema) || kept == nullptr) return Derived(schema);
  Outcome<Definition> read = ReadDefinition(*kept);
  if (!read.ok()) return Derived(schema);
  Definition definition = *std::move(read);
  for (IndexDefinition& index : definition.indexes) {
    const store::Column* column = schema.Find(index.field);
    if (column == nullptr) continue;
    index.dimension = column->vector.dimension;
    for (ProcessDefinition& process : definition.processes) {
      if (process.to == index.field) process.model = column->vector.bundle;
    }
  }
  return definition;
}

bool IsOwn(const store::TableSchema& schema) {
  const Value* kind = Attribute(schema, kKindAttribute);
  return kind != nullptr && *kind == Value(kTableKind);
}

bool IsStopped(const store::TableSchema& schema) {
  const Value* stopped = Attribute(schema, kStoppedAttribute);
  return stopped != nullptr && *stopped == Value(true);
}

}  // namespace ocellus::api::vector
