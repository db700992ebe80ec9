// The events of changes, each written in the transaction of its change.
#include "base/random.h"
#include "codec/json.h"
#include "registry/sql_metadata.h"

namespace skiff::registry {

namespace {

Result<bool> has_row(Statement row) { return TRY(row.step()); }

Result<bool> anyone_listens(Database& db) {
  return has_row(TRY(db.prepare("SELECT 1 FROM webhook WHERE disabled = 0 LIMIT 1")));
}

Result<bool> has_any_manifest(Database& db, int64_t repository) {
  return has_row(
      TRY(db.prepare("SELECT 1 FROM manifest WHERE repository = ? LIMIT 1", repository)));
}

void set_actor(json::Value& data, const Actor& actor) {
  if (!actor.name.empty()) data.set("actor", actor.name);
}

}  // namespace

// Nothing where nobody listens.
Result<> SqlMetadata::tell(Database& db, int64_t repository, std::string_view kind,
                           const json::Value& data) {
  if (!TRY(anyone_listens(db))) return {};
  std::string name;
  {
    Statement row = TRY(db.prepare("SELECT name FROM repository WHERE id = ?", repository));
    if (TRY(row.step())) name = row.text(0);
  }
  json::Value whole = json::object({{"repository", name}});
  for (const auto& [key, value] : data.as_object()) whole.set(key, value);
  TRY(db.run("INSERT INTO event(uid, at, kind, repository, data) VALUES (?,?,?,?,?)",
             random_hex(32), now(), kind, name, whole.dump()));
  return {};
}

// Asked before the manifest is written: for tell_push().
Result<bool> SqlMetadata::begins_repository(Database& db, int64_t repository) {
  return TRY(anyone_listens(db)) && !TRY(has_any_manifest(db, repository));
}

Result<> SqlMetadata::tell_push(Database& db, int64_t repository, const NewManifest& manifest,
                                const PutCondition& condition, bool first) {
  if (first) TRY(tell(db, repository, "repository.created", {}));
  json::Value data = json::object({{"digest", manifest.row.digest.str()},
                                   {"mediaType", manifest.row.media_type},
                                   {"size", manifest.row.bytes.size()}});
  if (!manifest.artifact_type.empty()) data.set("artifactType", manifest.artifact_type);
  if (manifest.subject) data.set("subject", manifest.subject->str());
  data.set("tags", condition.tags);
  set_actor(data, condition.actor);
  return tell(db, repository, "manifest.pushed", data);
}

// Called after the manifest has gone.
Result<> SqlMetadata::tell_deletion(Database& db, int64_t repository, const std::string& digest,
                                    std::string_view reason, const Actor& actor) {
  if (!TRY(anyone_listens(db))) return {};
  json::Value data = json::object({{"digest", digest}, {"reason", reason}});
  set_actor(data, actor);
  TRY(tell(db, repository, "manifest.deleted", data));
  if (TRY(has_any_manifest(db, repository))) return {};
  return tell(db, repository, "repository.deleted", {});
}

Result<> SqlMetadata::tell_restore(Database& db, int64_t repository, const std::string& digest,
                                   const std::vector<std::string>& tags, const Actor& actor,
                                   bool first) {
  if (first) TRY(tell(db, repository, "repository.created", {}));
  json::Value data = json::object({{"digest", digest}, {"tags", tags}});
  set_actor(data, actor);
  return tell(db, repository, "manifest.restored", data);
}

Result<> SqlMetadata::tell_tag(Database& db, int64_t repository, const TagWrite& change) {
  json::Value data = json::object({{"tag", change.tag}});
  if (change.digest) data.set("digest", *change.digest);
  if (change.before) data.set("before", *change.before);
  set_actor(data, change.actor);
  return tell(db, repository, change.digest ? "tag.set" : "tag.deleted", data);
}

}  // namespace skiff::registry
