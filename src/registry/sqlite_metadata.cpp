#include "registry/sqlite_metadata.h"

#include "base/strings.h"

namespace skiff::registry {

namespace {

// Times are Unix nanoseconds. docs/formats/registry.md explains each table.
constexpr const char* kMigrations[] = {
    "CREATE TABLE repository("
    " id INTEGER PRIMARY KEY,"
    " name TEXT NOT NULL UNIQUE);"
    "CREATE TABLE blob("
    " digest TEXT PRIMARY KEY NOT NULL,"
    " size INTEGER NOT NULL,"
    " state TEXT NOT NULL CHECK(state IN ('arriving', 'stored', 'doomed'))) WITHOUT ROWID;"
    "CREATE INDEX blob_unsettled ON blob(digest) WHERE state <> 'stored';"
    "CREATE TABLE link("
    " repository INTEGER NOT NULL REFERENCES repository(id),"
    " digest TEXT NOT NULL REFERENCES blob(digest),"
    " lease INTEGER NOT NULL,"
    " PRIMARY KEY(repository, digest)) WITHOUT ROWID;"
    "CREATE INDEX link_of_blob ON link(digest);"
    "CREATE TABLE manifest("
    " repository INTEGER NOT NULL REFERENCES repository(id),"
    " digest TEXT NOT NULL,"
    " media_type TEXT NOT NULL,"
    " artifact_type TEXT NOT NULL,"
    " subject TEXT,"
    " annotations TEXT NOT NULL,"
    " lease INTEGER NOT NULL,"
    " bytes BLOB NOT NULL,"
    " PRIMARY KEY(repository, digest));"
    "CREATE INDEX manifest_of_subject ON manifest(repository, subject, digest)"
    " WHERE subject IS NOT NULL;"
    "CREATE TABLE edge("
    " repository INTEGER NOT NULL,"
    " parent TEXT NOT NULL,"
    " child TEXT NOT NULL,"
    " PRIMARY KEY(repository, parent, child),"
    " FOREIGN KEY(repository, parent) REFERENCES manifest(repository, digest)) WITHOUT ROWID;"
    "CREATE INDEX edge_of_child ON edge(repository, child, parent);"
    "CREATE TABLE tag("
    " repository INTEGER NOT NULL,"
    " name TEXT NOT NULL,"
    " digest TEXT NOT NULL,"
    " updated INTEGER NOT NULL,"
    " PRIMARY KEY(repository, name),"
    " FOREIGN KEY(repository, digest) REFERENCES manifest(repository, digest)) WITHOUT ROWID;"
    "CREATE INDEX tag_in_order ON tag(repository, name COLLATE NOCASE, name);"
    "CREATE INDEX tag_of_manifest ON tag(repository, digest);"
    "CREATE TABLE upload("
    " id TEXT PRIMARY KEY NOT NULL,"
    " repository INTEGER NOT NULL REFERENCES repository(id),"
    " algorithm TEXT NOT NULL,"
    " touched INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX upload_of_repository ON upload(repository);"
    "CREATE INDEX upload_by_age ON upload(touched);"
    "CREATE TABLE candidate("
    " repository INTEGER NOT NULL,"
    " digest TEXT NOT NULL,"
    " review INTEGER NOT NULL,"
    " PRIMARY KEY(repository, digest)) WITHOUT ROWID;"
    "CREATE INDEX candidate_by_time ON candidate(review);"};

// As many as the machine has use for: a read takes some ten microseconds.
constexpr int kReaders = 4;

Result<Database> open_quick(const Path& file) {
  Database db = TRY(Database::open(file, kMigrations));
  TRY(db.execute("PRAGMA synchronous = NORMAL"));
  return db;
}

}  // namespace

ReaderPool::ReaderPool(std::vector<Database> connections) : connections_(std::move(connections)) {
  for (Database& db : connections_) idle_.push_back(&db);
}

ReaderPool::Reader ReaderPool::take() {
  std::unique_lock lock(mutex_);
  freed_.wait(lock, [&] { return !idle_.empty(); });
  Database* db = idle_.back();
  idle_.pop_back();
  return {*this, db};
}

void ReaderPool::put_back(Database* db) {
  {
    std::lock_guard lock(mutex_);
    idle_.push_back(db);
  }
  freed_.notify_one();
}

SqliteMetadata::SqliteMetadata(Database durable, Database quick, std::vector<Database> readers,
                               const MetadataOptions& options, const Clock& clock)
    : options_(options),
      clock_(clock),
      durable_(std::move(durable)),
      quick_(std::move(quick)),
      readers_(std::move(readers)) {}

int64_t SqliteMetadata::lease_end() const { return unix_nanos(clock_.now() + options_.grace); }

Result<std::optional<int64_t>> repository_id(Database& db, const std::string& name) {
  Statement row = TRY(db.prepare("SELECT id FROM repository WHERE name = ?", name));
  if (!TRY(row.step())) return std::optional<int64_t>();
  return std::optional(row.integer(0));
}

Result<int64_t> SqliteMetadata::make_repository(Database& db, const std::string& name) {
  if (auto id = TRY(repository_id(db, name))) return *id;
  TRY(db.run("INSERT INTO repository(name) VALUES (?)", name));
  return db.last_insert_id();
}

Result<> SqliteMetadata::add_candidate(Database& db, int64_t repository,
                                       const std::string& digest) {
  TRY(
      db.run("INSERT INTO candidate(repository, digest, review) VALUES (?,?,?) "
             "ON CONFLICT(repository, digest) DO UPDATE SET review = excluded.review",
             repository, digest, lease_end()));
  return {};
}

Result<std::unique_ptr<MetadataStore>> open_sqlite_metadata(const Path& root,
                                                            const MetadataOptions& options,
                                                            const Clock& clock) {
  Path file = root / "registry.db";
  Database durable = TRY(Database::open(file, kMigrations));
  Database quick = TRY(open_quick(file));
  std::vector<Database> readers;
  for (int i = 0; i < kReaders; ++i) readers.push_back(TRY(Database::open(file, kMigrations)));
  return std::make_unique<SqliteMetadata>(std::move(durable), std::move(quick), std::move(readers),
                                          options, clock);
}

}  // namespace skiff::registry
