#include "engine/records.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <span>

#include "engine/engine.h"

namespace ocellus::engine {
namespace {

// Columns of the table, in its order. Kept on disk: never change.
enum ColumnAt : std::size_t { kId, kOwner, kCreated, kExpires, kSize, kDetails, kBytes, kColumns };

constexpr std::array<std::pair<const char*, store::ColumnType>, kColumns> kColumnNames = {{
    {"id", store::ColumnType::kString},
    {"owner", store::ColumnType::kString},
    {"created", store::ColumnType::kInt64},
    {"expires", store::ColumnType::kInt64},
    {"size", store::ColumnType::kInt64},
    {"details", store::ColumnType::kString},
    {"bytes", store::ColumnType::kBlob},
}};

constexpr std::uint64_t kPage = 1000;

std::int64_t NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

bool HasExpired(std::int64_t expires_ms) {
  return expires_ms != 0 && expires_ms <= NowMs();
}

std::string TextAt(const store::Row& row, ColumnAt at) {
  const auto* value = std::get_if<Value>(&row.cells[at]);
  const std::string* text = value != nullptr ? value->as_string() : nullptr;
  return text != nullptr ? *text : std::string();
}

std::int64_t IntAt(const store::Row& row, ColumnAt at) {
  const auto* value = std::get_if<Value>(&row.cells[at]);
  const std::int64_t* number = value != nullptr ? value->as_int() : nullptr;
  return number != nullptr ? *number : 0;
}

std::vector<std::string> AllBut(std::size_t without) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < kColumns; ++i) {
    if (i != without) names.emplace_back(kColumnNames[i].first);
  }
  return names;
}

Record RecordOf(store::Row& row) {
  Record record;
  record.id = TextAt(row, kId);
  record.owner = TextAt(row, kOwner);
  record.created_ms = IntAt(row, kCreated);
  record.expires_ms = IntAt(row, kExpires);
  // Nothing else is written there.
  if (Result<Value> details = ParseJson(TextAt(row, kDetails)); details.ok()) {
    record.details = *std::move(details);
  }
  if (auto* blob = std::get_if<store::Blob>(&row.cells[kBytes])) {
    record.bytes = std::move(blob->bytes);
  }
  return record;
}

Status NoSuchRecord(const std::string& id) {
  return Status(Code::kNotFound, "nothing is kept under \"" + id + "\"");
}

}  // namespace

Status Records::Open() {
  const std::string name = std::string(kInternalPrefix) + options_.table;
  Result<std::shared_ptr<store::Table>> table = store_.OpenTable(name);
  if (!table.ok() && table.status().code() == Code::kNotFound) {
    store::TableSchema schema;
    schema.name = name;
    for (const auto& [column, type] : kColumnNames) {
      schema.columns.push_back({column, type, false, false, {}});
    }
    schema.primary_key = {kColumnNames[kId].first};
    OCELLUS_RETURN_IF_ERROR(store_.CreateTable(schema));
    table = store_.OpenTable(name);
  }
  if (!table.ok()) return std::move(table).status().WithContext("open " + name);
  table_ = *std::move(table);

  MutexLock lock(mutex_);
  store::ScanRequest scan;
  scan.columns = AllBut(kBytes);
  scan.limit = kPage;
  while (true) {
    OCELLUS_ASSIGN_OR_RETURN(const std::vector<store::Row> rows, table_->Scan(scan));
    for (const store::Row& row : rows) {
      const auto bytes = static_cast<std::uint64_t>(std::max<std::int64_t>(0, IntAt(row, kSize)));
      Insert(TextAt(row, kId),
             {TextAt(row, kOwner), IntAt(row, kCreated), IntAt(row, kExpires), bytes});
    }
    if (rows.size() < kPage) return {};
    scan.offset += rows.size();
  }
}

void Records::Insert(const std::string& id, Entry entry) {
  bytes_ += entry.bytes;
  by_age_.emplace(entry.created_ms, id);
  if (entry.expires_ms != 0) by_expiry_.emplace(entry.expires_ms, id);
  entries_[id] = std::move(entry);
}

void Records::Erase(const std::string& id) {
  const auto entry = entries_.find(id);
  if (entry == entries_.end()) return;
  bytes_ -= entry->second.bytes;
  by_age_.erase({entry->second.created_ms, id});
  by_expiry_.erase({entry->second.expires_ms, id});
  entries_.erase(entry);
}

Result<std::vector<store::Key>> Records::MakeRoom(std::uint64_t bytes) {
  std::vector<std::string> going;
  while (!by_expiry_.empty() && HasExpired(by_expiry_.begin()->first)) {
    going.push_back(by_expiry_.begin()->second);
    Erase(going.back());
  }
  const auto is_over = [&]() REQUIRES(mutex_) {
    return entries_.size() + 1 > options_.max_records || bytes_ + bytes > options_.max_bytes;
  };
  if (is_over() && !options_.drop_oldest) {
    return Status(Code::kResourceExhausted, "there are " + std::to_string(entries_.size()) +
                                                " of them with " + std::to_string(bytes_) +
                                                " bytes, and the limits are " +
                                                std::to_string(options_.max_records) + " and " +
                                                std::to_string(options_.max_bytes) + " bytes");
  }
  while (is_over() && !entries_.empty()) {
    going.push_back(by_age_.begin()->second);
    Erase(going.back());
  }
  std::vector<store::Key> keys;
  keys.reserve(going.size());
  for (std::string& id : going) keys.push_back({Value(std::move(id))});
  return keys;
}

Status Records::Put(Record record) {
  const std::uint64_t size = record.bytes.size();
  if (size > options_.max_bytes) {
    return Status(Code::kInvalidArgument, std::to_string(size) + " bytes, the limit is " +
                                              std::to_string(options_.max_bytes));
  }
  if (record.created_ms == 0) record.created_ms = NowMs();
  store::WriteBatch batch;
  {
    MutexLock lock(mutex_);
    Erase(record.id);
    OCELLUS_ASSIGN_OR_RETURN(batch.deletes, MakeRoom(size));
    // Counted before it is there, so that those who write together stay below the limits.
    Insert(record.id, {record.owner, record.created_ms, record.expires_ms, size});
  }
  store::Row& row = batch.upserts.emplace_back();
  row.cells.resize(kColumns);
  row.cells[kId] = Value(record.id);
  row.cells[kOwner] = Value(std::move(record.owner));
  row.cells[kCreated] = Value(record.created_ms);
  row.cells[kExpires] = Value(record.expires_ms);
  row.cells[kSize] = Value(static_cast<std::int64_t>(size));
  row.cells[kDetails] = Value(WriteJson(record.details));
  row.cells[kBytes] = store::Blob{std::move(record.bytes)};
  Status written = table_->Write(std::move(batch));
  if (!written.ok()) {
    MutexLock lock(mutex_);
    Erase(record.id);
  }
  return written;
}

bool Records::IsThere(const std::string& id, const std::string& owner) {
  MutexLock lock(mutex_);
  const auto entry = entries_.find(id);
  return entry != entries_.end() && entry->second.owner == owner &&
         !HasExpired(entry->second.expires_ms);
}

Result<Record> Records::Get(const std::string& id, const std::string& owner) {
  if (!IsThere(id, owner)) return NoSuchRecord(id);
  const std::vector<store::Key> keys = {{Value(id)}};
  OCELLUS_ASSIGN_OR_RETURN(std::vector<std::optional<store::Row>> rows,
                           table_->Get(keys, AllBut(kColumns)));
  if (!rows.front().has_value()) return NoSuchRecord(id);
  return RecordOf(*rows.front());
}

Status Records::Delete(const std::string& id, const std::string& owner) {
  if (!IsThere(id, owner)) return NoSuchRecord(id);
  store::WriteBatch batch;
  batch.deletes.push_back({Value(id)});
  OCELLUS_RETURN_IF_ERROR(table_->Write(std::move(batch)));
  MutexLock lock(mutex_);
  Erase(id);
  return {};
}

Result<std::vector<std::pair<Record, std::uint64_t>>> Records::List(const std::string& owner) {
  store::ScanRequest scan;
  scan.filter = query::Filter::Where({kColumnNames[kOwner].first, ""}, query::Op::kEqual, owner);
  scan.columns = AllBut(kBytes);
  scan.limit = kPage;
  std::vector<std::pair<Record, std::uint64_t>> records;
  while (true) {
    OCELLUS_ASSIGN_OR_RETURN(std::vector<store::Row> rows, table_->Scan(scan));
    for (store::Row& row : rows) {
      const auto bytes = static_cast<std::uint64_t>(std::max<std::int64_t>(0, IntAt(row, kSize)));
      Record record = RecordOf(row);
      if (!HasExpired(record.expires_ms)) records.emplace_back(std::move(record), bytes);
    }
    if (rows.size() < kPage) return records;
    scan.offset += rows.size();
  }
}

}  // namespace ocellus::engine
