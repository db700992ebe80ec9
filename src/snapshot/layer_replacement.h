// The files of a layer that is damaged, replaced where they are: others stand on it.
//
// A container that runs keeps what it has mounted. Of files that is enough; a tree that an overlay
// shows must go on being there, so it is only renamed, to LAYER/retired/NAME, and goes with its
// layer, or as soon as no container stands on that.
#pragma once

#include "base/file.h"
#include "base/result.h"

namespace skiff::snapshot {

// Moves what `made`, a layer's directory whose files are on disk, holds to `layer`, and retires
// what stands there. Durable. After a crash midway `layer` still has all that it needs to be
// replaced again.
Result<> replace_layer(const Path& made, const Path& layer, DurableFiles& files);

// Retires the other forms of a layer: each is made anew when it is needed. Durable.
Result<> retire_forms(const Path& layer, DurableFiles& files);

}  // namespace skiff::snapshot
