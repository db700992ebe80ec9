// The annotations of a config.json that mean something to this runtime.
#pragma once

namespace skiff::runtime {

// "true": a small init is pid 1 and the container's program its child.
inline constexpr const char* kInitAnnotation = "org.skiff.init";
// A line for the "register" of the binfmt_misc that the container mounts.
inline constexpr const char* kEmulationAnnotation = "org.skiff.emulation";
inline constexpr const char* kBinfmtDirectory = "/proc/sys/fs/binfmt_misc";

// crun's and Podman's (`--group-add keep-groups`): "1" where the process keeps the groups of who
// makes the container, in place of its additionalGids.
inline constexpr const char* kKeepGroupsAnnotation = "run.oci.keep_original_groups";

}  // namespace skiff::runtime
