// Claims of servers that share the database.
#include "registry/sql_metadata.h"

namespace skiff::registry {

Result<std::optional<std::string>> SqlMetadata::claim(const std::string& name,
                                                      const std::string& holder, TimePoint until) {
  return write_soon([&](Database& db, Transaction& tx) -> Result<std::optional<std::string>> {
    const int64_t claimed =
        TRY(db.run("INSERT INTO claim(name, holder, holds_until) VALUES (?1, ?2, ?3)"
                   " ON CONFLICT(name) DO UPDATE SET holder = excluded.holder,"
                   " holds_until = excluded.holds_until"
                   " WHERE claim.holder = excluded.holder OR claim.holds_until < ?4",
                   name, holder, unix_nanos(until), now()));
    if (claimed == 0) return std::optional<std::string>();
    std::string note;
    {
      Statement row = TRY(db.prepare("SELECT note FROM claim WHERE name = ?", name));
      if (TRY(row.step())) note = row.text(0);
    }
    TRY(tx.commit());
    return std::optional(std::move(note));
  });
}

Result<> SqlMetadata::note_claim(const std::string& name, const std::string& holder,
                                 const std::string& note) {
  return write_soon([&](Database& db, Transaction& tx) -> Result<> {
    TRY(db.run("UPDATE claim SET note = ? WHERE name = ? AND holder = ?", note, name, holder));
    return tx.commit();
  });
}

Result<> SqlMetadata::give_up_claim(const std::string& name, const std::string& holder) {
  return write_soon([&](Database& db, Transaction& tx) -> Result<> {
    TRY(db.run("UPDATE claim SET holder = '', holds_until = 0 WHERE name = ? AND holder = ?", name,
               holder));
    return tx.commit();
  });
}

}  // namespace skiff::registry
