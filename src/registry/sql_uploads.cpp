// Uploads under way. Their bytes are ingests of the content store, named by the same id.
#include "base/strings.h"
#include "db/texts.h"
#include "registry/sql_metadata.h"

namespace skiff::registry {

namespace {

// How old the recorded age of an upload may be: spares a write for each chunk.
constexpr std::chrono::nanoseconds kAgeSlack = std::chrono::minutes(1);

constexpr std::string_view name_of(HashAlgorithm algorithm) {
  return algorithm == HashAlgorithm::kSha512 ? "sha512" : "sha256";
}

constexpr std::string_view kState = "algorithm, \"offset\", hash, boot, place, version";

Error overtaken(const std::string& upload) {
  return {Code::kAborted, cat("another request goes on with upload ", upload)};
}

UploadRow state_in(const Statement& row) {
  UploadRow upload;
  if (row.text(0) == name_of(HashAlgorithm::kSha512)) upload.algorithm = HashAlgorithm::kSha512;
  upload.state.bytes = {
      .offset = static_cast<uint64_t>(row.integer(1)), .hash = row.text(2), .boot = row.text(3)};
  upload.state.place = row.text(4);
  upload.version = row.integer(5);
  return upload;
}

}  // namespace

Result<> drop_upload(Database& db, const std::string& upload, int64_t version) {
  const int64_t dropped =
      TRY(db.run("DELETE FROM upload WHERE id = ? AND version = ?", upload, version));
  return dropped == 1 ? Result<>() : overtaken(upload);
}

Result<> SqlMetadata::begin_upload(const std::string& repository, const std::string& id,
                                   const UploadRow& upload) {
  return write_soon([&](Database& db, Transaction& tx) -> Result<> {
    const int64_t repository_row = TRY(make_repository(db, repository));
    TRY(db.run("INSERT INTO upload(id, repository, algorithm, touched, boot) VALUES (?,?,?,?,?)",
               id, repository_row, name_of(upload.algorithm), now(), upload.state.bytes.boot));
    return tx.commit();
  });
}

Result<std::optional<UploadRow>> SqlMetadata::find_upload(const std::string& repository,
                                                          const std::string& id) {
  UploadRow upload;
  int64_t touched = 0;
  {
    Pool<Database>::Lease db = readers_.take();
    Statement row = TRY(db->prepare(cat("SELECT ", kState,
                                        ", touched FROM upload JOIN repository"
                                        " ON repository.id = upload.repository"
                                        " WHERE upload.id = ? AND name = ?"),
                                    id, repository));
    if (!TRY(row.step())) return std::optional<UploadRow>();
    upload = state_in(row);
    touched = row.integer(6);
  }
  if (now() - touched > kAgeSlack.count()) {
    TRY(write_soon([&](Database& db, Transaction& tx) -> Result<> {
      TRY(db.run("UPDATE upload SET touched = ? WHERE id = ?", now(), id));
      return tx.commit();
    }));
  }
  return std::optional(std::move(upload));
}

Result<> SqlMetadata::save_upload(const std::string& id, const UploadState& state,
                                  int64_t version) {
  return write([&](Database& db, Transaction& tx) -> Result<> {
    const int64_t ours = TRY(db.run(
        "UPDATE upload SET version = version + 1 WHERE id = ? AND version = ?", id, version));
    if (ours != 1) return overtaken(id);
    Statement update =
        TRY(db.prepare("UPDATE upload SET \"offset\" = ?, boot = ?, touched = ?, place = ?,"
                       " hash = ?5 WHERE id = ?6",
                       state.bytes.offset, state.bytes.boot, now(), state.place));
    TRY(update.bind_blob(5, state.bytes.hash));
    TRY(update.bind(6, std::string_view(id)));
    TRY(update.step());
    return tx.commit();
  });
}

Result<std::vector<std::string>> SqlMetadata::all_uploads() {
  Pool<Database>::Lease db = readers_.take();
  Statement rows = TRY(db->prepare("SELECT id FROM upload"));
  return texts(std::move(rows));
}

Result<std::vector<Uploads::Ending>> SqlMetadata::ending_uploads() {
  Pool<Database>::Lease db = readers_.take();
  Statement rows =
      TRY(db->prepare("SELECT upload.id, name, becoming, version FROM upload JOIN repository"
                      " ON repository.id = upload.repository WHERE becoming IS NOT NULL"));
  std::vector<Ending> out;
  while (TRY(rows.step())) {
    if (auto digest = oci::Digest::parse(rows.text(2))) {
      out.push_back({rows.text(0), rows.integer(3), rows.text(1), *digest});
    }
  }
  return out;
}

Result<> SqlMetadata::end_upload(const std::string& id, int64_t version,
                                 const std::vector<std::string>& leftovers) {
  return write_soon([&](Database& db, Transaction& tx) -> Result<> {
    TRY(drop_upload(db, id, version));
    TRY(note_discarded(db, leftovers));
    return tx.commit();
  });
}

Result<std::vector<Uploads::Stale>> SqlMetadata::stale_uploads(TimePoint before) {
  Pool<Database>::Lease db = readers_.take();
  Statement rows = TRY(db->prepare(
      cat("SELECT ", kState, ", id FROM upload WHERE touched < ? LIMIT 500"), unix_nanos(before)));
  std::vector<Stale> out;
  while (TRY(rows.step())) out.push_back({rows.text(6), state_in(rows)});
  return out;
}

}  // namespace skiff::registry
