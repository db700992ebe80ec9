#include "registry/quota.h"

#include "base/size.h"
#include "base/strings.h"
#include "db/attempts.h"

namespace skiff::registry {

namespace {

// Whether the repository is at the node ?1 or below it.
constexpr std::string_view kBelow =
    "(?1 = '' OR repository.name = ?1 OR"
    " substr(repository.name, 1, length(?1) + 1) = ?1 || '/')";

Result<int64_t> number(Statement row) {
  if (!TRY(row.step())) return 0;
  return row.integer(0);
}

Result<bool> is_any(Statement row) { return TRY(row.step()); }

Error exceeded(const std::string& node, int64_t limit, int64_t before, int64_t more) {
  return refused_by_policy(cat("the quota of ", access::node_text(node), " is ", limit,
                               " bytes, of which ", before, " are used: ", more,
                               " more are too many"));
}

// What a quota's row says: of `used` the shares have a part that nobody uses yet.
struct QuotaRow {
  int64_t limit = 0;
  int64_t used = 0;
};

Result<std::optional<QuotaRow>> quota_row(Database& db, const std::string& node) {
  Statement row = TRY(db.prepare("SELECT bytes, used FROM quota WHERE node = ?", node));
  if (!TRY(row.step())) return std::optional<QuotaRow>();
  return std::optional(QuotaRow{row.integer(0), row.integer(1)});
}

Result<> take_from_quota(Database& db, const std::string& node, int64_t bytes) {
  TRY(db.run("UPDATE quota SET used = used + ? WHERE node = ?", bytes, node));
  return {};
}

Result<> add_to_share(Database& db, const std::string& node, int64_t bytes) {
  TRY(
      db.run("INSERT INTO quota_share(node, lane, room) VALUES (?, ?, ?) ON CONFLICT(node, lane)"
             " DO UPDATE SET room = quota_share.room + excluded.room",
             node, db.lane(), bytes));
  return {};
}

// Gives the quota back what shares have: from then on it says what is used.
Result<> collect_shares(Database& db, const std::string& node) {
  const int64_t room = TRY(number(
      TRY(db.prepare("SELECT coalesce(sum(room), 0) FROM quota_share WHERE node = ?", node))));
  TRY(db.run("DELETE FROM quota_share WHERE node = ?", node));
  return take_from_quota(db, node, -room);
}

Result<> grow(Database& db, const std::string& node, QuotaRow quota, int64_t bytes) {
  const int64_t lent =
      TRY(db.run("UPDATE quota_share SET room = room - ?1"
                 " WHERE node = ?2 AND lane = ?3 AND room >= ?1",
                 bytes, node, db.lane()));
  if (lent > 0) return {};
  if (bytes > quota.limit - quota.used) {
    TRY(collect_shares(db, node));
    quota = TRY(quota_row(db, node)).value_or(quota);
  }
  const int64_t room = quota.limit - quota.used - bytes;
  if (room < 0) return exceeded(node, quota.limit, quota.used, bytes);
  // Much while there is much: the quota's row is what all meet at.
  const int64_t share = room / Database::kLanes;
  TRY(take_from_quota(db, node, bytes + share));
  return share > 0 ? add_to_share(db, node, share) : Result<>();
}

Result<> charge_quota(Database& db, const std::string& node, int64_t bytes) {
  const std::optional<QuotaRow> quota = TRY(quota_row(db, node));
  if (!quota) return {};
  if (bytes > 0) return grow(db, node, *quota, bytes);
  // Beyond its limit there are no shares: what goes makes no room.
  if (quota->used > quota->limit) return take_from_quota(db, node, bytes);
  return add_to_share(db, node, -bytes);
}

// What counts, from what is there.
Result<> recount(Database& db, const std::string& node) {
  TRY(db.run(cat("UPDATE repository SET used ="
                 " (SELECT coalesce(sum(blob.size), 0) FROM link"
                 "  JOIN blob ON blob.digest = link.digest"
                 "  WHERE link.repository = repository.id AND link.counted = 1) +"
                 " (SELECT coalesce(sum(length(manifest.bytes)), 0) FROM manifest"
                 "  WHERE manifest.repository = repository.id) WHERE ",
                 kBelow),
             node));
  return {};
}

}  // namespace

Result<uint64_t> used_at(Database& db, const std::string& node) {
  return static_cast<uint64_t>(TRY(number(
      TRY(db.prepare(cat("SELECT coalesce(sum(used), 0) FROM repository WHERE ", kBelow), node)))));
}

Result<> check_room(Database& db, const std::string& repository, uint64_t bytes) {
  for (const Quota& quota : TRY(list_quotas(db))) {
    if (!reaches(quota.node, repository) || bytes == 0) continue;
    if (quota.used < quota.bytes && bytes <= quota.bytes - quota.used) continue;
    return exceeded(quota.node, static_cast<int64_t>(quota.bytes), static_cast<int64_t>(quota.used),
                    static_cast<int64_t>(bytes));
  }
  return {};
}

Result<> set_quota(Database& db, const std::string& node, uint64_t bytes) {
  return with_attempts(db, [&](Transaction& tx) -> Result<> {
    TRY(
        db.run("INSERT INTO quota(node, bytes, used) VALUES (?, ?, 0)"
               " ON CONFLICT(node) DO UPDATE SET bytes = excluded.bytes",
               node, bytes));
    TRY(recount(db, node));
    for (const Quota& quota : TRY(list_quotas(db))) {
      TRY(db.run("DELETE FROM quota_share WHERE node = ?", quota.node));
      TRY(db.run("UPDATE quota SET used = ? WHERE node = ?", TRY(used_at(db, quota.node)),
                 quota.node));
    }
    return tx.commit();
  });
}

Result<> remove_quota(Database& db, const std::string& node) {
  return with_attempts(db, [&](Transaction& tx) -> Result<> {
    TRY(db.run("DELETE FROM quota_share WHERE node = ?", node));
    if (TRY(db.run("DELETE FROM quota WHERE node = ?", node)) > 0) return tx.commit();
    return Error(Code::kNotFound, cat("there is no quota on ", access::node_text(node)));
  });
}

Result<std::vector<Quota>> list_quotas(Database& db) {
  Statement rows =
      TRY(db.prepare("SELECT node, bytes, used - (SELECT coalesce(sum(room), 0) FROM quota_share"
                     " WHERE quota_share.node = quota.node) FROM quota ORDER BY node"));
  std::vector<Quota> quotas;
  while (TRY(rows.step())) {
    quotas.push_back({rows.text(0), static_cast<uint64_t>(rows.integer(1)),
                      static_cast<uint64_t>(rows.integer(2))});
  }
  return quotas;
}

Result<> charge(Database& db, int64_t repository, int64_t bytes) {
  if (bytes == 0) return {};
  TRY(db.run("UPDATE repository SET used = used + ? WHERE id = ?", bytes, repository));
  if (!TRY(is_any(TRY(db.prepare("SELECT 1 FROM quota LIMIT 1"))))) return {};
  std::string name;
  {
    Statement row = TRY(db.prepare("SELECT name FROM repository WHERE id = ?", repository));
    if (!TRY(row.step())) return {};
    name = row.text(0);
  }
  for (const std::string& node : nodes_above(name)) TRY(charge_quota(db, node, bytes));
  return {};
}

Result<int64_t> count_link(Database& db, int64_t repository, const std::string& digest) {
  const int64_t counted =
      TRY(db.run("UPDATE link SET counted = 1 WHERE repository = ? AND digest = ? AND counted = 0",
                 repository, digest));
  if (counted == 0) return 0;
  return number(TRY(db.prepare("SELECT size FROM blob WHERE digest = ?", digest)));
}

Result<int64_t> uncount_link(Database& db, int64_t repository, const std::string& digest) {
  const int64_t counted =
      TRY(db.run("UPDATE link SET counted = 0 WHERE repository = ? AND digest = ? AND counted = 1",
                 repository, digest));
  if (counted == 0) return 0;
  return -TRY(number(TRY(db.prepare("SELECT size FROM blob WHERE digest = ?", digest))));
}

Result<int64_t> count_children(Database& db, int64_t repository, const std::string& manifest) {
  constexpr std::string_view kUncounted =
      " link.repository = ?1 AND link.counted = 0 AND link.digest IN"
      " (SELECT child FROM edge WHERE edge.repository = ?1 AND edge.parent = ?2)";
  const int64_t bytes =
      TRY(number(TRY(db.prepare(cat("SELECT coalesce(sum(blob.size), 0) FROM link"
                                    " JOIN blob ON blob.digest = link.digest WHERE",
                                    kUncounted),
                                repository, manifest))));
  TRY(db.run(cat("UPDATE link SET counted = 1 WHERE", kUncounted), repository, manifest));
  return bytes;
}

Result<int64_t> uncount_manifest(Database& db, int64_t repository, const std::string& manifest) {
  constexpr std::string_view kItsAlone =
      " link.repository = ?1 AND link.counted = 1 AND link.digest IN"
      " (SELECT child FROM edge WHERE edge.repository = ?1 AND edge.parent = ?2)"
      " AND NOT EXISTS (SELECT 1 FROM edge WHERE edge.repository = ?1"
      "  AND edge.child = link.digest AND edge.parent <> ?2)";
  const int64_t blobs =
      TRY(number(TRY(db.prepare(cat("SELECT coalesce(sum(blob.size), 0) FROM link"
                                    " JOIN blob ON blob.digest = link.digest WHERE",
                                    kItsAlone),
                                repository, manifest))));
  TRY(db.run(cat("UPDATE link SET counted = 0 WHERE", kItsAlone), repository, manifest));
  const int64_t own = TRY(number(
      TRY(db.prepare("SELECT length(bytes) FROM manifest WHERE repository = ? AND digest = ?",
                     repository, manifest))));
  return -(blobs + own);
}

Result<> uncount_everywhere(Database& db, const std::string& digest) {
  std::vector<int64_t> repositories;
  {
    Statement rows =
        TRY(db.prepare("SELECT repository FROM link WHERE digest = ? AND counted = 1", digest));
    while (TRY(rows.step())) repositories.push_back(rows.integer(0));
  }
  for (const int64_t repository : repositories) {
    TRY(charge(db, repository, TRY(uncount_link(db, repository, digest))));
  }
  return {};
}

}  // namespace skiff::registry
