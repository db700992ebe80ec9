// Which repository has which blob.
#include "base/strings.h"
#include "db/texts.h"
#include "registry/audit_log.h"
#include "registry/quota.h"
#include "registry/sql_metadata.h"

namespace skiff::registry {

namespace {

// In columns `size` and the one behind it.
BlobPlace place_in(const Statement& row, int size) {
  return {.size = static_cast<uint64_t>(row.integer(size)), .place = row.text(size + 1)};
}

Result<std::optional<BlobLink>> find_link(Database& db, const std::string& repository,
                                          const std::string& digest) {
  Statement row =
      TRY(db.prepare("SELECT repository.id, blob.size, blob.place, link.lease, blob.damaged"
                     " FROM repository "
                     "JOIN link ON link.repository = repository.id "
                     "JOIN blob ON blob.digest = link.digest "
                     "WHERE repository.name = ? AND link.digest = ?",
                     repository, digest));
  if (!TRY(row.step())) return std::nullopt;
  return BlobLink{row.integer(0), place_in(row, 1), row.integer(3), row.integer(4) != 0};
}

Result<bool> is_linked(Database& db, const std::string& from, const std::string& digest) {
  if (!from.empty()) {
    const auto link = TRY(find_link(db, from, digest));
    return link && !link->damaged;
  }
  Statement row =
      TRY(db.prepare("SELECT 1 FROM link JOIN blob ON blob.digest = link.digest"
                     " WHERE link.digest = ? AND blob.damaged = 0 LIMIT 1",
                     digest));
  return TRY(row.step());
}

}  // namespace

Result<std::optional<BlobPlace>> SqlMetadata::find_blob(const std::string& repository,
                                                        const oci::Digest& blob, Renew renew) {
  const std::string digest = blob.str();
  const std::optional<BlobLink> link = TRY(links_.get(cat(repository, "@", digest), [&] {
    return find_link(*readers_.take(), repository, digest);
  }));
  if (!link || link->damaged) return std::optional<BlobPlace>();
  const int64_t half = std::chrono::nanoseconds(options_.grace).count() / 2;
  if (renew == Renew::kNo || link->lease - now() > half) return std::optional(link->at);
  // The row may be gone by now: then the answer is that there is no such blob.
  return write_soon([&](Database& db, Transaction& tx) -> Result<std::optional<BlobPlace>> {
    const int64_t renewed =
        TRY(db.run("UPDATE link SET lease = CASE WHEN lease > ?3 THEN lease ELSE ?3 END"
                   " WHERE repository = ?1 AND digest = ?2",
                   link->repository, digest, lease_end()));
    TRY(tx.commit());
    return renewed > 0 ? std::optional(link->at) : std::nullopt;
  });
}

Result<std::optional<BlobPlace>> SqlMetadata::place_of(const oci::Digest& blob) {
  Pool<Database>::Lease db = readers_.take();
  Statement row = TRY(db->prepare(
      "SELECT size, place FROM blob WHERE digest = ? AND state = 'stored' AND damaged = 0",
      blob.str()));
  if (!TRY(row.step())) return std::optional<BlobPlace>();
  return std::optional(place_in(row, 0));
}

Result<> SqlMetadata::blob_arrives(const oci::Digest& blob, const std::string& upload) {
  return write([&](Database& db, Transaction& tx) -> Result<> {
    // Durable before the content is: or a power cut leaves content that nothing here knows of.
    TRY(
        db.run("INSERT INTO blob(digest, size, state) VALUES (?, 0, 'arriving')"
               " ON CONFLICT DO NOTHING",
               blob.str()));
    TRY(db.run("UPDATE upload SET becoming = ? WHERE id = ?", blob.str(), upload));
    return tx.commit();
  });
}

Result<> SqlMetadata::link_blob(const std::string& repository, const oci::Digest& blob,
                                const BlobPlace& at, const Ended& from) {
  return write([&](Database& db, Transaction& tx) -> Result<> {
    if (!from.upload.empty()) TRY(drop_upload(db, from.upload, from.version));
    TRY(note_discarded(db, from.leftovers));
    // The newest is the one to read: should the one before it be lost, that is mended, too.
    const std::string before = TRY(own_place(db, blob.str()));
    if (!before.empty() && before != at.place) TRY(note_discarded(db, {&before, 1}));
    const int64_t id = TRY(make_repository(db, repository));
    TRY(
        db.run("INSERT INTO blob(digest, size, state, place) VALUES (?, ?, 'stored', ?)"
               " ON CONFLICT(digest) DO UPDATE SET size = excluded.size,"
               " state = excluded.state, place = excluded.place, damaged = 0",
               blob.str(), at.size, at.place));
    TRY(add_link(db, id, blob));
    return tx.commit();
  });
}

Result<std::string> SqlMetadata::own_place(Database& db, const std::string& digest) {
  Statement row = TRY(db.prepare("SELECT place FROM blob WHERE digest = ?", digest));
  return TRY(row.step()) ? row.text(0) : std::string();
}

Result<> SqlMetadata::note_discarded(Database& db, std::span<const std::string> places) {
  for (const std::string& place : places) {
    TRY(db.run("INSERT INTO discarded(place, since) VALUES (?,?) ON CONFLICT(place) DO NOTHING",
               place, now()));
  }
  return {};
}

Result<> SqlMetadata::add_link(Database& db, int64_t repository, const oci::Digest& blob) {
  const std::string digest = blob.str();
  TRY(
      db.run("INSERT INTO link(repository, digest, lease, counted) VALUES (?,?,?,0) "
             "ON CONFLICT(repository, digest) DO UPDATE SET lease = CASE"
             " WHEN link.lease > excluded.lease THEN link.lease ELSE excluded.lease END",
             repository, digest, lease_end()));
  TRY(charge(db, repository, TRY(count_link(db, repository, digest))));
  return add_candidate(db, repository, digest);
}

Result<> SqlMetadata::check_room(const std::string& repository, uint64_t bytes) {
  Pool<Database>::Lease db = readers_.take();
  return registry::check_room(*db, repository, bytes);
}

Result<bool> SqlMetadata::mount_blob(const std::string& repository, const std::string& from,
                                     const oci::Digest& blob) {
  return write([&](Database& db, Transaction& tx) -> Result<bool> {
    if (!TRY(is_linked(db, from, blob.str()))) return false;
    TRY(add_link(db, TRY(make_repository(db, repository)), blob));
    TRY(tx.commit());
    return true;
  });
}

Result<std::vector<std::string>> SqlMetadata::holders(const oci::Digest& blob, size_t limit) {
  Pool<Database>::Lease db = readers_.take();
  Statement rows =
      TRY(db->prepare("SELECT repository.name FROM link JOIN repository ON "
                      "repository.id = link.repository WHERE link.digest = ? LIMIT ?",
                      blob.str(), limit));
  return texts(std::move(rows));
}

Result<std::vector<std::string>> SqlMetadata::unlink_blob(const std::string& repository,
                                                          const oci::Digest& blob,
                                                          const Actor& actor) {
  const std::string digest = blob.str();
  return write([&](Database& db, Transaction& tx) -> Result<std::vector<std::string>> {
    std::optional<BlobLink> link = TRY(find_link(db, repository, digest));
    if (!link) return Error(Code::kNotFound, cat("no blob ", digest, " in ", repository));
    std::vector<std::string> parents;
    {
      Statement rows =
          TRY(db.prepare("SELECT parent FROM edge WHERE repository = ? AND child = ? LIMIT 10",
                         link->repository, digest));
      while (TRY(rows.step())) parents.push_back(rows.text(0));
    }
    if (!parents.empty()) return parents;
    // Without link there is no candidate row's worth of work left but the blob itself: the
    // review finds it unlinked.
    TRY(charge(db, link->repository, TRY(uncount_link(db, link->repository, digest))));
    TRY(db.run("DELETE FROM link WHERE repository = ? AND digest = ?", link->repository, digest));
    TRY(add_candidate(db, link->repository, digest));
    TRY(append_audit(
        db, audit_entry(clock_.now(), actor, "delete blob", cat(repository, "@", digest))));
    TRY(tx.commit());
    return parents;
  });
}

}  // namespace skiff::registry
