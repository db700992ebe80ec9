// A user namespace that nobody lives in: the mapping of id-mapped mounts.
//
//   auto ids = TRY(UserNamespace::make(maps));
//   TRY(map_mount_ids(mount.get(), ids->fd(), false));
#pragma once

#include <memory>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sys/id_map.h"

namespace skiff::sys {

class UserNamespace {
 public:
  // May be called with other threads about. The kernel takes up to 340 mappings of each kind, which
  // do not overlap.
  static Result<std::shared_ptr<const UserNamespace>> make(IdMaps maps);

  const IdMaps& maps() const { return maps_; }
  int fd() const { return fd_.get(); }

 private:
  UserNamespace(IdMaps maps, UniqueFd fd) : maps_(std::move(maps)), fd_(std::move(fd)) {}
  IdMaps maps_;
  UniqueFd fd_;
};

// The mapping under which all ids that this process knows stay what they are.
Result<IdMaps> same_ids();

// Writes the map of `kind`, "uid" or "gid", of a process in a new user namespace. The user's own
// id alone the kernel grants to anybody; for others there are newuidmap and newgidmap.
Result<> map_as_ordinary_user(const std::string& kind, pid_t pid, uint32_t own,
                              const std::vector<IdMapping>& mappings);

// From now on the calling thread makes files as this user and group: whoever writes through an
// id-mapped mount must be one that it maps. The thread's capabilities stay.
Result<> make_files_as(uid_t uid, gid_t gid);
// The same as the root of `maps`; kInvalidArgument where they have none.
Result<> make_files_as_root_of(const IdMaps& maps);

}  // namespace skiff::sys
