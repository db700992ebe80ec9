#include "db/database.h"

#include <fcntl.h>
#include <poll.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <chrono>
#include <unordered_map>

#include "base/strings.h"

namespace skiff {

namespace {

constexpr int kBusyTimeoutMs = 10'000;
// More distinct statements than any layer has; beyond it nothing more is kept.
constexpr size_t kCachedStatements = 128;

Code code_of(int rc) {
  switch (rc) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
      return Code::kAlreadyExists;
    default:
      break;
  }
  switch (rc & 0xff) {
    case SQLITE_CONSTRAINT:
      return Code::kFailedPrecondition;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Code::kUnavailable;
    case SQLITE_FULL:
    case SQLITE_NOMEM:
    case SQLITE_TOOBIG:
      return Code::kResourceExhausted;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
      return Code::kDataLoss;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return Code::kPermissionDenied;
    default:
      return Code::kInternal;
  }
}

}  // namespace

namespace db_detail {

struct Connection {
  sqlite3* db = nullptr;
  std::unordered_map<std::string, sqlite3_stmt*> idle;  // compiled and not in use, by SQL

  Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() {
    for (auto& [sql, stmt] : idle) sqlite3_finalize(stmt);
    sqlite3_close(db);
  }

  Error error(int rc, std::string_view what) const {
    return Error(code_of(rc), cat(what, ": ", sqlite3_errmsg(db)));
  }
  Result<> execute(const char* script) const {
    int rc = sqlite3_exec(db, script, nullptr, nullptr, nullptr);
    if (rc == SQLITE_OK) return {};
    Error failed = error(rc, script);
    disown_commit(rc);
    return failed;
  }

  // A commit that failed in its sync has left its frames in the log, and whoever opens the file
  // after a crash would find them whole and take them for committed. The next commit goes over
  // them: so make one, of a page that it leaves as it is.
  void disown_commit(int rc) const {
    if ((rc & 0xff) != SQLITE_IOERR) return;
    if (sqlite3_get_autocommit(db) == 0) sqlite3_exec(db, "ROLLBACK", nullptr, nullptr, nullptr);
    int version = 0;
    auto read = [](void* out, int, char** values, char**) {
      *static_cast<int*>(out) = std::atoi(values[0]);
      return 0;
    };
    if (sqlite3_exec(db, "PRAGMA user_version", read, &version, nullptr) != SQLITE_OK) return;
    const std::string same = cat("PRAGMA user_version = ", version);
    sqlite3_exec(db, same.c_str(), nullptr, nullptr, nullptr);
  }
};

}  // namespace db_detail

using db_detail::Connection;

Statement::Statement(Statement&& other) noexcept
    : connection_(other.connection_),
      stmt_(std::exchange(other.stmt_, nullptr)),
      remote_(std::move(other.remote_)) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  if (this != &other) {
    put_back();
    connection_ = other.connection_;
    stmt_ = std::exchange(other.stmt_, nullptr);
    remote_ = std::move(other.remote_);
  }
  return *this;
}

Statement::~Statement() { put_back(); }

void Statement::put_back() {
  if (stmt_ == nullptr) return;
  sqlite3_reset(stmt_);
  sqlite3_clear_bindings(stmt_);
  bool kept = connection_->idle.size() < kCachedStatements &&
              connection_->idle.emplace(sqlite3_sql(stmt_), stmt_).second;
  if (!kept) sqlite3_finalize(stmt_);
  stmt_ = nullptr;
}

Result<> Statement::check_bound(int index, int rc) {
  if (rc == SQLITE_OK) return {};
  return connection_->error(rc, cat("bind parameter ", index, " of ", sqlite3_sql(stmt_)));
}

Result<> Statement::bind(int index, int64_t value) {
  if (remote_) return remote_->bind(index, value);
  return check_bound(index, sqlite3_bind_int64(stmt_, index, value));
}

Result<> Statement::bind(int index, std::string_view text) {
  if (remote_) return remote_->bind_text(index, text);
  // A view without data would bind NULL, not the empty text.
  const char* data = text.data() == nullptr ? "" : text.data();
  return check_bound(
      index, sqlite3_bind_text64(stmt_, index, data, text.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
}

Result<> Statement::bind(int index, std::nullptr_t) {
  if (remote_) return remote_->bind_null(index);
  return check_bound(index, sqlite3_bind_null(stmt_, index));
}

Result<> Statement::bind(int index, const std::optional<std::string>& text) {
  return text ? bind(index, std::string_view(*text)) : bind(index, nullptr);
}

Result<> Statement::bind_blob(int index, std::string_view bytes) {
  if (remote_) return remote_->bind_bytes(index, bytes);
  const char* data = bytes.data() == nullptr ? "" : bytes.data();
  return check_bound(index,
                     sqlite3_bind_blob64(stmt_, index, data, bytes.size(), SQLITE_TRANSIENT));
}

Result<bool> Statement::step() {
  if (remote_) return remote_->step();
  int rc = sqlite3_step(stmt_);
  if (rc == SQLITE_ROW) return true;
  if (rc == SQLITE_DONE) return false;
  Error failed = connection_->error(rc, sqlite3_sql(stmt_));
  // Of a statement inside a transaction nothing was committed.
  if (sqlite3_get_autocommit(connection_->db) != 0) {
    sqlite3_reset(stmt_);
    connection_->disown_commit(rc);
  }
  return failed;
}

int64_t Statement::integer(int column) const {
  return stmt_ != nullptr ? sqlite3_column_int64(stmt_, column) : remote_->integer(column);
}

std::string Statement::text(int column) const {
  if (remote_) return remote_->text(column);
  const void* bytes = sqlite3_column_blob(stmt_, column);
  auto size = static_cast<size_t>(sqlite3_column_bytes(stmt_, column));
  return bytes == nullptr ? std::string() : std::string(static_cast<const char*>(bytes), size);
}

bool Statement::is_null(int column) const {
  if (remote_) return remote_->is_null(column);
  return sqlite3_column_type(stmt_, column) == SQLITE_NULL;
}

Transaction::~Transaction() {
  if (remote_ != nullptr) remote_->roll_back();
  // SQLite has rolled back by itself after some errors (a full disk).
  if (connection_ == nullptr || sqlite3_get_autocommit(connection_->db) != 0) return;
  const char* undo = inner_ ? "ROLLBACK TO part; RELEASE part" : "ROLLBACK";
  sqlite3_exec(connection_->db, undo, nullptr, nullptr, nullptr);
}

Result<> Transaction::commit() {
  // After a commit that failed a server has nothing left to roll back.
  if (remote_ != nullptr) return std::exchange(remote_, nullptr)->commit();
  TRY(connection_->execute(inner_ ? "RELEASE part" : "COMMIT"));
  connection_ = nullptr;
  return {};
}

static Result<int64_t> user_version(const Connection& connection) {
  sqlite3_stmt* stmt = nullptr;
  int rc = sqlite3_prepare_v2(connection.db, "PRAGMA user_version", -1, &stmt, nullptr);
  if (rc != SQLITE_OK) return connection.error(rc, "read the schema version");
  rc = sqlite3_step(stmt);
  int64_t version = rc == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 0;
  sqlite3_finalize(stmt);
  if (rc != SQLITE_ROW) return connection.error(rc, "read the schema version");
  return version;
}

// Another process may migrate the same file: the version counts only inside the transaction.
static Result<bool> apply_next_migration(Database& db, const Connection& connection,
                                         std::span<const char* const> migrations) {
  Transaction tx = TRY(db.begin());
  auto version = static_cast<size_t>(TRY(user_version(connection)));
  if (version > migrations.size()) {
    return Error(Code::kFailedPrecondition,
                 cat("the file has schema version ", version, ", this program knows up to ",
                     migrations.size(), ": use a newer version of Skiff"));
  }
  if (version == migrations.size()) return false;
  TRY_CONTEXT(db.execute(migrations[version]), cat("schema migration ", version + 1));
  TRY(db.execute(cat("PRAGMA user_version = ", version + 1)));
  TRY(tx.commit());
  return true;
}

// SQLite's own files take over the mode of the database; its default would be world-readable. A
// file that is there is opened by nobody but SQLite: whoever closes a descriptor of it gives up the
// locks of all connections of the process, and the next process that comes and goes takes the log
// away under them, with all that they commit from then on (sqlite.org/howtocorrupt.html, 2.2).
static Result<> make_file(const Path& file) {
  struct stat st{};
  if (::stat(file.c_str(), &st) == 0) return {};
  const Result<UniqueFd> made = open_file(file, O_RDWR | O_CREAT | O_EXCL, 0600);
  if (made || made.error().sys_errno() == EEXIST) return {};
  return made.error();
}

// Of two that give a new file its log at once each waits for the other, which SQLite does not: it
// tells one of them at once, and that one asks again.
static Result<> take_log(const Connection& connection) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(kBusyTimeoutMs);
  for (;;) {
    Result<> taken = connection.execute("PRAGMA journal_mode = WAL");
    const bool is_busy = !taken && taken.error().code() == Code::kUnavailable;
    if (!is_busy || std::chrono::steady_clock::now() > end) return taken;
    ::poll(nullptr, 0, 1);
  }
}

static Result<std::unique_ptr<Connection>> connect(const Path& file) {
  TRY(make_file(file));
  auto connection = std::make_unique<Connection>();
  int rc = sqlite3_open_v2(
      file.c_str(), &connection->db,
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
      nullptr);
  if (rc != SQLITE_OK) {
    return Error(code_of(rc),
                 connection->db == nullptr ? "out of memory" : sqlite3_errmsg(connection->db));
  }
  sqlite3_busy_timeout(connection->db, kBusyTimeoutMs);
  // 512 KiB of a file's pages, a connection: the system keeps them, too, and once for all
  // connections, and SQLite's own 2 MB each would be the larger part of what a registry takes.
  TRY(take_log(*connection));
  TRY(
      connection->execute("PRAGMA synchronous = FULL;"
                          "PRAGMA foreign_keys = ON; PRAGMA cache_size = -512"));
  return connection;
}

Result<Database> Database::open(const Path& file, std::span<const char* const> migrations) {
  std::string what = cat("open database ", file.native());
  Database db(TRY_CONTEXT(connect(file), what));
  while (TRY_CONTEXT(apply_next_migration(db, *db.connection_, migrations), what)) {
  }
  return db;
}

Database::Database(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
Database::Database(std::unique_ptr<db_detail::ServerConnection> server)
    : remote_(std::move(server)) {}
Database::Database(Database&&) noexcept = default;
Database& Database::operator=(Database&&) noexcept = default;
Database::~Database() = default;

Result<Transaction> Database::begin() {
  if (remote_) {
    TRY(remote_->begin());
    return Transaction(remote_.get());
  }
  TRY(connection_->execute("BEGIN IMMEDIATE"));
  return Transaction(connection_.get(), false);
}

Result<Transaction> Database::savepoint() {
  TRY(connection_->execute("SAVEPOINT part"));
  return Transaction(connection_.get(), true);
}

bool Database::in_transaction() const { return sqlite3_get_autocommit(connection_->db) == 0; }

Result<> Database::execute(const std::string& script) {
  if (remote_) return remote_->execute(script);
  return connection_->execute(script.c_str());
}

Result<int64_t> Database::change_count() {
  Statement row =
      TRY(prepare(remote_ ? "SELECT changes FROM schema_version" : "PRAGMA data_version"));
  TRY(row.step());
  return row.integer(0);
}

CommitWatch Database::commits() const {
  return connection_ ? CommitWatch(connection_->db) : CommitWatch();
}

std::string_view Database::claiming() const { return remote_ ? " FOR UPDATE SKIP LOCKED" : ""; }

int Database::lane() const { return remote_ ? static_cast<int>(remote_->number() % kLanes) : 0; }

Result<std::vector<std::string>> Database::faults() {
  std::vector<std::string> found;
  if (remote_) return found;
  {
    Statement rows = TRY(prepare("PRAGMA integrity_check"));
    while (TRY(rows.step())) {
      if (std::string line = rows.text(0); line != "ok") found.push_back(std::move(line));
    }
  }
  Statement rows = TRY(prepare("PRAGMA foreign_key_check"));
  while (TRY(rows.step())) {
    found.push_back(cat("a row of ", rows.text(0), " refers to nothing in ", rows.text(2)));
  }
  return found;
}

int64_t Database::last_insert_id() const { return sqlite3_last_insert_rowid(connection_->db); }

int64_t Database::changes() const {
  return remote_ ? remote_->changes() : sqlite3_changes64(connection_->db);
}

Result<Statement> Database::compile(std::string_view sql) {
  if (remote_) return Statement(TRY(remote_->prepare(sql)));
  std::string key(sql);
  if (auto found = connection_->idle.extract(key)) {
    return Statement(connection_.get(), found.mapped());
  }
  sqlite3_stmt* stmt = nullptr;
  int rc = sqlite3_prepare_v2(connection_->db, key.c_str(), static_cast<int>(key.size() + 1), &stmt,
                              nullptr);
  if (rc != SQLITE_OK) return connection_->error(rc, sql);
  return Statement(connection_.get(), stmt);
}

}  // namespace skiff
