#include "access/store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "access/mark.h"
#include "base/log.h"
#include "base/strings.h"

namespace skiff::access {

namespace {

constexpr const char* kMigrations[] = {
    // Ids of accounts and teams are never used again (AUTOINCREMENT): tokens outlive a removal.
    "CREATE TABLE account("
    " id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE,"
    " kind TEXT NOT NULL CHECK(kind IN ('user','robot')),"
    " password TEXT NOT NULL DEFAULT '', disabled INTEGER NOT NULL DEFAULT 0,"
    " created INTEGER NOT NULL, expires INTEGER NOT NULL DEFAULT 0);"
    "CREATE TABLE team("
    " id INTEGER PRIMARY KEY AUTOINCREMENT, organisation TEXT NOT NULL, name TEXT NOT NULL,"
    " UNIQUE(organisation, name));"
    "CREATE TABLE membership("
    " team INTEGER NOT NULL REFERENCES team(id) ON DELETE CASCADE,"
    " account INTEGER NOT NULL REFERENCES account(id) ON DELETE CASCADE,"
    " PRIMARY KEY(team, account)) WITHOUT ROWID;"
    "CREATE INDEX membership_of_account ON membership(account);"
    "CREATE TABLE token("
    " id TEXT PRIMARY KEY NOT NULL,"
    " account INTEGER NOT NULL REFERENCES account(id) ON DELETE CASCADE,"
    " label TEXT NOT NULL, secret TEXT NOT NULL UNIQUE,"
    " created INTEGER NOT NULL, expires INTEGER NOT NULL DEFAULT 0,"
    " revoked INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;"
    "CREATE INDEX token_of_account ON token(account);"
    "CREATE TABLE token_limit("
    " token TEXT NOT NULL REFERENCES token(id) ON DELETE CASCADE,"
    " repositories TEXT NOT NULL, tags TEXT NOT NULL,"
    " role TEXT NOT NULL CHECK(role IN ('pull','push','maintain','own')),"
    " PRIMARY KEY(token, repositories, tags)) WITHOUT ROWID;"
    "CREATE TABLE access_grant("
    " node TEXT NOT NULL,"
    " subject_kind TEXT NOT NULL CHECK(subject_kind IN ('account','team','everybody','known')),"
    " subject INTEGER NOT NULL DEFAULT 0,"
    " role TEXT NOT NULL CHECK(role IN ('pull','push','maintain','own')),"
    " expires INTEGER NOT NULL DEFAULT 0, PRIMARY KEY(node, subject_kind, subject)) WITHOUT ROWID;"
    "CREATE INDEX access_grant_of_subject ON access_grant(subject_kind, subject);"
    "CREATE TABLE closed_node(node TEXT PRIMARY KEY NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE signing_key("
    " id TEXT PRIMARY KEY NOT NULL, public_key BLOB NOT NULL, private_key BLOB NOT NULL,"
    " created INTEGER NOT NULL, signs_until INTEGER NOT NULL, checks_until INTEGER NOT NULL"
    ") WITHOUT ROWID;",
    "ALTER TABLE token ADD COLUMN used INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE certificate("
    " kind TEXT NOT NULL CHECK(kind IN ('key','name','subject')),"
    " value TEXT NOT NULL,"
    " account INTEGER NOT NULL REFERENCES account(id) ON DELETE CASCADE,"
    " created INTEGER NOT NULL,"
    " PRIMARY KEY(kind, value)) WITHOUT ROWID;"
    "CREATE INDEX certificate_of_account ON certificate(account);",
    "ALTER TABLE token ADD COLUMN refresh INTEGER NOT NULL DEFAULT 0;"};

constexpr mode_t kMode = 0600;

// Made by root for a server of another user, the file is that user's, as its directory is.
Result<> give_to_owner_of(const Path& directory, int fd) {
  struct stat status = {};
  if (::geteuid() != 0) return {};
  if (::stat(directory.c_str(), &status) == 0 &&
      ::fchownat(fd, "", status.st_uid, status.st_gid, AT_EMPTY_PATH) == 0) {
    return {};
  }
  return Error::from_errno(errno, cat("give a database to the owner of ", directory.native()));
}

}  // namespace

std::span<const char* const> migrations() { return kMigrations; }

// SQLite gives its journals the mode and the owner of the database. Its locks are the process's:
// whoever closes a descriptor of the file takes them from all its connections (fcntl(2)), and
// another process then removes the log that these write to. One with O_PATH is no such descriptor.
Result<> make_private(const Path& file, IfMissing missing) {
  if (missing == IfMissing::kMake) {
    const int made =
        ::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, kMode);  // nobody's yet
    if (made < 0 && errno != EEXIST) {
      return Error::from_errno(errno, cat("make ", file.native()));
    }
    if (made >= 0) ::close(made);
  }
  const UniqueFd fd = TRY(open_file(file, O_PATH | O_CLOEXEC | O_NOFOLLOW));
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return Error::from_errno(errno, cat("stat ", file.native()));
  if (!S_ISREG(status.st_mode)) {
    return Error(Code::kFailedPrecondition, cat(file.native(), " is no regular file"));
  }
  TRY(give_to_owner_of(file.parent_path(), fd.get()));
  if ((status.st_mode & 077U) == 0) return {};
  log_warn(cat(file.native(), " was open to others: it is its owner's alone now"));
  if (::chmod(file.c_str(), kMode) == 0) return {};
  return Error::from_errno(errno, cat("chmod ", file.native()));
}

Result<Store> Store::open_file(const Path& root, const Clock& clock) {
  const Path file = root / kDatabaseName;
  return Store(root, TRY_CONTEXT(Database::open(file, kMigrations), file.native()), clock);
}

Result<bool> Store::is_on(const DatabaseServer& server) { return server.has(kSchema); }

Result<Store> Store::open_on(const DatabaseServer& server, const Path& root, const Clock& clock) {
  return Store(root, TRY(server.connect(kSchema, DatabaseServer::Use::kCounted, kMigrations)),
               clock);
}

Result<Store> Store::open_or_create(const Path& root, const Clock& clock) {
  if (const auto server = TRY(database_server_of(root))) return open_on(*server, root, clock);
  TRY(make_directories(root));
  TRY(make_private(root / kDatabaseName, IfMissing::kMake));
  Store store = TRY(open_file(root, clock));
  TRY(make_mark(root));
  return store;
}

Result<std::optional<Store>> Store::open(const Path& root, const Clock& clock) {
  if (const auto server = TRY(database_server_of(root))) {
    if (!TRY(is_on(*server))) return std::nullopt;
    return TRY(open_on(*server, root, clock));
  }
  std::error_code error;
  if (!std::filesystem::exists(root / kDatabaseName, error) && !error) {
    TRY(check_not_lost(root));
    return std::nullopt;
  }
  TRY(make_private(root / kDatabaseName, IfMissing::kFail));
  Store store = TRY(open_file(root, clock));
  // Of a root of before there was a mark.
  if (const Result<> made = make_mark(root); !made) log_warn(made.error().message());
  return store;
}

Result<int64_t> Store::version() { return db_.change_count(); }

TimePoint time_of(const Statement& row, int column) {
  return TimePoint(std::chrono::nanoseconds(row.integer(column)));
}

}  // namespace skiff::access
