#include "db/postgres.h"

#include "base/strings.h"
#include "db/postgres_session.h"

namespace skiff {

namespace {

using db_detail::PostgresSession;
using Parameters = std::vector<std::pair<std::string, std::string>>;

// Of the lock under which one program at a time looks at a schema's version and changes it.
constexpr int64_t kMigrationLock = 0x5c1f'0001;

std::string quoted_name(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + '"';
}

// What a session is to be like, whatever the server's settings are. Sequential scans would make of
// every read one of a whole table, which the order of transactions then has to heed. The few that
// have to be are of small tables; the price by which they are avoided would have each compiled by
// LLVM, for tens of milliseconds.
std::string setup_of(const std::string& schema, DatabaseServer::Use use) {
  using Use = DatabaseServer::Use;
  return cat(
      "SET search_path TO ", quoted_name(schema), "; SET default_transaction_isolation TO ",
      use == Use::kRead || use == Use::kCounted ? "'read committed'" : "'serializable'",
      "; SET synchronous_commit TO ", use == Use::kSoon ? "off" : "on",
      "; SET enable_seqscan TO off; SET jit TO off; SET plan_cache_mode TO force_generic_plan"
      "; SET bytea_output TO hex; SET client_encoding TO 'UTF8'"
      "; SET standard_conforming_strings TO on; SET lock_timeout TO '30s'"
      "; SET idle_in_transaction_session_timeout TO '60s'");
}

Result<int64_t> schema_version(Database& db) {
  Statement row = TRY(db.prepare("SELECT version FROM schema_version"));
  return TRY(row.step()) ? row.integer(0) : 0;
}

Result<bool> has_versions(Database& db, const std::string& schema) {
  Statement row = TRY(db.prepare("SELECT 1 FROM pg_tables WHERE schemaname = ? AND tablename = ?",
                                 schema, "schema_version"));
  return TRY(row.step());
}

Result<> check_version(int64_t version, size_t known) {
  if (version <= static_cast<int64_t>(known)) return {};
  return Error(Code::kFailedPrecondition,
               cat("the schema has version ", version, ", this program knows up to ", known,
                   ": use a newer version of Skiff"));
}

// A trigger of each table, once a statement.
constexpr std::string_view kCountChanges =
    "ALTER TABLE schema_version ADD COLUMN IF NOT EXISTS changes BIGINT NOT NULL DEFAULT 0;"
    "CREATE OR REPLACE FUNCTION count_change() RETURNS trigger LANGUAGE plpgsql AS"
    " 'BEGIN UPDATE schema_version SET changes = changes + 1; RETURN NULL; END';"
    "DO 'DECLARE name text; BEGIN"
    " FOR name IN SELECT tablename FROM pg_tables"
    "  WHERE schemaname = current_schema() AND tablename <> ''schema_version'' LOOP"
    "  EXECUTE format(''DROP TRIGGER IF EXISTS counted ON %I'', name);"
    "  EXECUTE format(''CREATE TRIGGER counted AFTER INSERT OR UPDATE OR DELETE ON %I"
    " FOR EACH STATEMENT EXECUTE FUNCTION count_change()'', name);"
    " END LOOP; END';";

// Under the lock each step sees what those before it committed, which a serializable transaction
// might not.
Result<> apply_migrations(Database& db, const std::string& schema, DatabaseServer::Use use,
                          std::span<const char* const> migrations) {
  TRY(db.execute("SET default_transaction_isolation TO 'read committed'"));
  Transaction tx = TRY(db.begin());
  {
    Statement lock = TRY(db.prepare("SELECT pg_advisory_xact_lock(?)", kMigrationLock));
    TRY(lock.step());
  }
  if (!TRY(has_versions(db, schema))) {
    TRY(db.execute(cat("CREATE SCHEMA IF NOT EXISTS ", quoted_name(schema),
                       "; CREATE TABLE schema_version(version INTEGER NOT NULL)"
                       "; INSERT INTO schema_version(version) VALUES (0)")));
  }
  const int64_t version = TRY(schema_version(db));
  TRY(check_version(version, migrations.size()));
  for (size_t i = static_cast<size_t>(version); i < migrations.size(); ++i) {
    TRY_CONTEXT(db.execute(migrations[i]), cat("schema migration ", i + 1));
  }
  TRY(db.run("UPDATE schema_version SET version = ?", migrations.size()));
  if (use == DatabaseServer::Use::kCounted) TRY(db.execute(std::string(kCountChanges)));
  return tx.commit();
}

class PostgresServer : public DatabaseServer {
 public:
  PostgresServer(Parameters parameters, std::string description)
      : parameters_(std::move(parameters)), description_(std::move(description)) {}

  Result<Database> connect(const std::string& schema, Use use,
                           std::span<const char* const> migrations) const override {
    return open(schema, use, migrations).context(description_);
  }
  Result<bool> has(const std::string& schema) const override {
    std::lock_guard lock(mutex_);
    if (!looking_) {
      looking_.emplace(
          std::make_unique<PostgresSession>(parameters_, setup_of(schema, Use::kRead)));
    }
    return has_versions(*looking_, schema).context(description_);
  }
  std::string description() const override { return description_; }

 private:
  Result<Database> open(const std::string& schema, Use use,
                        std::span<const char* const> migrations) const {
    const std::string setup = setup_of(schema, use);
    auto session = std::make_unique<PostgresSession>(parameters_, setup);
    if (migrations.empty()) return Database(std::move(session));
    TRY(session->connect());
    Database db(std::move(session));
    const bool made = TRY(has_versions(db, schema));
    const int64_t version = made ? TRY(schema_version(db)) : -1;
    TRY(check_version(version, migrations.size()));
    if (version == static_cast<int64_t>(migrations.size())) return db;
    TRY(apply_migrations(db, schema, use, migrations));
    TRY(db.execute(setup));
    return db;
  }

  const Parameters parameters_;
  const std::string description_;
  mutable std::mutex mutex_;  // guards the next
  mutable std::optional<Database> looking_;
};

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};

// "postgresql://ann@db.example/skiff".
std::string without_parameters(const std::string& url) { return url.substr(0, url.find('?')); }

}  // namespace

Result<std::shared_ptr<const DatabaseServer>> postgres_server(const std::string& url,
                                                              const std::string& password) {
  if (!url.starts_with("postgresql://") && !url.starts_with("postgres://")) {
    return Error(Code::kInvalidArgument,
                 cat(quoted(url), " is no database: as in postgresql://user@host/name"));
  }
  char* message = nullptr;
  const std::unique_ptr<PQconninfoOption, FreeOptions> options(
      PQconninfoParse(url.c_str(), &message));
  if (!options) {
    // libpq quotes the whole of it, a password, too.
    PQfreemem(message);
    return Error(Code::kInvalidArgument,
                 "the database is no URL: as in postgresql://user@host/name");
  }
  Parameters parameters = {{"connect_timeout", "10"}, {"application_name", "skiff"},
                           {"keepalives_idle", "10"}, {"keepalives_interval", "5"},
                           {"keepalives_count", "3"}, {"tcp_user_timeout", "20000"}};
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val == nullptr) continue;
    if (std::string_view(option->keyword) == "password") {
      return Error(Code::kInvalidArgument,
                   "a password in the database's URL is for everybody to see: put it into a file");
    }
    parameters.emplace_back(option->keyword, option->val);
  }
  if (!password.empty()) parameters.emplace_back("password", password);
  return std::make_shared<const PostgresServer>(std::move(parameters), without_parameters(url));
}

}  // namespace skiff
