#include "images/catalog.h"

#include "base/strings.h"

namespace skiff::images {

namespace {

constexpr const char* kMigrations[] = {
    "CREATE TABLE target("
    " digest TEXT PRIMARY KEY,"
    " media_type TEXT NOT NULL,"
    " size INTEGER NOT NULL,"
    " changed INTEGER NOT NULL,"  // nanoseconds since 1970
    " parent TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE name("
    " name TEXT PRIMARY KEY,"
    " repository TEXT NOT NULL,"
    " target TEXT NOT NULL REFERENCES target(digest)) WITHOUT ROWID;"
    "CREATE INDEX name_of_target ON name(target);"
    "CREATE INDEX name_in_repository ON name(repository);"
    "CREATE TABLE source("
    " blob TEXT NOT NULL,"
    " domain TEXT NOT NULL,"
    " path TEXT NOT NULL,"
    " PRIMARY KEY(blob, domain, path)) WITHOUT ROWID;",
    "CREATE TABLE begun("
    " digest TEXT PRIMARY KEY,"
    " media_type TEXT NOT NULL,"
    " size INTEGER NOT NULL,"
    " since INTEGER NOT NULL) WITHOUT ROWID;",
    "CREATE TABLE packed("
    " layer TEXT PRIMARY KEY,"
    " digest TEXT NOT NULL,"
    " size INTEGER NOT NULL) WITHOUT ROWID;",
    "ALTER TABLE packed ADD COLUMN compressor TEXT NOT NULL DEFAULT '';"};

constexpr std::string_view kTargetColumns = "digest, media_type, size, changed, parent";

Result<oci::Descriptor> read_descriptor(const Statement& row) {
  oci::Descriptor out;
  out.digest = TRY(oci::Digest::parse(row.text(0)));
  out.media_type = row.text(1);
  out.size = static_cast<uint64_t>(row.integer(2));
  return out;
}

Result<TargetRow> read_target(const Statement& row) {
  TargetRow out;
  out.target = TRY(read_descriptor(row));
  out.changed = TimePoint(std::chrono::nanoseconds(row.integer(3)));
  out.parent = row.text(4);
  return out;
}

Result<std::vector<oci::Reference>> read_names(Statement rows) {
  std::vector<oci::Reference> names;
  while (TRY(rows.step())) names.push_back(TRY(oci::Reference::parse(rows.text(0))));
  return names;
}

}  // namespace

Result<Catalog> Catalog::open(const Path& file) {
  return Catalog(TRY_CONTEXT(Database::open(file, kMigrations), "image names"));
}

Result<> Catalog::put(const oci::Descriptor& target, const std::vector<oci::Reference>& names,
                      const std::string& parent, TimePoint now) {
  const std::scoped_lock lock(mutex_);
  Transaction tx = TRY(db_.begin());
  const std::string digest = target.digest.str();
  TRY(
      db_.run("INSERT INTO target(digest, media_type, size, changed, parent) VALUES (?,?,?,?,?) "
              "ON CONFLICT(digest) DO UPDATE SET changed = excluded.changed, "
              "parent = CASE excluded.parent WHEN '' THEN parent ELSE excluded.parent END",
              digest, target.media_type, target.size, unix_nanos(now), parent));
  for (const oci::Reference& name : names) {
    TRY(
        db_.run("INSERT INTO name(name, repository, target) VALUES (?,?,?) "
                "ON CONFLICT(name) DO UPDATE SET target = excluded.target",
                name.str(), name.repository(), digest));
  }
  TRY(db_.run("DELETE FROM begun WHERE digest = ?", digest));
  return tx.commit();
}

Result<bool> Catalog::tag(const oci::Digest& target, const oci::Reference& name, TimePoint now) {
  const std::scoped_lock lock(mutex_);
  Transaction tx = TRY(db_.begin());
  if (TRY(db_.run("UPDATE target SET changed = ? WHERE digest = ?", unix_nanos(now),
                  target.str())) == 0) {
    return false;
  }
  TRY(
      db_.run("INSERT INTO name(name, repository, target) VALUES (?,?,?) "
              "ON CONFLICT(name) DO UPDATE SET target = excluded.target",
              name.str(), name.repository(), target.str()));
  TRY(tx.commit());
  return true;
}

Result<> Catalog::begin(const oci::Descriptor& target, TimePoint now) {
  const std::scoped_lock lock(mutex_);
  TRY(db_.run("INSERT OR REPLACE INTO begun(digest, media_type, size, since) VALUES (?,?,?,?)",
              target.digest.str(), target.media_type, target.size, unix_nanos(now)));
  return {};
}

Result<std::vector<oci::Descriptor>> Catalog::begun() {
  const std::scoped_lock lock(mutex_);
  Statement rows = TRY(db_.prepare("SELECT digest, media_type, size FROM begun ORDER BY digest"));
  std::vector<oci::Descriptor> out;
  while (TRY(rows.step())) out.push_back(TRY(read_descriptor(rows)));
  return out;
}

Result<> Catalog::abandon(const oci::Digest& target) {
  const std::scoped_lock lock(mutex_);
  TRY(db_.run("DELETE FROM begun WHERE digest = ?", target.str()));
  return {};
}

Result<> Catalog::forget_begun(TimePoint when) {
  const std::scoped_lock lock(mutex_);
  TRY(db_.run("DELETE FROM begun WHERE since <= ?", unix_nanos(when)));
  return {};
}

Result<> Catalog::add_name(const oci::Digest& target, const oci::Reference& name) {
  const std::scoped_lock lock(mutex_);
  TRY(
      db_.run("INSERT INTO name(name, repository, target) SELECT ?, ?, digest FROM target "
              "WHERE digest = ? ON CONFLICT(name) DO UPDATE SET target = excluded.target",
              name.str(), name.repository(), target.str()));
  return {};
}

Result<> Catalog::replace(const oci::Digest& target, const oci::Descriptor& by) {
  const std::scoped_lock lock(mutex_);
  Transaction tx = TRY(db_.begin());
  const std::string old = target.str();
  const std::string made = by.digest.str();
  TRY(
      db_.run("INSERT INTO target(digest, media_type, size, changed, parent) "
              "SELECT ?, ?, ?, changed, parent FROM target WHERE digest = ? "
              "ON CONFLICT(digest) DO UPDATE SET changed = excluded.changed",
              made, by.media_type, by.size, old));
  // Of what is gone there are none.
  TRY(db_.run("UPDATE name SET target = ? WHERE target = ?", made, old));
  TRY(db_.run("DELETE FROM target WHERE digest = ?", old));
  return tx.commit();
}

Result<> Catalog::untag(const std::vector<oci::Reference>& names) {
  const std::scoped_lock lock(mutex_);
  Transaction tx = TRY(db_.begin());
  for (const oci::Reference& name : names) {
    TRY(db_.run("DELETE FROM name WHERE name = ?", name.str()));
  }
  return tx.commit();
}

Result<> Catalog::drop_with_names(const std::vector<oci::Digest>& targets) {
  const std::scoped_lock lock(mutex_);
  Transaction tx = TRY(db_.begin());
  for (const oci::Digest& target : targets) {
    TRY(db_.run("DELETE FROM name WHERE target = ?", target.str()));
    TRY(db_.run("DELETE FROM target WHERE digest = ?", target.str()));
  }
  return tx.commit();
}

Result<std::optional<TargetRow>> Catalog::find(const oci::Reference& name) {
  const std::scoped_lock lock(mutex_);
  Statement row = TRY(db_.prepare(cat("SELECT ", kTargetColumns,
                                      " FROM target JOIN name ON name.target = target.digest "
                                      "WHERE name.name = ?"),
                                  name.str()));
  if (!TRY(row.step())) return std::nullopt;
  return TRY(read_target(row));
}

Result<bool> Catalog::has(const oci::Digest& target) {
  std::lock_guard lock(mutex_);
  Statement row = TRY(db_.prepare("SELECT 1 FROM target WHERE digest = ?", target.str()));
  return row.step();
}

Result<std::vector<TargetRow>> Catalog::targets() {
  const std::scoped_lock lock(mutex_);
  Statement rows = TRY(
      db_.prepare(cat("SELECT ", kTargetColumns, " FROM target ORDER BY changed DESC, digest")));
  std::vector<TargetRow> out;
  while (TRY(rows.step())) out.push_back(TRY(read_target(rows)));
  return out;
}

Result<std::vector<oci::Reference>> Catalog::names_of(const oci::Digest& target) {
  const std::scoped_lock lock(mutex_);
  return read_names(
      TRY(db_.prepare("SELECT name FROM name WHERE target = ? ORDER BY name", target.str())));
}

Result<std::vector<oci::Reference>> Catalog::tags_in(const std::string& repository) {
  const std::scoped_lock lock(mutex_);
  auto names = TRY(read_names(
      TRY(db_.prepare("SELECT name FROM name WHERE repository = ? ORDER BY name", repository))));
  std::erase_if(names, [](const oci::Reference& name) { return name.digest().has_value(); });
  return names;
}

Result<> Catalog::add_sources(const std::vector<oci::Digest>& blobs, const oci::Reference& where) {
  const std::scoped_lock lock(mutex_);
  Transaction tx = TRY(db_.begin());
  for (const oci::Digest& blob : blobs) {
    TRY(db_.run("INSERT OR IGNORE INTO source(blob, domain, path) VALUES (?,?,?)", blob.str(),
                where.domain(), where.path()));
  }
  return tx.commit();
}

Result<std::string> Catalog::source_of(const oci::Digest& blob, const oci::Reference& for_push_to) {
  const std::scoped_lock lock(mutex_);
  Statement row = TRY(db_.prepare(
      "SELECT path FROM source WHERE blob = ? AND domain = ? AND path <> ? ORDER BY path LIMIT 1",
      blob.str(), for_push_to.domain(), for_push_to.path()));
  if (!TRY(row.step())) return "";
  return row.text(0);
}

Result<bool> Catalog::has_source(const oci::Digest& blob) {
  const std::scoped_lock lock(mutex_);
  Statement row = TRY(db_.prepare("SELECT 1 FROM source WHERE blob = ? LIMIT 1", blob.str()));
  return row.step();
}

Result<std::optional<PackedForm>> Catalog::packed_form(const oci::Digest& layer) {
  const std::scoped_lock lock(mutex_);
  Statement row =
      TRY(db_.prepare("SELECT digest, size, compressor FROM packed WHERE layer = ?", layer.str()));
  if (!TRY(row.step())) return std::nullopt;
  return PackedForm{.digest = TRY(oci::Digest::parse(row.text(0))),
                    .size = static_cast<uint64_t>(row.integer(1)),
                    .compressor = row.text(2)};
}

Result<> Catalog::set_packed_form(const oci::Digest& layer, const PackedForm& form) {
  const std::scoped_lock lock(mutex_);
  TRY(db_.run("INSERT OR REPLACE INTO packed(layer, digest, size, compressor) VALUES (?,?,?,?)",
              layer.str(), form.digest.str(), form.size, form.compressor));
  return {};
}

Result<> Catalog::forget_blobs(const std::set<oci::Digest>& blobs) {
  const std::scoped_lock lock(mutex_);
  Transaction tx = TRY(db_.begin());
  for (const oci::Digest& blob : blobs) {
    TRY(db_.run("DELETE FROM source WHERE blob = ?", blob.str()));
    TRY(db_.run("DELETE FROM packed WHERE layer = ?", blob.str()));
  }
  return tx.commit();
}

Result<std::vector<std::string>> Catalog::faults() {
  const std::scoped_lock lock(mutex_);
  return db_.faults();
}

}  // namespace skiff::images
