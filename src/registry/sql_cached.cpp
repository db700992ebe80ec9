// Images of other registries that are kept here.
#include "base/log.h"
#include "base/strings.h"
#include "db/texts.h"
#include "registry/sql_metadata.h"

namespace skiff::registry {

namespace {

// What is written into the history of tags.
constexpr const char* kActor = "cache";

Result<> check_tag(Database& db, int64_t repository, const std::string& tag, int64_t at) {
  TRY(
      db.run("INSERT INTO cached_tag(repository, name, checked) VALUES (?,?,?)"
             " ON CONFLICT(repository, name) DO UPDATE SET checked = excluded.checked",
             repository, tag, at));
  return {};
}

}  // namespace

Result<bool> is_partial(Database& db, int64_t repository, const std::string& digest) {
  Statement row = TRY(db.prepare(
      "SELECT 1 FROM partial_manifest WHERE repository = ? AND digest = ?", repository, digest));
  return TRY(row.step());
}

Result<> set_partial(Database& db, int64_t repository, const std::string& digest, bool partial) {
  if (!partial) {
    TRY(db.run("DELETE FROM partial_manifest WHERE repository = ? AND digest = ?", repository,
               digest));
    return {};
  }
  TRY(
      db.run("INSERT INTO partial_manifest(repository, digest, used) VALUES (?,?,NULL)"
             " ON CONFLICT(repository, digest) DO UPDATE SET used = NULL",
             repository, digest));
  return {};
}

Result<> SqlMetadata::cache_manifest(const std::string& repository, const NewManifest& manifest,
                                     const std::optional<std::string>& tag) {
  return write([&](Database& db, Transaction& tx) -> Result<> {
    const int64_t id = TRY(make_repository(db, repository));
    const std::string digest = manifest.row.digest.str();
    const bool is_pushed = TRY(has_manifest(db, id, digest)) && !TRY(is_partial(db, id, digest));
    TRY(write_manifest(db, id, manifest));
    if (!is_pushed) {
      TRY(
          db.run("INSERT INTO partial_manifest(repository, digest, used) VALUES (?,?,?)"
                 " ON CONFLICT(repository, digest) DO UPDATE SET used = excluded.used",
                 id, digest, now()));
    }
    if (tag) TRY(point_cached_tag(db, id, *tag, digest));
    return tx.commit();
  });
}

// In a transaction.
Result<> SqlMetadata::point_cached_tag(Database& db, int64_t repository, const std::string& tag,
                                       const std::string& digest) {
  std::optional<std::string> before;
  {
    Statement row = TRY(
        db.prepare("SELECT digest FROM tag WHERE repository = ? AND name = ?", repository, tag));
    if (TRY(row.step())) before = row.text(0);
  }
  if (before != digest) {
    TRY(write_tag(db, repository,
                  {tag, "set", digest, std::nullopt, Actor{.name = kActor}, now()}));
  }
  return check_tag(db, repository, tag, now());
}

Result<std::optional<CachedTag>> SqlMetadata::cached_tag(const std::string& repository,
                                                         const std::string& tag) {
  Pool<Database>::Lease db = readers_.take();
  Statement row =
      TRY(db->prepare("SELECT tag.digest, coalesce(cached_tag.checked, 0) FROM repository"
                      " JOIN tag ON tag.repository = repository.id"
                      " LEFT JOIN cached_tag ON cached_tag.repository = tag.repository"
                      "  AND cached_tag.name = tag.name"
                      " WHERE repository.name = ? AND tag.name = ?",
                      repository, tag));
  if (!TRY(row.step())) return std::optional<CachedTag>();
  const oci::Digest digest = TRY(oci::Digest::parse(row.text(0)));
  return std::optional(CachedTag{digest, TimePoint(std::chrono::nanoseconds(row.integer(1)))});
}

Result<bool> SqlMetadata::confirm_tag(const std::string& repository, const std::string& tag,
                                      const oci::Digest& digest) {
  return write([&](Database& db, Transaction& tx) -> Result<bool> {
    const std::optional<int64_t> id = TRY(repository_id(db, repository));
    if (!id || !TRY(has_manifest(db, *id, digest.str()))) return false;
    TRY(point_cached_tag(db, *id, tag, digest.str()));
    TRY(tx.commit());
    return true;
  });
}

Result<> SqlMetadata::use_manifest(const std::string& repository, const oci::Digest& digest) {
  return write_soon([&](Database& db, Transaction& tx) -> Result<> {
    TRY(
        db.run("UPDATE partial_manifest SET used = ? WHERE digest = ? AND used IS NOT NULL"
               " AND repository = (SELECT id FROM repository WHERE name = ?)",
               now(), digest.str(), repository));
    return tx.commit();
  });
}

// A blob counts where each repository that has it has it for a cached manifest's sake.
Result<uint64_t> SqlMetadata::cached_bytes() {
  Pool<Database>::Lease db = readers_.take();
  Statement row = TRY(db->prepare(
      "SELECT coalesce(sum(size), 0) FROM blob WHERE state = 'stored' AND digest IN"
      " (SELECT edge.child FROM partial_manifest JOIN edge"
      "  ON edge.repository = partial_manifest.repository AND edge.parent = partial_manifest.digest"
      "  WHERE partial_manifest.used IS NOT NULL)"
      " AND NOT EXISTS (SELECT 1 FROM link WHERE link.digest = blob.digest AND NOT EXISTS"
      "  (SELECT 1 FROM edge JOIN partial_manifest"
      "   ON partial_manifest.repository = edge.repository AND partial_manifest.digest = "
      "edge.parent"
      "   WHERE edge.repository = link.repository AND edge.child = link.digest"
      "   AND partial_manifest.used IS NOT NULL))"));
  TRY(row.step());
  return static_cast<uint64_t>(row.integer(0));
}

Result<bool> SqlMetadata::evict_one(TimePoint used_before) {
  return write([&](Database& db, Transaction& tx) -> Result<bool> {
    Candidate oldest;
    {
      Statement row =
          TRY(db.prepare("SELECT repository, digest FROM partial_manifest WHERE used < ?"
                         " ORDER BY used, digest LIMIT 1",
                         unix_nanos(used_before)));
      if (!TRY(row.step())) return false;
      oldest = {row.integer(0), row.text(1)};
    }
    const std::vector<std::string> children = TRY(children_of(db, oldest));
    TRY(erase_manifest(db, oldest.repository, oldest.digest));
    // Room is needed now; what is being pulled has its lease.
    for (const std::string& child : children) {
      TRY(postpone(db, oldest.repository, child, now()));
    }
    TRY(tx.commit());
    log_debug(cat("cached manifest ", oldest.digest, " evicted"));
    return true;
  });
}

Result<std::vector<std::string>> SqlMetadata::children_of(Database& db, const Candidate& manifest) {
  Statement rows = TRY(db.prepare("SELECT child FROM edge WHERE repository = ? AND parent = ?",
                                  manifest.repository, manifest.digest));
  return texts(std::move(rows));
}

}  // namespace skiff::registry
