// The OCI runtime-spec this runtime keeps to.
#pragma once

namespace skiff::runtime {

inline constexpr const char* kSpecVersion = "1.3.0";

}  // namespace skiff::runtime
