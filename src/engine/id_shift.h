// IdShift: entries of archives between a container's ids and the host's, for trees that are seen
// from the host with the owners that a user namespace maps.
#pragma once

#include <optional>

#include "codec/tar.h"
#include "sys/id_map.h"

namespace skiff::engine {

class IdShift {
 public:
  IdShift() = default;  // both are the same
  explicit IdShift(std::optional<sys::IdMaps> maps) : maps_(std::move(maps)) {}

  // As inside: owners that the container does not have are nobody's, as it sees them itself. File
  // capabilities lose the user namespace that they are bound to.
  void to_inside(TarEntry& entry) const;
  // As outside; kInvalidArgument for an owner that the container does not have.
  Result<> to_outside(TarEntry& entry) const;

 private:
  std::optional<sys::IdMaps> maps_;
};

}  // namespace skiff::engine
