// The two ways to tell overlayfs its layers.
#pragma once

#include "snapshot/snapshotter.h"

namespace skiff::snapshot {

// By descriptor-based mount calls, one option a layer (Linux 6.8): any number of layers that
// overlayfs takes (500). kUnimplemented on an older kernel. The mount is still to be put in place;
// `what.ids` is for mapped_mount.h.
Result<UniqueFd> make_overlay(const Mount& what);
// By mount(2), all layers in one page of options, as paths relative to the directory that all
// of them share: about 250 layers.
Result<> mount_overlay_by_text(const Mount& what, const Path& target);

}  // namespace skiff::snapshot
