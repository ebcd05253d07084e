#include "store/row.h"

#include <cmath>
#include <utility>

#include "base/utf8.h"

namespace ocellus::store {
namespace {

constexpr std::size_t kMaxKeyBytes = 1024;
constexpr std::size_t kMaxMapKeyBytes = 1024;

Status Invalid(const Column& column, const std::string& message) {
  return {Code::kInvalidArgument, "column '" + column.name + "': " + message};
}

const char* TypeName(ColumnType type) {
  switch (type) {
    case ColumnType::kBool:
      return "a boolean";
    case ColumnType::kInt64:
      return "an integer";
    case ColumnType::kDouble:
      return "a number";
    case ColumnType::kString:
      return "a string";
    case ColumnType::kMap:
      return "an object";
    case ColumnType::kBlob:
      return "bytes";
    case ColumnType::kVector:
      return "a vector";
  }
  return "";
}

Status WrongType(const Column& column, const char* got) {
  const std::string want =
      column.multi ? std::string("an array, each ") + TypeName(column.type) : TypeName(column.type);
  return Invalid(column, "must be " + want + ", not " + got);
}

bool IsAbsent(const Cell& cell) {
  const Value* value = std::get_if<Value>(&cell);
  return std::holds_alternative<std::monostate>(cell) || (value != nullptr && value->is_null());
}

Status CheckContent(const Column& column, const Value& value) {
  if (const std::string* text = value.as_string(); text != nullptr && !IsUtf8(*text)) {
    return Invalid(column, "text is not UTF-8");
  }
  if (const double* number = value.as_double(); number != nullptr && !std::isfinite(*number)) {
    return Invalid(column, "NaN and infinity cannot be stored");
  }
  return {};
}

Status CheckScalar(const Column& column, const Value& value) {
  bool fits = false;
  switch (column.type) {
    case ColumnType::kBool:
      fits = value.as_bool() != nullptr;
      break;
    case ColumnType::kInt64:
      fits = value.as_int() != nullptr;
      break;
    case ColumnType::kDouble:
      fits = value.is_number();
      break;
    case ColumnType::kString:
      fits = value.as_string() != nullptr;
      break;
    default:
      break;
  }
  return fits ? CheckContent(column, value) : WrongType(column, value.type_name());
}

// A value under a key of a map column: a scalar, null, or a list of those.
Status CheckMapValue(const Column& column, const std::string& key, const Value& value) {
  const auto check = [&](const Value& scalar) -> Status {
    if (scalar.as_map() != nullptr || scalar.as_list() != nullptr) {
      return Invalid(column, "'" + key + "' must be a scalar or an array of scalars");
    }
    return CheckContent(column, scalar);
  };
  const Value::List* list = value.as_list();
  if (list == nullptr) return check(value);
  for (const Value& element : *list) OCELLUS_RETURN_IF_ERROR(check(element));
  return {};
}

Status CheckMap(const Column& column, const Value& value) {
  const Value::Map* map = value.as_map();
  if (map == nullptr) return WrongType(column, value.type_name());
  for (const auto& [key, member] : *map) {
    if (key.empty()) return Invalid(column, "a key is empty");
    if (key.size() > kMaxMapKeyBytes) return Invalid(column, "a key is longer than 1024 bytes");
    if (!IsUtf8(key)) return Invalid(column, "a key is not UTF-8");
    OCELLUS_RETURN_IF_ERROR(CheckMapValue(column, key, member));
  }
  return {};
}

Status CheckVector(const Column& column, const Vector& vector) {
  if (vector.size() != column.vector.dimension) {
    return Invalid(column, "the vector has " + std::to_string(vector.size()) + " components, not " +
                               std::to_string(column.vector.dimension));
  }
  for (const float component : vector) {
    if (!std::isfinite(component)) return Invalid(column, "the vector has NaN or infinity");
  }
  return {};
}

Status CheckCell(const Column& column, const Cell& cell) {
  const Value* value = std::get_if<Value>(&cell);
  if (column.type == ColumnType::kVector) {
    const Vector* vector = std::get_if<Vector>(&cell);
    return vector != nullptr ? CheckVector(column, *vector)
                             : WrongType(column, value != nullptr ? value->type_name() : "bytes");
  }
  if (column.type == ColumnType::kBlob) {
    if (std::holds_alternative<Blob>(cell)) return {};
    return WrongType(column, value != nullptr ? value->type_name() : "a vector");
  }
  if (value == nullptr) {
    return WrongType(column, std::holds_alternative<Blob>(cell) ? "bytes" : "a vector");
  }
  if (column.type == ColumnType::kMap) return CheckMap(column, *value);
  if (!column.multi) return CheckScalar(column, *value);
  const Value::List* list = value->as_list();
  if (list == nullptr) return WrongType(column, value->type_name());
  for (const Value& element : *list) OCELLUS_RETURN_IF_ERROR(CheckScalar(column, element));
  return {};
}

Status CheckKeyPart(const Column& column, const Value& value) {
  OCELLUS_RETURN_IF_ERROR(CheckScalar(column, value));
  const std::string* text = value.as_string();
  if (text != nullptr && text->size() > kMaxKeyBytes) {
    return Invalid(column, "a part of the key is longer than 1024 bytes");
  }
  return {};
}

// Empty where the cell is absent. REQUIRES: CheckCell() passed it
const Value::List& ListAt(const TableSchema& schema, const Row& row, const std::string& column) {
  static const Value::List kNone;
  const Value* value = std::get_if<Value>(&row.cells[schema.IndexOf(column)]);
  return value != nullptr && value->as_list() != nullptr ? *value->as_list() : kNone;
}

Status CheckSparse(const Column& column, const Value::List& indices, const Value::List& values) {
  if (indices.size() != values.size()) {
    return Invalid(column, "its sparse part has " + std::to_string(indices.size()) +
                               " indices and " + std::to_string(values.size()) + " values");
  }
  if (indices.size() > kMaxSparseElements) {
    return Invalid(column, "its sparse part has more than " + std::to_string(kMaxSparseElements) +
                               " elements");
  }
  // As components of dense vectors: squares still add up within a float.
  constexpr double kMaxValue = 1e12;
  for (const Value& value : values) {
    if (std::abs(value.number()) > kMaxValue) {
      return Invalid(column, "a value of its sparse part is over 1e12");
    }
  }
  return {};
}

}  // namespace

Status Validate(const TableSchema& schema, const Row& row) {
  if (row.cells.size() != schema.columns.size()) {
    return {Code::kInvalidArgument, "a row has " + std::to_string(row.cells.size()) +
                                        " cells, the table " +
                                        std::to_string(schema.columns.size()) + " columns"};
  }
  for (std::size_t i = 0; i < row.cells.size(); ++i) {
    const Column& column = schema.columns[i];
    if (!IsAbsent(row.cells[i])) {
      OCELLUS_RETURN_IF_ERROR(CheckCell(column, row.cells[i]));
    } else if (column.required) {
      return Invalid(column, "is required");
    }
  }
  for (const std::string& name : schema.primary_key) {
    const std::size_t i = schema.IndexOf(name);
    if (IsAbsent(row.cells[i])) return Invalid(schema.columns[i], "is part of the key");
    OCELLUS_RETURN_IF_ERROR(CheckKeyPart(schema.columns[i], std::get<Value>(row.cells[i])));
  }
  for (const Column& column : schema.columns) {
    if (column.vector.sparse_indices_column.empty()) continue;
    OCELLUS_RETURN_IF_ERROR(CheckSparse(column,
                                        ListAt(schema, row, column.vector.sparse_indices_column),
                                        ListAt(schema, row, column.vector.sparse_values_column)));
  }
  return {};
}

Status Validate(const TableSchema& schema, const Key& key) {
  if (key.size() != schema.primary_key.size()) {
    return {Code::kInvalidArgument, "a key has " + std::to_string(key.size()) +
                                        " parts, the table's key " +
                                        std::to_string(schema.primary_key.size())};
  }
  for (std::size_t i = 0; i < key.size(); ++i) {
    OCELLUS_RETURN_IF_ERROR(CheckKeyPart(*schema.Find(schema.primary_key[i]), key[i]));
  }
  return {};
}

Key KeyOf(const TableSchema& schema, const Row& row) {
  Key key;
  key.reserve(schema.primary_key.size());
  for (const std::string& name : schema.primary_key) {
    key.push_back(std::get<Value>(row.cells[schema.IndexOf(name)]));
  }
  return key;
}

}  // namespace ocellus::store
