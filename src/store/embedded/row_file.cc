#include "store/embedded/row_file.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/bytes.h"
#include "base/utf8.h"
#include "store/embedded/format.h"

namespace ocellus::store::embedded {
namespace {

constexpr std::int64_t kMaxSlot = 0xFFFF'FFFE;

void BindScalar(Statement& statement, int parameter, const Value& value) {
  if (const bool* boolean = value.as_bool()) {
    statement.BindInt(parameter, *boolean ? 1 : 0);
  } else if (const std::int64_t* integer = value.as_int()) {
    statement.BindInt(parameter, *integer);
  } else if (const double* number = value.as_double()) {
    statement.BindDouble(parameter, *number);
  } else if (const std::string* text = value.as_string()) {
    statement.BindText(parameter, *text);
  } else {
    statement.BindNull(parameter);
  }
}

// The bytes of a vector on disk: IEEE 754 floats, little-endian.
std::string PackVector(const Vector& vector) {
  std::string bytes(vector.size() * 4, '\0');
  auto* to = reinterpret_cast<std::uint8_t*>(bytes.data());
  for (std::size_t i = 0; i < vector.size(); ++i) {
    StoreLe32(std::bit_cast<std::uint32_t>(vector[i]), to + 4 * i);
  }
  return bytes;
}

void UnpackVector(Bytes bytes, Vector& vector) {
  vector.resize(bytes.size() / 4);
  for (std::size_t i = 0; i < vector.size(); ++i) {
    vector[i] = std::bit_cast<float>(LoadLe32(bytes.data() + 4 * i));
  }
}

}  // namespace

Result<RowSelection> Select(const RowLayout& layout, const std::vector<std::string>& columns) {
  const TableSchema& schema = layout.schema();
  RowSelection selection;
  for (const std::string& name : columns) {
    const std::size_t position = schema.IndexOf(name);
    if (position == schema.columns.size()) {
      return Status(Code::kInvalidArgument, "the table has no column '" + name + "'");
    }
    const ColumnType type = schema.columns[position].type;
    std::vector<std::size_t>& to = type == ColumnType::kVector ? selection.vectors
                                   : type == ColumnType::kBlob ? selection.blobs
                                                               : selection.plain;
    if (std::find(to.begin(), to.end(), position) == to.end()) to.push_back(position);
  }
  selection.sql = "SELECT born";
  for (const std::size_t position : selection.plain) {
    selection.sql += "," + layout.NameOf(position);
  }
  selection.sql += " FROM rows WHERE slot=?1";
  return selection;
}

Status RowFile::Create(const std::string& path, const RowLayout& layout) {
  std::string sql = "CREATE TABLE rows(slot INTEGER PRIMARY KEY, born INTEGER NOT NULL";
  for (std::size_t i = 0; i < layout.schema().columns.size(); ++i) {
    sql += ", " + layout.DefinitionOf(i);
  }
  sql += ") STRICT; CREATE UNIQUE INDEX rows_key ON rows(";
  for (const std::size_t position : layout.key()) {
    if (position != layout.key().front()) sql += ", ";
    sql += layout.NameOf(position);
  }
  sql += ");";
  for (const std::size_t position : layout.aside()) sql += layout.CreateAsideSql(position);
  sql += layout.CreateTextsSql();
  sql +=
      "CREATE TABLE map_keys(column INTEGER NOT NULL, key TEXT NOT NULL, PRIMARY KEY(column, key)) "
      "STRICT, WITHOUT ROWID;"
      "CREATE TABLE state(sequence INTEGER NOT NULL) STRICT; INSERT INTO state VALUES(0);";
  sql += "PRAGMA application_id=" + std::to_string(kRowsApplicationId) +
         "; PRAGMA user_version=" + std::to_string(kFormatVersion) + ";";

  OCELLUS_ASSIGN_OR_RETURN(const auto database, Database::Open(path, Database::Role::kCreate));
  Transaction transaction(*database);
  OCELLUS_RETURN_IF_ERROR(transaction.Begin());
  OCELLUS_RETURN_IF_ERROR(database->Execute(sql));
  return transaction.Commit();
}

Result<std::unique_ptr<RowFile>> RowFile::Open(const std::string& path, const RowLayout& layout,
                                               Database::Role role) {
  OCELLUS_ASSIGN_OR_RETURN(auto database, Database::Open(path, role));
  std::unique_ptr<RowFile> file(new RowFile(std::move(database), layout));
  if (role == Database::Role::kReader) return file;
  OCELLUS_ASSIGN_OR_RETURN(const std::int64_t id,
                           file->database_->QueryInt("PRAGMA application_id"));
  OCELLUS_ASSIGN_OR_RETURN(const std::int64_t version,
                           file->database_->QueryInt("PRAGMA user_version"));
  if (id != kRowsApplicationId) return file->Corrupt("is not a file of rows");
  if (version != kFormatVersion) {
    return file->Corrupt("has format " + std::to_string(version) + " in a directory of format " +
                         std::to_string(kFormatVersion));
  }
  return file;
}

Status RowFile::Corrupt(const std::string& what) const {
  return {Code::kCorruption, database_->path() + ": " + what};
}

Result<std::uint64_t> RowFile::Sequence() {
  OCELLUS_ASSIGN_OR_RETURN(const std::int64_t sequence,
                           database_->QueryInt("SELECT sequence FROM state"));
  if (sequence < 0) return Corrupt("the sequence is negative");
  return static_cast<std::uint64_t>(sequence);
}

Result<std::optional<std::uint32_t>> RowFile::FindSlot(const Key& key) {
  OCELLUS_ASSIGN_OR_RETURN(Statement* const find, database_->Cached(layout_.find_sql()));
  const StatementScope scope(*find);
  for (std::size_t i = 0; i < key.size(); ++i) BindScalar(*find, static_cast<int>(i) + 1, key[i]);
  OCELLUS_ASSIGN_OR_RETURN(const bool found, find->Step());
  if (!found) return std::optional<std::uint32_t>();
  const std::int64_t slot = find->Int(0);
  if (slot < 0 || slot > kMaxSlot) return Corrupt("a slot is out of range");
  return std::optional(static_cast<std::uint32_t>(slot));
}

Result<Row> RowFile::Read(const RowPlace& place, const RowSelection& selection) {
  Row row;
  row.cells.resize(layout_.schema().columns.size());
  {
    OCELLUS_ASSIGN_OR_RETURN(Statement* const read, database_->Cached(selection.sql));
    const StatementScope scope(*read);
    read->BindInt(1, place.slot);
    OCELLUS_ASSIGN_OR_RETURN(const bool found, read->Step());
    if (!found || static_cast<std::uint64_t>(read->Int(0)) != place.born) {
      return Corrupt("the row at slot " + std::to_string(place.slot) + " is missing");
    }
    for (std::size_t i = 0; i < selection.plain.size(); ++i) {
      const std::size_t position = selection.plain[i];
      OCELLUS_ASSIGN_OR_RETURN(row.cells[position],
                               ReadCell(*read, static_cast<int>(i) + 1, position));
    }
  }
  for (const std::size_t position : selection.blobs) {
    OCELLUS_ASSIGN_OR_RETURN(Statement* const read,
                             database_->Cached("SELECT crc, bytes FROM " +
                                               layout_.AsideOf(position) + " WHERE slot=?1"));
    const StatementScope scope(*read);
    read->BindInt(1, place.slot);
    OCELLUS_ASSIGN_OR_RETURN(const bool found, read->Step());
    if (!found) continue;  // absent
    OCELLUS_RETURN_IF_ERROR(CheckSum(*read, position));
    row.cells[position] = Blob{std::string(AsText(read->Blob(1)))};
  }
  return row;
}

Result<Cell> RowFile::ReadCell(const Statement& statement, int column, std::size_t position) const {
  if (statement.IsNull(column)) return Cell();
  const Column& schema = layout_.schema().columns[position];
  const auto wrong = [&] { return Corrupt("a cell of column '" + schema.name + "' is damaged"); };
  if (schema.multi || schema.type == ColumnType::kMap) {
    if (!statement.IsText(column)) return wrong();
    Result<Value> value = ParseJson(statement.Text(column));
    if (!value.ok()) return wrong();
    if (schema.multi ? value->as_list() == nullptr : value->as_map() == nullptr) return wrong();
    return Cell(*std::move(value));
  }
  switch (schema.type) {
    case ColumnType::kBool:
      if (!statement.IsInt(column)) return wrong();
      return Cell(Value(statement.Int(column) != 0));
    case ColumnType::kInt64:
      if (!statement.IsInt(column)) return wrong();
      return Cell(Value(statement.Int(column)));
    case ColumnType::kDouble:
      if (!statement.IsDouble(column)) return wrong();
      return Cell(Value(statement.Double(column)));
    default:
      if (!statement.IsText(column) || !IsUtf8(statement.Text(column))) return wrong();
      return Cell(Value(statement.Text(column)));
  }
}

Status RowFile::CheckSum(const Statement& statement, std::size_t position) const {
  if (statement.IsInt(0) && statement.IsBlob(1) &&
      statement.Int(0) == std::int64_t{Crc32c(statement.Blob(1))}) {
    return {};
  }
  return Corrupt("the bytes of column '" + layout_.schema().columns[position].name +
                 "' do not match their checksum");
}

Status RowFile::Insert(const RowPlace& place, const Row& row) {
  OCELLUS_ASSIGN_OR_RETURN(Statement* const insert, database_->Cached(layout_.insert_sql()));
  {
    const StatementScope scope(*insert);
    std::vector<std::string> texts;  // what the statement borrows
    texts.reserve(row.cells.size());
    insert->BindInt(1, place.slot);
    insert->BindInt(2, static_cast<std::int64_t>(place.born));
    for (std::size_t i = 0; i < row.cells.size(); ++i) {
      const int parameter = static_cast<int>(i) + 3;
      const Cell& cell = row.cells[i];
      if (const Value* value = std::get_if<Value>(&cell)) {
        if (value->as_list() != nullptr || value->as_map() != nullptr) {
          insert->BindText(parameter, texts.emplace_back(WriteJson(*value)));
        } else {
          BindScalar(*insert, parameter, *value);
        }
      } else if (const Blob* blob = std::get_if<Blob>(&cell)) {
        insert->BindInt(parameter, static_cast<std::int64_t>(blob->bytes.size()));
      } else if (const Vector* vector = std::get_if<Vector>(&cell)) {
        insert->BindInt(parameter, static_cast<std::int64_t>(vector->size()));
      } else {
        insert->BindNull(parameter);
      }
    }
    OCELLUS_RETURN_IF_ERROR(insert->Run());
  }
  if (!layout_.texts().empty()) {
    std::vector<const Value*> texts;
    for (const std::size_t position : layout_.texts()) {
      texts.push_back(std::get_if<Value>(&row.cells[position]));
    }
    OCELLUS_RETURN_IF_ERROR(InsertTexts(place.slot, texts));
  }
  for (const std::size_t position : layout_.aside()) {
    const Cell& cell = row.cells[position];
    std::string packed;
    std::string_view bytes;
    if (const Blob* blob = std::get_if<Blob>(&cell)) {
      bytes = blob->bytes;
    } else if (const Vector* vector = std::get_if<Vector>(&cell)) {
      packed = PackVector(*vector);
      bytes = packed;
    } else {
      continue;
    }
    OCELLUS_RETURN_IF_ERROR(InsertAside(place.slot, position, bytes));
  }
  return {};
}

Status RowFile::InsertAside(std::uint32_t slot, std::size_t position, std::string_view bytes) {
  OCELLUS_ASSIGN_OR_RETURN(
      Statement* const aside,
      database_->Cached("INSERT INTO " + layout_.AsideOf(position) + " VALUES(?1,?2,?3)"));
  const StatementScope scope(*aside);
  aside->BindInt(1, slot);
  aside->BindInt(2, Crc32c(AsBytes(bytes)));
  aside->BindBlob(3, AsBytes(bytes));
  return aside->Run();
}

Status RowFile::Erase(std::uint32_t slot) {
  const auto erase = [&](const std::string& table) -> Status {
    OCELLUS_ASSIGN_OR_RETURN(Statement* const statement,
                             database_->Cached("DELETE FROM " + table + " WHERE slot=?1"));
    const StatementScope scope(*statement);
    statement->BindInt(1, slot);
    return statement->Run();
  };
  if (!layout_.texts().empty()) OCELLUS_RETURN_IF_ERROR(EraseTexts(slot));
  OCELLUS_RETURN_IF_ERROR(erase("rows"));
  for (const std::size_t position : layout_.aside()) {
    OCELLUS_RETURN_IF_ERROR(erase(layout_.AsideOf(position)));
  }
  return {};
}

Status RowFile::AddVector(std::uint32_t slot, std::size_t position, const Vector& vector) {
  {
    OCELLUS_ASSIGN_OR_RETURN(
        Statement* const update,
        database_->Cached("UPDATE rows SET " + layout_.NameOf(position) + "=?2 WHERE slot=?1"));
    const StatementScope scope(*update);
    update->BindInt(1, slot);
    update->BindInt(2, static_cast<std::int64_t>(vector.size()));
    OCELLUS_RETURN_IF_ERROR(update->Run());
  }
  return InsertAside(slot, position, PackVector(vector));
}

Result<bool> RowFile::HasAny(std::uint32_t slot, const std::vector<std::size_t>& positions) {
  std::string sql = "SELECT coalesce(NULL";  // of one argument there is no coalesce
  for (const std::size_t position : positions) sql += "," + layout_.NameOf(position);
  OCELLUS_ASSIGN_OR_RETURN(Statement* const read,
                           database_->Cached(sql + ") IS NOT NULL FROM rows WHERE slot=?1"));
  const StatementScope scope(*read);
  read->BindInt(1, slot);
  OCELLUS_ASSIGN_OR_RETURN(const bool found, read->Step());
  return found && read->Int(0) != 0;
}

Status RowFile::SetSequence(std::uint64_t sequence) {
  OCELLUS_ASSIGN_OR_RETURN(Statement* const set, database_->Cached("UPDATE state SET sequence=?1"));
  const StatementScope scope(*set);
  set->BindInt(1, static_cast<std::int64_t>(sequence));
  return set->Run();
}

Status RowFile::AddMapKey(std::size_t position, const std::string& key) {
  OCELLUS_ASSIGN_OR_RETURN(Statement* const add,
                           database_->Cached("INSERT INTO map_keys VALUES(?1,?2)"));
  const StatementScope scope(*add);
  add->BindInt(1, layout_.IdOf(position));
  add->BindText(2, key);
  return add->Run();
}

Status RowFile::ForEachPlace(const PlaceVisitor& visit) {
  std::string sql = "SELECT slot, born";
  for (const std::size_t position : layout_.vectors()) sql += "," + layout_.NameOf(position);
  OCELLUS_ASSIGN_OR_RETURN(Statement statement, database_->Prepare(sql + " FROM rows"));
  std::vector<bool> has_vector(layout_.vectors().size());
  for (;;) {
    OCELLUS_ASSIGN_OR_RETURN(const bool more, statement.Step());
    if (!more) return {};
    const std::int64_t slot = statement.Int(0);
    if (slot < 0 || slot > kMaxSlot) return Corrupt("a slot is out of range");
    for (std::size_t i = 0; i < has_vector.size(); ++i) {
      has_vector[i] = !statement.IsNull(static_cast<int>(i) + 2);
    }
    OCELLUS_RETURN_IF_ERROR(
        visit({static_cast<std::uint32_t>(slot), static_cast<std::uint64_t>(statement.Int(1))},
              has_vector));
  }
}

Status RowFile::ForEachRow(
    const std::vector<std::size_t>& positions,
    const std::function<Status(std::uint32_t slot, std::vector<Cell>& cells)>& visit) {
  std::string sql = "SELECT slot";
  for (const std::size_t position : positions) sql += "," + layout_.NameOf(position);
  OCELLUS_ASSIGN_OR_RETURN(Statement statement, database_->Prepare(sql + " FROM rows"));
  std::vector<Cell> cells(positions.size());
  for (;;) {
    OCELLUS_ASSIGN_OR_RETURN(const bool more, statement.Step());
    if (!more) return {};
    for (std::size_t i = 0; i < positions.size(); ++i) {
      OCELLUS_ASSIGN_OR_RETURN(cells[i],
                               ReadCell(statement, static_cast<int>(i) + 1, positions[i]));
    }
    OCELLUS_RETURN_IF_ERROR(visit(static_cast<std::uint32_t>(statement.Int(0)), cells));
  }
}

Status RowFile::ForEachVector(
    std::size_t position, const std::function<Status(std::uint32_t slot, const Vector&)>& visit) {
  OCELLUS_ASSIGN_OR_RETURN(Statement statement, database_->Prepare("SELECT crc, bytes, slot FROM " +
                                                                   layout_.AsideOf(position)));
  const std::size_t bytes = std::size_t{4} * layout_.schema().columns[position].vector.dimension;
  Vector vector;
  for (;;) {
    OCELLUS_ASSIGN_OR_RETURN(const bool more, statement.Step());
    if (!more) return {};
    OCELLUS_RETURN_IF_ERROR(CheckSum(statement, position));
    if (statement.Blob(1).size() != bytes) return Corrupt("a vector has the wrong size");
    UnpackVector(statement.Blob(1), vector);
    OCELLUS_RETURN_IF_ERROR(visit(static_cast<std::uint32_t>(statement.Int(2)), vector));
  }
}

Status RowFile::ForEachMapKey(
    const std::function<Status(std::size_t position, std::string_view key)>& visit) {
  OCELLUS_ASSIGN_OR_RETURN(Statement statement,
                           database_->Prepare("SELECT column, key FROM map_keys"));
  for (;;) {
    OCELLUS_ASSIGN_OR_RETURN(const bool more, statement.Step());
    if (!more) return {};
    const std::size_t position = layout_.PositionOf(static_cast<std::uint32_t>(statement.Int(0)));
    if (position >= layout_.schema().columns.size()) return Corrupt("a map key has no column");
    OCELLUS_RETURN_IF_ERROR(visit(position, statement.Text(1)));
  }
}

}  // namespace ocellus::store::embedded
