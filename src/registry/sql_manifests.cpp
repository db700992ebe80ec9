// Manifests and tags: what makes an image visible, and what takes it away.
#include "base/log.h"
#include "base/strings.h"
#include "codec/json.h"
#include "db/texts.h"
#include "oci/manifest.h"
#include "registry/audit_log.h"
#include "registry/policy_rules.h"
#include "registry/quota.h"
#include "registry/sql_metadata.h"

namespace skiff::registry {

namespace {

json::Value annotations_json(const std::map<std::string, std::string>& annotations) {
  return annotations;
}

Result<std::optional<std::string>> tag_target(Database& db, int64_t repository,
                                              const std::string& tag) {
  Statement row =
      TRY(db.prepare("SELECT digest FROM tag WHERE repository = ? AND name = ?", repository, tag));
  if (!TRY(row.step())) return std::optional<std::string>();
  return std::optional(row.text(0));
}

Result<bool> condition_holds(Database& db, int64_t repository, const PutCondition& condition,
                             const std::string& digest) {
  if (condition.tags.empty()) {
    std::optional<std::string> current;
    if (TRY(has_manifest(db, repository, digest))) current = digest;
    return condition.precondition.holds(current);
  }
  for (const std::string& tag : condition.tags) {
    if (!condition.precondition.holds(TRY(tag_target(db, repository, tag)))) return false;
  }
  return true;
}

// A manifest that an index lists, as it is stored: its size and type.
Result<std::optional<ManifestReference>> stored_entry(Database& db, int64_t repository,
                                                      const ManifestReference& entry) {
  Statement row = TRY(db.prepare(
      "SELECT length(bytes), media_type FROM manifest WHERE repository = ? AND digest = ?",
      repository, entry.digest.str()));
  if (!TRY(row.step())) return std::optional<ManifestReference>();
  ManifestReference stored = entry;
  stored.size = static_cast<uint64_t>(row.integer(0));
  stored.media_type = row.text(1);
  return std::optional(std::move(stored));
}

// The size of a stored blob that the repository has.
Result<std::optional<uint64_t>> linked_size(Database& db, int64_t repository,
                                            const std::string& digest) {
  Statement row =
      TRY(db.prepare("SELECT blob.size FROM link JOIN blob ON blob.digest = link.digest "
                     "WHERE link.repository = ? AND link.digest = ?",
                     repository, digest));
  if (!TRY(row.step())) return std::optional<uint64_t>();
  return std::optional(static_cast<uint64_t>(row.integer(0)));
}

// Of a refusal: enough to find the others.
constexpr int kMostParents = 10;

// The tags that point at the index, or at one that leads to it.
Result<std::vector<std::string>> tags_to(Database& db, int64_t repository,
                                         const std::string& digest) {
  return texts(
      TRY(db.prepare("WITH RECURSIVE above(digest) AS ("
                     " SELECT digest FROM manifest WHERE repository = ?1 AND digest = ?2"
                     " UNION SELECT edge.parent FROM edge JOIN above ON edge.child = above.digest"
                     "  WHERE edge.repository = ?1) "
                     "SELECT tag.name FROM above JOIN tag"
                     " ON tag.repository = ?1 AND tag.digest = above.digest LIMIT ?3",
                     repository, digest, kMostParents)));
}

Result<std::vector<DeleteOutcome::Parent>> parents_of(Database& db, int64_t repository,
                                                      const std::string& digest) {
  const std::vector<std::string> indexes =
      TRY(texts(TRY(db.prepare("SELECT parent FROM edge WHERE repository = ? AND child = ? LIMIT ?",
                               repository, digest, kMostParents))));
  std::vector<DeleteOutcome::Parent> out;
  for (const std::string& index : indexes) {
    std::vector<std::string> tags = TRY(tags_to(db, repository, index));
    out.push_back({index, std::move(tags)});
  }
  return out;
}

std::string at_digest(const std::string& repository, const std::string& digest) {
  return cat(repository, "@", digest);
}

// Before the index lists them: what was there before anybody did is no part of it, but somebody's
// own, unless it is said to have come for it; what was a part of others is one again.
Result<> adopt_entries(Database& db, int64_t repository, const NewManifest& manifest,
                       const std::set<std::string>& parts, int64_t now) {
  for (const ManifestReference& reference : manifest.references) {
    if (!reference.manifest) continue;
    const int64_t since = parts.contains(reference.digest.str()) ? 0 : now;
    TRY(
        db.run("UPDATE manifest SET entry = CASE WHEN entry = 2 THEN 1 ELSE 0 END"
               " WHERE repository = ?1 AND digest = ?2 AND (entry = 2 OR (entry = 1 AND lease <= ?3"
               " AND NOT EXISTS (SELECT 1 FROM edge WHERE repository = ?1 AND child = ?2)))",
               repository, reference.digest.str(), since));
  }
  return {};
}

AuditEntry pushed(TimePoint at, const std::string& repository, const std::string& digest,
                  const PutCondition& condition) {
  AuditEntry entry = audit_entry(at, condition.actor, "push", at_digest(repository, digest));
  json::Value detail = json::parse(entry.detail).value_or(json::object());
  if (!condition.tags.empty()) detail.set("tags", condition.tags);
  entry.detail = detail.dump();
  return entry;
}

}  // namespace

Result<bool> has_manifest(Database& db, int64_t repository, const std::string& digest) {
  Statement row = TRY(
      db.prepare("SELECT 1 FROM manifest WHERE repository = ? AND digest = ?", repository, digest));
  return TRY(row.step());
}

Result<PutOutcome> SqlMetadata::put_manifest(const std::string& repository,
                                             const NewManifest& manifest,
                                             const PutCondition& condition) {
  return write([&](Database& db, Transaction& tx) -> Result<PutOutcome> {
    const int64_t id = TRY(make_repository(db, repository));
    const std::string digest = manifest.row.digest.str();
    PutOutcome outcome;
    if (!condition.is_partial) outcome = TRY(check_references(db, id, manifest));
    if (!outcome.stored()) return outcome;
    const bool holds = TRY(condition_holds(db, id, condition, digest));
    const bool first = TRY(begins_repository(db, id));
    TRY(write_manifest(db, id, manifest, condition.parts));
    TRY(set_partial(db, id, digest, condition.is_partial));
    TRY(tell_push(db, id, manifest, condition, first));
    for (const std::string& tag : condition.tags) {
      TRY(write_tag(db, id, {tag, "set", digest, std::nullopt, condition.actor, now()}));
    }
    // Last, and nothing stays of it: a request that would fail anyhow, also by a rule or a quota,
    // is told so (RFC 9110, 13.2.1).
    outcome.condition_failed = !holds;
    if (!outcome.stored()) return outcome;
    TRY(append_audit(db, pushed(clock_.now(), repository, digest, condition)));
    TRY(tx.commit());
    return outcome;
  });
}

Result<> SqlMetadata::judge_tag_change(const std::string& repository, const std::string& tag,
                                       const oci::Digest& digest, const Actor& actor) {
  Pool<Database>::Lease db = readers_.take();
  const std::optional<int64_t> id = TRY(repository_id(*db, repository));
  if (!id) return {};
  const std::optional<std::string> before = TRY(tag_target(*db, *id, tag));
  if (before == digest.str()) return {};
  return judge_tag(*db, {*id, tag, before.has_value()}, actor);
}

Result<PutOutcome> SqlMetadata::check_references(Database& db, int64_t repository,
                                                 const NewManifest& manifest) const {
  PutOutcome outcome;
  for (const ManifestReference& reference : manifest.references) {
    const std::string digest = reference.digest.str();
    if (reference.manifest) {
      if (auto stored = TRY(stored_entry(db, repository, reference))) {
        // Of the same kind; some clients name the one format where the other one is.
        const bool agrees = stored->size == reference.size &&
                            oci::is_index_type(stored->media_type) ==
                                oci::is_index_type(to_lower(reference.media_type));
        if (!agrees) outcome.mismatch.push_back(*std::move(stored));
        continue;
      }
    }
    // The entries of a build cache's index are plain blobs.
    std::optional<uint64_t> size = TRY(linked_size(db, repository, digest));
    if (!size) {
      const bool spared = reference.spared && options_.sparse;
      if (!reference.optional && !spared) outcome.missing.push_back(reference);
    } else if (*size != reference.size) {
      outcome.mismatch.push_back(reference);
      outcome.mismatch.back().size = *size;
    }
  }
  return outcome;
}

Result<> SqlMetadata::write_manifest(Database& db, int64_t repository, const NewManifest& manifest,
                                     const std::set<std::string>& parts) {
  const std::string digest = manifest.row.digest.str();
  const bool is_new = !TRY(has_manifest(db, repository, digest));
  std::optional<std::string> subject;
  if (manifest.subject) subject = manifest.subject->str();
  Statement insert =
      TRY(db.prepare("INSERT INTO manifest(repository, digest, media_type, artifact_type, subject,"
                     " annotations, lease, bytes, entry) VALUES (?,?,?,?,?,?,?,?,1) "
                     "ON CONFLICT(repository, digest) DO UPDATE SET lease = excluded.lease,"
                     " orphaned = 0, media_type = excluded.media_type, bytes = excluded.bytes,"
                     " entry = CASE manifest.entry WHEN 2 THEN 1 ELSE manifest.entry END",
                     repository, digest, manifest.row.media_type, manifest.artifact_type, subject,
                     annotations_json(manifest.annotations).dump(), lease_end()));
  TRY(insert.bind_blob(8, manifest.row.bytes));
  TRY(insert.step());
  TRY(adopt_entries(db, repository, manifest, parts, now()));
  TRY(write_edges(db, repository, manifest));
  const auto own = static_cast<int64_t>(is_new ? manifest.row.bytes.size() : 0);
  TRY(charge(db, repository, own + TRY(count_children(db, repository, digest))));
  TRY(drop_trashed(db, repository, digest));
  // What is about it has its subject back.
  TRY(db.run("UPDATE manifest SET orphaned = 0 WHERE repository = ? AND subject = ?", repository,
             digest));
  if (options_.collect_untagged) TRY(add_candidate(db, repository, digest));
  return {};
}

Result<> SqlMetadata::write_edges(Database& db, int64_t repository, const NewManifest& manifest) {
  for (const ManifestReference& reference : manifest.references) {
    TRY(db.run("INSERT INTO edge(repository, parent, child) VALUES (?,?,?) ON CONFLICT DO NOTHING",
               repository, manifest.row.digest.str(), reference.digest.str()));
  }
  return {};
}

Result<> SqlMetadata::write_tag(Database& db, int64_t repository, TagWrite change) {
  change.before = TRY(tag_target(db, repository, change.tag));
  if (change.before != change.digest) {
    TRY(judge_tag(db, {repository, change.tag, change.before.has_value()}, change.actor));
  }
  TRY(
      db.run("INSERT INTO tag(repository, name, digest, updated) VALUES (?,?,?,?) "
             "ON CONFLICT(repository, name) DO UPDATE SET digest = excluded.digest,"
             " updated = excluded.updated",
             repository, change.tag, change.digest, change.at));
  // From now on somebody has it for its own sake.
  TRY(db.run("UPDATE manifest SET entry = 0 WHERE repository = ? AND digest = ? AND entry <> 0",
             repository, change.digest));
  if (change.before && change.before != change.digest) {
    TRY(add_candidate(db, repository, *change.before));
  }
  return log_tag(db, repository, change);
}

Result<std::optional<ManifestRow>> SqlMetadata::find_manifest(const std::string& repository,
                                                              const std::string& reference,
                                                              Renew renew) {
  constexpr std::string_view kByDigest =
      "SELECT manifest.digest, media_type, bytes, entry, lease, repository.id"
      " FROM repository JOIN manifest"
      " ON manifest.repository = repository.id WHERE name = ? AND manifest.digest = ?";
  constexpr std::string_view kByTag =
      "SELECT manifest.digest, media_type, bytes FROM repository"
      " JOIN tag ON tag.repository = repository.id"
      " JOIN manifest ON manifest.repository = tag.repository AND manifest.digest = tag.digest"
      " WHERE repository.name = ? AND tag.name = ?";
  const bool by_digest = reference.find(':') != std::string::npos;
  std::optional<ManifestRow> found;
  int64_t id = 0;
  {
    Pool<Database>::Lease db = readers_.take();
    Statement row = TRY(db->prepare(by_digest ? kByDigest : kByTag, repository, reference));
    if (!TRY(row.step())) return std::optional<ManifestRow>();
    found = ManifestRow{TRY(oci::Digest::parse(row.text(0))), row.text(1), row.text(2)};
    const int64_t half = std::chrono::nanoseconds(options_.grace).count() / 2;
    const bool may_go = renew == Renew::kYes && by_digest && row.integer(3) == kFormerEntry;
    if (!may_go || half == 0 || row.integer(4) - now() > half) return found;
    id = row.integer(5);
  }
  const Result<bool> renewed = renew_manifest(id, reference);
  // What is there can be read, also where nothing can be written.
  if (!renewed) log_warn(cat("keep ", repository, "@", reference, ": ", renewed.error().message()));
  if (renewed && !*renewed) return std::optional<ManifestRow>();
  return found;
}

// Of an entry that no index lists: who hears that it is here may be about to push one that does.
// False where it has gone by now.
Result<bool> SqlMetadata::renew_manifest(int64_t repository, const std::string& digest) {
  return write_soon([&](Database& db, Transaction& tx) -> Result<bool> {
    const int64_t renewed =
        TRY(db.run("UPDATE manifest SET lease = CASE WHEN lease > ?3 THEN lease ELSE ?3 END"
                   " WHERE repository = ?1 AND digest = ?2",
                   repository, digest, lease_end()));
    TRY(tx.commit());
    return renewed > 0;
  });
}

Result<DeleteOutcome> SqlMetadata::delete_manifest(const std::string& repository,
                                                   const oci::Digest& digest,
                                                   const Precondition& precondition,
                                                   const Actor& actor) {
  return write([&](Database& db, Transaction& tx) -> Result<DeleteOutcome> {
    DeleteOutcome outcome;
    const std::optional<int64_t> id = TRY(repository_id(db, repository));
    outcome.found = id && TRY(has_manifest(db, *id, digest.str()));
    if (!outcome.found) return outcome;
    if (!options_.allow_child_deletion) {
      outcome.parents = TRY(parents_of(db, *id, digest.str()));
    }
    if (!outcome.deleted()) return outcome;
    TRY(judge_deletion(db, *id, digest.str(), actor));
    outcome.condition_failed = !precondition.holds(digest.str());
    if (!outcome.deleted()) return outcome;
    if (options_.undelete.count() > 0) {
      TRY(trash_manifest(db, *id, digest.str(), actor));
    } else {
      TRY(log_tags_of(db, *id, digest.str(), actor, now()));
      TRY(erase_manifest(db, *id, digest.str()));
    }
    TRY(tell_deletion(db, *id, digest.str(), "deleted", actor));
    TRY(append_audit(db, audit_entry(clock_.now(), actor, "delete manifest",
                                     at_digest(repository, digest.str()))));
    TRY(tx.commit());
    return outcome;
  });
}

// For good.
Result<> SqlMetadata::erase_manifest(Database& db, int64_t repository, const std::string& digest) {
  TRY(drop_manifest(db, repository, digest));
  TRY(orphan_referrers(db, repository, digest));
  // Reviewed itself, so that a repository left empty goes.
  return add_candidate(db, repository, digest);
}

// What came as a part of the index alone goes with the last that lists it. Of what is kept of
// upstreams the cache decides.
Result<> SqlMetadata::mark_former_entries(Database& db, int64_t repository,
                                          const std::string& index) {
  TRY(db.run(
      "UPDATE manifest SET entry = 2 WHERE repository = ?1 AND entry = 1 AND digest IN"
      " (SELECT child FROM edge WHERE repository = ?1 AND parent = ?2)"
      " AND NOT EXISTS (SELECT 1 FROM edge WHERE edge.repository = ?1"
      "  AND edge.child = manifest.digest AND edge.parent <> ?2)"
      " AND NOT EXISTS (SELECT 1 FROM partial_manifest WHERE partial_manifest.repository = ?1"
      "  AND partial_manifest.digest IN (manifest.digest, ?2))",
      repository, index));
  return {};
}

// Its tags go with it; what it named is reviewed.
Result<> SqlMetadata::drop_manifest(Database& db, int64_t repository, const std::string& digest) {
  const std::vector<std::string> children = TRY(texts(TRY(db.prepare(
      "SELECT child FROM edge WHERE repository = ? AND parent = ?", repository, digest))));
  TRY(charge(db, repository, TRY(uncount_manifest(db, repository, digest))));
  TRY(mark_former_entries(db, repository, digest));
  TRY(db.run("DELETE FROM edge WHERE repository = ? AND parent = ?", repository, digest));
  TRY(db.run("DELETE FROM tag WHERE repository = ? AND digest = ?", repository, digest));
  TRY(db.run("DELETE FROM partial_manifest WHERE repository = ? AND digest = ?", repository,
             digest));
  TRY(db.run("DELETE FROM manifest WHERE repository = ? AND digest = ?", repository, digest));
  for (const std::string& child : children) TRY(add_candidate(db, repository, child));
  return {};
}

// What is about it is reviewed, as what lost its subject.
Result<> SqlMetadata::orphan_referrers(Database& db, int64_t repository,
                                       const std::string& digest) {
  const std::vector<std::string> referrers = TRY(texts(TRY(db.prepare(
      "SELECT digest FROM manifest WHERE repository = ? AND subject = ?", repository, digest))));
  TRY(db.run("UPDATE manifest SET orphaned = 1 WHERE repository = ? AND subject = ?", repository,
             digest));
  for (const std::string& referrer : referrers) TRY(add_candidate(db, repository, referrer));
  return {};
}

Result<bool> SqlMetadata::delete_tag(const std::string& repository, const std::string& tag,
                                     const Precondition& precondition, const Actor& actor) {
  return write([&](Database& db, Transaction& tx) -> Result<bool> {
    const std::optional<int64_t> id = TRY(repository_id(db, repository));
    const std::optional<std::string> target = id ? TRY(tag_target(db, *id, tag)) : std::nullopt;
    if (!target) return false;
    TRY(judge_tag(db, {*id, tag, true}, actor));
    if (!precondition.holds(target)) {
      return Error(Code::kFailedPrecondition, cat("tag ", tag, " is at ", *target));
    }
    TRY(db.run("DELETE FROM tag WHERE repository = ? AND name = ?", *id, tag));
    TRY(log_tag(db, *id, {tag, "delete", std::nullopt, target, actor, now()}));
    TRY(add_candidate(db, *id, *target));
    TRY(append_audit(db,
                     audit_entry(clock_.now(), actor, "delete tag", cat(repository, ":", tag))));
    TRY(tx.commit());
    return true;
  });
}

}  // namespace skiff::registry
