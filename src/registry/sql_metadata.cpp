#include "registry/sql_metadata.h"

#include "base/strings.h"
#include "registry/schema.h"

namespace skiff::registry {

namespace {

// As many as the machine has use for: a read takes some ten microseconds.
constexpr int kReaders = 4;

Result<Database> open_quick(const Path& file) {
  Database db = TRY(Database::open(file, migrations()));
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

SqlMetadata::SqlMetadata(Database durable, Database quick, std::vector<Database> readers,
                         const MetadataOptions& options, const Clock& clock)
    : options_(options),
      clock_(clock),
      durable_(std::move(durable)),
      quick_(std::move(quick)),
      readers_(std::move(readers)) {}

int64_t SqlMetadata::lease_end() const { return unix_nanos(clock_.now() + options_.grace); }

Result<std::optional<int64_t>> repository_id(Database& db, const std::string& name) {
  Statement row = TRY(db.prepare("SELECT id FROM repository WHERE name = ?", name));
  if (!TRY(row.step())) return std::optional<int64_t>();
  return std::optional(row.integer(0));
}

Result<int64_t> SqlMetadata::make_repository(Database& db, const std::string& name) {
  if (auto id = TRY(repository_id(db, name))) return *id;
  TRY(db.run("INSERT INTO repository(name) VALUES (?)", name));
  return db.last_insert_id();
}

Result<> SqlMetadata::add_candidate(Database& db, int64_t repository, const std::string& digest) {
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
  Database durable = TRY(open_registry_database(root));
  Database quick = TRY(open_quick(file));
  std::vector<Database> readers;
  for (int i = 0; i < kReaders; ++i) readers.push_back(TRY(Database::open(file, migrations())));
  return std::make_unique<SqlMetadata>(std::move(durable), std::move(quick), std::move(readers),
                                       options, clock);
}

}  // namespace skiff::registry
