// The seccomp filters that were compiled with the program: Docker's default profile, for its
// default capabilities.
#pragma once

#include <optional>
#include <string_view>

#include "runtime/seccomp_filter.h"

namespace skiff::runtime {

// By seccomp_identity().
std::optional<SeccompFilter> find_builtin_filter(std::string_view identity);

}  // namespace skiff::runtime
