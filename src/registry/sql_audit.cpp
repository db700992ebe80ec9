// What a check asks of the metadata, and the little that it puts right.
#include <set>

#include "base/strings.h"
#include "db/texts.h"
#include "registry/quota.h"
#include "registry/sql_metadata.h"

namespace skiff::registry {

namespace {

constexpr int64_t kScrubPage = 500;

// As kGarbage of the collection has it: nothing links it, and nobody is going to look.
constexpr std::string_view kBlob =
    "SELECT digest, size, place,"
    " EXISTS (SELECT 1 FROM link WHERE link.digest = blob.digest)"
    " OR EXISTS (SELECT 1 FROM candidate WHERE candidate.digest = blob.digest), damaged"
    " FROM blob WHERE state = 'stored' ";

Result<Audit::BlobRow> blob_of(const Statement& row) {
  return Audit::BlobRow{.digest = TRY(oci::Digest::parse(row.text(0))),
                        .at = {.size = static_cast<uint64_t>(row.integer(1)), .place = row.text(2)},
                        .kept = row.integer(3) != 0,
                        .damaged = row.integer(4) != 0};
}

}  // namespace

Result<std::vector<std::string>> SqlMetadata::faults() {
  Pool<Database>::Lease db = readers_.take();
  std::vector<std::string> out = TRY(db->faults());
  for (const char* table : {"blob", "manifest"}) {
    Statement rows = TRY(db->prepare(cat("SELECT DISTINCT digest FROM ", table)));
    while (TRY(rows.step())) {
      if (oci::Digest::parse(rows.text(0))) continue;
      out.push_back(cat("the record of ", table, " ", quoted(rows.text(0)), " names no digest"));
    }
  }
  return out;
}

Result<> SqlMetadata::each_stored_blob(const std::string& behind,
                                       const std::function<Result<>(const BlobRow&)>& visit) {
  std::string after = behind;
  for (;;) {
    std::vector<BlobRow> page;
    bool more = false;
    {
      Pool<Database>::Lease db = readers_.take();
      Statement rows =
          TRY(db->prepare(cat(kBlob, "AND digest > ? ORDER BY digest LIMIT ?"), after, kScrubPage));
      for (; TRY(rows.step()); more = true) {
        after = rows.text(0);
        if (oci::Digest::parse(after)) page.push_back(TRY(blob_of(rows)));
      }
    }
    if (!more) return {};
    for (const BlobRow& blob : page) TRY(visit(blob));
  }
}

Result<bool> SqlMetadata::note_damage(const oci::Digest& blob, const std::string& place) {
  return write_soon([&](Database& db, Transaction& tx) -> Result<bool> {
    const int64_t noted = TRY(
        db.run("UPDATE blob SET damaged = 1 WHERE digest = ? AND place = ? AND state = 'stored'",
               blob.str(), place));
    TRY(tx.commit());
    return noted > 0;
  });
}

Result<std::optional<Audit::BlobRow>> SqlMetadata::stored_blob(const oci::Digest& blob) {
  Pool<Database>::Lease db = readers_.take();
  Statement row = TRY(db->prepare(std::string(kBlob) + "AND digest = ?", blob.str()));
  if (!TRY(row.step())) return std::optional<BlobRow>();
  return std::optional(TRY(blob_of(row)));
}

Result<std::optional<Audit::BlobRow>> SqlMetadata::some_blob() {
  Pool<Database>::Lease db = readers_.take();
  Statement row = TRY(db->prepare(cat(kBlob, "LIMIT 1")));
  if (!TRY(row.step())) return std::optional<BlobRow>();
  return std::optional(TRY(blob_of(row)));
}

Result<bool> SqlMetadata::knows_upload(const std::string& id) {
  Pool<Database>::Lease db = readers_.take();
  Statement row = TRY(db->prepare("SELECT 1 FROM upload WHERE id = ?", id));
  return TRY(row.step());
}

Result<bool> SqlMetadata::knows_place(const std::string& place) {
  Pool<Database>::Lease db = readers_.take();
  {
    Statement row = TRY(db->prepare("SELECT 1 FROM blob WHERE place = ? AND place <> ''", place));
    if (TRY(row.step())) return true;
  }
  // That of an upload has its id in the store behind a space.
  Statement row = TRY(db->prepare("SELECT 1 FROM discarded WHERE place = ? OR place LIKE ? LIMIT 1",
                                  place, place + " %"));
  return TRY(row.step());
}

Result<bool> SqlMetadata::knows_blob(const oci::Digest& blob) {
  Pool<Database>::Lease db = readers_.take();
  Statement row = TRY(db->prepare("SELECT 1 FROM blob WHERE digest = ?", blob.str()));
  return TRY(row.step());
}

Result<> SqlMetadata::doom_lost_blob(const oci::Digest& blob) {
  return write([&](Database& db, Transaction& tx) -> Result<> {
    TRY(uncount_everywhere(db, blob.str()));
    TRY(db.run("DELETE FROM link WHERE digest = ?", blob.str()));
    if (!TRY(discard_blob(db, blob.str()))) {
      TRY(db.run("UPDATE blob SET state = 'doomed' WHERE digest = ?", blob.str()));
    }
    return tx.commit();
  });
}

Result<bool> SqlMetadata::doom_unkept_blob(const oci::Digest& blob) {
  return write([&](Database& db, Transaction& tx) -> Result<bool> {
    const bool doomed = TRY(db.run("UPDATE blob SET state = 'doomed' WHERE digest = ?1"
                                   " AND state = 'stored'"
                                   " AND NOT EXISTS (SELECT 1 FROM link WHERE digest = ?1)"
                                   " AND NOT EXISTS (SELECT 1 FROM candidate WHERE digest = ?1)",
                                   blob.str())) > 0;
    if (doomed) TRY(discard_blob(db, blob.str()));
    TRY(tx.commit());
    return doomed;
  });
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
  Pool<Database>::Lease db = readers_.take();
  for (const std::string_view query : {kTags, kRepositories}) {
    std::vector<std::string> found = TRY(texts(TRY(db->prepare(std::string(query), digest.str()))));
    if (!found.empty()) return found;
  }
  return std::vector<std::string>();
}

Result<> SqlMetadata::each_manifest(const std::function<Result<>(const ManifestName&)>& visit) {
  std::string name;
  for (;;) {
    int64_t id = 0;
    {
      Pool<Database>::Lease db = readers_.take();
      Statement row = TRY(db->prepare(
          "SELECT name, id FROM repository WHERE name > ? ORDER BY name LIMIT 1", name));
      if (!TRY(row.step())) return {};
      name = row.text(0);
      id = row.integer(1);
    }
    TRY(each_manifest_of(id, [&](const oci::Digest& digest) { return visit({name, digest}); }));
  }
}

Result<> SqlMetadata::each_manifest_of(int64_t repository,
                                       const std::function<Result<>(const oci::Digest&)>& visit) {
  std::string after;
  for (;;) {
    std::vector<oci::Digest> page;
    bool more = false;
    {
      Pool<Database>::Lease db = readers_.take();
      Statement rows =
          TRY(db->prepare("SELECT digest FROM manifest WHERE repository = ? AND digest > ?"
                          " ORDER BY digest LIMIT ?",
                          repository, after, kScrubPage));
      for (; TRY(rows.step()); more = true) {
        after = rows.text(0);
        if (auto digest = oci::Digest::parse(after)) page.push_back(*digest);
      }
    }
    if (!more) return {};
    for (const oci::Digest& digest : page) TRY(visit(digest));
  }
}

Result<std::optional<Audit::Inspected>> SqlMetadata::inspect(const std::string& repository,
                                                             const NewManifest& manifest) {
  const std::string digest = manifest.row.digest.str();
  // All of it at one moment.
  return write([&](Database& db, Transaction&) -> Result<std::optional<Inspected>> {
    const std::optional<int64_t> id = TRY(repository_id(db, repository));
    if (!id) return std::optional<Inspected>();
    if (!TRY(has_manifest(db, *id, digest))) return std::optional<Inspected>();
    Inspected out;
    if (!TRY(is_partial(db, *id, digest))) {
      out.outcome = TRY(check_references(db, *id, manifest));
    }
    out.tags = TRY(texts(TRY(db.prepare(
        "SELECT name FROM tag WHERE repository = ? AND digest = ? ORDER BY name", *id, digest))));
    std::set<std::string> named;
    for (const ManifestReference& each : manifest.references) named.insert(each.digest.str());
    const auto recorded = TRY(texts(TRY(
        db.prepare("SELECT child FROM edge WHERE repository = ? AND parent = ?", *id, digest))));
    out.edges_right = named == std::set(recorded.begin(), recorded.end());
    return std::optional(std::move(out));
  });
}

Result<bool> SqlMetadata::rewrite_edges(const std::string& repository,
                                        const NewManifest& manifest) {
  const std::string digest = manifest.row.digest.str();
  return write([&](Database& db, Transaction& tx) -> Result<bool> {
    const std::optional<int64_t> id = TRY(repository_id(db, repository));
    if (!id || !TRY(has_manifest(db, *id, digest))) return false;
    TRY(db.run("DELETE FROM edge WHERE repository = ? AND parent = ?", *id, digest));
    TRY(write_edges(db, *id, manifest));
    TRY(tx.commit());
    return true;
  });
}

}  // namespace skiff::registry
