// What a check asks of the metadata, and the little that it puts right.
#include <set>

#include "base/strings.h"
#include "registry/sql_metadata.h"

namespace skiff::registry {

namespace {

// As kGarbage of the collection has it: nothing links it, and nobody is going to look.
constexpr std::string_view kBlob =
    "SELECT digest, size,"
    " EXISTS (SELECT 1 FROM link WHERE link.digest = blob.digest)"
    " OR EXISTS (SELECT 1 FROM candidate WHERE candidate.digest = blob.digest)"
    " FROM blob WHERE state = 'stored' ";

Result<Audit::BlobRow> blob_of(const Statement& row) {
  return Audit::BlobRow{.digest = TRY(oci::Digest::parse(row.text(0))),
                        .size = static_cast<uint64_t>(row.integer(1)),
                        .kept = row.integer(2) != 0};
}

Result<std::set<std::string>> texts(Statement rows) {
  std::set<std::string> out;
  while (TRY(rows.step())) out.insert(rows.text(0));
  return out;
}

}  // namespace

Result<std::vector<std::string>> SqlMetadata::faults() {
  ReaderPool::Reader db = readers_.take();
  std::vector<std::string> out = TRY(db->faults());
  for (const char* table : {"blob", "manifest"}) {
    for (const std::string& digest :
         TRY(texts(TRY(db->prepare(cat("SELECT digest FROM ", table)))))) {
      if (oci::Digest::parse(digest)) continue;
      out.push_back(cat("the record of ", table, " ", quoted(digest), " names no digest"));
    }
  }
  return out;
}

Result<std::vector<Audit::BlobRow>> SqlMetadata::stored_blobs() {
  ReaderPool::Reader db = readers_.take();
  Statement rows = TRY(db->prepare(kBlob));
  std::vector<BlobRow> out;
  while (TRY(rows.step())) {
    if (oci::Digest::parse(rows.text(0))) out.push_back(TRY(blob_of(rows)));
  }
  return out;
}

Result<std::optional<Audit::BlobRow>> SqlMetadata::stored_blob(const oci::Digest& blob) {
  ReaderPool::Reader db = readers_.take();
  Statement row = TRY(db->prepare(std::string(kBlob) + "AND digest = ?", blob.str()));
  if (!TRY(row.step())) return std::optional<BlobRow>();
  return std::optional(TRY(blob_of(row)));
}

Result<bool> SqlMetadata::knows_blob(const oci::Digest& blob) {
  ReaderPool::Reader db = readers_.take();
  Statement row = TRY(db->prepare("SELECT 1 FROM blob WHERE digest = ?", blob.str()));
  return TRY(row.step());
}

Result<> SqlMetadata::doom_lost_blob(const oci::Digest& blob) {
  std::lock_guard lock(writer_mutex_);
  Transaction tx = TRY(durable_.begin());
  TRY(durable_.run("DELETE FROM link WHERE digest = ?", blob.str()));
  TRY(durable_.run("UPDATE blob SET state = 'doomed' WHERE digest = ?", blob.str()));
  return tx.commit();
}

Result<bool> SqlMetadata::doom_unkept_blob(const oci::Digest& blob) {
  std::lock_guard lock(writer_mutex_);
  return TRY(durable_.run("UPDATE blob SET state = 'doomed' WHERE digest = ?1"
                          " AND state = 'stored'"
                          " AND NOT EXISTS (SELECT 1 FROM link WHERE digest = ?1)"
                          " AND NOT EXISTS (SELECT 1 FROM candidate WHERE digest = ?1)",
                          blob.str())) > 0;
}

Result<std::vector<std::string>> SqlMetadata::owners(const oci::Digest& digest) {
  constexpr std::string_view kTags =
      "WITH RECURSIVE up(repository, digest) AS ("
      " SELECT repository, parent FROM edge WHERE child = ?1"
      " UNION SELECT edge.repository, edge.parent FROM up JOIN edge"
      "  ON edge.repository = up.repository AND edge.child = up.digest)"
      " SELECT DISTINCT repository.name || ':' || tag.name FROM up"
      " JOIN tag ON tag.repository = up.repository AND tag.digest = up.digest"
      " JOIN repository ON repository.id = up.repository ORDER BY 1 LIMIT 3";
  constexpr std::string_view kRepositories =
      "SELECT name FROM link JOIN repository ON repository.id = link.repository"
      " WHERE link.digest = ?1 ORDER BY name LIMIT 3";
  ReaderPool::Reader db = readers_.take();
  for (const std::string_view query : {kTags, kRepositories}) {
    const auto found = TRY(texts(TRY(db->prepare(std::string(query), digest.str()))));
    if (!found.empty()) return std::vector<std::string>(found.begin(), found.end());
  }
  return std::vector<std::string>();
}

Result<std::vector<Audit::ManifestName>> SqlMetadata::all_manifests() {
  ReaderPool::Reader db = readers_.take();
  Statement rows =
      TRY(db->prepare("SELECT name, digest FROM repository JOIN manifest"
                      " ON manifest.repository = repository.id ORDER BY name, digest"));
  std::vector<ManifestName> out;
  while (TRY(rows.step())) {
    if (auto digest = oci::Digest::parse(rows.text(1))) out.push_back({rows.text(0), *digest});
  }
  return out;
}

Result<std::optional<Audit::Inspected>> SqlMetadata::inspect(const std::string& repository,
                                                             const NewManifest& manifest) {
  const std::string digest = manifest.row.digest.str();
  // All of it at one moment.
  std::lock_guard lock(writer_mutex_);
  const std::optional<int64_t> id = TRY(repository_id(durable_, repository));
  if (!id) return std::optional<Inspected>();
  if (!TRY(has_manifest(durable_, *id, digest))) return std::optional<Inspected>();
  Inspected out;
  out.outcome = TRY(check_references(durable_, *id, manifest));
  const auto tags = TRY(texts(TRY(
      durable_.prepare("SELECT name FROM tag WHERE repository = ? AND digest = ?", *id, digest))));
  out.tags.assign(tags.begin(), tags.end());
  std::set<std::string> named;
  for (const ManifestReference& each : manifest.references) named.insert(each.digest.str());
  out.edges_right =
      named == TRY(texts(TRY(durable_.prepare(
                   "SELECT child FROM edge WHERE repository = ? AND parent = ?", *id, digest))));
  return std::optional(std::move(out));
}

Result<bool> SqlMetadata::rewrite_edges(const std::string& repository,
                                        const NewManifest& manifest) {
  const std::string digest = manifest.row.digest.str();
  std::lock_guard lock(writer_mutex_);
  Transaction tx = TRY(durable_.begin());
  const std::optional<int64_t> id = TRY(repository_id(durable_, repository));
  if (!id || !TRY(has_manifest(durable_, *id, digest))) return false;
  TRY(durable_.run("DELETE FROM edge WHERE repository = ? AND parent = ?", *id, digest));
  TRY(write_edges(durable_, *id, manifest));
  TRY(tx.commit());
  return true;
}

}  // namespace skiff::registry
