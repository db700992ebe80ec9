// SQL with values, RAII and Results, over SQLite or a database server (postgres.h). One Database is
// one connection: use it from one thread at a time.
//
//   Database db = TRY(Database::open(path, kMigrations));
//   Transaction tx = TRY(db.begin());
//   TRY(db.run("INSERT INTO tag(repo, name) VALUES (?, ?)", repo, name));
//   TRY(tx.commit());
//   Statement s = TRY(db.prepare("SELECT name FROM tag WHERE repo = ?", repo));
//   while (TRY(s.step())) use(s.text(0));
//
// SQLite: WAL, synchronous=FULL, foreign keys on, busy timeout 10 s. A committed transaction
// survives a power cut. A Database keeps what it compiled and must outlive its statements and
// transactions.
//
// Statements that are to run on both: ON CONFLICT for INSERT OR, RETURNING for the id of a new row,
// CASE for max(a, b), nothing of PRAGMA and rowid, reserved words in double quotes, names of tables
// before the columns that ON CONFLICT DO UPDATE reads, migrations in SQLite's words.
//
// Errors: kAlreadyExists for a broken UNIQUE or PRIMARY KEY, kFailedPrecondition for any
// other constraint and for a schema of a newer version, kUnavailable when locked by another
// connection or out of reach, kResourceExhausted when the disk is full, kDataLoss for a damaged
// file. Of a server: kAborted where the transaction is undone and may be run again (attempts.h),
// kInvalidArgument for a text that is no UTF-8.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "db/commit_watch.h"
#include "db/server.h"

struct sqlite3_stmt;

namespace skiff {

namespace db_detail {
struct Connection;
}

class Statement {
 public:
  Statement(Statement&&) noexcept;
  Statement& operator=(Statement&&) noexcept;
  ~Statement();

  // Binds parameter `index` (from 1).
  Result<> bind(int index, int64_t value);
  Result<> bind(int index, std::string_view text);
  Result<> bind(int index, std::nullptr_t);
  Result<> bind(int index, const std::optional<std::string>& text);
  Result<> bind_blob(int index, std::string_view bytes);

  // True when a row is there, false at the end.
  Result<bool> step();
  // Columns of the current row, from 0.
  int64_t integer(int column) const;
  std::string text(int column) const;  // also blobs
  bool is_null(int column) const;

 private:
  friend class Database;
  Statement(db_detail::Connection* connection, sqlite3_stmt* stmt)
      : connection_(connection), stmt_(stmt) {}
  explicit Statement(std::unique_ptr<db_detail::ServerStatement> remote)
      : remote_(std::move(remote)) {}
  Result<> check_bound(int index, int rc);
  void put_back();

  db_detail::Connection* connection_ = nullptr;
  sqlite3_stmt* stmt_ = nullptr;                        // SQLite's, else
  std::unique_ptr<db_detail::ServerStatement> remote_;  // a server's
};

// Rolls back on destruction unless committed.
class Transaction {
 public:
  Transaction(Transaction&& other) noexcept
      : connection_(std::exchange(other.connection_, nullptr)),
        remote_(std::exchange(other.remote_, nullptr)),
        inner_(other.inner_) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  Result<> commit();

 private:
  friend class Database;
  Transaction(db_detail::Connection* connection, bool inner)
      : connection_(connection), inner_(inner) {}
  explicit Transaction(db_detail::ServerConnection* remote) : remote_(remote) {}
  db_detail::Connection* connection_ = nullptr;    // SQLite's, else
  db_detail::ServerConnection* remote_ = nullptr;  // a server's
  bool inner_ = false;
};

class Database {
 public:
  // Opens or creates, then applies the migrations that `PRAGMA user_version` has not
  // counted yet, each in a transaction. A file from a newer version is refused.
  static Result<Database> open(const Path& file, std::span<const char* const> migrations);
  explicit Database(std::unique_ptr<db_detail::ServerConnection> server);
  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept;
  ~Database();

  // Transactions are as if they ran one after another: in SQLite they do (BEGIN IMMEDIATE), a
  // server refuses one that would break this (kAborted).
  Result<Transaction> begin();

  // A part of the transaction that is open: undone alone, committed with it. SQLite alone.
  Result<Transaction> savepoint();
  bool in_transaction() const;

  template <typename... Args>
  Result<Statement> prepare(std::string_view sql, const Args&... args) {
    Statement statement = TRY(compile(sql));
    int index = 0;
    Result<> bound;
    ((bound = bound ? bind_one(statement, ++index, args) : std::move(bound)), ...);
    if (!bound) return std::move(bound.error());
    return statement;
  }
  // Runs a statement that gives no rows; returns the number of rows changed.
  template <typename... Args>
  Result<int64_t> run(std::string_view sql, const Args&... args) {
    Statement statement = TRY(prepare(sql, args...));
    TRY(statement.step());
    return changes();
  }
  // Runs several statements without parameters.
  Result<> execute(const std::string& script);
  int64_t last_insert_id() const;  // SQLite alone
  // Differs from before once another connection has changed anything; of a server for those that
  // count (DatabaseServer::Use::kCounted), also for changes of this one.
  Result<int64_t> change_count();
  // The same without asking, and for this connection's changes, too; of SQLite's file alone.
  CommitWatch commits() const;
  // Whether the transaction that failed last would have gone through alone (attempts.h).
  bool refused() const { return remote_ && remote_->refused(); }
  // Behind a SELECT of rows for one worker among many: nobody else's transaction gets them. In
  // SQLite there is no other.
  std::string_view claiming() const;
  // Below kLanes: which part of a counter that many change this connection does, so that others at
  // work beside it seldom wait. In SQLite there are none beside it.
  static constexpr int kLanes = 64;
  int lane() const;
  // What is wrong with SQLite's file: damaged pages, indexes that do not fit their tables, rows
  // that refer to nothing. Empty for none. A server answers for its own.
  Result<std::vector<std::string>> faults();

 private:
  explicit Database(std::unique_ptr<db_detail::Connection> connection);
  Result<Statement> compile(std::string_view sql);
  int64_t changes() const;
  template <typename T>
  static Result<> bind_one(Statement& s, int index, const T& value) {
    if constexpr (std::is_integral_v<T>) {
      return s.bind(index, static_cast<int64_t>(value));
    } else if constexpr (std::is_convertible_v<const T&, std::string_view>) {
      return s.bind(index, std::string_view(value));
    } else {
      return s.bind(index, value);
    }
  }
  std::unique_ptr<db_detail::Connection> connection_;    // SQLite's, else
  std::unique_ptr<db_detail::ServerConnection> remote_;  // a server's
};

}  // namespace skiff
