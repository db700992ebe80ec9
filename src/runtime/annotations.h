// The annotations of a config.json that mean something to this runtime.
#pragma once

namespace skiff::runtime {

// "true": a small init is pid 1 and the container's program its child.
inline constexpr const char* kInitAnnotation = "org.skiff.init";

}  // namespace skiff::runtime
