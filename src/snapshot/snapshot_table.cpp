#include "snapshot/snapshot_table.h"

#include "base/strings.h"

namespace skiff::snapshot {

namespace {

constexpr const char* kMigrations[] = {
    "CREATE TABLE snapshot("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  name TEXT NOT NULL UNIQUE,"
    "  parent INTEGER REFERENCES snapshot(id),"
    "  kind INTEGER NOT NULL,"     // enum Kind
    "  created INTEGER NOT NULL,"  // Unix nanoseconds
    "  bytes INTEGER,"
    "  inodes INTEGER"
    ");"
    "CREATE INDEX snapshot_parent ON snapshot(parent);",
    "ALTER TABLE snapshot ADD COLUMN index_sha256 TEXT;",
    ("ALTER TABLE snapshot ADD COLUMN verified INTEGER NOT NULL DEFAULT 0;"  // Unix nanoseconds
     "ALTER TABLE snapshot ADD COLUMN damage TEXT NOT NULL DEFAULT '';"),
    "ALTER TABLE snapshot ADD COLUMN stamp TEXT NOT NULL DEFAULT '';"};

constexpr const char* kSelect =
    "SELECT s.id, s.name, p.name, s.kind, s.created, s.bytes, s.inodes, s.index_sha256,"
    " s.verified, s.damage, s.stamp"
    " FROM snapshot s LEFT JOIN snapshot p ON p.id = s.parent ";

// A rolled back insert gives its id back to SQLite, but its directory may be there already: so
// an id is also above the last one that this process tried.
constexpr const char* kInsert =
    "INSERT INTO snapshot(name, kind, created, parent, id) VALUES (?, ?, ?, ?, 1 + max(?,"
    " coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'snapshot'), 0)))";

}  // namespace

Result<SnapshotTable> SnapshotTable::open(const Path& file) {
  return SnapshotTable(TRY(Database::open(file, kMigrations)));
}

SnapshotRow SnapshotTable::row_of(const Statement& s) const {
  SnapshotRow row;
  row.id = s.integer(0);
  row.info = {.name = s.text(1),
              .parent = s.text(2),
              .kind = static_cast<Kind>(s.integer(3)),
              .created = TimePoint(std::chrono::nanoseconds(s.integer(4)))};
  if (!s.is_null(5)) {
    row.usage = Usage{static_cast<uint64_t>(s.integer(5)), static_cast<uint64_t>(s.integer(6))};
  }
  row.index = s.text(7);
  row.verified = TimePoint(std::chrono::nanoseconds(s.integer(8)));
  row.info.damage = s.text(9);
  row.stamp = s.text(10);
  const auto changes = state_->changes.find(row.id);
  if (changes != state_->changes.end()) row.changes = changes->second;
  return row;
}

Result<SnapshotRow> SnapshotTable::find(const std::string& name) {
  Statement s = TRY(state_->db.prepare(cat(kSelect, "WHERE s.name = ?"), name));
  if (!TRY(s.step())) return Error(Code::kNotFound, cat("snapshot ", name, " not found"));
  return row_of(s);
}

Result<SnapshotRow> SnapshotTable::get(const std::string& name) {
  std::lock_guard lock(state_->mutex);
  return find(name);
}

Result<std::vector<SnapshotRow>> SnapshotTable::all() {
  std::lock_guard lock(state_->mutex);
  Statement s = TRY(state_->db.prepare(cat(kSelect, "ORDER BY s.id")));
  std::vector<SnapshotRow> rows;
  while (TRY(s.step())) rows.push_back(row_of(s));
  return rows;
}

Result<std::vector<int64_t>> SnapshotTable::parents_of(const std::string& name) {
  std::lock_guard lock(state_->mutex);
  Statement s = TRY(state_->db.prepare(
      "WITH RECURSIVE up(id, parent, depth) AS ("
      "  SELECT id, parent, 0 FROM snapshot WHERE name = ?"
      "  UNION ALL SELECT s.id, s.parent, up.depth + 1 FROM snapshot s JOIN up ON s.id = up.parent)"
      " SELECT id FROM up WHERE depth > 0 ORDER BY depth",
      name));
  std::vector<int64_t> ids;
  while (TRY(s.step())) ids.push_back(s.integer(0));
  return ids;
}

Result<std::optional<Info>> SnapshotTable::damaged_below(const std::string& name) {
  const Result<SnapshotRow> row = get(name);
  if (row) return damaged_below(row->id);
  return row.error().code() == Code::kNotFound ? Result<std::optional<Info>>(std::nullopt)
                                               : row.error();
}

Result<std::optional<Info>> SnapshotTable::damaged_below(int64_t id) {
  std::lock_guard lock(state_->mutex);
  Statement s = TRY(state_->db.prepare(
      cat("WITH RECURSIVE up(id, parent, depth) AS ("
          "  SELECT id, parent, 0 FROM snapshot WHERE id = ?"
          "  UNION ALL SELECT s.id, s.parent, up.depth + 1 FROM snapshot s"
          "  JOIN up ON s.id = up.parent) ",
          kSelect, "JOIN up ON up.id = s.id WHERE s.damage <> '' ORDER BY up.depth LIMIT 1"),
      id));
  if (!TRY(s.step())) return std::nullopt;
  return row_of(s).info;
}

Result<std::vector<std::pair<int64_t, Kind>>> SnapshotTable::above(int64_t id) {
  std::lock_guard lock(state_->mutex);
  Statement s = TRY(state_->db.prepare(
      "WITH RECURSIVE above(id, kind) AS ("
      "  SELECT id, kind FROM snapshot WHERE parent = ?"
      "  UNION ALL SELECT s.id, s.kind FROM snapshot s JOIN above ON s.parent = above.id)"
      " SELECT id, kind FROM above",
      id));
  std::vector<std::pair<int64_t, Kind>> all;
  while (TRY(s.step())) all.emplace_back(s.integer(0), static_cast<Kind>(s.integer(1)));
  return all;
}

Result<> SnapshotTable::require_free(const std::string& name) {
  if (name.empty()) return Error(Code::kInvalidArgument, "a snapshot needs a name");
  Result<SnapshotRow> taken = find(name);
  if (taken) return Error(Code::kAlreadyExists, cat("snapshot ", name, " exists"));
  return taken.error().code() == Code::kNotFound ? Result<>() : std::move(taken.error());
}

Result<> SnapshotTable::add(const Info& info, const std::function<Result<>(int64_t)>& place,
                            const std::function<void(int64_t)>& undo, const LayerFiles& files) {
  std::lock_guard lock(state_->mutex);
  Transaction tx = TRY(state_->db.begin());
  TRY(require_free(info.name));
  std::optional<int64_t> parent;
  if (!info.parent.empty()) {
    SnapshotRow row = TRY_CONTEXT(find(info.parent), "parent");
    if (row.info.kind != Kind::kCommitted) {
      return Error(Code::kFailedPrecondition,
                   cat("parent snapshot ", info.parent, " is not committed"));
    }
    parent = row.id;
  }
  Statement insert = TRY(state_->db.prepare(kInsert, info.name, static_cast<int>(info.kind),
                                            unix_nanos(info.created), nullptr, state_->last_id));
  if (parent) TRY(insert.bind(4, *parent));
  TRY(insert.step());
  state_->last_id = state_->db.last_insert_id();
  if (!files.index.empty()) TRY(write_files(state_->last_id, files));
  TRY(place(state_->last_id));
  Result<> committed = tx.commit();
  if (!committed && undo) undo(state_->last_id);
  return committed;
}

Result<> SnapshotTable::commit(const std::string& key, const std::string& name, TimePoint when) {
  std::lock_guard lock(state_->mutex);
  Transaction tx = TRY(state_->db.begin());
  TRY(require_free(name));
  TRY(state_->db.run("UPDATE snapshot SET name = ?, kind = ?, created = ? WHERE name = ?", name,
                     static_cast<int>(Kind::kCommitted), unix_nanos(when), key));
  return tx.commit();
}

Result<> SnapshotTable::erase(const std::string& name) {
  std::lock_guard lock(state_->mutex);
  Transaction tx = TRY(state_->db.begin());
  SnapshotRow row = TRY(find(name));
  Statement child = TRY(state_->db.prepare("SELECT name FROM snapshot WHERE parent = ?", row.id));
  if (TRY(child.step())) {
    return Error(Code::kFailedPrecondition,
                 cat("snapshot ", name, " is the parent of ", child.text(0)));
  }
  TRY(state_->db.run("DELETE FROM snapshot WHERE id = ?", row.id));
  return tx.commit();
}

Result<std::vector<std::string>> SnapshotTable::faults() {
  std::lock_guard lock(state_->mutex);
  return state_->db.faults();
}

Result<> SnapshotTable::set_usage(const std::string& name, const Usage& usage) {
  std::lock_guard lock(state_->mutex);
  TRY(state_->db.run("UPDATE snapshot SET bytes = ?, inodes = ? WHERE name = ?", usage.bytes,
                     usage.inodes, name));
  return {};
}

Result<> SnapshotTable::set_files(int64_t id, const LayerFiles& files) {
  std::lock_guard lock(state_->mutex);
  ++state_->changes[id];
  return write_files(id, files);
}

Result<> SnapshotTable::write_files(int64_t id, const LayerFiles& files) {
  TRY(state_->db.run(
      "UPDATE snapshot SET index_sha256 = nullif(?, ''), stamp = ?, damage = '' WHERE id = ?",
      files.index, files.stamp, id));
  return {};
}

Result<bool> SnapshotTable::set_verified(const SnapshotRow& seen, const Verdict& found) {
  std::lock_guard lock(state_->mutex);
  const auto changes = state_->changes.find(seen.id);
  if (changes != state_->changes.end() && changes->second != seen.changes) return false;
  return TRY(state_->db.run("UPDATE snapshot SET verified = ?, damage = ?, stamp = ?"
                            " WHERE id = ? AND damage = ? AND stamp = ?"
                            " AND index_sha256 IS nullif(?, '')",
                            unix_nanos(found.verified), found.damage, found.stamp, seen.id,
                            seen.info.damage, seen.stamp, seen.index)) > 0;
}

Result<> SnapshotTable::forget_usage(int64_t id) {
  std::lock_guard lock(state_->mutex);
  ++state_->changes[id];
  TRY(state_->db.run("UPDATE snapshot SET bytes = NULL, inodes = NULL WHERE id = ?", id));
  return {};
}

}  // namespace skiff::snapshot
