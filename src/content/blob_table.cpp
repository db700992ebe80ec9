#include "content/blob_table.h"

#include "base/strings.h"

namespace skiff::content {

namespace {

constexpr const char* kMigrations[] = {
    "CREATE TABLE blob("
    "  digest TEXT PRIMARY KEY NOT NULL,"
    "  size INTEGER NOT NULL,"
    "  created INTEGER NOT NULL"  // Unix nanoseconds
    ") WITHOUT ROWID;",
    "ALTER TABLE blob ADD COLUMN verified INTEGER NOT NULL DEFAULT 0;"  // Unix nanoseconds
    "ALTER TABLE blob ADD COLUMN modified INTEGER NOT NULL DEFAULT 0;"  // the same, of the file
    "ALTER TABLE blob ADD COLUMN damaged INTEGER NOT NULL DEFAULT 0;"};

constexpr std::string_view kColumns = "digest, size, created, verified, modified, damaged";

// The column `damaged`.
constexpr int64_t kChanged = 1;
constexpr int64_t kUnread = 2;

int64_t damage_of(const BlobInfo& blob) {
  if (!blob.damaged) return 0;
  return blob.unread ? kUnread : kChanged;
}

Result<> write(Database& db, const BlobInfo& blob) {
  TRY(db.run(cat("INSERT OR REPLACE INTO blob(", kColumns, ") VALUES (?, ?, ?, ?, ?, ?)"),
             blob.digest.str(), blob.size, unix_nanos(blob.created), unix_nanos(blob.verified),
             unix_nanos(blob.modified), damage_of(blob)));
  return {};
}

Result<> erase_all(Database& db, std::span<const BlobInfo> blobs) {
  Transaction tx = TRY(db.begin());
  for (const BlobInfo& blob : blobs) {
    TRY(db.run("DELETE FROM blob WHERE digest = ?", blob.digest.str()));
  }
  return tx.commit();
}

Result<BlobInfo> row_of(const Statement& s) {
  oci::Digest digest = TRY(oci::Digest::parse(s.text(0)));
  return BlobInfo{.digest = digest,
                  .size = static_cast<uint64_t>(s.integer(1)),
                  .created = time_at(s.integer(2)),
                  .verified = time_at(s.integer(3)),
                  .modified = time_at(s.integer(4)),
                  .damaged = s.integer(5) != 0,
                  .unread = s.integer(5) == kUnread};
}

}  // namespace

Result<BlobTable> BlobTable::open(const Path& file) {
  Database writer = TRY(Database::open(file, kMigrations));
  Database quick = TRY(Database::open(file, kMigrations));
  TRY(quick.execute("PRAGMA synchronous = NORMAL"));
  Database reader = TRY(Database::open(file, kMigrations));
  return BlobTable(std::move(writer), std::move(quick), std::move(reader));
}

Result<std::optional<BlobInfo>> BlobTable::find(const oci::Digest& digest) {
  const std::string text = digest.str();
  return state_->rows.get(text, [&] { return read(text); });
}

Result<std::optional<BlobInfo>> BlobTable::read(const std::string& digest) {
  std::lock_guard lock(state_->reader_mutex);
  Statement s =
      TRY(state_->reader.prepare(cat("SELECT ", kColumns, " FROM blob WHERE digest = ?"), digest));
  if (!TRY(s.step())) return std::optional<BlobInfo>();
  return std::optional<BlobInfo>(TRY(row_of(s)));
}

Result<std::vector<BlobInfo>> BlobTable::page(const std::string& after) {
  std::lock_guard lock(state_->reader_mutex);
  Statement s = TRY(state_->reader.prepare(
      cat("SELECT ", kColumns, " FROM blob WHERE digest > ? ORDER BY digest LIMIT 500"), after));
  std::vector<BlobInfo> rows;
  while (TRY(s.step())) rows.push_back(TRY(row_of(s)));
  return rows;
}

Result<> BlobTable::put(const BlobInfo& blob) {
  std::lock_guard lock(state_->writer_mutex);
  return write(state_->writer, blob);
}

Result<> BlobTable::put_soon(const BlobInfo& blob) {
  std::lock_guard lock(state_->writer_mutex);
  return write(state_->quick, blob);
}

Result<> BlobTable::erase(std::span<const BlobInfo> blobs) {
  std::lock_guard lock(state_->writer_mutex);
  return erase_all(state_->writer, blobs);
}

Result<> BlobTable::erase_soon(std::span<const BlobInfo> blobs) {
  std::lock_guard lock(state_->writer_mutex);
  return erase_all(state_->quick, blobs);
}

// A commit syncs all that is before it in the write-ahead log. The number is written as it is.
Result<> BlobTable::sync() {
  std::lock_guard lock(state_->writer_mutex);
  return state_->writer.execute(cat("PRAGMA user_version = ", std::size(kMigrations)));
}

Result<std::vector<std::string>> BlobTable::faults() {
  std::lock_guard lock(state_->reader_mutex);
  return state_->reader.faults();
}

}  // namespace skiff::content
