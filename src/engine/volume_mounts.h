// VolumeMounts: what the options of a volume mount on its directory, as Docker's driver `local` has
// it: `type`, `device` and `o`, in mount(8)'s words (type=none,o=bind,device=/srv; type=tmpfs).
//
//   TRY(mounts.hold(volume, container));   // mounted for the first that holds it
//   ...
//   mounts.let_go(volume, container);      // unmounted with the last
//
// A mount outlives the daemon with the containers that use it; the next daemon holds it for them
// again, and drops those that nobody holds. Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>

#include "engine/volumes.h"

namespace skiff::engine {

// Refuses options that are none, and those that lack another, in Docker's words.
Result<> check_volume_options(const std::map<std::string, std::string>& options);

// A directory of the host's by its path: its owners are the host's.
bool is_host_directory(const Volume& volume);

class VolumeMounts {
 public:
  Result<> hold(const Volume& volume, const std::string& holder);
  void let_go(const Volume& volume, const std::string& holder);
  // Unmounts what nobody holds.
  Result<> drop_unheld(const Volume& volume);

 private:
  std::mutex mutex_;
  std::map<std::string, std::set<std::string>> holders_;
};

}  // namespace skiff::engine
