// Deletion of tags by retention, some at a time: pushes wait for it.
#include <algorithm>
#include <set>

#include "base/strings.h"
#include "registry/audit_log.h"
#include "registry/policy_rules.h"
#include "registry/sql_metadata.h"

namespace skiff::registry {

namespace {

Result<bool> is_still_so(Database& db, int64_t repository, const TagState& tag) {
  Statement row = TRY(db.prepare(
      "SELECT 1 FROM tag WHERE repository = ? AND name = ? AND digest = ? AND updated = ?"
      " AND pulled = ?",
      repository, tag.name, tag.digest, unix_nanos(tag.set), unix_nanos(tag.pulled)));
  return TRY(row.step());
}

// Whether the manifest has no tags but those, and no index lists it.
Result<bool> goes_with(Database& db, int64_t repository, const std::string& digest,
                       const std::set<std::string>& tags) {
  {
    Statement parent = TRY(db.prepare(
        "SELECT 1 FROM edge WHERE repository = ? AND child = ? LIMIT 1", repository, digest));
    if (TRY(parent.step())) return false;
  }
  Statement rows = TRY(
      db.prepare("SELECT name FROM tag WHERE repository = ? AND digest = ?", repository, digest));
  while (TRY(rows.step())) {
    if (!tags.contains(rows.text(0))) return false;
  }
  return true;
}

}  // namespace

// False where it is so no more, or a rule keeps it. `with`: the tags that go together.
Result<bool> SqlMetadata::expire_tag(Database& db, int64_t repository, const TagState& tag,
                                     const std::set<std::string>& with, const Actor& actor) {
  const bool whole = TRY(goes_with(db, repository, tag.digest, with));
  const Result<> judged = whole ? judge_deletion(db, repository, tag.digest, actor)
                                : judge_tag(db, {repository, tag.name, true}, actor);
  if (!judged && is_policy_refusal(judged.error())) return false;
  if (!judged) return judged.error();
  if (whole) {
    if (options_.undelete.count() > 0) {
      TRY(trash_manifest(db, repository, tag.digest, actor));
    } else {
      TRY(log_tags_of(db, repository, tag.digest, actor, now()));
      TRY(erase_manifest(db, repository, tag.digest));
    }
    TRY(tell_deletion(db, repository, tag.digest, "retention", actor));
    return true;
  }
  TRY(db.run("DELETE FROM tag WHERE repository = ? AND name = ?", repository, tag.name));
  TRY(log_tag(db, repository, {tag.name, "delete", std::nullopt, tag.digest, actor, now()}));
  TRY(add_candidate(db, repository, tag.digest));
  return true;
}

Result<std::vector<std::string>> SqlMetadata::expire_tags(const std::string& repository,
                                                          const std::vector<TagState>& tags,
                                                          const Actor& actor) {
  return write([&](Database& db, Transaction& tx) -> Result<std::vector<std::string>> {
    std::vector<std::string> gone;
    const std::optional<int64_t> id = TRY(repository_id(db, repository));
    if (!id) return gone;
    std::vector<TagState> due;
    std::set<std::string> with;
    for (const TagState& tag : tags) {
      if (!TRY(is_still_so(db, *id, tag))) continue;
      due.push_back(tag);
      with.insert(tag.name);
    }
    for (const TagState& tag : due) {
      // With its manifest an earlier one may have taken it along.
      const bool there = TRY(is_still_so(db, *id, tag));
      if (there && !TRY(expire_tag(db, *id, tag, with, actor))) {
        with.erase(tag.name);
        continue;
      }
      gone.push_back(tag.name);
      AuditEntry entry =
          audit_entry(clock_.now(), actor, "expire tag", cat(repository, ":", tag.name));
      TRY(append_audit(db, entry));
    }
    if (!gone.empty()) TRY(tx.commit());
    return gone;
  });
}

}  // namespace skiff::registry
