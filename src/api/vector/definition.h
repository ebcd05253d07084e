// Definition: what a table is in the words of the OpenSearch front, as CreateTable says it and
// GetTable tells it, and the table of the store that it becomes.
//
// A field of the client is a column of that name. A field that a vector is made from has more: what
// is embedded stands in columns of its own, "photo.picture" (the bytes) and, where a field may hold
// either, "photo.text". Fields that no schema names go into the map column extra_fields.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/vector/outcome.h"
#include "base/result.h"
#include "base/value.h"
#include "engine/engine.h"

namespace ocellus::api::vector {

// Names of columns and attributes: kept on disk with the tables, never change.
inline constexpr char kExtraColumn[] = "extra_fields";
inline constexpr char kPictureSuffix[] = ".picture";
inline constexpr char kTextSuffix[] = ".text";
inline constexpr char kKindAttribute[] = "kind";
inline constexpr char kTableKind[] = "vector_table";
inline constexpr char kDefinitionAttribute[] = "definition";
inline constexpr char kStoppedAttribute[] = "stopped";

enum class FieldType : std::uint8_t {
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kUint8,
  kUint16,
  kUint32,
  kUint64,
  kFloat,
  kDouble,
  kString,
  kText,
};
bool IsInteger(FieldType type);
bool IsText(FieldType type);  // kString, kText

// "INT32", and of several values "MULTI_INT32".
std::string NameOf(FieldType type, bool multi);

struct FieldDefinition {
  std::string name;
  FieldType type = FieldType::kString;
  bool multi = false;
};

struct IndexDefinition {
  std::string name;
  std::string field;            // of the vectors
  std::uint32_t dimension = 0;  // 0: the model's
  store::Metric metric = store::Metric::kSquaredEuclidean;
  std::string type;  // as the caller wrote it; every search is exact
  std::string namespace_field = {};
  std::string sparse_indices_field = {};
  std::string sparse_values_field = {};
  Value advance_params = {};  // kept, not used
};

struct ProcessDefinition {
  enum class Operator : std::uint8_t { kCopy, kVectorize };
  enum class Modal : std::uint8_t { kText, kImage, kFusion };

  Operator op = Operator::kCopy;
  std::string to;
  std::vector<std::string> from;  // several of a fusion, else one
  Modal modal = Modal::kText;     // kVectorize
  std::string model;              // name of a bundle; empty: the default one
  Value source_config;            // kept, not used
};

struct Definition {
  std::string name;
  std::int64_t partitions = 1;
  std::int64_t processors = 1;
  std::string key;
  std::vector<FieldDefinition> fields;
  std::vector<IndexDefinition> indexes;
  std::vector<ProcessDefinition> processes;
  Value data_source;  // kept without its secrets, not used

  // Null when there is none. Borrowed.
  const FieldDefinition* Field(std::string_view name) const;
  const IndexDefinition* IndexOfField(std::string_view field) const;
};

// What a field's values are embedded as.
enum class SourceRole : std::uint8_t { kNone, kText, kPicture, kEither };
SourceRole RoleOf(const Definition& definition, std::string_view field);

// The body of CreateTable. kInvalidParameter starts with the field that is wrong:
// "vectorIndex[0].dimension: ...". kNotSupported: video.
Outcome<Definition> ReadDefinition(const Value& body);

// The body of ModifyTable: the parts that are there replace those of `definition`.
Outcome<Definition> Modified(const Definition& definition, const Value& body);

// The JSON of both; also kept on disk.
Value ToValue(const Definition& definition);

// The store's table. Dimensions and model bundles that the definition leaves open stay open: the
// engine fills them in.
store::TableSchema SchemaOf(const Definition& definition);

// The definition of a stored table, with what the engine filled in. Tables of other fronts have
// one too: their columns, with the first map column for all other fields.
Definition DefinitionOf(const store::TableSchema& schema);

// Whether this front made the table, so that it can be written and changed here.
bool IsOwn(const store::TableSchema& schema);
bool IsStopped(const store::TableSchema& schema);

}  // namespace ocellus::api::vector
