#include "api/vector/push.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <utility>

#include "api/fields.h"
#include "api/vector/body_fields.h"
#include "api/vector/searcher.h"
#include "api/vector/values.h"

namespace ocellus::api::vector {
namespace {

constexpr std::string_view kKeyFieldHeader = "x-opensearch-swift-pk-field";
constexpr std::size_t kMaxFields = 1024;  // of a document: four times what a schema may have
// Threads that read the pictures of one push: they wait for disks and servers.
constexpr std::size_t kReaders = 8;
// Rows that an update reads at one time, before it knows how large they are.
constexpr std::size_t kRowsAtOnce = 16;
constexpr std::size_t kMaxFailures = 100;  // of one answer

std::string Place(std::size_t document) {
  return "[" + std::to_string(document) + "]";
}

// The last of several members of a name, as everywhere in JSON.
Value* Last(Value::Map& map, std::string_view name) {
  const auto found = std::find_if(map.rbegin(), map.rend(),
                                  [&](const auto& member) { return member.first == name; });
  return found == map.rend() ? nullptr : &found->second;
}

// What the engine ("photo.picture: ...") or the store ("column 'v': ...") says of a row, as of a
// document's field.
Failure InDocument(const TableView& view, std::size_t document, std::string_view message) {
  constexpr std::string_view kColumn = "column '";
  std::string_view column = message.substr(0, message.find(": "));
  const std::string_view rest = message.substr(column.size());
  if (column.starts_with(kColumn) && column.ends_with('\'')) {
    column.remove_prefix(kColumn.size());
    column.remove_suffix(1);
  }
  if (view.schema().Find(column) == nullptr) {
    return {ErrorId::kInvalidParameter, Place(document) + ": " + std::string(message)};
  }
  // The column is the field's own, or one of those beside it.
  const std::string_view field = column.substr(0, column.find('.'));
  return {column.ends_with(kPictureSuffix) ? ErrorId::kInvalidImage : ErrorId::kInvalidParameter,
          Place(document) + ".fields." + std::string(field) + std::string(rest)};
}

// The parser has counted the values of the body; the elements of lists that stand in it as one text
// become values after it.
Status CheckLists(const TableView& view, const std::vector<Operation>& operations) {
  std::size_t elements = 0;
  for (std::size_t i = 0; i < operations.size(); ++i) {
    for (const auto& [name, value] : operations[i].fields) {
      const FieldDefinition* field = view.definition().Field(name);
      if (field == nullptr || !field->multi || value.as_string() == nullptr) continue;
      if (view.definition().IndexOfField(name) != nullptr) continue;  // four bytes an element
      elements += ElementsInText(value);
      if (elements > kMaxValues) {
        return InvalidField(Place(i) + ".fields." + name,
                            "the lists of the body have more than " + std::to_string(kMaxValues) +
                                " elements; push fewer documents at one time");
      }
    }
  }
  return {};
}

}  // namespace

Result<std::vector<Operation>> ReadPush(std::string_view body, const PushLimits& limits) {
  if (body.size() > limits.max_body_bytes) {
    return InvalidField("body", std::to_string(body.size()) + " bytes, the limit is " +
                                    std::to_string(limits.max_body_bytes) +
                                    "; push fewer documents at one time");
  }
  if (body.empty()) return InvalidField("body", "expected a JSON array, got nothing");
  OCELLUS_ASSIGN_OR_RETURN(Value value, ParseJson(body));
  Value::List* list = value.as_list();
  if (list == nullptr) {
    return InvalidField(
        "body",
        std::string("expected a JSON array of {\"cmd\", \"fields\"}, got ") + value.type_name());
  }
  if (list->size() > limits.max_documents) {
    return InvalidField("body", std::to_string(list->size()) + " documents, the limit is " +
                                    std::to_string(limits.max_documents) +
                                    "; push fewer at one time");
  }
  std::vector<Operation> operations;
  operations.reserve(list->size());
  for (std::size_t i = 0; i < list->size(); ++i) {
    Value::Map* entry = (*list)[i].as_map();
    if (entry == nullptr) {
      return InvalidField(Place(i),
                          std::string("expected an object, got ") + (*list)[i].type_name());
    }
    Operation operation;
    const Value* command = Last(*entry, "cmd");
    if (command == nullptr) return InvalidField(Place(i) + ".cmd", "required");
    const std::string word =
        command->as_string() != nullptr ? LowerCase(*command->as_string()) : std::string();
    if (word == "update") {
      operation.kind = Operation::Kind::kUpdate;
    } else if (word == "delete") {
      operation.kind = Operation::Kind::kDelete;
    } else if (word != "add") {
      return InvalidField(Place(i) + ".cmd", "expected add, update or delete, got " +
                                                 WriteJson(*command).substr(0, 64));
    }
    Value* fields = Last(*entry, "fields");
    if (fields == nullptr) return InvalidField(Place(i) + ".fields", "required");
    if (fields->as_map() == nullptr) {
      return InvalidField(Place(i) + ".fields",
                          std::string("expected an object, got ") + fields->type_name());
    }
    if (fields->as_map()->size() > kMaxFields) {
      return InvalidField(Place(i) + ".fields",
                          "more than " + std::to_string(kMaxFields) + " fields");
    }
    operation.fields = std::move(*fields->as_map());
    operations.push_back(std::move(operation));
  }
  return operations;
}

// What a body comes to: for every key that it names the row that stands in the end, or none.
struct Pusher::Changes {
  struct Change {
    store::Key key;
    std::optional<store::Row> row;  // none: deleted
    bool is_update = false;         // `row` goes on top of what is stored
    std::size_t document = 0;       // the last one that had a say
  };

  std::vector<Change> changes;
  std::map<std::string, std::size_t> places;  // KeyText to position

  Change& Of(store::Key key) {
    const auto [place, added] = places.emplace(KeyText(key), changes.size());
    if (added) {
      changes.push_back({});
      changes.back().key = std::move(key);
      changes.back().is_update = true;  // so far nothing replaced what is stored
    }
    return changes[place->second];
  }
};

Outcome<std::string> Pusher::TableOf(const std::string& data_source) {
  // The longest name of a table that the source ends with.
  for (std::size_t start = 0; start != std::string::npos && start < data_source.size();) {
    const std::string name = data_source.substr(start);
    const Result<std::shared_ptr<const store::Table>> table = engine_.Current(name);
    if (table.ok()) return name;
    if (table.status().code() != Code::kNotFound) return OfEngine(table.status());
    const std::size_t next = data_source.find('_', start);
    start = next == std::string::npos ? next : next + 1;
  }
  return Failure{ErrorId::kTableNotFound, "the data source " + data_source +
                                              " is not of a table: it is the table's name, "
                                              "or an instance's and the table's with _ between"};
}

std::vector<Outcome<store::Row>> Pusher::RowsOf(const TableView& view,
                                                std::vector<Operation>& operations) const {
  std::atomic<std::size_t> located = 0;
  const PictureReader pictures = pictures_.Counting(located);
  std::vector<Outcome<store::Row>> rows(operations.size(), Outcome<store::Row>(store::Row()));
  const auto make = [&](std::size_t i) {
    const Operation::Kind kind = operations[i].kind;
    if (kind == Operation::Kind::kDelete) return;
    rows[i] =
        view.RowOf(std::move(operations[i].fields),
                   kind == Operation::Kind::kUpdate ? RowUse::kUpdate : RowUse::kAdd, pictures);
  };
  if (!view.HasPictures() || operations.size() < 2) {
    for (std::size_t i = 0; i < operations.size(); ++i) make(i);
    return rows;
  }
  std::atomic<std::size_t> next = 0;
  std::vector<std::jthread> readers;
  for (std::size_t reader = 0; reader < std::min(operations.size(), kReaders); ++reader) {
    readers.emplace_back([&] {
      for (std::size_t i = next++; i < operations.size(); i = next++) make(i);
    });
  }
  readers.clear();  // waits for them
  return rows;
}

std::vector<Failure> Pusher::Collect(const TableView& view, std::vector<Operation> operations,
                                     Changes& changes) {
  std::vector<Failure> failures;
  const auto fail = [&](std::size_t document, Failure failure) {
    failure.message = Place(document) + "." + failure.message;
    failures.push_back(std::move(failure));
  };
  const std::string& key_field = view.definition().key;
  std::vector<Outcome<store::Row>> rows = RowsOf(view, operations);
  for (std::size_t i = 0; i < operations.size() && failures.size() < kMaxFailures; ++i) {
    Operation& operation = operations[i];
    if (operation.kind == Operation::Kind::kDelete) {
      Value* id = Last(operation.fields, key_field);
      if (id == nullptr || id->is_null()) {
        fail(i, {ErrorId::kInvalidParameter,
                 "fields." + key_field + ": required, it is the primary key"});
        continue;
      }
      Result<Value> key = view.KeyValue(std::move(*id));
      if (!key.ok()) {
        fail(i,
             {ErrorId::kInvalidParameter, "fields." + key_field + ": " + key.status().message()});
        continue;
      }
      auto& change = changes.Of({*std::move(key)});
      change.row.reset();
      change.is_update = false;
      change.document = i;
      continue;
    }
    const bool update = operation.kind == Operation::Kind::kUpdate;
    Outcome<store::Row>& row = rows[i];
    if (!row.ok()) {
      fail(i, std::move(row).status());
      continue;
    }
    auto& change = changes.Of(view.KeyOf(*row));
    change.document = i;
    if (!update) {
      change.row = *std::move(row);
      change.is_update = false;
    } else if (change.row.has_value()) {
      // On top of what this body said before, be it whole or an update itself.
      view.Merge(*change.row, *std::move(row));
    } else {
      // A row that the body deleted before starts anew.
      if (!change.is_update) view.FillDefaults(*row);
      change.row = *std::move(row);
    }
  }
  return failures;
}

Outcome<bool> Pusher::MergeUpdates(const TableView& view, Changes& changes) {
  std::vector<store::Key> keys;
  std::vector<Changes::Change*> updates;
  for (Changes::Change& change : changes.changes) {
    if (!change.row.has_value() || !change.is_update) continue;
    keys.push_back(change.key);
    updates.push_back(&change);
  }
  if (keys.empty()) return true;
  std::vector<std::string> columns;
  for (const store::Column& column : view.schema().columns) columns.push_back(column.name);
  std::size_t held = 0;
  for (std::size_t start = 0; start < keys.size(); start += kRowsAtOnce) {
    const std::size_t end = std::min(keys.size(), start + kRowsAtOnce);
    Result<std::vector<std::optional<store::Row>>> stored =
        engine_.Get(view.name(), std::span(keys).subspan(start, end - start), columns);
    if (!stored.ok()) return OfEngine(stored.status());
    for (std::size_t i = start; i < end; ++i) {
      store::Row& row = *updates[i]->row;
      std::optional<store::Row>& before = (*stored)[i - start];
      if (!before.has_value()) {
        view.FillDefaults(row);  // no such row: the update adds it
        continue;
      }
      view.Merge(*before, std::move(row));
      row = *std::move(before);
      for (const store::Cell& cell : row.cells) {
        if (const auto* blob = std::get_if<store::Blob>(&cell)) held += blob->bytes.size();
      }
      if (held > kMaxLocatedBytes) {
        return InvalidField("body", "the pictures of the documents that are updated are over " +
                                        std::to_string(kMaxLocatedBytes) +
                                        " bytes together; update fewer at one time");
      }
    }
  }
  return true;
}

std::vector<Failure> Pusher::Write(const TableView& view, Changes changes) {
  std::vector<store::Row> rows;
  std::vector<std::size_t> documents;  // of the rows
  engine::UpsertOptions options;
  for (Changes::Change& change : changes.changes) {
    if (change.row.has_value()) {
      rows.push_back(*std::move(change.row));
      documents.push_back(change.document);
    } else {
      options.deletes.push_back(std::move(change.key));
    }
  }
  if (rows.empty() && options.deletes.empty()) return {};
  const bool several = rows.size() > 1;
  const Status written = engine_.Upsert(view.name(), std::move(rows), options);
  if (written.ok()) return {};
  Failure failure = OfEngine(written);
  if (written.code() != Code::kInvalidArgument) return {std::move(failure)};
  // "row 3: photo.picture: ..." in the words of the body.
  std::size_t document = documents.empty() ? 0 : documents.front();
  constexpr std::string_view kRow = "row ";
  std::string_view message = failure.message;
  if (several && message.starts_with(kRow)) {
    std::size_t row = 0;
    const char* const end = message.data() + message.size();
    const auto read = std::from_chars(message.data() + kRow.size(), end, row);
    if (read.ec == std::errc() && row < documents.size()) {
      document = documents[row];
      message.remove_prefix(static_cast<std::size_t>(read.ptr - message.data()));
      if (message.starts_with(": ")) message.remove_prefix(2);
    }
  }
  return {InDocument(view, document, message)};
}

std::vector<Failure> Pusher::Push(const Request& request, const std::string& data_source) {
  Outcome<std::string> table = TableOf(data_source);
  if (!table.ok()) return {std::move(table).status()};
  Outcome<TableView> view = tables_.Open(request.principal, Role::kWrite, *table);
  if (!view.ok()) return {std::move(view).status()};
  if (!IsOwn(view->schema())) {
    return {
        Failure{ErrorId::kInvalidParameter,
                "the table " + *table + " was made by another interface and is read-only here"}};
  }
  const std::string* key_field = request.Header(kKeyFieldHeader);
  if (key_field != nullptr && !key_field->empty() && *key_field != view->definition().key) {
    return {Failure{ErrorId::kInvalidParameter, "X-Opensearch-Swift-PK-Field: \"" + *key_field +
                                                    "\" is not the primary key of the table, \"" +
                                                    view->definition().key + "\" is"}};
  }
  Result<std::vector<Operation>> operations = ReadPush(request.body, limits_);
  if (!operations.ok()) return {Failure{ErrorId::kInvalidParameter, operations.status().message()}};

  if (const Status lists = CheckLists(*view, *operations); !lists.ok()) {
    return {Failure{ErrorId::kInvalidParameter, lists.message()}};
  }

  Changes changes;
  std::vector<Failure> failures = Collect(*view, *std::move(operations), changes);
  if (!failures.empty()) return failures;
  const bool reads_first =
      std::any_of(changes.changes.begin(), changes.changes.end(),
                  [](const auto& change) { return change.row.has_value() && change.is_update; });
  std::shared_mutex& lock = table_locks_[std::hash<std::string>()(*table) % table_locks_.size()];
  if (!reads_first) {
    const std::shared_lock<std::shared_mutex> shared(lock);
    return Write(*view, std::move(changes));
  }
  const std::unique_lock<std::shared_mutex> alone(lock);
  Outcome<bool> merged = MergeUpdates(*view, changes);
  if (!merged.ok()) return {std::move(merged).status()};
  return Write(*view, std::move(changes));
}

}  // namespace ocellus::api::vector
