#include "store/schema.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "base/utf8.h"

namespace ocellus::store {
namespace {

constexpr std::size_t kMaxNameBytes = 128;
constexpr std::size_t kMaxColumns = 1000;  // SQLite and TiDB both stop not far above
constexpr std::size_t kMaxKeyColumns = 16;
constexpr std::uint32_t kMaxDimension = 4096;
constexpr std::size_t kMaxSources = 16;  // as many as a fusion query may have parts

template <typename Enum>
struct Name {
  Enum value;
  const char* name;
};

// On disk; never change a name.
constexpr std::array<Name<ColumnType>, 7> kTypes = {{{ColumnType::kBool, "bool"},
                                                     {ColumnType::kInt64, "int64"},
                                                     {ColumnType::kDouble, "double"},
                                                     {ColumnType::kString, "string"},
                                                     {ColumnType::kMap, "map"},
                                                     {ColumnType::kBlob, "blob"},
                                                     {ColumnType::kVector, "vector"}}};
constexpr std::array<Name<Metric>, 3> kMetrics = {
    {{Metric::kCosine, "cosine"},
     {Metric::kInnerProduct, "inner_product"},
     {Metric::kSquaredEuclidean, "squared_euclidean"}}};

constexpr std::array<Name<SourcePart>, 3> kParts = {
    {{SourcePart::kAll, ""}, {SourcePart::kSubject, "subject"}, {SourcePart::kFace, "face"}}};

template <typename Names, typename Enum>
const char* NameOf(const Names& names, Enum value) {
  for (const auto& entry : names) {
    if (entry.value == value) return entry.name;
  }
  return "";
}

template <typename Enum, std::size_t kCount>
Result<Enum> Named(const std::array<Name<Enum>, kCount>& names, const std::string& name,
                   const char* what) {
  for (const auto& entry : names) {
    if (name == entry.name) return entry.value;
  }
  return Status(Code::kInvalidArgument, std::string("unknown ") + what + " '" + name + "'");
}

Status Invalid(std::string message) {
  return {Code::kInvalidArgument, std::move(message)};
}

Status CheckName(const char* what, const std::string& name) {
  if (name.empty()) return Invalid(std::string(what) + " name is empty");
  if (name.size() > kMaxNameBytes) {
    return Invalid(std::string(what) + " name is longer than 128 bytes");
  }
  if (!IsUtf8(name)) return Invalid(std::string(what) + " name is not UTF-8");
  const bool control = std::any_of(name.begin(), name.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7F;
  });
  if (control) return Invalid(std::string(what) + " name has a control character");
  return {};
}

bool IsScalar(ColumnType type) {
  return type == ColumnType::kBool || type == ColumnType::kInt64 || type == ColumnType::kDouble ||
         type == ColumnType::kString;
}

Status CheckSparse(const TableSchema& schema, const Column& column) {
  const std::string prefix = "column '" + column.name + "': ";
  const VectorSpec& spec = column.vector;
  if (spec.sparse_indices_column.empty() && spec.sparse_values_column.empty()) return {};
  const Column* indices = schema.Find(spec.sparse_indices_column);
  if (indices == nullptr || indices->type != ColumnType::kInt64 || !indices->multi) {
    return Invalid(prefix + "sparse indices column '" + spec.sparse_indices_column +
                   "' is no int64 column of several values");
  }
  const Column* values = schema.Find(spec.sparse_values_column);
  if (values == nullptr || values->type != ColumnType::kDouble || !values->multi) {
    return Invalid(prefix + "sparse values column '" + spec.sparse_values_column +
                   "' is no double column of several values");
  }
  if (spec.metric != Metric::kInnerProduct) {
    return Invalid(prefix + "a sparse part needs the metric inner_product");
  }
  return {};
}

Status CheckVectorSpec(const TableSchema& schema, const Column& column) {
  const std::string prefix = "column '" + column.name + "': ";
  const VectorSpec& spec = column.vector;
  if (spec.dimension < 1 || spec.dimension > kMaxDimension) {
    return Invalid(prefix + "dimension " + std::to_string(spec.dimension) + " is not in 1..4096");
  }
  if (!spec.source_column.empty() && !spec.source_columns.empty()) {
    return Invalid(prefix + "has both one source column and several");
  }
  if (spec.source_columns.size() > kMaxSources) {
    return Invalid(prefix + "has more than 16 source columns");
  }
  std::set<std::string> seen;
  for (const std::string& name : SourcesOf(spec)) {
    const Column* source = schema.Find(name);
    if (source == nullptr) {
      return Invalid(prefix + "source column '" + name + "' does not exist");
    }
    if (!seen.insert(name).second) {
      return Invalid(prefix + "source column '" + name + "' stands twice");
    }
    const bool embeddable =
        source->type == ColumnType::kBlob || source->type == ColumnType::kString;
    if (!embeddable || source->multi) {
      return Invalid(prefix + "source column '" + name + "' is neither a blob nor a string");
    }
  }
  return CheckSparse(schema, column);
}

Status CheckKey(const TableSchema& schema) {
  if (schema.primary_key.empty()) return Invalid("the table has no primary key");
  if (schema.primary_key.size() > kMaxKeyColumns) {
    return Invalid("the primary key has more than 16 columns");
  }
  std::set<std::string> seen;
  for (const std::string& name : schema.primary_key) {
    const Column* column = schema.Find(name);
    if (column == nullptr) return Invalid("key column '" + name + "' does not exist");
    if (!seen.insert(name).second) return Invalid("key column '" + name + "' stands twice");
    if (column->multi || !IsScalar(column->type) || column->type == ColumnType::kDouble) {
      return Invalid("key column '" + name + "' is not a bool, an int64 or a string");
    }
  }
  return {};
}

// Typed access to a member of a JSON object; `fallback` where it is absent.
std::string Text(const Value& from, std::string_view name) {
  const Value* member = from.Find(name);
  return member != nullptr && member->as_string() != nullptr ? *member->as_string() : "";
}

bool Flag(const Value& from, std::string_view name) {
  const Value* member = from.Find(name);
  return member != nullptr && member->as_bool() != nullptr && *member->as_bool();
}

const Value::List& Items(const Value& from, std::string_view name) {
  static const Value::List kNone;
  const Value* member = from.Find(name);
  return member != nullptr && member->as_list() != nullptr ? *member->as_list() : kNone;
}

Result<Column> ColumnFromValue(const Value& value) {
  Column column;
  column.name = Text(value, "name");
  OCELLUS_ASSIGN_OR_RETURN(column.type, Named(kTypes, Text(value, "type"), "column type"));
  column.multi = Flag(value, "multi");
  column.required = Flag(value, "required");
  column.full_text = Flag(value, "full_text");
  if (column.type != ColumnType::kVector) return column;
  const Value* vector = value.Find("vector");
  if (vector == nullptr) return Invalid("column '" + column.name + "' has no vector");
  const Value* dimension = vector->Find("dimension");
  if (dimension == nullptr || dimension->as_int() == nullptr || *dimension->as_int() < 0 ||
      *dimension->as_int() > kMaxDimension) {
    return Invalid("column '" + column.name + "' has no valid dimension");
  }
  column.vector.dimension = static_cast<std::uint32_t>(*dimension->as_int());
  OCELLUS_ASSIGN_OR_RETURN(column.vector.metric,
                           Named(kMetrics, Text(*vector, "metric"), "metric"));
  column.vector.bundle = Text(*vector, "bundle");
  column.vector.bundle_digest = Text(*vector, "bundle_digest");
  column.vector.source_column = Text(*vector, "source_column");
  OCELLUS_ASSIGN_OR_RETURN(column.vector.part,
                           Named(kParts, Text(*vector, "part"), "part of a picture"));
  for (const Value& item : Items(*vector, "source_columns")) {
    if (item.as_string() == nullptr) return Invalid("a source column's name is not a string");
    column.vector.source_columns.push_back(*item.as_string());
  }
  column.vector.sparse_indices_column = Text(*vector, "sparse_indices_column");
  column.vector.sparse_values_column = Text(*vector, "sparse_values_column");
  return column;
}

Value ToValue(const Column& column) {
  Value::Map map = {{"name", column.name}, {"type", NameOf(kTypes, column.type)}};
  if (column.multi) map.emplace_back("multi", true);
  if (column.required) map.emplace_back("required", true);
  if (column.full_text) map.emplace_back("full_text", true);
  if (column.type == ColumnType::kVector) {
    const VectorSpec& spec = column.vector;
    Value::Map vector = {{"dimension", spec.dimension}, {"metric", NameOf(kMetrics, spec.metric)}};
    if (!spec.bundle.empty()) vector.emplace_back("bundle", spec.bundle);
    if (!spec.bundle_digest.empty()) vector.emplace_back("bundle_digest", spec.bundle_digest);
    if (!spec.source_column.empty()) vector.emplace_back("source_column", spec.source_column);
    if (spec.part != SourcePart::kAll) vector.emplace_back("part", NameOf(kParts, spec.part));
    if (!spec.source_columns.empty()) {
      vector.emplace_back("source_columns",
                          Value::List(spec.source_columns.begin(), spec.source_columns.end()));
    }
    if (!spec.sparse_indices_column.empty()) {
      vector.emplace_back("sparse_indices_column", spec.sparse_indices_column);
      vector.emplace_back("sparse_values_column", spec.sparse_values_column);
    }
    map.emplace_back("vector", std::move(vector));
  }
  return map;
}

}  // namespace

std::vector<std::string> SourcesOf(const VectorSpec& spec) {
  if (spec.source_column.empty()) return spec.source_columns;
  return {spec.source_column};
}

const Column* TableSchema::Find(std::string_view column) const {
  const std::size_t at = IndexOf(column);
  return at < columns.size() ? &columns[at] : nullptr;
}

std::size_t TableSchema::IndexOf(std::string_view column) const {
  std::size_t at = 0;
  while (at < columns.size() && columns[at].name != column) ++at;
  return at;
}

Status Validate(const TableSchema& schema) {
  OCELLUS_RETURN_IF_ERROR(CheckName("table", schema.name));
  if (schema.columns.size() > kMaxColumns) return Invalid("the table has more than 1000 columns");
  std::set<std::string> names;
  for (const Column& column : schema.columns) {
    OCELLUS_RETURN_IF_ERROR(CheckName("column", column.name));
    if (!names.insert(column.name).second) {
      return Invalid("column '" + column.name + "' stands twice");
    }
    if (column.multi && !IsScalar(column.type)) {
      return Invalid("column '" + column.name + "' cannot be multi");
    }
    if (column.full_text && (column.type != ColumnType::kString || column.multi)) {
      return Invalid("column '" + column.name + "' is no string and cannot be full text");
    }
    if (column.type == ColumnType::kVector) {
      OCELLUS_RETURN_IF_ERROR(CheckVectorSpec(schema, column));
    }
  }
  OCELLUS_RETURN_IF_ERROR(CheckKey(schema));
  if (!schema.namespace_column.empty()) {
    const Column* column = schema.Find(schema.namespace_column);
    if (column == nullptr || column->type != ColumnType::kString || column->multi) {
      return Invalid("namespace column '" + schema.namespace_column + "' is not a string column");
    }
  }
  return {};
}

Value ToValue(const TableSchema& schema) {
  Value::List columns;
  for (const Column& column : schema.columns) columns.push_back(ToValue(column));
  Value::Map map = {
      {"name", schema.name},
      {"columns", std::move(columns)},
      {"primary_key", Value::List(schema.primary_key.begin(), schema.primary_key.end())}};
  if (!schema.namespace_column.empty()) {
    map.emplace_back("namespace_column", schema.namespace_column);
  }
  if (!schema.attributes.empty()) map.emplace_back("attributes", schema.attributes);
  return map;
}

Result<TableSchema> SchemaFromValue(const Value& value) {
  if (value.as_map() == nullptr) return Invalid("a schema is an object");
  TableSchema schema;
  schema.name = Text(value, "name");
  for (const Value& item : Items(value, "columns")) {
    OCELLUS_ASSIGN_OR_RETURN(Column column, ColumnFromValue(item));
    schema.columns.push_back(std::move(column));
  }
  for (const Value& item : Items(value, "primary_key")) {
    if (item.as_string() == nullptr) return Invalid("a key column's name is not a string");
    schema.primary_key.push_back(*item.as_string());
  }
  schema.namespace_column = Text(value, "namespace_column");
  if (const Value* attributes = value.Find("attributes");
      attributes != nullptr && attributes->as_map() != nullptr) {
    schema.attributes = *attributes->as_map();
  }
  OCELLUS_RETURN_IF_ERROR(Validate(schema));
  return schema;
}

}  // namespace ocellus::store
