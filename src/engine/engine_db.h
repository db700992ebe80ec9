// EngineDb: ROOT/engine.db: containers as documents, volumes, and which container uses
// which volume. Every call that returned success survives a power cut. Thread-safe.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "db/database.h"
#include "engine/record.h"
#include "engine/volumes.h"

namespace skiff::engine {

class EngineDb {
 public:
  static Result<std::unique_ptr<EngineDb>> open(const Path& file);

  Result<std::vector<Record>> load_containers();
  // With the volumes it uses, in one transaction.
  Result<> insert_container(const Record& record);
  Result<> save_container(const Record& record);
  Result<> delete_container(const std::string& id);

  Result<std::vector<Volume>> load_volumes();
  Result<std::optional<Volume>> find_volume(const std::string& name);
  // False when a volume of that name is there.
  Result<bool> insert_volume(const Volume& volume);
  // Refused while a container uses it: returns the users' ids, empty when it is gone.
  Result<std::vector<std::string>> delete_volume(const std::string& name);
  Result<std::vector<std::string>> volume_users(const std::string& name);

 private:
  explicit EngineDb(Database db) : db_(std::move(db)) {}
  Result<std::vector<std::string>> users_locked(const std::string& name);
  std::mutex mutex_;
  Database db_;
};

}  // namespace skiff::engine
