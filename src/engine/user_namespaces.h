// UserNamespaces: which ids of the host a container's are.
//
//   HostConfig.UsernsMode          the container's ids
//   ""                             the daemon's mapping (--userns-remap), if there is one; of
//                                  whoever's namespaces it shares (`--pid container:X`), if it does
//   host                           the host's
//   auto, auto:size=N              a range that no other container has, until it is removed
//   container:X                    those of X, in its user namespace
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "engine/container_config.h"
#include "engine/id_pool.h"
#include "engine/userns_remap.h"
#include "sys/user_namespace.h"

namespace skiff::engine {

// Thread-safe.
class UserNamespaces {
 public:
  using Maps = std::optional<sys::IdMaps>;
  using Namespace = std::shared_ptr<const sys::UserNamespace>;
  // The maps of a container by id or name.
  using MapsOf = std::function<Result<Maps>(const std::string& container)>;

  // `root` is where containers' files are.
  UserNamespaces(UsernsOptions options, Path root);

  // For a new container. Refuses a mode that is none, and what cannot be together with it.
  Result<Maps> choose(const HostConfig& host, const MapsOf& maps_of);
  // For one that starts, and so far had `present`.
  Result<Maps> choose_again(const HostConfig& host, const Maps& present, const MapsOf& maps_of);
  // For one that an earlier daemon made.
  void keep(const HostConfig& host, const Maps& maps);
  // It goes: its range is free when nobody else has it.
  void give_back(const HostConfig& host, const Maps& maps);

  // To mount its files with; null for the host's ids.
  Result<Namespace> namespace_for(const Maps& maps);

 private:
  Result<Maps> take_range(uint32_t size);
  Result<> check_kernel();
  static Result<Maps> maps_of_sharer(const HostConfig& host, const MapsOf& maps_of);

  const UsernsOptions options_;
  const Path root_;
  IdPool pool_;
  std::mutex mutex_;
  Namespace last_;              // most containers have the same
  bool kernel_is_fit_ = false;  // known to be
};

// Whose user namespace the container is in, where it is another's: "" for nobody's.
std::string userns_owner(const HostConfig& host, const UserNamespaces::Maps& maps);

}  // namespace skiff::engine
