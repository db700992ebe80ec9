// Mirrors: settings, times, what became of them.
#include "base/strings.h"
#include "registry/sql_metadata.h"

namespace skiff::registry {

Result<std::vector<MirrorRow>> SqlMetadata::mirrors() {
  Pool<Database>::Lease db = readers_.take();
  Statement rows =
      TRY(db->prepare("SELECT name, settings, next_run, state FROM mirror ORDER BY name"));
  std::vector<MirrorRow> out;
  while (TRY(rows.step())) {
    out.push_back({rows.text(0), rows.text(1), TimePoint(std::chrono::nanoseconds(rows.integer(2))),
                   rows.text(3)});
  }
  return out;
}

Result<> SqlMetadata::add_mirror(const MirrorRow& mirror) {
  const Result<> added = write([&](Database& db, Transaction& tx) -> Result<> {
    TRY(db.run("INSERT INTO mirror(name, settings, next_run, state) VALUES (?,?,?,?)", mirror.name,
               mirror.settings, unix_nanos(mirror.next_run), mirror.state));
    return tx.commit();
  });
  if (added || added.error().code() != Code::kAlreadyExists) return added;
  return Error(Code::kAlreadyExists, cat("there is a mirror ", mirror.name, " already"));
}

Result<bool> SqlMetadata::change_mirror(const MirrorRow& mirror) {
  return write([&](Database& db, Transaction& tx) -> Result<bool> {
    const bool changed = TRY(db.run("UPDATE mirror SET settings = ?, next_run = ? WHERE name = ?",
                                    mirror.settings, unix_nanos(mirror.next_run), mirror.name)) > 0;
    TRY(tx.commit());
    return changed;
  });
}

Result<bool> SqlMetadata::remove_mirror(const std::string& name) {
  return write([&](Database& db, Transaction& tx) -> Result<bool> {
    const bool removed = TRY(db.run("DELETE FROM mirror WHERE name = ?", name)) > 0;
    TRY(tx.commit());
    return removed;
  });
}

Result<> SqlMetadata::schedule_mirror(const std::string& name, TimePoint next_run) {
  return write([&](Database& db, Transaction& tx) -> Result<> {
    TRY(db.run("UPDATE mirror SET next_run = ? WHERE name = ?", unix_nanos(next_run), name));
    return tx.commit();
  });
}

Result<> SqlMetadata::save_mirror_state(const std::string& name, const std::string& state) {
  return write_soon([&](Database& db, Transaction& tx) -> Result<> {
    TRY(db.run("UPDATE mirror SET state = ? WHERE name = ?", state, name));
    return tx.commit();
  });
}

}  // namespace skiff::registry
