#include "engine/core.h"

#include "base/log.h"
#include "base/strings.h"

namespace skiff::engine {

Core::Core(EngineOptions the_options, images::ImageStore& the_images,
           network::NetworkManager& the_networks, const Clock& the_clock,
           std::unique_ptr<EngineDb> the_db)
    : options(std::move(the_options)),
      images(the_images),
      networks(the_networks),
      clock(the_clock),
      opened(the_clock.now()),
      db(std::move(the_db)),
      events(the_clock),
      volumes(options.root / "volumes", *db, events, the_clock),
      cgroup_parents(options.cgroup_parents ? options.cgroup_parents
                                            : sys::CgroupParents::unrecorded()),
      userns(options.userns, options.root),
      labels(options.selinux),
      monitors(options.monitor_program, options.spare_monitors) {}

ContainerPaths Core::paths_of(const std::string& id) const {
  return {options.root / "containers" / id, options.run_dir / "containers" / id};
}

std::string Core::cgroup_of(const ContainerInfo& info) const {
  const std::string& own = info.host_config.cgroup_parent;
  return cat(own.empty() ? options.cgroup_parent : own, "/", info.id);
}

Result<UserNamespaces::Maps> Core::maps_of(const std::string& reference) const {
  return TRY(table.find(reference))->info().id_maps;
}

Result<> Core::save(Container& container) { return db->save_container(container.record()); }

void Core::save_or_log(Container& container) {
  if (Result<> saved = save(container); !saved) {
    log_error(cat("container ", container.id, ": save state: ", saved.error().message()));
  }
}

void Core::publish(const Container& container, std::string action,
                   std::map<std::string, std::string> more, TimePoint happened) {
  ContainerInfo info = container.info();
  std::map<std::string, std::string> attributes = info.config.run.labels;
  attributes["image"] = info.config.image;
  attributes["name"] = info.name;
  for (auto& [key, value] : more) attributes.insert_or_assign(key, std::move(value));
  events.publish({.type = "container",
                  .action = std::move(action),
                  .id = container.id,
                  .attributes = std::move(attributes),
                  .time = happened < opened ? happened : TimePoint()});
}

}  // namespace skiff::engine
