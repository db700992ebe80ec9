// The queue of candidates. Whatever can turn something into garbage adds a candidate with a
// time of review; the review decides by what is true then, in the transaction that lets go.
#include <algorithm>

#include "base/log.h"
#include "base/strings.h"
#include "db/texts.h"
#include "registry/quota.h"
#include "registry/sql_metadata.h"

namespace skiff::registry {

namespace {

// When a candidate that somebody is working on is looked at again.
constexpr std::chrono::seconds kBusyRetry{1};

Result<bool> is_there(Statement row) { return TRY(row.step()); }

Result<bool> is_named(Database& db, int64_t repository, const std::string& digest) {
  // By what is in the trash, too: it may come back.
  return is_there(
      TRY(db.prepare("SELECT 1 FROM edge WHERE repository = ?1 AND child = ?2"
                     " UNION ALL"
                     " SELECT 1 FROM trash_edge WHERE repository = ?1 AND child = ?2"
                     " LIMIT 1",
                     repository, digest)));
}

Result<bool> is_named_live(Database& db, int64_t repository, const std::string& digest) {
  return is_there(TRY(db.prepare("SELECT 1 FROM edge WHERE repository = ? AND child = ? LIMIT 1",
                                 repository, digest)));
}

// Until when what a tag named is to be had again; 0 for not.
Result<int64_t> held_by_history(Database& db, int64_t repository, const std::string& digest) {
  Statement row =
      TRY(db.prepare("SELECT max(keep_until) FROM tag_log WHERE repository = ? AND before = ?",
                     repository, digest));
  TRY(row.step());
  return row.integer(0);
}

Result<> drop_if_empty(Database& db, int64_t repository) {
  const int64_t dropped =
      TRY(db.run("DELETE FROM repository WHERE id = ?1"
                 " AND NOT EXISTS (SELECT 1 FROM manifest WHERE repository = ?1)"
                 " AND NOT EXISTS (SELECT 1 FROM trash WHERE repository = ?1)"
                 " AND NOT EXISTS (SELECT 1 FROM link WHERE repository = ?1)"
                 " AND NOT EXISTS (SELECT 1 FROM upload WHERE repository = ?1)",
                 repository));
  // Its id may be another's tomorrow.
  if (dropped > 0) {
    TRY(db.run("DELETE FROM tag_log WHERE repository = ?", repository));
    TRY(db.run("DELETE FROM cached_tag WHERE repository = ?", repository));
  }
  return {};
}

}  // namespace

Result<> postpone(Database& db, int64_t repository, const std::string& digest, int64_t until) {
  TRY(
      db.run("INSERT INTO candidate(repository, digest, review) VALUES (?,?,?)"
             " ON CONFLICT(repository, digest) DO UPDATE SET review = excluded.review",
             repository, digest, until));
  return {};
}

Result<Garbage::Review> SqlMetadata::take_garbage(
    size_t limit, const std::function<bool(const oci::Digest&)>& lock) {
  TRY(write([&](Database& db, Transaction& tx) -> Result<> {
    return TRY(forget_tag_changes(db)) ? tx.commit() : Result<>();
  }));
  return write([&](Database& db, Transaction& tx) -> Result<Review> {
    Review out;
    for (const Candidate& candidate : TRY(due_candidates(db, std::min(limit, engine_.batch)))) {
      ++out.reviewed;
      const auto digest = oci::Digest::parse(candidate.digest);
      if (!digest) {
        log_warn(cat("registry: ", quoted(candidate.digest), " is no digest: not looked at again"));
        TRY(db.run("DELETE FROM candidate WHERE digest = ?", candidate.digest));
        continue;
      }
      if (!lock(*digest)) {
        TRY(postpone(db, candidate.repository, candidate.digest,
                     unix_nanos(clock_.now() + kBusyRetry)));
        continue;
      }
      TRY(review(db, candidate, out));
    }
    if (out.reviewed > 0) TRY(tx.commit());
    return out;
  });
}

// By doing it, and taking it back.
Result<Garbage::Preview> SqlMetadata::preview_garbage(size_t limit) {
  return write([&](Database& db, Transaction&) -> Result<Preview> {
    Preview out;
    Review decided;
    while (out.reviewed < limit) {
      const auto due = TRY(due_candidates(db, limit - out.reviewed));
      if (due.empty()) break;
      out.reviewed += due.size();
      for (const Candidate& candidate : due) TRY(review(db, candidate, decided));
    }
    out.blobs = decided.discarded + decided.doomed.size();
    out.bytes = decided.bytes;
    return out;
  });
}

Result<std::vector<SqlMetadata::Candidate>> SqlMetadata::due_candidates(Database& db,
                                                                        size_t limit) const {
  Statement rows = TRY(db.prepare(cat("SELECT repository, digest FROM candidate WHERE review <= ?"
                                      " ORDER BY review LIMIT ?",
                                      db.claiming()),
                                  now(), limit));
  std::vector<Candidate> out;
  while (TRY(rows.step())) out.push_back({rows.integer(0), rows.text(1)});
  return out;
}

Result<> SqlMetadata::review(Database& db, const Candidate& candidate, Review& out) {
  TRY(db.run("DELETE FROM candidate WHERE repository = ? AND digest = ?", candidate.repository,
             candidate.digest));
  TRY(review_trash(db, candidate));
  TRY(review_manifest(db, candidate));
  if (TRY(lost_last_link(db, candidate))) TRY(review_blob(db, candidate, out));
  return drop_if_empty(db, candidate.repository);
}

// A manifest is kept by a tag, an index that lists it, a subject that is there or may come back,
// its lease, or a tag that named it not long ago; and unless untagged ones are garbage, by itself,
// if it did not lose its subject, or the last index that it was a part of.
Result<> SqlMetadata::review_manifest(Database& db, const Candidate& candidate) {
  int64_t lease = 0;
  {
    Statement row =
        TRY(db.prepare("SELECT lease,"
                       " EXISTS (SELECT 1 FROM tag WHERE repository = ?1 AND digest = ?2),"
                       " EXISTS (SELECT 1 FROM manifest AS other WHERE other.repository = ?1"
                       "  AND other.digest = manifest.subject) OR"
                       " EXISTS (SELECT 1 FROM trash WHERE trash.repository = ?1"
                       "  AND trash.digest = manifest.subject), orphaned, entry"
                       " FROM manifest WHERE repository = ?1 AND digest = ?2",
                       candidate.repository, candidate.digest));
    if (!TRY(row.step())) return {};
    if (row.integer(1) != 0 || row.integer(2) != 0) return {};
    const bool lost_its_keeper = row.integer(3) != 0 || row.integer(4) == kFormerEntry;
    if (!lost_its_keeper && !options_.collect_untagged) return {};
    lease = row.integer(0);
  }
  if (TRY(is_named(db, candidate.repository, candidate.digest))) return {};
  const int64_t until =
      std::max(lease, TRY(held_by_history(db, candidate.repository, candidate.digest)));
  if (until > now()) return postpone(db, candidate.repository, candidate.digest, until);
  TRY(erase_manifest(db, candidate.repository, candidate.digest));
  return tell_deletion(db, candidate.repository, candidate.digest, "garbage", {});
}

// Lets the repository's link go where nothing needs it; true where no repository has one.
Result<bool> SqlMetadata::lost_last_link(Database& db, const Candidate& candidate) {
  std::optional<int64_t> lease;
  {
    Statement row = TRY(db.prepare("SELECT lease FROM link WHERE repository = ? AND digest = ?",
                                   candidate.repository, candidate.digest));
    if (TRY(row.step())) lease = row.integer(0);
  }
  if (lease) {
    if (*lease <= now() && !TRY(is_named_live(db, candidate.repository, candidate.digest))) {
      TRY(charge(db, candidate.repository,
                 TRY(uncount_link(db, candidate.repository, candidate.digest))));
    }
    if (TRY(is_named(db, candidate.repository, candidate.digest))) return false;
    if (*lease > now()) {
      TRY(postpone(db, candidate.repository, candidate.digest, *lease));
      return false;
    }
    TRY(db.run("DELETE FROM link WHERE repository = ? AND digest = ?", candidate.repository,
               candidate.digest));
  }
  return !TRY(
      is_there(TRY(db.prepare("SELECT 1 FROM link WHERE digest = ? LIMIT 1", candidate.digest))));
}

// Of a blob that nothing links.
Result<> SqlMetadata::review_blob(Database& db, const Candidate& candidate, Review& out) {
  {
    Statement row = TRY(db.prepare("SELECT size FROM blob WHERE digest = ? AND state = 'stored'",
                                   candidate.digest));
    if (!TRY(row.step())) return {};
    out.bytes += static_cast<uint64_t>(row.integer(0));
  }
  if (TRY(discard_blob(db, candidate.digest))) {
    ++out.discarded;
    return {};
  }
  TRY(db.run("UPDATE blob SET state = 'doomed' WHERE digest = ?", candidate.digest));
  out.doomed.push_back(TRY(oci::Digest::parse(candidate.digest)));
  return {};
}

// The same content may come back in the next moment: that is at another place.
Result<bool> SqlMetadata::discard_blob(Database& db, const std::string& digest) {
  const std::string place = TRY(own_place(db, digest));
  if (place.empty()) return false;
  TRY(note_discarded(db, {&place, 1}));
  TRY(db.run("DELETE FROM blob WHERE digest = ?", digest));
  return true;
}

Result<std::vector<std::string>> SqlMetadata::discarded(const std::string& after, size_t limit) {
  Pool<Database>::Lease db = readers_.take();
  Statement rows = TRY(db->prepare(
      "SELECT place FROM discarded WHERE place > ? AND since <= ? ORDER BY place LIMIT ?", after,
      unix_nanos(clock_.now() - options_.grace), limit));
  return texts(std::move(rows));
}

Result<> SqlMetadata::forget_discarded(const std::vector<std::string>& places) {
  return write_soon([&](Database& db, Transaction& tx) -> Result<> {
    for (const std::string& place : places) {
      TRY(db.run("DELETE FROM discarded WHERE place = ?", place));
    }
    return tx.commit();
  });
}

Result<> SqlMetadata::drop_blobs(const std::vector<oci::Digest>& blobs) {
  return write_soon([&](Database& db, Transaction& tx) -> Result<> {
    for (const oci::Digest& blob : blobs) {
      TRY(db.run("DELETE FROM blob WHERE digest = ? AND state <> 'stored'", blob.str()));
    }
    return tx.commit();
  });
}

Result<size_t> SqlMetadata::count_due(size_t limit) {
  Pool<Database>::Lease db = readers_.take();
  Statement row = TRY(
      db->prepare("SELECT count(*) FROM (SELECT 1 FROM candidate WHERE review <= ? LIMIT ?) AS due",
                  now(), limit));
  TRY(row.step());
  return static_cast<size_t>(row.integer(0));
}

Result<std::optional<TimePoint>> SqlMetadata::next_review() {
  Pool<Database>::Lease db = readers_.take();
  Statement row = TRY(db->prepare("SELECT min(review) FROM candidate"));
  if (!TRY(row.step()) || row.is_null(0)) return std::optional<TimePoint>();
  return std::optional(TimePoint(std::chrono::nanoseconds(row.integer(0))));
}

Result<std::vector<oci::Digest>> SqlMetadata::unsettled_blobs(const std::string& after,
                                                              size_t limit) {
  std::vector<std::string> names;
  {
    Pool<Database>::Lease db = readers_.take();
    Statement rows =
        TRY(db->prepare("SELECT digest FROM blob WHERE state <> 'stored' AND digest > ?"
                        " ORDER BY digest LIMIT ?",
                        after, limit));
    while (TRY(rows.step())) names.push_back(rows.text(0));
  }
  std::vector<oci::Digest> out;
  for (const std::string& name : names) {
    if (auto digest = oci::Digest::parse(name)) {
      out.push_back(*digest);
    } else {
      TRY(drop_unreadable_blob(name));
    }
  }
  return out;
}

// A record that somebody else has changed: nothing can be of that name.
Result<> SqlMetadata::drop_unreadable_blob(const std::string& digest) {
  log_warn(cat("registry: the record of blob ", quoted(digest), " names no digest: removed"));
  return write([&](Database& db, Transaction& tx) -> Result<> {
    TRY(uncount_everywhere(db, digest));
    TRY(db.run("DELETE FROM link WHERE digest = ?", digest));
    TRY(db.run("DELETE FROM blob WHERE digest = ?", digest));
    return tx.commit();
  });
}

Result<bool> SqlMetadata::is_unsettled(const oci::Digest& blob) {
  Pool<Database>::Lease db = readers_.take();
  return is_there(
      TRY(db->prepare("SELECT 1 FROM blob WHERE digest = ? AND state <> 'stored'", blob.str())));
}

}  // namespace skiff::registry
