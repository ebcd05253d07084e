#include "api/vector/tables.h"

#include <algorithm>
#include <utility>

#include "api/fields.h"
#include "api/vector/body_fields.h"

namespace ocellus::api::vector {
namespace {

// The kind of filling jobs and their input: kept on disk, never change.
constexpr char kFillJob[] = "vector.fill";
constexpr char kInputColumns[] = "columns";

// There is one version of an index: every change is in it when it is acknowledged.
constexpr std::int64_t kGeneration = 1;

constexpr char kInUse[] = "IN_USE";
constexpr char kNotInUse[] = "NOT_USE";

const char* StatusOf(const store::TableSchema& schema) {
  return IsStopped(schema) ? kNotInUse : kInUse;
}

Outcome<Value> BodyOf(const Request& request) {
  if (request.body.empty()) return InvalidField("body", "expected a JSON object, got nothing");
  OCELLUS_ASSIGN_OR_RETURN(Value body, ParseJson(request.body));
  if (body.as_map() == nullptr) {
    return InvalidField("body", std::string("expected a JSON object, got ") + body.type_name());
  }
  return body;
}

// In the body or in the URL, where it is written as the caller's language does.
Outcome<bool> IsDryRun(const Request& request, const Value& body) {
  const std::string* in_url = request.Query("dryRun");
  if (in_url != nullptr && LowerCase(*in_url) == "true") return true;
  OCELLUS_ASSIGN_OR_RETURN(const bool dry, BodyFields(body).Boolean("dryRun", false));
  return dry;
}

// What the engine says of a definition.
Failure OfDefinition(const Status& status) {
  if (status.code() == Code::kNotFound) {  // a model bundle
    return {ErrorId::kInvalidParameter, "dataProcessConfig: " + status.message()};
  }
  return OfEngine(status);
}

void SetAttribute(store::TableSchema& schema, const std::string& name, Value value) {
  std::erase_if(schema.attributes, [&](const auto& entry) { return entry.first == name; });
  schema.attributes.emplace_back(name, std::move(value));
}

// Vectors that were made stay those of the bundle that made them.
void KeepBundles(const store::TableSchema& before, store::TableSchema& after) {
  for (store::Column& column : after.columns) {
    if (column.type != store::ColumnType::kVector) continue;
    const store::Column* old = before.Find(column.name);
    if (old == nullptr || old->type != store::ColumnType::kVector || old->vector.bundle.empty()) {
      continue;
    }
    if (store::SourcesOf(column.vector).empty()) continue;
    const bool same_bundle =
        column.vector.bundle.empty() || column.vector.bundle == old->vector.bundle;
    if (!same_bundle) continue;
    column.vector.bundle = old->vector.bundle;
    column.vector.bundle_digest = old->vector.bundle_digest;
    if (column.vector.dimension == 0) column.vector.dimension = old->vector.dimension;
  }
}

// What a field holds beside its own column stays, also when no vector is made from it any more.
void KeepSources(const store::TableSchema& before, const Definition& definition,
                 store::TableSchema& after) {
  for (const FieldDefinition& field : definition.fields) {
    for (const char* suffix : {kPictureSuffix, kTextSuffix}) {
      const store::Column* column = before.Find(field.name + suffix);
      if (column == nullptr || after.Find(column->name) != nullptr) continue;
      after.columns.push_back(*column);
    }
  }
}

// Columns with sources: all of them, or those that `before` has not or makes from others.
std::vector<std::string> MadeColumns(const store::TableSchema& schema,
                                     const store::TableSchema* before) {
  std::vector<std::string> columns;
  for (const store::Column& column : schema.columns) {
    if (column.type != store::ColumnType::kVector) continue;
    const std::vector<std::string> sources = store::SourcesOf(column.vector);
    if (sources.empty()) continue;
    const store::Column* old = before != nullptr ? before->Find(column.name) : nullptr;
    if (old != nullptr && store::SourcesOf(old->vector) == sources) continue;
    columns.push_back(column.name);
  }
  return columns;
}

Value DescriptionOf(const store::TableSchema& schema) {
  const Definition definition = DefinitionOf(schema);
  Value described = ToValue(definition);
  // What is here called the raw schema: the parts that ModifyTable takes, as one text.
  const Value raw = Value::Map{{"fieldSchema", *described.Find("fieldSchema")},
                               {"vectorIndex", *described.Find("vectorIndex")},
                               {"dataProcessConfig", *described.Find("dataProcessConfig")}};
  described.as_map()->emplace_back("rawSchema", WriteJson(raw));
  described.as_map()->emplace_back("status", StatusOf(schema));
  return described;
}

}  // namespace

void Tables::RegisterJobs() {
  jobs_.Register(kFillJob, [this](engine::JobRun& run) -> Status {
    const Value* columns = run.input().Find(kInputColumns);
    if (columns == nullptr || columns->as_list() == nullptr) {
      return Status(Code::kCorruption, "the job does not say which columns");
    }
    for (const Value& column : *columns->as_list()) {
      if (column.as_string() == nullptr) continue;
      OCELLUS_RETURN_IF_ERROR(Fill(run, *column.as_string()));
    }
    return {};
  });
}

Status Tables::Fill(engine::JobRun& run, const std::string& column) {
  for (;;) {
    OCELLUS_ASSIGN_OR_RETURN(const store::TableSchema before, engine_.Schema(run.table()));
    const store::Column* made = before.Find(column);
    if (made == nullptr || store::SourcesOf(made->vector).empty()) return {};  // not any more
    Result<engine::FillOutcome> filled =
        engine_.FillVectors(run.table(), column, [&run] { return run.stopping(); });
    if (filled.ok()) {
      std::vector<engine::JobError> failures(static_cast<std::size_t>(filled->failed));
      for (engine::JobError& failure : failures) {
        failure.subject = {{"column", column}};
        failure.message = filled->first_failure;
      }
      return run.Advance(filled->made, std::move(failures), nullptr);
    }
    // The table was changed meanwhile: what is left is done with what it is now.
    OCELLUS_ASSIGN_OR_RETURN(const store::TableSchema after, engine_.Schema(run.table()));
    const bool changed = store::ToValue(before) != store::ToValue(after);
    if (filled.status().code() != Code::kFailedPrecondition || !changed) {
      return std::move(filled).status();
    }
  }
}

Outcome<store::TableSchema> Tables::SchemaFor(const Request& request, Role role,
                                              const std::string& table) {
  if (Status access = CheckAccess(request.principal, role, table); !access.ok()) {
    return Failure{ErrorId::kForbidden, access.message()};
  }
  Result<store::TableSchema> schema = engine_.Schema(table);
  if (schema.ok()) return *std::move(schema);
  if (schema.status().code() != Code::kNotFound) return OfEngine(schema.status());
  return Failure{ErrorId::kTableNotFound, "no such table: " + table};
}

Status Tables::StartFilling(const store::TableSchema& schema,
                            const std::vector<std::string>& columns) {
  if (columns.empty()) return {};
  Value input = Value::Map{{kInputColumns, Value::List(columns.begin(), columns.end())}};
  const Result<engine::Job> job = jobs_.Submit(kFillJob, schema.name, std::move(input));
  return job.ok() ? Status() : job.status();
}

Outcome<Value> Tables::List(const Request& request) {
  const Result<std::vector<engine::TableInfo>> tables = engine_.ListTables();
  if (!tables.ok()) return OfEngine(tables.status());
  Value::List list;
  for (const engine::TableInfo& table : *tables) {
    if (!CheckAccess(request.principal, Role::kRead, table.schema.name).ok()) continue;
    const char* const status = StatusOf(table.schema);
    list.push_back(
        Value::Map{{"name", table.schema.name}, {"status", status}, {"indexStatus", status}});
  }
  return Value(std::move(list));
}

Outcome<Value> Tables::Create(const Request& request) {
  OCELLUS_ASSIGN_OR_RETURN(const Value body, BodyOf(request));
  OCELLUS_ASSIGN_OR_RETURN(const Definition definition, ReadDefinition(body));
  OCELLUS_ASSIGN_OR_RETURN(const bool dry, IsDryRun(request, body));
  if (Status access = CheckAccess(request.principal, Role::kAdmin, definition.name); !access.ok()) {
    return Failure{ErrorId::kForbidden, access.message()};
  }
  // Calls that still use another table of that name end first.
  OCELLUS_ASSIGN_OR_RETURN(const TableGates::Hold alone, gates_.Alone(definition.name));
  if (engine_.Schema(definition.name).ok()) {
    return Failure{ErrorId::kTableAlreadyExists,
                   "the table " + definition.name + " exists already"};
  }
  const Result<store::TableSchema> schema =
      dry ? engine_.Completed(SchemaOf(definition)) : engine_.CreateTable(SchemaOf(definition));
  if (!schema.ok()) return OfDefinition(schema.status());
  return Value(Value::Map());
}

Outcome<Value> Tables::Get(const Request& request, const std::string& table) {
  OCELLUS_ASSIGN_OR_RETURN(const store::TableSchema schema, SchemaFor(request, Role::kRead, table));
  return DescriptionOf(schema);
}

Outcome<Value> Tables::Modify(const Request& request, const std::string& table) {
  OCELLUS_ASSIGN_OR_RETURN(const Value body, BodyOf(request));
  OCELLUS_ASSIGN_OR_RETURN(const bool dry, IsDryRun(request, body));
  OCELLUS_ASSIGN_OR_RETURN(const TableGates::Hold alone, gates_.Alone(table));
  OCELLUS_ASSIGN_OR_RETURN(const store::TableSchema before,
                           SchemaFor(request, Role::kAdmin, table));
  if (!IsOwn(before)) {
    return Failure{ErrorId::kInvalidParameter,
                   "the table " + table + " was made by another interface and is read-only here"};
  }
  OCELLUS_ASSIGN_OR_RETURN(const std::string raw, BodyFields(body).Text("rawSchema"));
  if (!raw.empty() && Value(raw) != *DescriptionOf(before).Find("rawSchema")) {
    return InvalidField("rawSchema",
                        "cannot be changed; use fieldSchema, vectorIndex and dataProcessConfig");
  }
  const Definition old = DefinitionOf(before);
  OCELLUS_ASSIGN_OR_RETURN(const Definition changed, Modified(old, body));
  if (changed.key != old.key) return InvalidField("primaryKey", "cannot be changed");
  for (const FieldDefinition& field : changed.fields) {
    const FieldDefinition* was = old.Field(field.name);
    if (was != nullptr && (was->type != field.type || was->multi != field.multi)) {
      return InvalidField("fieldSchema." + field.name,
                          "its type cannot be changed: it is " + NameOf(was->type, was->multi));
    }
    if (was == nullptr) continue;
    const bool indexed = changed.IndexOfField(field.name) != nullptr;
    if (indexed != (old.IndexOfField(field.name) != nullptr)) {
      return InvalidField("vectorIndex", std::string("an index is ") +
                                             (indexed ? "added" : "removed") +
                                             " together with its field: " + field.name);
    }
  }
  store::TableSchema after = SchemaOf(changed);
  KeepBundles(before, after);
  KeepSources(before, changed, after);
  if (IsStopped(before)) SetAttribute(after, kStoppedAttribute, true);
  Result<store::TableSchema> altered =
      dry ? engine_.Completed(after) : engine_.AlterTable(std::move(after));
  if (!altered.ok()) return OfDefinition(altered.status());
  if (!dry) {
    const Status filling = StartFilling(*altered, MadeColumns(*altered, &before));
    if (!filling.ok()) return OfEngine(filling);
  }
  return Value(Value::Map());
}

Outcome<Value> Tables::Delete(const Request& request, const std::string& table) {
  OCELLUS_ASSIGN_OR_RETURN(const store::TableSchema schema,
                           SchemaFor(request, Role::kAdmin, table));
  const Status dropped = engine_.DropTable(schema.name);
  if (!dropped.ok()) return OfEngine(dropped);
  return Value(Value::Map());
}

Outcome<Value> Tables::SetStopped(const Request& request, const std::string& table, bool stopped) {
  OCELLUS_ASSIGN_OR_RETURN(const TableGates::Hold alone, gates_.Alone(table));
  OCELLUS_ASSIGN_OR_RETURN(store::TableSchema schema, SchemaFor(request, Role::kAdmin, table));
  if (!IsOwn(schema)) {
    return Failure{ErrorId::kInvalidParameter,
                   "the table " + table + " was made by another interface and is read-only here"};
  }
  if (IsStopped(schema) != stopped) {
    SetAttribute(schema, kStoppedAttribute, stopped);
    const Result<store::TableSchema> altered = engine_.AlterTable(std::move(schema));
    if (!altered.ok()) return OfEngine(altered.status());
  }
  return Value(Value::Map());
}

Outcome<Value> Tables::Stop(const Request& request, const std::string& table) {
  return SetStopped(request, table, true);
}

Outcome<Value> Tables::Start(const Request& request, const std::string& table) {
  return SetStopped(request, table, false);
}

Outcome<Value> Tables::Reindex(const Request& request, const std::string& table) {
  OCELLUS_ASSIGN_OR_RETURN(const store::TableSchema schema,
                           SchemaFor(request, Role::kAdmin, table));
  // What is pushed is in the index at once. What may be missing are vectors of rows whose source
  // could not be embedded, or came before the index did.
  const Status filling = StartFilling(schema, MadeColumns(schema, nullptr));
  if (!filling.ok()) return OfEngine(filling);
  return Value(Value::Map());
}

Outcome<Value> Tables::Generations(const Request& request, const std::string& table) {
  OCELLUS_ASSIGN_OR_RETURN(const store::TableSchema schema, SchemaFor(request, Role::kRead, table));
  return Value(Value::List{Value::Map{{"generationId", kGeneration}}});
}

Outcome<Value> Tables::Generation(const Request& request, const std::string& table,
                                  const std::string& generation) {
  OCELLUS_ASSIGN_OR_RETURN(const store::TableSchema schema, SchemaFor(request, Role::kRead, table));
  if (generation != std::to_string(kGeneration)) {
    return Failure{ErrorId::kNotFound, "no such version of the index: " + generation};
  }
  return Value(Value::Map{{"generationId", kGeneration},
                          {"status", IsStopped(schema) ? "stopped" : "ready"}});
}

Outcome<Value> Tables::Tasks(const Request& request) {
  if (Status access = CheckAccess(request.principal, Role::kRead, ""); !access.ok()) {
    return Failure{ErrorId::kForbidden, access.message()};
  }
  return Value(Value::List());  // no call of this interface waits for one
}

}  // namespace ocellus::api::vector
