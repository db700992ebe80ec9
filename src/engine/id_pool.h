// IdPool: ranges of host ids that containers have to themselves.
#pragma once

#include <mutex>
#include <vector>

#include "base/result.h"
#include "sys/id_map.h"

namespace skiff::engine {

// Thread-safe.
class IdPool {
 public:
  // `size` user ids and as many group ids of what `uids` and `gids` offer, which nobody has taken
  // or is known to keep; each in one piece. kResourceExhausted when there are none.
  Result<sys::IdMaps> take(const std::vector<sys::IdRange>& uids,
                           const std::vector<sys::IdRange>& gids, uint32_t size);
  // Of somebody from before.
  void keep(const sys::IdMaps& maps);
  void give_back(const sys::IdMaps& maps);

 private:
  std::mutex mutex_;
  std::vector<sys::IdRange> uids_;  // taken ones
  std::vector<sys::IdRange> gids_;
};

}  // namespace skiff::engine
