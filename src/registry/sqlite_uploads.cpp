// Uploads under way. Their bytes are ingests of the content store, named by the same id.
#include "registry/sqlite_metadata.h"

namespace skiff::registry {

namespace {

// How old the recorded age of an upload may be: spares a write for each chunk.
constexpr std::chrono::nanoseconds kAgeSlack = std::chrono::minutes(1);

constexpr std::string_view name_of(HashAlgorithm algorithm) {
  return algorithm == HashAlgorithm::kSha512 ? "sha512" : "sha256";
}

}  // namespace

Result<> SqliteMetadata::begin_upload(const std::string& repository, const std::string& id,
                                      HashAlgorithm algorithm) {
  std::lock_guard lock(writer_mutex_);
  Transaction tx = TRY(quick_.begin());
  const int64_t repository_row = TRY(make_repository(quick_, repository));
  TRY(quick_.run("INSERT INTO upload(id, repository, algorithm, touched) VALUES (?,?,?,?)", id,
                 repository_row, name_of(algorithm), now()));
  return tx.commit();
}

Result<std::optional<HashAlgorithm>> SqliteMetadata::find_upload(const std::string& repository,
                                                                 const std::string& id) {
  HashAlgorithm algorithm = HashAlgorithm::kSha256;
  int64_t touched = 0;
  {
    ReaderPool::Reader db = readers_.take();
    Statement row =
        TRY(db->prepare("SELECT algorithm, touched FROM upload JOIN repository "
                        "ON repository.id = upload.repository WHERE upload.id = ? AND name = ?",
                        id, repository));
    if (!TRY(row.step())) return std::optional<HashAlgorithm>();
    if (row.text(0) == name_of(HashAlgorithm::kSha512)) algorithm = HashAlgorithm::kSha512;
    touched = row.integer(1);
  }
  if (now() - touched > kAgeSlack.count()) {
    std::lock_guard lock(writer_mutex_);
    TRY(quick_.run("UPDATE upload SET touched = ? WHERE id = ?", now(), id));
  }
  return std::optional(algorithm);
}

Result<> SqliteMetadata::end_upload(const std::string& id) {
  std::lock_guard lock(writer_mutex_);
  TRY(quick_.run("DELETE FROM upload WHERE id = ?", id));
  return {};
}

Result<std::vector<std::string>> SqliteMetadata::stale_uploads(TimePoint before) {
  ReaderPool::Reader db = readers_.take();
  Statement rows =
      TRY(db->prepare("SELECT id FROM upload WHERE touched < ? LIMIT 500", unix_nanos(before)));
  std::vector<std::string> ids;
  while (TRY(rows.step())) ids.push_back(rows.text(0));
  return ids;
}

}  // namespace skiff::registry
