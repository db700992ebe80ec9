// The user namespace of --userns-remap.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "engine/userns_remap.h"
#include "snapshot/snapshotter.h"

namespace skiff {

struct RemappedIds {
  std::optional<sys::IdMaps> maps;  // nullopt: none was asked for
  std::shared_ptr<const sys::UserNamespace> user_namespace;
};

// Refused unless files of both directories can be mounted with the ids that it maps.
inline Result<RemappedIds> remapped_ids(const std::string& flag, const Path& root,
                                        const Path& run_dir) {
  RemappedIds ids;
  const auto find = [&]() -> Result<> {
    ids.maps = TRY(engine::userns_remap(flag));
    if (!ids.maps) return {};
    TRY(snapshot::check_mapped_mounts(root));
    TRY(snapshot::check_mapped_mounts(run_dir));
    ids.user_namespace = TRY(sys::UserNamespace::make(*ids.maps));
    return {};
  };
  TRY_CONTEXT(find(), "--userns-remap");
  return ids;
}

}  // namespace skiff
