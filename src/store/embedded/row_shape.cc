// The parts of RowFile that change what tables there are, and the table of texts.

#include <algorithm>
#include <utility>

#include "store/embedded/row_file.h"
#include "store/embedded/text_analyzer.h"

namespace ocellus::store::embedded {
namespace {

// The number behind a prefix ("c12", "data_12"); none where the name is another.
std::optional<std::uint32_t> NumberAfter(std::string_view prefix, std::string_view name) {
  constexpr std::size_t kMaxDigits = 9;
  if (!name.starts_with(prefix)) return std::nullopt;
  const std::string_view digits = name.substr(prefix.size());
  if (digits.empty() || digits.size() > kMaxDigits) return std::nullopt;
  std::uint32_t number = 0;
  for (const char digit : digits) {
    if (digit < '0' || digit > '9') return std::nullopt;
    number = number * 10 + static_cast<std::uint32_t>(digit - '0');
  }
  return number;
}

}  // namespace

Result<std::vector<std::string>> RowFile::Names(const std::string& sql) {
  OCELLUS_ASSIGN_OR_RETURN(Statement statement, database_->Prepare(sql));
  std::vector<std::string> names;
  for (;;) {
    OCELLUS_ASSIGN_OR_RETURN(const bool more, statement.Step());
    if (!more) return names;
    names.emplace_back(statement.Text(0));
  }
}

Status RowFile::AddColumns(const std::vector<std::size_t>& positions) {
  Transaction transaction(*database_);
  OCELLUS_RETURN_IF_ERROR(transaction.Begin());
  OCELLUS_ASSIGN_OR_RETURN(const std::vector<std::string> there,
                           Names("SELECT name FROM pragma_table_info('rows')"));
  for (const std::size_t position : positions) {
    const std::string name = layout_.NameOf(position);
    if (std::find(there.begin(), there.end(), name) != there.end()) {
      OCELLUS_RETURN_IF_ERROR(database_->Execute("ALTER TABLE rows DROP COLUMN " + name));
    }
    OCELLUS_RETURN_IF_ERROR(
        database_->Execute("ALTER TABLE rows ADD COLUMN " + layout_.DefinitionOf(position)));
    OCELLUS_RETURN_IF_ERROR(
        database_->Execute("DROP TABLE IF EXISTS " + layout_.AsideOf(position)));
    if (layout_.IsAside(position)) {
      OCELLUS_RETURN_IF_ERROR(database_->Execute(layout_.CreateAsideSql(position)));
    }
  }
  return transaction.Commit();
}

Status RowFile::RemoveOtherColumns() {
  std::string sql;
  OCELLUS_ASSIGN_OR_RETURN(const std::vector<std::string> columns,
                           Names("SELECT name FROM pragma_table_info('rows')"));
  const std::size_t none = layout_.ids().size();
  for (const std::string& name : columns) {
    const std::optional<std::uint32_t> id = NumberAfter("c", name);
    if (!id.has_value() || layout_.PositionOf(*id) != none) continue;
    sql += "ALTER TABLE rows DROP COLUMN " + name + ";" +
           "DELETE FROM map_keys WHERE column=" + std::to_string(*id) + ";";
  }
  OCELLUS_ASSIGN_OR_RETURN(const std::vector<std::string> tables,
                           Names("SELECT name FROM sqlite_schema WHERE type='table'"));
  for (const std::string& name : tables) {
    const std::optional<std::uint32_t> id = NumberAfter("data_", name);
    if (!id.has_value() || layout_.PositionOf(*id) != none) continue;
    sql += "DROP TABLE " + name + ";";
  }
  if (sql.empty()) return {};
  Transaction transaction(*database_);
  OCELLUS_RETURN_IF_ERROR(transaction.Begin());
  OCELLUS_RETURN_IF_ERROR(database_->Execute(sql));
  return transaction.Commit();
}

Result<bool> RowFile::ConformTexts() {
  OCELLUS_ASSIGN_OR_RETURN(const std::vector<std::string> there,
                           Names("SELECT sql FROM sqlite_schema WHERE name='texts'"));
  const std::string wanted = layout_.CreateTextsSql();
  const std::string is = there.empty() ? "" : there.front() + ";";
  if (is == wanted) return false;
  Transaction transaction(*database_);
  OCELLUS_RETURN_IF_ERROR(transaction.Begin());
  OCELLUS_RETURN_IF_ERROR(database_->Execute("DROP TABLE IF EXISTS texts;" + wanted));
  if (!layout_.texts().empty()) {
    OCELLUS_RETURN_IF_ERROR(
        ForEachRow(layout_.texts(), [this](std::uint32_t slot, std::vector<Cell>& cells) -> Status {
          std::vector<const Value*> texts;
          for (const Cell& cell : cells) texts.push_back(std::get_if<Value>(&cell));
          return InsertTexts(slot, texts);
        }));
  }
  OCELLUS_RETURN_IF_ERROR(transaction.Commit());
  return true;
}

Status RowFile::InsertTexts(std::uint32_t slot, const std::vector<const Value*>& texts) {
  const bool none =
      std::all_of(texts.begin(), texts.end(), [](const Value* text) { return text == nullptr; });
  if (none) return {};
  std::string sql = "INSERT INTO texts(rowid," + layout_.TextNames() + ") VALUES(?1";
  for (std::size_t i = 0; i < texts.size(); ++i) sql += ",?" + std::to_string(i + 2);
  OCELLUS_ASSIGN_OR_RETURN(Statement* const insert, database_->Cached(sql + ")"));
  const StatementScope scope(*insert);
  insert->BindInt(1, slot);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (texts[i] != nullptr) insert->BindText(static_cast<int>(i) + 2, *texts[i]->as_string());
  }
  return insert->Run();
}

// The table of texts has not the texts: it is told what they were.
Status RowFile::EraseTexts(std::uint32_t slot) {
  std::string any;
  for (const std::size_t position : layout_.texts()) {
    if (!any.empty()) any += " OR ";
    any += layout_.NameOf(position) + " IS NOT NULL";
  }
  const std::string names = layout_.TextNames();
  OCELLUS_ASSIGN_OR_RETURN(
      Statement* const erase,
      database_->Cached("INSERT INTO texts(texts,rowid," + names + ") SELECT 'delete',slot," +
                        names + " FROM rows WHERE slot=?1 AND (" + any + ")"));
  const StatementScope scope(*erase);
  erase->BindInt(1, slot);
  return erase->Run();
}

Result<index::Bitmap> RowFile::MatchTexts(const std::string& match, const index::Bitmap& allowed) {
  OCELLUS_ASSIGN_OR_RETURN(Statement* const search,
                           database_->Cached("SELECT rowid FROM texts WHERE texts MATCH ?1"));
  const StatementScope scope(*search);
  search->BindText(1, match);
  index::Bitmap matching(allowed.size());
  for (;;) {
    OCELLUS_ASSIGN_OR_RETURN(const bool more, search->Step());
    if (!more) return matching;
    const std::int64_t slot = search->Int(0);
    if (slot < 0 || slot >= allowed.size()) continue;  // damaged: a row that is not there
    if (allowed.Test(static_cast<std::uint32_t>(slot))) {
      matching.Set(static_cast<std::uint32_t>(slot));
    }
  }
}

Status RowFile::ScoreTexts(const std::string& match, const index::Bitmap& allowed,
                           const std::function<void(std::uint32_t slot, double score)>& visit) {
  OCELLUS_ASSIGN_OR_RETURN(Statement* const search,
                           database_->Cached(std::string("SELECT rowid,") + kBm25Function +
                                             "(texts) FROM texts WHERE texts MATCH ?1 AND " +
                                             kAllowedFunction + "(?2,rowid)"));
  const StatementScope scope(*search);
  search->BindText(1, match);
  search->BindPointer(2, &allowed, kBitmapPointer);
  for (;;) {
    OCELLUS_ASSIGN_OR_RETURN(const bool more, search->Step());
    if (!more) return {};
    visit(static_cast<std::uint32_t>(search->Int(0)), search->Double(1));
  }
}

}  // namespace ocellus::store::embedded
