// VolumeStore: the Volumes of engine.db and ROOT/volumes.
#pragma once

#include <memory>
#include <mutex>

#include "engine/engine_db.h"
#include "engine/events.h"
#include "engine/volume_mounts.h"
#include "engine/volumes.h"

namespace skiff::engine {

class VolumeStore : public Volumes {
 public:
  VolumeStore(Path root, EngineDb& db, EventBus& events, const Clock& clock)
      : root_(std::move(root)), db_(db), events_(events), clock_(clock) {}
  // Makes ROOT/volumes and finishes removals that a crash cut short.
  Result<> open();

  Result<Volume> create(const VolumeRequest& request) override;
  Result<Volume> find(const std::string& name) override;
  Result<std::vector<Volume>> list(const Filters& filters) override;
  Result<> remove(const std::string& name, bool force) override;
  Result<PruneResult> prune(const Filters& filters) override;
  Result<VolumeUsage> usage(const std::string& name) override;

  // What the volume's options mount is there as long as somebody holds it (volume_mounts.h);
  // nothing for most volumes.
  Result<> hold(const std::string& name, const std::string& holder);
  void let_go(const std::string& name, const std::string& holder);
  // After the containers that run hold theirs: what is left of an earlier daemon.
  Result<> drop_unheld();
  // Whether its owners on disk are ids inside of containers, as decision 012 has it.
  bool maps_ids(const std::string& name);

 private:
  Result<> remove_unused(const Volume& volume);
  Path root_;
  std::mutex pairing_;  // of rows and directories: held while both are made, and both go
  EngineDb& db_;
  EventBus& events_;
  const Clock& clock_;
  VolumeMounts mounts_;
};

// Bytes allocated by a tree on disk; hard links count once, other mounts not at all.
Result<uint64_t> tree_bytes(const Path& root);

}  // namespace skiff::engine
