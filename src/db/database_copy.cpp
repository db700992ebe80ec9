#include "db/database_copy.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <memory>

#include "base/strings.h"

namespace skiff {

namespace {

constexpr int kCopyTimeoutMs = 10'000;

struct Close {
  void operator()(sqlite3* db) const { sqlite3_close(db); }
};

Result<> vacuum_into(const Path& from, const Path& to) {
  sqlite3* raw = nullptr;
  // To read a log that others write takes the right to write beside it; nothing is changed.
  const int opened =
      sqlite3_open_v2(from.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  const std::unique_ptr<sqlite3, Close> db(raw);
  if (opened != SQLITE_OK) {
    return Error(Code::kUnavailable, db ? sqlite3_errmsg(db.get()) : "out of memory");
  }
  sqlite3_busy_timeout(db.get(), kCopyTimeoutMs);
  sqlite3_stmt* statement = nullptr;
  int rc = sqlite3_prepare_v2(db.get(), "VACUUM INTO ?", -1, &statement, nullptr);
  if (rc == SQLITE_OK) {
    const std::string& name = to.native();
    sqlite3_bind_text(statement, 1, name.c_str(), -1, SQLITE_TRANSIENT);
    rc = sqlite3_step(statement);
  }
  sqlite3_finalize(statement);
  if (rc == SQLITE_DONE) return {};
  const bool full = (rc & 0xff) == SQLITE_FULL;
  return Error(full ? Code::kResourceExhausted : Code::kUnavailable, sqlite3_errmsg(db.get()));
}

}  // namespace

Result<> copy_database(const Path& from, const Path& to) {
  const std::string what = cat("copy ", from.native(), " to ", to.native());
  struct stat st{};
  if (::stat(from.c_str(), &st) != 0) return Error::from_errno(errno, what);
  // SQLite's own mode would let others read it. An empty file is as none to it.
  const UniqueFd file =
      TRY_CONTEXT(open_file(to, O_RDWR | O_CREAT | O_EXCL, st.st_mode & 0777U), what);
  TRY_CONTEXT(vacuum_into(from, to), what);
  TRY_CONTEXT(DurableFiles::system().sync_file(file.get()), what);
  return DurableFiles::system().sync_directory(to.parent_path());
}

}  // namespace skiff
