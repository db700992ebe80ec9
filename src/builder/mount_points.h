// Places for the mounts of a step that its tree does not have: made in a directory of their own,
// which is laid between the step's changes and its parent, so that they do not become part of
// its layer.
#pragma once

#include <string>
#include <vector>

#include "sys/root_dir.h"

namespace skiff::builder {

struct MountPlace {
  std::string path;  // absolute, in the tree
  bool directory = true;
};

// Makes in `stubs` what is missing in `tree`; directories that are there look as they did. True
// where something was missing.
Result<bool> make_mount_points(const sys::RootDir& tree, const sys::RootDir& stubs,
                               const std::vector<MountPlace>& places);

}  // namespace skiff::builder
