#include "store/embedded/sqlite.h"

#include <sqlite3.h>

#include <cerrno>
#include <utility>

#include "store/embedded/text_analyzer.h"

namespace ocellus::store::embedded {
namespace {

constexpr std::size_t kMaxCachedStatements = 64;

// Readers wait for the moments in which the log is restarted; nobody waits for a writer, because
// there is one.
constexpr int kBusyTimeoutMs = 10'000;

// synchronous=FULL syncs the log at every commit. Nothing is mapped (mmap_size=0): a file cut short
// by another hand would be a SIGBUS instead of an error. cell_size_check finds damaged pages early.
constexpr const char* kEveryConnection =
    "PRAGMA mmap_size=0;"
    "PRAGMA cell_size_check=ON;"
    "PRAGMA trusted_schema=OFF;"
    "PRAGMA temp_store=MEMORY;"
    "PRAGMA wal_autocheckpoint=0;"
    "PRAGMA synchronous=FULL;";

// Incremental vacuum has to be chosen before the first page is written. FAST overwrites deleted
// content where that needs no write of its own.
constexpr const char* kNewFile = "PRAGMA page_size=4096; PRAGMA auto_vacuum=INCREMENTAL;";
constexpr const char* kWriterOnly =
    "PRAGMA secure_delete=FAST;"
    "PRAGMA cache_size=-16384;"
    "PRAGMA journal_size_limit=67108864;";
constexpr const char* kReaderOnly = "PRAGMA query_only=ON; PRAGMA cache_size=-2048;";

Code CodeOf(int code, int system_error) {
  switch (system_error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EMFILE:
    case ENFILE:
      // Only an I/O failure has a system error that belongs to it.
      if ((code & 0xFF) == SQLITE_IOERR || (code & 0xFF) == SQLITE_CANTOPEN) {
        return Code::kResourceExhausted;
      }
      break;
    default:
      break;
  }
  switch (code & 0xFF) {
    case SQLITE_FULL:
    case SQLITE_NOMEM:
      return Code::kResourceExhausted;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
      return Code::kCorruption;
    case SQLITE_TOOBIG:
      return Code::kInvalidArgument;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Code::kUnavailable;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return Code::kIoError;
    default:
      return Code::kInternal;
  }
}

// Why the last failing operation on the log, else on the file, failed: a commit does not note it on
// the connection.
int LastFileError(sqlite3* handle) {
  int error = 0;
  sqlite3_file* log = nullptr;
  if (sqlite3_file_control(handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) == SQLITE_OK &&
      log != nullptr && log->pMethods != nullptr) {
    log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &error);
  }
  if (error == 0) sqlite3_file_control(handle, "main", SQLITE_FCNTL_LAST_ERRNO, &error);
  return error;
}

}  // namespace

Statement::Statement(Statement&& other) noexcept
    : database_(other.database_),
      statement_(std::exchange(other.statement_, nullptr)),
      bind_failure_(other.bind_failure_) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  std::swap(database_, other.database_);
  std::swap(statement_, other.statement_);
  std::swap(bind_failure_, other.bind_failure_);
  return *this;
}

Statement::~Statement() {
  sqlite3_finalize(statement_);
}

void Statement::Note(int code) {
  if (bind_failure_ == SQLITE_OK) bind_failure_ = code;
}

void Statement::BindNull(int parameter) {
  Note(sqlite3_bind_null(statement_, parameter));
}

void Statement::BindInt(int parameter, std::int64_t value) {
  Note(sqlite3_bind_int64(statement_, parameter, value));
}

void Statement::BindDouble(int parameter, double value) {
  Note(sqlite3_bind_double(statement_, parameter, value));
}

void Statement::BindText(int parameter, std::string_view text) {
  // A null pointer would bind NULL.
  const char* data = text.empty() ? "" : text.data();
  Note(sqlite3_bind_text64(statement_, parameter, data, text.size(), nullptr, SQLITE_UTF8));
}

void Statement::BindBlob(int parameter, Bytes bytes) {
  const void* data = bytes.empty() ? static_cast<const void*>("") : bytes.data();
  Note(sqlite3_bind_blob64(statement_, parameter, data, bytes.size(), nullptr));
}

void Statement::BindPointer(int parameter, const void* pointer, const char* type) {
  // SQLite's signature is not const; whoever takes the pointer out gives it back its const.
  Note(sqlite3_bind_pointer(statement_, parameter, const_cast<void*>(pointer), type, nullptr));
}

Result<bool> Statement::Step() {
  if (bind_failure_ != SQLITE_OK) {
    const int failure = bind_failure_;
    Reset();
    return database_->Failure(failure, "bind");
  }
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) {
    Reset();
    return false;
  }
  Status status = database_->Failure(code, sqlite3_sql(statement_));
  Reset();
  return status;
}

Status Statement::Run() {
  for (;;) {
    OCELLUS_ASSIGN_OR_RETURN(const bool more, Step());
    if (!more) return {};
  }
}

void Statement::Reset() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
  bind_failure_ = SQLITE_OK;
}

bool Statement::IsNull(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}
bool Statement::IsInt(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_INTEGER;
}
bool Statement::IsDouble(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_FLOAT;
}
bool Statement::IsText(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_TEXT;
}
bool Statement::IsBlob(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_BLOB;
}

std::int64_t Statement::Int(int column) const {
  return sqlite3_column_int64(statement_, column);
}

double Statement::Double(int column) const {
  return sqlite3_column_double(statement_, column);
}

std::string_view Statement::Text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  if (text == nullptr) return {};
  return {text, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

Bytes Statement::Blob(int column) const {
  const auto* bytes = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement_, column));
  if (bytes == nullptr) return {};
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

Result<std::unique_ptr<Database>> Database::Open(const std::string& path, Role role) {
  std::unique_ptr<Database> database(new Database(path, role));
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  if (role == Role::kCreate) flags |= SQLITE_OPEN_CREATE;
  const int code = sqlite3_open_v2(path.c_str(), &database->handle_, flags, nullptr);
  if (code != SQLITE_OK) return database->Failure(code, "open");
  OCELLUS_RETURN_IF_ERROR(database->Configure());
  return database;
}

Status Database::Configure() {
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
  if (role_ == Role::kReader) {
    sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  }
  sqlite3_busy_timeout(handle_, kBusyTimeoutMs);
  OCELLUS_RETURN_IF_ERROR(RegisterTextSearch(handle_).WithContext(path_));
  OCELLUS_RETURN_IF_ERROR(Execute(kEveryConnection));
  if (role_ == Role::kReader) return Execute(kReaderOnly);

  if (role_ == Role::kCreate) OCELLUS_RETURN_IF_ERROR(Execute(kNewFile));
  {
    OCELLUS_ASSIGN_OR_RETURN(Statement mode, Prepare("PRAGMA journal_mode=WAL"));
    OCELLUS_ASSIGN_OR_RETURN(const bool row, mode.Step());
    if (!row || mode.Text(0) != "wal") {
      return {Code::kIoError, path_ + ": the file system does not support SQLite's WAL mode"};
    }
  }
  OCELLUS_RETURN_IF_ERROR(Execute(kWriterOnly));
  sqlite3_wal_hook(
      handle_,
      [](void* self, sqlite3*, const char*, int pages) {
        static_cast<Database*>(self)->wal_pages_ = pages;
        return SQLITE_OK;
      },
      this);
  return {};
}

Database::~Database() {
  cache_.clear();
  sqlite3_close_v2(handle_);
}

Status Database::Execute(const std::string& sql) {
  const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? Status() : Failure(code, sql);
}

Result<std::int64_t> Database::QueryInt(const std::string& sql) {
  OCELLUS_ASSIGN_OR_RETURN(Statement* const statement, Cached(sql));
  const StatementScope scope(*statement);
  OCELLUS_ASSIGN_OR_RETURN(const bool row, statement->Step());
  if (!row || !statement->IsInt(0)) {
    return Status(Code::kCorruption, path_ + ": no number from " + sql);
  }
  return statement->Int(0);
}

Result<Statement> Database::Prepare(const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return Failure(code, sql);
  return Statement(this, statement);
}

Result<Statement*> Database::Cached(const std::string& sql) {
  if (const auto known = cache_.find(sql); known != cache_.end()) return &known->second;
  OCELLUS_ASSIGN_OR_RETURN(Statement statement, Prepare(sql));
  if (cache_.size() >= kMaxCachedStatements) cache_.clear();
  return &cache_.emplace(sql, std::move(statement)).first->second;
}

Result<std::vector<std::string_view>> Database::SplitWords(std::string_view text) {
  return WordsOf(handle_, text);
}

bool Database::InTransaction() const {
  return sqlite3_get_autocommit(handle_) == 0;
}

Status Database::RunCheckpoint(Checkpoint mode) {
  int sqlite_mode = SQLITE_CHECKPOINT_PASSIVE;
  if (mode == Checkpoint::kRestart) sqlite_mode = SQLITE_CHECKPOINT_RESTART;
  if (mode == Checkpoint::kTruncate) sqlite_mode = SQLITE_CHECKPOINT_TRUNCATE;
  const int code = sqlite3_wal_checkpoint_v2(handle_, nullptr, sqlite_mode, nullptr, nullptr);
  if (code != SQLITE_OK) return Failure(code, "checkpoint");
  return {};
}

Status Database::Failure(int code, std::string_view operation) const {
  int system_error = handle_ != nullptr ? sqlite3_system_errno(handle_) : 0;
  if (system_error == 0 && (code & 0xFF) == SQLITE_IOERR) system_error = LastFileError(handle_);
  const char* message = handle_ != nullptr ? sqlite3_errmsg(handle_) : sqlite3_errstr(code);
  return {CodeOf(code, system_error),
          path_ + ": " + std::string(operation.substr(0, 80)) + ": " + message};
}

Transaction::~Transaction() {
  RollBack();
}

void Transaction::RollBack() {
  if (!database_.InTransaction()) return;
  // It fails only when there is nothing to roll back.
  [[maybe_unused]] const Status status = database_.Execute("ROLLBACK");
}

Status Transaction::Begin() {
  OCELLUS_ASSIGN_OR_RETURN(Statement* const begin, database_.Cached("BEGIN IMMEDIATE"));
  return begin->Run();
}

Status Transaction::Commit() {
  OCELLUS_ASSIGN_OR_RETURN(Statement* const commit, database_.Cached("COMMIT"));
  return commit->Run();
}

}  // namespace ocellus::store::embedded
