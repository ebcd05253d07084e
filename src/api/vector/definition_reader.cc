// Reading a Definition from the body of CreateTable or ModifyTable.

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <optional>
#include <utility>

#include "api/fields.h"
#include "api/vector/body_fields.h"
#include "api/vector/definition.h"

namespace ocellus::api::vector {
namespace {

constexpr std::size_t kMaxNameBytes = 128;
constexpr std::size_t kMaxFields = 256;  // of a table
constexpr std::size_t kMaxIndexes = 32;
constexpr std::size_t kMaxFusionFields = 8;  // each is a text and a picture to the engine
constexpr std::int64_t kMaxPartitions = 256;
constexpr std::int64_t kMaxProcessors = 1024;

template <std::size_t N>
using NameList = std::array<std::string_view, N>;
constexpr NameList<1> kName = {"name"};
constexpr NameList<1> kPartitionCount = {"partitionCount"};
constexpr NameList<1> kPrimaryKey = {"primaryKey"};
constexpr NameList<1> kFieldSchema = {"fieldSchema"};
constexpr NameList<1> kVectorIndex = {"vectorIndex"};
constexpr NameList<1> kDataProcessorCount = {"dataProcessorCount"};
constexpr NameList<1> kDataProcessConfig = {"dataProcessConfig"};
constexpr NameList<1> kDataSource = {"dataSource"};

// A field's or an index' name: what a filter can name without quotes.
bool IsIdentifier(std::string_view name) {
  if (name.empty() || name.size() > kMaxNameBytes) return false;
  if (name.front() >= '0' && name.front() <= '9') return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (static_cast<unsigned char>(c) & 0x80) != 0;
  });
}

bool IsTableName(std::string_view name) {
  return !name.empty() && name.size() <= kMaxNameBytes &&
         std::none_of(name.begin(), name.end(), [](char c) {
           return static_cast<unsigned char>(c) < 0x20 || c == 0x7F || c == '/';
         });
}

std::optional<FieldDefinition> TypeOf(std::string_view text) {
  const std::string upper = UpperCase(text);
  for (const bool multi : {false, true}) {
    for (std::size_t i = 0; i <= static_cast<std::size_t>(FieldType::kText); ++i) {
      const auto type = static_cast<FieldType>(i);
      if (upper == NameOf(type, multi)) return FieldDefinition{{}, type, multi};
    }
  }
  return std::nullopt;
}

// A member that is text or absent; numbers as they are written.
Result<std::string> TextIn(const Value& object, std::string_view at, std::string_view name) {
  const Value* value = object.Find(name);
  if (value == nullptr || value->is_null()) return std::string();
  if (const std::string* text = value->as_string()) return *text;
  if (value->is_number()) return WriteJson(*value);
  return InvalidField(std::string(at) + "." + std::string(name),
                      std::string("expected a string, got ") + value->type_name());
}

Value Member(const Value& object, std::string_view name) {
  const Value* value = object.Find(name);
  return value != nullptr ? *value : Value();
}

std::string At(std::string_view list, std::size_t i) {
  return std::string(list) + "[" + std::to_string(i) + "]";
}

class Reader {
 public:
  explicit Reader(Definition& definition) : definition_(definition) {}

  // The parts that the body has; each replaces the one of the definition.
  Outcome<bool> Read(const Value& body) {
    if (body.as_map() == nullptr) {
      return InvalidField("body", std::string("expected an object, got ") + body.type_name());
    }
    Fields fields(body);
    OCELLUS_ASSIGN_OR_RETURN(
        definition_.partitions,
        fields.Integer(kPartitionCount, definition_.partitions, 1, kMaxPartitions));
    OCELLUS_ASSIGN_OR_RETURN(
        definition_.processors,
        fields.Integer(kDataProcessorCount, definition_.processors, 0, kMaxProcessors));
    OCELLUS_ASSIGN_OR_RETURN(definition_.key, fields.String(kPrimaryKey, definition_.key));
    if (fields.Peek(kFieldSchema) != nullptr) {
      OCELLUS_ASSIGN_OR_RETURN(const Value::Map schema, fields.Object(kFieldSchema));
      if (Status read = ReadFields(schema); !read.ok()) return read;
    }
    if (Status read =
            Each(fields, kVectorIndex, kMaxIndexes, &Reader::StartIndexes, &Reader::ReadIndex);
        !read.ok()) {
      return read;
    }
    if (const Value* list = fields.Peek(kDataProcessConfig)) {
      if (list->as_list() == nullptr) {
        return InvalidField("dataProcessConfig",
                            std::string("expected a list, got ") + list->type_name());
      }
      if (!list->as_list()->empty() || !partial_) definition_.processes.clear();
      for (std::size_t i = 0; i < list->as_list()->size(); ++i) {
        OCELLUS_ASSIGN_OR_RETURN(ProcessDefinition process,
                                 ReadProcess((*list->as_list())[i], At("dataProcessConfig", i)));
        definition_.processes.push_back(std::move(process));
      }
    }
    OCELLUS_ASSIGN_OR_RETURN(Value::Map source, fields.Object(kDataSource));
    if (!source.empty()) definition_.data_source = WithoutSecrets(std::move(source));
    return true;
  }

  // What holds of the whole.
  Status Check() const {
    if (definition_.fields.empty()) return InvalidField("fieldSchema", "required");
    if (definition_.key.empty()) return InvalidField("primaryKey", "required");
    const FieldDefinition* key = definition_.Field(definition_.key);
    if (key == nullptr) return InvalidField("primaryKey", Unknown(definition_.key));
    if (key->multi || !(IsInteger(key->type) || key->type == FieldType::kString)) {
      return InvalidField("primaryKey", "expected an integer or a STRING field, " + key->name +
                                            " is " + NameOf(key->type, key->multi));
    }
    for (std::size_t i = 0; i < definition_.indexes.size(); ++i) {
      OCELLUS_RETURN_IF_ERROR(CheckIndex(definition_.indexes[i], i));
    }
    for (std::size_t i = 0; i < definition_.processes.size(); ++i) {
      OCELLUS_RETURN_IF_ERROR(CheckProcess(definition_.processes[i], i));
    }
    return {};
  }

  void set_partial() { partial_ = true; }

 private:
  static std::string Unknown(const std::string& field) {
    return "\"" + field + "\" is not a field of fieldSchema";
  }

  static Value WithoutSecrets(Value::Map source) {
    for (auto& member : source) {
      Value::Map* config = member.first == "config" ? member.second.as_map() : nullptr;
      if (config == nullptr) continue;
      std::erase_if(*config, [](const auto& entry) {
        return entry.first == "accessKey" || entry.first == "accessSecret";
      });
    }
    return source;
  }

  Status ReadFields(const Value::Map& schema) {
    if (schema.empty() && partial_) return {};
    definition_.fields.clear();
    for (const auto& [name, type] : schema) {
      const std::string at = "fieldSchema." + name.substr(0, kMaxNameBytes);
      if (!IsIdentifier(name)) {
        return InvalidField(at,
                            "a field's name has letters, digits and _, does not begin with a digit "
                            "and is 1 to 128 bytes long");
      }
      if (name == kExtraColumn) return InvalidField(at, "this name is the server's own");
      if (definition_.Field(name) != nullptr) return InvalidField(at, "stands twice");
      std::optional<FieldDefinition> field;
      if (type.as_string() != nullptr) field = TypeOf(*type.as_string());
      if (!field.has_value()) {
        return InvalidField(
            at,
            "expected INT8, INT16, INT32, INT64, UINT8, UINT16, UINT32, UINT64, FLOAT, DOUBLE, "
            "STRING or TEXT, or one of them with MULTI_ before it, got " +
                (type.as_string() != nullptr ? "\"" + *type.as_string() + "\""
                                             : std::string(type.type_name())));
      }
      if (field->multi && field->type == FieldType::kText) {
        return InvalidField(at, "MULTI_TEXT is not known; MULTI_STRING is");
      }
      field->name = name;
      definition_.fields.push_back(*std::move(field));
      if (definition_.fields.size() > kMaxFields) {
        return InvalidField("fieldSchema", "more than " + std::to_string(kMaxFields) + " fields");
      }
    }
    return {};
  }

  void StartIndexes() { definition_.indexes.clear(); }

  Status Each(const Fields& fields, Names names, std::size_t max, void (Reader::*start)(),
              Status (Reader::*read)(const Value&, const std::string&)) {
    const Value* value = fields.Peek(names);
    if (value == nullptr) return {};
    const std::string name(names.front());
    const Value::List* list = value->as_list();
    if (list == nullptr) {
      return InvalidField(name, std::string("expected a list, got ") + value->type_name());
    }
    if (list->size() > max) {
      return InvalidField(name, "more than " + std::to_string(max) + " of them");
    }
    if (list->empty() && partial_) return {};
    (this->*start)();
    for (std::size_t i = 0; i < list->size(); ++i) {
      OCELLUS_RETURN_IF_ERROR((this->*read)((*list)[i], At(name, i)));
    }
    return {};
  }

  Status ReadIndex(const Value& value, const std::string& at) {
    if (value.as_map() == nullptr) {
      return InvalidField(at, std::string("expected an object, got ") + value.type_name());
    }
    IndexDefinition index;
    OCELLUS_ASSIGN_OR_RETURN(index.field, TextIn(value, at, "vectorField"));
    OCELLUS_ASSIGN_OR_RETURN(index.name, TextIn(value, at, "indexName"));
    if (index.field.empty()) return InvalidField(at + ".vectorField", "required");
    if (index.name.empty()) index.name = index.field;
    if (!IsIdentifier(index.name)) {
      return InvalidField(at + ".indexName",
                          "an index' name has letters, digits and _, does not begin with a digit "
                          "and is 1 to 128 bytes long");
    }
    OCELLUS_ASSIGN_OR_RETURN(const std::string dimension, TextIn(value, at, "dimension"));
    if (!dimension.empty()) {
      const char* const end = dimension.data() + dimension.size();
      const auto read = std::from_chars(dimension.data(), end, index.dimension);
      if (read.ec != std::errc() || read.ptr != end || index.dimension > 4096) {
        return InvalidField(at + ".dimension", "expected 1 to 4096, or 0 for the model's, got \"" +
                                                   dimension.substr(0, 32) + "\"");
      }
    }
    OCELLUS_ASSIGN_OR_RETURN(const std::string distance, TextIn(value, at, "distanceType"));
    const std::string upper = UpperCase(distance);
    if (upper == "INNERPRODUCT") {
      index.metric = store::Metric::kInnerProduct;
    } else if (upper == "COSINE") {
      index.metric = store::Metric::kCosine;
    } else if (upper.empty() || upper == "SQUAREDEUCLIDEAN") {
      index.metric = store::Metric::kSquaredEuclidean;
    } else {
      return InvalidField(
          at + ".distanceType",
          "expected SquaredEuclidean, InnerProduct or Cosine, got \"" + distance + "\"");
    }
    OCELLUS_ASSIGN_OR_RETURN(index.type, TextIn(value, at, "vectorIndexType"));
    if (index.type.empty()) index.type = "HNSW";
    static constexpr std::array<std::string_view, 10> kIndexTypes = {
        "QC",    "HNSW",         "LINEAR",  "QCBUILDER",     "HNSWBUILDER", "LINEARBUILDER",
        "CAGRA", "CAGRABUILDER", "DISKANN", "DISKANNBUILDER"};
    if (std::find(kIndexTypes.begin(), kIndexTypes.end(), UpperCase(index.type)) ==
        kIndexTypes.end()) {
      return InvalidField(
          at + ".vectorIndexType",
          "expected Qc, HNSW, Linear, Cagra or DiskANN, got \"" + index.type + "\"");
    }
    OCELLUS_ASSIGN_OR_RETURN(index.namespace_field, TextIn(value, at, "namespace"));
    OCELLUS_ASSIGN_OR_RETURN(index.sparse_indices_field, TextIn(value, at, "sparseIndexField"));
    OCELLUS_ASSIGN_OR_RETURN(index.sparse_values_field, TextIn(value, at, "sparseValueField"));
    index.advance_params = Member(value, "advanceParams");
    definition_.indexes.push_back(std::move(index));
    return {};
  }

  static Outcome<ProcessDefinition> ReadProcess(const Value& value, const std::string& at) {
    if (value.as_map() == nullptr) {
      return InvalidField(at, std::string("expected an object, got ") + value.type_name());
    }
    ProcessDefinition process;
    OCELLUS_ASSIGN_OR_RETURN(process.to, TextIn(value, at, "dstField"));
    OCELLUS_ASSIGN_OR_RETURN(const std::string from, TextIn(value, at, "srcField"));
    if (process.to.empty()) return InvalidField(at + ".dstField", "required");
    if (from.empty()) return InvalidField(at + ".srcField", "required");
    process.from = SplitOnCommas(from);
    OCELLUS_ASSIGN_OR_RETURN(const std::string op, TextIn(value, at, "operator"));
    if (UpperCase(op) == "COPY") return process;
    if (UpperCase(op) != "VECTORIZE") {
      return InvalidField(at + ".operator", "expected copy or vectorize, got \"" + op + "\"");
    }
    process.op = ProcessDefinition::Operator::kVectorize;
    const Value params = Member(value, "params");
    const std::string params_at = at + ".params";
    if (params.as_map() == nullptr) return InvalidField(params_at, "required");
    OCELLUS_ASSIGN_OR_RETURN(process.model, TextIn(params, params_at, "vectorModel"));
    OCELLUS_ASSIGN_OR_RETURN(const std::string modal, TextIn(params, params_at, "vectorModal"));
    const std::string upper = UpperCase(modal);
    if (upper == "VIDEO") {
      return Failure{ErrorId::kNotSupported,
                     params_at + ".vectorModal: video is not available in this version"};
    }
    if (upper == "TEXT") {
      process.modal = ProcessDefinition::Modal::kText;
    } else if (upper == "IMAGE") {
      process.modal = ProcessDefinition::Modal::kImage;
    } else if (upper == "FUSION") {
      process.modal = ProcessDefinition::Modal::kFusion;
    } else {
      return InvalidField(params_at + ".vectorModal",
                          "expected text, image or fusion, got \"" + modal + "\"");
    }
    process.source_config = Member(params, "srcFieldConfig");
    return process;
  }

  Status CheckIndex(const IndexDefinition& index, std::size_t i) const {
    const std::string at = At("vectorIndex", i);
    const FieldDefinition* field = definition_.Field(index.field);
    if (field == nullptr) return InvalidField(at + ".vectorField", Unknown(index.field));
    if (!field->multi || field->type != FieldType::kFloat) {
      return InvalidField(at + ".vectorField", "expected a MULTI_FLOAT field, " + index.field +
                                                   " is " + NameOf(field->type, field->multi));
    }
    for (std::size_t other = 0; other < i; ++other) {
      if (definition_.indexes[other].name == index.name) {
        return InvalidField(at + ".indexName", "stands twice");
      }
      if (definition_.indexes[other].field == index.field) {
        return InvalidField(at + ".vectorField", "has an index already");
      }
    }
    if (index.dimension == 0 && !IsMade(index.field)) {
      return InvalidField(
          at + ".dimension",
          "required, unless dataProcessConfig has a vectorize entry for " + index.field);
    }
    if (!index.namespace_field.empty()) {
      const FieldDefinition* space = definition_.Field(index.namespace_field);
      if (space == nullptr) return InvalidField(at + ".namespace", Unknown(index.namespace_field));
      if (space->multi || !(IsInteger(space->type) || IsText(space->type))) {
        return InvalidField(at + ".namespace", "expected an integer or a STRING field, " +
                                                   space->name + " is " +
                                                   NameOf(space->type, space->multi));
      }
    }
    return CheckSparse(index, at);
  }

  Status CheckSparse(const IndexDefinition& index, const std::string& at) const {
    const std::string& indices = index.sparse_indices_field;
    const std::string& values = index.sparse_values_field;
    if (indices.empty() && values.empty()) return {};
    if (indices.empty())
      return InvalidField(at + ".sparseIndexField", "required beside sparseValueField");
    if (values.empty())
      return InvalidField(at + ".sparseValueField", "required beside sparseIndexField");
    if (index.metric != store::Metric::kInnerProduct) {
      return InvalidField(at + ".distanceType", "an index with sparse fields needs InnerProduct");
    }
    const FieldDefinition* indices_field = definition_.Field(indices);
    if (indices_field == nullptr) return InvalidField(at + ".sparseIndexField", Unknown(indices));
    if (!indices_field->multi || !IsInteger(indices_field->type)) {
      return InvalidField(at + ".sparseIndexField",
                          "expected a field of several integers, " + indices + " is " +
                              NameOf(indices_field->type, indices_field->multi));
    }
    const FieldDefinition* values_field = definition_.Field(values);
    if (values_field == nullptr) return InvalidField(at + ".sparseValueField", Unknown(values));
    if (!values_field->multi || IsInteger(values_field->type) || IsText(values_field->type) ||
        definition_.IndexOfField(values) != nullptr) {
      return InvalidField(
          at + ".sparseValueField",
          "expected a field of several floats without an index of its own, got " + values);
    }
    return {};
  }

  bool IsMade(const std::string& field) const {
    return std::any_of(definition_.processes.begin(), definition_.processes.end(),
                       [&](const ProcessDefinition& process) {
                         return process.op == ProcessDefinition::Operator::kVectorize &&
                                process.to == field;
                       });
  }

  Status CheckProcess(const ProcessDefinition& process, std::size_t i) const {
    const std::string at = At("dataProcessConfig", i);
    if (definition_.Field(process.to) == nullptr) {
      return InvalidField(at + ".dstField", Unknown(process.to));
    }
    for (std::size_t other = 0; other < i; ++other) {
      if (definition_.processes[other].to == process.to) {
        return InvalidField(at + ".dstField", "stands twice");
      }
    }
    for (const std::string& from : process.from) {
      const FieldDefinition* field = definition_.Field(from);
      if (field == nullptr) return InvalidField(at + ".srcField", Unknown(from));
      if (process.op == ProcessDefinition::Operator::kVectorize &&
          (field->multi || !IsText(field->type))) {
        return InvalidField(at + ".srcField", "expected a STRING or TEXT field, " + from + " is " +
                                                  NameOf(field->type, field->multi));
      }
    }
    const bool vectorize = process.op == ProcessDefinition::Operator::kVectorize;
    const bool fusion = vectorize && process.modal == ProcessDefinition::Modal::kFusion;
    if (fusion && (process.from.size() < 2 || process.from.size() > kMaxFusionFields)) {
      return InvalidField(at + ".srcField", "a fusion takes 2 to " +
                                                std::to_string(kMaxFusionFields) +
                                                " fields, separated by commas");
    }
    if (!fusion && process.from.size() != 1) {
      return InvalidField(at + ".srcField", "expected one field");
    }
    const bool indexed = definition_.IndexOfField(process.to) != nullptr;
    if (vectorize && !indexed) {
      return InvalidField(at + ".dstField",
                          "expected a field with an index in vectorIndex, got " + process.to);
    }
    if (!vectorize && (indexed || process.to == definition_.key)) {
      return InvalidField(at + ".dstField", "a copy cannot be the key or a vector");
    }
    return {};
  }

  Definition& definition_;
  bool partial_ = false;
};

}  // namespace

Outcome<Definition> ReadDefinition(const Value& body) {
  Definition definition;
  const Value* name = body.Find(kName.front());
  if (name == nullptr || name->as_string() == nullptr) return InvalidField("name", "required");
  definition.name = *name->as_string();
  if (!IsTableName(definition.name)) {
    return InvalidField("name", "expected 1 to 128 bytes without control characters and slashes");
  }
  Reader reader(definition);
  if (Outcome<bool> read = reader.Read(body); !read.ok()) return std::move(read).status();
  if (Status checked = reader.Check(); !checked.ok()) return checked;
  return definition;
}

Outcome<Definition> Modified(const Definition& definition, const Value& body) {
  Definition changed = definition;
  Reader reader(changed);
  reader.set_partial();
  if (Outcome<bool> read = reader.Read(body); !read.ok()) return std::move(read).status();
  if (Status checked = reader.Check(); !checked.ok()) return checked;
  return changed;
}

}  // namespace ocellus::api::vector
