// What the options of a bind mount make of the flags that its source has, as runc 1.3 does it:
//
//   (none)        all flags stay as they are
//   "ro"          read-only, and nodev, nosuid, noexec and nosymfollow of the source are gone:
//   options
//                 say all that is to hold
//   "remount,ro"  read-only besides
//
// Under a user namespace the flags of the source by which the host protects itself hold: nothing is
// lost by not being named, and to undo one by its name is an error. How access times are kept
// changes only with "noatime", "relatime", "strictatime" or "nodiratime": words that take one back
// alone change nothing, as for mount(8).
#pragma once

#include "runtime/oci_config.h"
#include "sys/mounts.h"

namespace skiff::runtime {

// Of the mount itself; options for it and all below are taken as they are. `source` is the detached
// mount. `flags_hold` says that the container has a user namespace.
Result<sys::MountChange> bind_attributes(const OciMount& mount, int source, bool flags_hold);

}  // namespace skiff::runtime
