#include "registry/sql_metadata.h"

#include "base/strings.h"
#include "db/root_database.h"
#include "registry/mark.h"
#include "registry/schema.h"

namespace skiff::registry {

namespace {

// As many as the machine has use for: a read takes some ten microseconds.
constexpr int kReaders = 4;
// A server syncs what several commit at once together, and a commit waits for a disk.
constexpr int kServerWriters = 4;
// A file's other writers wait for a collection; a server's others meet it, the more it reads.
constexpr SqlMetadata::Engine kSqlite{.batch = 500, .together = true};
constexpr SqlMetadata::Engine kServer{.batch = 25};

}  // namespace

SqlMetadata::SqlMetadata(std::vector<Writer> writers, std::vector<Database> readers, Engine engine,
                         FileWatch files, const MetadataOptions& options, const Clock& clock)
    : options_(options),
      clock_(clock),
      engine_(engine),
      files_(std::move(files)),
      writers_(std::move(writers)),
      queue_([this](const std::function<void(Database&)>& use) { use(writers_.take()->durable); }),
      links_(readers.front().commits()),
      readers_(std::move(readers)) {}

int64_t SqlMetadata::lease_end() const { return unix_nanos(clock_.now() + options_.grace); }

Result<std::optional<int64_t>> repository_id(Database& db, const std::string& name) {
  Statement row = TRY(db.prepare("SELECT id FROM repository WHERE name = ?", name));
  if (!TRY(row.step())) return std::optional<int64_t>();
  return std::optional(row.integer(0));
}

Result<int64_t> SqlMetadata::make_repository(Database& db, const std::string& name) {
  if (auto id = TRY(repository_id(db, name))) return *id;
  Statement row = TRY(db.prepare(
      "INSERT INTO repository(name) VALUES (?) ON CONFLICT DO NOTHING RETURNING id", name));
  if (TRY(row.step())) return row.integer(0);
  return Error(Code::kUnavailable, cat("repository ", name, " is made by another at this moment"));
}

Result<> SqlMetadata::add_candidate(Database& db, int64_t repository, const std::string& digest) {
  TRY(
      db.run("INSERT INTO candidate(repository, digest, review) VALUES (?,?,?) "
             "ON CONFLICT(repository, digest) DO UPDATE SET review = excluded.review",
             repository, digest, lease_end()));
  return {};
}

Result<std::unique_ptr<MetadataStore>> open_metadata(const Path& root,
                                                     const MetadataOptions& options,
                                                     const Clock& clock) {
  if (const auto server = TRY(database_server_of(root))) {
    return open_server_metadata(*server, options, clock);
  }
  const Path file = root / kDatabaseName;
  std::vector<SqlMetadata::Writer> writers;
  Database durable = TRY(open_registry_database(root));
  writers.push_back(
      {std::move(durable), TRY(open_registry_database(root, DatabaseServer::Use::kSoon))});
  std::vector<Database> readers;
  for (int i = 0; i < kReaders; ++i) readers.push_back(TRY(Database::open(file, migrations())));
  return std::make_unique<SqlMetadata>(std::move(writers), std::move(readers), kSqlite,
                                       FileWatch(file), options, clock);
}

Result<std::unique_ptr<MetadataStore>> open_server_metadata(const DatabaseServer& server,
                                                            const MetadataOptions& options,
                                                            const Clock& clock) {
  using Use = DatabaseServer::Use;
  std::vector<SqlMetadata::Writer> writers;
  std::vector<Database> readers;
  constexpr std::span<const char* const> kNone;
  // The first brings the schema to this version, the others are connected when they are needed.
  for (int i = 0; i < kServerWriters; ++i) {
    Database durable = TRY(server.connect("registry", Use::kDurable, i > 0 ? kNone : migrations()));
    writers.push_back({std::move(durable), TRY(server.connect("registry", Use::kSoon, {}))});
  }
  for (int i = 0; i < kReaders; ++i) {
    readers.push_back(TRY(server.connect("registry", Use::kRead, {})));
  }
  return std::make_unique<SqlMetadata>(std::move(writers), std::move(readers), kServer, FileWatch(),
                                       options, clock);
}

}  // namespace skiff::registry
