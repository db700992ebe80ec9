// Overlays whose owners are shown as a user namespace maps them.
#pragma once

#include "snapshot/snapshotter.h"

namespace skiff::snapshot {

// What make_overlay() makes, of id-mapped layers (Linux 6.8, and file systems that can be
// id-mapped). Only users that `what.ids` maps can write to it: see sys::make_files_as_root_of().
Result<UniqueFd> make_mapped_overlay(const Mount& what);

}  // namespace skiff::snapshot
