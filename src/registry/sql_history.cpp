// What tags named before, and the trash. A manifest in the trash is in tables of its own, so that
// nothing that looks for manifests finds it.
#include "base/strings.h"
#include "db/texts.h"
#include "registry/audit_log.h"
#include "registry/sql_metadata.h"

namespace skiff::registry {

namespace {

// Of a deletion at that time, which is the same in each of its rows.
Result<std::vector<std::string>> tags_deleted_with(Database& db, int64_t repository,
                                                   const std::string& digest, int64_t deleted) {
  return texts(
      TRY(db.prepare("SELECT name FROM tag_log WHERE repository = ? AND before = ?"
                     " AND at = ? AND action = 'delete' ORDER BY name",
                     repository, digest, deleted)));
}

}  // namespace

Result<> SqlMetadata::log_tag(Database& db, int64_t repository, const TagWrite& change) {
  if (change.digest == change.before) return {};
  TRY(tell_tag(db, repository, change));
  if (options_.undelete.count() == 0) return {};
  TRY(
      db.run("INSERT INTO tag_log(repository, name, action, digest, before, actor, at, keep_until)"
             " VALUES (?,?,?,?,?,?,?,?)",
             repository, change.tag, change.action, change.digest, change.before, change.actor.name,
             change.at, change.at + std::chrono::nanoseconds(options_.undelete).count()));
  return {};
}

// With what it names, and the tags that name it.
Result<> SqlMetadata::trash_manifest(Database& db, int64_t repository, const std::string& digest,
                                     const Actor& actor) {
  const int64_t at = now();
  const int64_t until = at + std::chrono::nanoseconds(options_.undelete).count();
  TRY(
      db.run("INSERT INTO trash(repository, digest, media_type, bytes, actor, deleted,"
             " keep_until) SELECT repository, digest, media_type, bytes, ?3, ?4, ?5"
             " FROM manifest WHERE repository = ?1 AND digest = ?2",
             repository, digest, actor.name, at, until));
  TRY(
      db.run("INSERT INTO trash_edge(repository, parent, child) SELECT repository, parent, child"
             " FROM edge WHERE repository = ? AND parent = ?",
             repository, digest));
  TRY(log_tags_of(db, repository, digest, actor, at));
  TRY(drop_manifest(db, repository, digest));
  return postpone(db, repository, digest, until);
}

// They go with it.
Result<> SqlMetadata::log_tags_of(Database& db, int64_t repository, const std::string& digest,
                                  const Actor& actor, int64_t at) {
  const std::vector<std::string> tags = TRY(texts(TRY(
      db.prepare("SELECT name FROM tag WHERE repository = ? AND digest = ?", repository, digest))));
  for (const std::string& tag : tags) {
    TRY(log_tag(db, repository, {tag, "delete", std::nullopt, digest, actor, at}));
  }
  return {};
}

// It is a manifest again, or is forgotten.
Result<> SqlMetadata::drop_trashed(Database& db, int64_t repository, const std::string& digest) {
  TRY(db.run("DELETE FROM trash_edge WHERE repository = ? AND parent = ?", repository, digest));
  TRY(db.run("DELETE FROM trash WHERE repository = ? AND digest = ?", repository, digest));
  return {};
}

// When its time is over, what only it kept is reviewed.
Result<> SqlMetadata::review_trash(Database& db, const Candidate& candidate) {
  std::optional<int64_t> until;
  {
    Statement row =
        TRY(db.prepare("SELECT keep_until FROM trash WHERE repository = ? AND digest = ?",
                       candidate.repository, candidate.digest));
    if (TRY(row.step())) until = row.integer(0);
  }
  if (!until) return {};
  if (*until > now()) return postpone(db, candidate.repository, candidate.digest, *until);
  const std::vector<std::string> children =
      TRY(texts(TRY(db.prepare("SELECT child FROM trash_edge WHERE repository = ? AND parent = ?",
                               candidate.repository, candidate.digest))));
  TRY(drop_trashed(db, candidate.repository, candidate.digest));
  for (const std::string& child : children) TRY(add_candidate(db, candidate.repository, child));
  return orphan_referrers(db, candidate.repository, candidate.digest);
}

// Some at a time: pushes wait for it.
Result<bool> SqlMetadata::forget_tag_changes(Database& db) {
  return TRY(db.run("DELETE FROM tag_log WHERE id IN"
                    " (SELECT id FROM tag_log WHERE keep_until <= ? ORDER BY keep_until LIMIT 500)",
                    now())) > 0;
}

Result<std::vector<TagChange>> SqlMetadata::tag_changes(const std::string& repository,
                                                        const std::string& tag, int64_t before,
                                                        size_t limit) {
  constexpr std::string_view kColumns =
      "SELECT tag_log.id, tag_log.name, action, digest, before, actor, at, keep_until"
      " FROM repository JOIN tag_log ON tag_log.repository = repository.id"
      " WHERE repository.name = ?1 AND keep_until > ?2 AND (?3 = 0 OR tag_log.id < ?3)";
  Pool<Database>::Lease db = readers_.take();
  Statement rows =
      TRY(db->prepare(cat(kColumns, tag.empty() ? " AND ?4 = ''" : " AND tag_log.name = ?4",
                          " ORDER BY tag_log.id DESC LIMIT ?5"),
                      repository, now(), before, tag, limit));
  std::vector<TagChange> out;
  while (TRY(rows.step())) {
    out.push_back({.id = rows.integer(0),
                   .tag = rows.text(1),
                   .action = rows.text(2),
                   .digest = rows.text(3),
                   .before = rows.text(4),
                   .actor = rows.text(5),
                   .at = time_at(rows.integer(6)),
                   .until = time_at(rows.integer(7))});
  }
  return out;
}

Result<std::vector<TrashedManifest>> SqlMetadata::trash(const std::string& repository,
                                                        const std::string& last, size_t limit) {
  Pool<Database>::Lease db = readers_.take();
  const std::optional<int64_t> id = TRY(repository_id(*db, repository));
  std::vector<TrashedManifest> out;
  if (!id) return out;
  {
    Statement rows =
        TRY(db->prepare("SELECT digest, media_type, length(bytes), actor, deleted, keep_until"
                        " FROM trash WHERE repository = ? AND digest > ? AND keep_until > ?"
                        " ORDER BY digest LIMIT ?",
                        *id, last, now(), limit));
    while (TRY(rows.step())) {
      out.push_back({.digest = rows.text(0),
                     .media_type = rows.text(1),
                     .size = static_cast<uint64_t>(rows.integer(2)),
                     .actor = rows.text(3),
                     .deleted = time_at(rows.integer(4)),
                     .until = time_at(rows.integer(5))});
    }
  }
  for (TrashedManifest& each : out) {
    each.tags = TRY(tags_deleted_with(*db, *id, each.digest, unix_nanos(each.deleted)));
  }
  return out;
}

Result<std::optional<ManifestRow>> SqlMetadata::find_trashed(const std::string& repository,
                                                             const oci::Digest& digest) {
  Pool<Database>::Lease db = readers_.take();
  Statement row =
      TRY(db->prepare("SELECT media_type, bytes FROM repository JOIN trash"
                      " ON trash.repository = repository.id"
                      " WHERE name = ? AND digest = ? AND keep_until > ?",
                      repository, digest.str(), now()));
  if (!TRY(row.step())) return std::optional<ManifestRow>();
  return std::optional(ManifestRow{digest, row.text(0), row.text(1)});
}

Result<std::optional<oci::Digest>> SqlMetadata::former_target(
    const std::string& repository, const std::string& tag,
    const std::optional<oci::Digest>& wanted) {
  Pool<Database>::Lease db = readers_.take();
  Statement row =
      TRY(db->prepare("SELECT before FROM repository"
                      " JOIN tag_log ON tag_log.repository = repository.id"
                      " WHERE repository.name = ?1 AND tag_log.name = ?2 AND keep_until > ?3"
                      " AND before IS NOT NULL AND (?4 = '' OR before = ?4)"
                      " AND before IS DISTINCT FROM (SELECT digest FROM tag"
                      "  WHERE tag.repository = repository.id AND tag.name = ?2)"
                      " ORDER BY tag_log.id DESC LIMIT 1",
                      repository, tag, now(), wanted ? wanted->str() : std::string()));
  if (!TRY(row.step())) return std::optional<oci::Digest>();
  return std::optional(TRY(oci::Digest::parse(row.text(0))));
}

Result<RestoreOutcome> SqlMetadata::restore_manifest(const std::string& repository,
                                                     const NewManifest& manifest,
                                                     const std::optional<std::string>& tag,
                                                     const Actor& actor) {
  const std::string digest = manifest.row.digest.str();
  return write([&](Database& db, Transaction& tx) -> Result<RestoreOutcome> {
    RestoreOutcome outcome;
    const std::optional<int64_t> id = TRY(repository_id(db, repository));
    if (!id) return outcome;
    const std::optional<int64_t> deleted = TRY(deleted_at(db, *id, digest));
    outcome.found = deleted || TRY(has_manifest(db, *id, digest));
    if (!outcome.found) return outcome;
    bool first = false;
    if (deleted) {
      outcome.missing = TRY(check_references(db, *id, manifest)).missing;
      if (!outcome.missing.empty()) return outcome;
      if (!tag) outcome.tags = TRY(free_tags(db, *id, digest, *deleted));
      first = TRY(begins_repository(db, *id));
      TRY(write_manifest(db, *id, manifest));
    }
    // Somebody wants it for its own sake, whether it had tags before or not.
    TRY(db.run("UPDATE manifest SET entry = 0 WHERE repository = ? AND digest = ?", *id, digest));
    if (tag) outcome.tags = {*tag};
    TRY(tell_restore(db, *id, digest, outcome.tags, actor, first));
    for (const std::string& name : outcome.tags) {
      TRY(write_tag(db, *id, {name, "restore", digest, std::nullopt, actor, now()}));
    }
    TRY(append_audit(db,
                     audit_entry(clock_.now(), actor, "restore", cat(repository, "@", digest))));
    TRY(tx.commit());
    return outcome;
  });
}

// When a manifest in the trash was deleted.
Result<std::optional<int64_t>> SqlMetadata::deleted_at(Database& db, int64_t repository,
                                                       const std::string& digest) const {
  Statement row =
      TRY(db.prepare("SELECT deleted FROM trash WHERE repository = ? AND digest = ?"
                     " AND keep_until > ?",
                     repository, digest, now()));
  if (!TRY(row.step())) return std::optional<int64_t>();
  return std::optional(row.integer(0));
}

// The tags it was deleted with, without those that name something now.
Result<std::vector<std::string>> SqlMetadata::free_tags(Database& db, int64_t repository,
                                                        const std::string& digest,
                                                        int64_t deleted) {
  std::vector<std::string> names = TRY(tags_deleted_with(db, repository, digest, deleted));
  std::vector<std::string> out;
  for (std::string& name : names) {
    Statement row =
        TRY(db.prepare("SELECT 1 FROM tag WHERE repository = ? AND name = ?", repository, name));
    if (!TRY(row.step())) out.push_back(std::move(name));
  }
  return out;
}

}  // namespace skiff::registry
