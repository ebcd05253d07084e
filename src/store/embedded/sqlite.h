// SQLite, wrapped: no header includes sqlite3.h, and of the sources only this one's .cc and
// text_analyzer.cc do.
//
// Every file has one connection that writes and checkpoints, and any number that only read: see
// docs/decisions/0002-sqlite.md, which says why nothing else may be done with it.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace ocellus::store::embedded {

class Database;

// A prepared statement. Parameters count from 1, result columns from 0. What Bind*() takes by
// view is borrowed until Reset(). The database outlives its statements.
//
// Thread safety: thread-compatible, together with its database.
class Statement {
 public:
  Statement() = default;
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;
  ~Statement();

  void BindNull(int parameter);
  void BindInt(int parameter, std::int64_t value);
  void BindDouble(int parameter, double value);
  void BindText(int parameter, std::string_view text);
  void BindBlob(int parameter, Bytes bytes);
  // For a function that asks for a pointer of that type; a literal. Borrowed until Reset().
  void BindPointer(int parameter, const void* pointer, const char* type);

  // True: there is a row to read. False: the end, and the statement was reset. A Bind*() that
  // failed since the last Reset() is reported here.
  Result<bool> Step();

  // Runs it to its end and resets it.
  Status Run();

  void Reset();  // also forgets the parameters

  // Of the row that Step() came to; views live until the next Step() or Reset().
  bool IsNull(int column) const;
  bool IsInt(int column) const;
  bool IsDouble(int column) const;
  bool IsText(int column) const;
  bool IsBlob(int column) const;
  std::int64_t Int(int column) const;
  double Double(int column) const;
  std::string_view Text(int column) const;
  Bytes Blob(int column) const;

 private:
  friend class Database;
  Statement(Database* database, sqlite3_stmt* statement)
      : database_(database), statement_(statement) {}
  void Note(int code);  // keeps the first failure of a Bind*()

  Database* database_ = nullptr;
  sqlite3_stmt* statement_ = nullptr;
  int bind_failure_ = 0;
};

// Resets a statement at the end of a scope, so that no read stays open by accident.
class StatementScope {
 public:
  explicit StatementScope(Statement& statement) : statement_(statement) {}
  ~StatementScope() { statement_.Reset(); }
  StatementScope(const StatementScope&) = delete;
  StatementScope& operator=(const StatementScope&) = delete;

 private:
  Statement& statement_;
};

// One connection to one file in WAL mode.
//
// Failures: kResourceExhausted (disk or quota full, out of memory), kCorruption (not a database, or
// a damaged one), kInvalidArgument (a value that is too big), kIoError, kUnavailable (busy),
// kInternal. Every message names the file.
//
// Thread safety: thread-compatible: one thread at a time, not always the same.
class Database {
 public:
  enum class Role : std::uint8_t {
    kCreate,  // the writer, of a file that is new or empty
    kWriter,  // writes and checkpoints; exactly one per file
    kReader,  // query_only, never checkpoints; only while a writer is open
  };

  static Result<std::unique_ptr<Database>> Open(const std::string& path, Role role);
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();

  const std::string& path() const { return path_; }

  Status Execute(const std::string& sql);                 // one or more statements without results
  Result<std::int64_t> QueryInt(const std::string& sql);  // the one value that it gives

  Result<Statement> Prepare(const std::string& sql);

  // A prepared statement kept for later calls of the same text. Borrowed; valid until the next
  // Cached() of another text.
  Result<Statement*> Cached(const std::string& sql);

  // False once a failure has rolled the transaction back.
  bool InTransaction() const;

  // As WordsOf() of text_analyzer.h.
  Result<std::vector<std::string_view>> SplitWords(std::string_view text);

  // Pages in the write-ahead log after the last commit of this connection.
  std::int64_t wal_pages() const { return wal_pages_; }

  enum class Checkpoint : std::uint8_t {
    kPassive,   // what can be done without waiting for readers
    kRestart,   // waits for readers, so that the next write starts the log anew
    kTruncate,  // and empties the file
  };
  // REQUIRES: not a reader. kUnavailable: readers were in the way.
  Status RunCheckpoint(Checkpoint mode);

  // A failure code of SQLite as a Status; takes the message of the last failure from the database.
  Status Failure(int code, std::string_view operation) const;

 private:
  Database(std::string path, Role role) : path_(std::move(path)), role_(role) {}
  Status Configure();

  const std::string path_;
  const Role role_;
  sqlite3* handle_ = nullptr;
  std::int64_t wal_pages_ = 0;
  std::unordered_map<std::string, Statement> cache_;
};

// Rolls back what is not committed at the end of its scope.
//
// Thread safety: as its database.
class Transaction {
 public:
  explicit Transaction(Database& database) : database_(database) {}
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  Status Begin();   // to write: takes the write lock at once
  Status Commit();  // durable on return when ok
  void RollBack();  // what there is to roll back

 private:
  Database& database_;
};

}  // namespace ocellus::store::embedded
