#include "engine/engine_db.h"

#include <array>

#include "base/strings.h"

namespace skiff::engine {

namespace {

constexpr std::array kMigrations = {
    "CREATE TABLE container(id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
    "  document TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE volume(name TEXT PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE volume_use(volume TEXT NOT NULL REFERENCES volume(name),"
    "  container TEXT NOT NULL REFERENCES container(id) ON DELETE CASCADE,"
    "  PRIMARY KEY(volume, container)) WITHOUT ROWID;"
    "CREATE INDEX volume_use_container ON volume_use(container);"};

json::Value volume_json(const Volume& volume) {
  json::Value out = json::object({{"driver", volume.driver},
                                  {"mountpoint", volume.mountpoint.string()},
                                  {"created", format_rfc3339(volume.created)}});
  if (volume.has_labels) out.set("labels", volume.labels);
  if (volume.has_options) out.set("options", volume.options);
  return out;
}

// Of a row of name and document.
Result<Volume> read_volume(const Statement& row) {
  Volume out;
  out.name = row.text(0);
  std::string what = cat("volume ", out.name, " in engine.db");
  json::Value v = TRY_CONTEXT(json::parse(row.text(1)), what);
  out.driver = v.string("driver");
  out.mountpoint = v.string("mountpoint");
  out.created = TRY_CONTEXT(parse_rfc3339(v.string("created")), what);
  out.has_labels = v.has("labels");
  out.has_options = v.has("options");
  out.labels = v.string_map("labels");
  out.options = v.string_map("options");
  return out;
}

}  // namespace

Result<std::unique_ptr<EngineDb>> EngineDb::open(const Path& file) {
  Database db = TRY(Database::open(file, kMigrations));
  return std::unique_ptr<EngineDb>(new EngineDb(std::move(db)));
}

Result<std::vector<Record>> EngineDb::load_containers() {
  std::lock_guard lock(mutex_);
  std::vector<Record> out;
  Statement rows = TRY(db_.prepare("SELECT id, document FROM container"));
  while (TRY(rows.step())) {
    std::string what = cat("container ", rows.text(0), " in engine.db");
    json::Value document = TRY_CONTEXT(json::parse(rows.text(1)), what);
    out.push_back(TRY_CONTEXT(Record::from_json(document), what));
  }
  return out;
}

Result<> EngineDb::insert_container(const Record& record) {
  std::lock_guard lock(mutex_);
  Transaction tx = TRY(db_.begin());
  TRY(db_.run("INSERT INTO container(id, name, document) VALUES (?, ?, ?)", record.info.id,
              record.info.name, record.to_json().dump()));
  for (const MountPoint& mount : record.info.mounts) {
    if (mount.type != MountType::kVolume) continue;
    TRY(db_.run("INSERT OR IGNORE INTO volume_use(volume, container) VALUES (?, ?)", mount.name,
                record.info.id));
  }
  return tx.commit();
}

Result<> EngineDb::save_container(const Record& record) {
  std::lock_guard lock(mutex_);
  TRY(db_.run("UPDATE container SET name = ?, document = ? WHERE id = ?", record.info.name,
              record.to_json().dump(), record.info.id));
  return {};
}

Result<> EngineDb::delete_container(const std::string& id) {
  std::lock_guard lock(mutex_);
  TRY(db_.run("DELETE FROM container WHERE id = ?", id));
  return {};
}

Result<std::vector<Volume>> EngineDb::load_volumes() {
  std::lock_guard lock(mutex_);
  std::vector<Volume> out;
  Statement rows = TRY(db_.prepare("SELECT name, document FROM volume ORDER BY name"));
  while (TRY(rows.step())) out.push_back(TRY(read_volume(rows)));
  return out;
}

Result<std::optional<Volume>> EngineDb::find_volume(const std::string& name) {
  std::lock_guard lock(mutex_);
  Statement rows = TRY(db_.prepare("SELECT name, document FROM volume WHERE name = ?", name));
  if (!TRY(rows.step())) return std::optional<Volume>();
  return std::optional(TRY(read_volume(rows)));
}

Result<bool> EngineDb::insert_volume(const Volume& volume) {
  std::lock_guard lock(mutex_);
  return TRY(db_.run("INSERT OR IGNORE INTO volume(name, document) VALUES (?, ?)", volume.name,
                     volume_json(volume).dump())) == 1;
}

Result<std::vector<std::string>> EngineDb::delete_volume(const std::string& name) {
  std::lock_guard lock(mutex_);
  Transaction tx = TRY(db_.begin());
  std::vector<std::string> users = TRY(users_locked(name));
  if (!users.empty()) return users;
  TRY(db_.run("DELETE FROM volume WHERE name = ?", name));
  TRY(tx.commit());
  return users;
}

Result<std::vector<std::string>> EngineDb::volume_users(const std::string& name) {
  std::lock_guard lock(mutex_);
  return users_locked(name);
}

Result<std::vector<std::string>> EngineDb::users_locked(const std::string& name) {
  std::vector<std::string> users;
  Statement rows = TRY(
      db_.prepare("SELECT container FROM volume_use WHERE volume = ? ORDER BY container", name));
  while (TRY(rows.step())) users.push_back(rows.text(0));
  return users;
}

}  // namespace skiff::engine
