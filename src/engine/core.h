// Core: what all parts of the engine share.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>

#include "engine/container.h"
#include "engine/engine.h"
#include "engine/engine_db.h"
#include "engine/image_claims.h"
#include "engine/label_pool.h"
#include "engine/task_group.h"
#include "engine/user_namespaces.h"
#include "engine/volume_store.h"
#include "runtime/monitor_pool.h"

namespace skiff::engine {

struct Core {
  Core(EngineOptions the_options, images::ImageStore& the_images,
       network::NetworkManager& the_networks, const Clock& the_clock,
       std::unique_ptr<EngineDb> the_db);

  const EngineOptions options;
  images::ImageStore& images;
  network::NetworkManager& networks;
  const Clock& clock;
  const TimePoint opened;  // what is older happened without this engine
  std::unique_ptr<EngineDb> db;
  EventBus events;
  VolumeStore volumes;
  const std::shared_ptr<sys::CgroupParents> cgroup_parents;  // which containers use
  ContainerTable table;
  ImageClaims claims;
  UserNamespaces userns;
  LabelPool labels;
  runtime::MonitorPool monitors;
  std::atomic<bool> stopping = false;
  CancelSource shutdown;  // ends what waits inside the engine
  TaskGroup tasks;        // last: its work uses all of the above

  ContainerPaths paths_of(const std::string& id) const;
  // Mount points of work that ends with its request.
  Path scratch() const { return options.run_dir / "scratch"; }
  std::string cgroup_of(const ContainerInfo& info) const;
  // The ids of another container, for one that is to share its namespaces.
  Result<UserNamespaces::Maps> maps_of(const std::string& reference) const;
  // Writes the container's record as it is now.
  Result<> save(Container& container);
  // save() where a failure can only be logged: the process is there, or gone, all the same.
  void save_or_log(Container& container);
  // A container event with its labels, image and name as attributes. Its time is now, unless it
  // happened before this engine was opened: events come in the order of their times.
  void publish(const Container& container, std::string action,
               std::map<std::string, std::string> more = {}, TimePoint happened = {});
};

}  // namespace skiff::engine
