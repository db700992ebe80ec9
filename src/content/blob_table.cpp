#include "content/blob_table.h"

namespace skiff::content {

namespace {

constexpr const char* kMigrations[] = {
    "CREATE TABLE blob("
    "  digest TEXT PRIMARY KEY NOT NULL,"
    "  size INTEGER NOT NULL,"
    "  created INTEGER NOT NULL"  // Unix nanoseconds
    ") WITHOUT ROWID;"};

Result<BlobInfo> row_of(const Statement& s) {
  oci::Digest digest = TRY(oci::Digest::parse(s.text(0)));
  return BlobInfo{digest, static_cast<uint64_t>(s.integer(1)),
                  TimePoint(std::chrono::nanoseconds(s.integer(2)))};
}

}  // namespace

Result<BlobTable> BlobTable::open(const Path& file) {
  Database writer = TRY(Database::open(file, kMigrations));
  Database reader = TRY(Database::open(file, kMigrations));
  return BlobTable(std::move(writer), std::move(reader));
}

Result<std::optional<BlobInfo>> BlobTable::find(const oci::Digest& digest) {
  std::lock_guard lock(state_->reader_mutex);
  Statement s = TRY(state_->reader.prepare(
      "SELECT digest, size, created FROM blob WHERE digest = ?", digest.str()));
  if (!TRY(s.step())) return std::optional<BlobInfo>();
  return std::optional<BlobInfo>(TRY(row_of(s)));
}

Result<std::vector<BlobInfo>> BlobTable::page(const std::string& after) {
  std::lock_guard lock(state_->reader_mutex);
  Statement s = TRY(state_->reader.prepare(
      "SELECT digest, size, created FROM blob WHERE digest > ? ORDER BY digest LIMIT 500", after));
  std::vector<BlobInfo> rows;
  while (TRY(s.step())) rows.push_back(TRY(row_of(s)));
  return rows;
}

Result<> BlobTable::put(const BlobInfo& blob) {
  std::lock_guard lock(state_->writer_mutex);
  TRY(state_->writer.run(
      "INSERT INTO blob(digest, size, created) VALUES (?, ?, ?)"
      " ON CONFLICT(digest) DO UPDATE SET size = excluded.size, created = excluded.created",
      blob.digest.str(), blob.size, unix_nanos(blob.created)));
  return {};
}

Result<> BlobTable::erase(std::span<const BlobInfo> blobs) {
  std::lock_guard lock(state_->writer_mutex);
  Transaction tx = TRY(state_->writer.begin());
  for (const BlobInfo& blob : blobs) {
    TRY(state_->writer.run("DELETE FROM blob WHERE digest = ?", blob.digest.str()));
  }
  return tx.commit();
}

}  // namespace skiff::content
