// Uploads under way. Their bytes are ingests of the content store, named by the same id.
#include "registry/sql_metadata.h"

namespace skiff::registry {

namespace {

// How old the recorded age of an upload may be: spares a write for each chunk.
constexpr std::chrono::nanoseconds kAgeSlack = std::chrono::minutes(1);

constexpr std::string_view name_of(HashAlgorithm algorithm) {
  return algorithm == HashAlgorithm::kSha512 ? "sha512" : "sha256";
}

}  // namespace

Result<> SqlMetadata::begin_upload(const std::string& repository, const std::string& id,
                                   const UploadRow& upload) {
  std::lock_guard lock(writer_mutex_);
  Transaction tx = TRY(quick_.begin());
  const int64_t repository_row = TRY(make_repository(quick_, repository));
  TRY(quick_.run("INSERT INTO upload(id, repository, algorithm, touched, boot) VALUES (?,?,?,?,?)",
                 id, repository_row, name_of(upload.algorithm), now(), upload.state.boot));
  return tx.commit();
}

Result<std::optional<UploadRow>> SqlMetadata::find_upload(const std::string& repository,
                                                          const std::string& id) {
  UploadRow upload;
  int64_t touched = 0;
  {
    ReaderPool::Reader db = readers_.take();
    Statement row =
        TRY(db->prepare("SELECT algorithm, touched, offset, hash, boot FROM upload JOIN repository "
                        "ON repository.id = upload.repository WHERE upload.id = ? AND name = ?",
                        id, repository));
    if (!TRY(row.step())) return std::optional<UploadRow>();
    if (row.text(0) == name_of(HashAlgorithm::kSha512)) upload.algorithm = HashAlgorithm::kSha512;
    touched = row.integer(1);
    upload.state = {
        .offset = static_cast<uint64_t>(row.integer(2)), .hash = row.text(3), .boot = row.text(4)};
  }
  if (now() - touched > kAgeSlack.count()) {
    std::lock_guard lock(writer_mutex_);
    TRY(quick_.run("UPDATE upload SET touched = ? WHERE id = ?", now(), id));
  }
  return std::optional(std::move(upload));
}

Result<> SqlMetadata::save_upload(const std::string& id, const content::IngestState& state) {
  std::lock_guard lock(writer_mutex_);
  Statement update = TRY(durable_.prepare(
      "UPDATE upload SET offset = ?, boot = ?, touched = ?, hash = ?4 WHERE id = ?5", state.offset,
      state.boot, now()));
  TRY(update.bind_blob(4, state.hash));
  TRY(update.bind(5, std::string_view(id)));
  TRY(update.step());
  return {};
}

Result<std::vector<std::string>> SqlMetadata::all_uploads() {
  ReaderPool::Reader db = readers_.take();
  Statement rows = TRY(db->prepare("SELECT id FROM upload"));
  std::vector<std::string> ids;
  while (TRY(rows.step())) ids.push_back(rows.text(0));
  return ids;
}

Result<std::vector<Uploads::Ending>> SqlMetadata::ending_uploads() {
  ReaderPool::Reader db = readers_.take();
  Statement rows =
      TRY(db->prepare("SELECT upload.id, name, becoming FROM upload JOIN repository"
                      " ON repository.id = upload.repository WHERE becoming IS NOT NULL"));
  std::vector<Ending> out;
  while (TRY(rows.step())) {
    if (auto digest = oci::Digest::parse(rows.text(2))) {
      out.push_back({rows.text(0), rows.text(1), *digest});
    }
  }
  return out;
}

Result<> SqlMetadata::end_upload(const std::string& id) {
  std::lock_guard lock(writer_mutex_);
  TRY(quick_.run("DELETE FROM upload WHERE id = ?", id));
  return {};
}

Result<std::vector<std::string>> SqlMetadata::stale_uploads(TimePoint before) {
  ReaderPool::Reader db = readers_.take();
  Statement rows =
      TRY(db->prepare("SELECT id FROM upload WHERE touched < ? LIMIT 500", unix_nanos(before)));
  std::vector<std::string> ids;
  while (TRY(rows.step())) ids.push_back(rows.text(0));
  return ids;
}

}  // namespace skiff::registry
