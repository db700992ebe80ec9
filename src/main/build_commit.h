// The commit that this was built of; "" outside of a git tree. Its source is written by the build,
// anew with each commit, and is all that a new commit compiles.
#pragma once

#include <string_view>

namespace skiff {

extern const std::string_view kBuildCommit;

}  // namespace skiff
