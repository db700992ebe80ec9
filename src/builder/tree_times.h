// One time for all of a tree.
#pragma once

#include "base/clock.h"
#include "base/file.h"
#include "base/result.h"

namespace skiff::builder {

// Of the directory and of all that is in it, down to whole seconds. Links are not followed.
Result<> set_tree_times(const Path& directory, TimePoint time);

}  // namespace skiff::builder
