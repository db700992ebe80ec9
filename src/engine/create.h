// Creating a container: everything up to, but not including, a process.
#pragma once

#include "engine/core.h"

namespace skiff::engine {

// On failure nothing stays: no name, snapshot, directory, nor anonymous volume.
Result<Created> create_container(Core& core, CreateRequest request);

// What the image says, where the user said nothing (Docker's merge rules).
Result<> merge_image_config(oci::RunConfig& config, const oci::RunConfig& image);
// Refuses what cannot work, fills in what follows from other fields; adds warnings.
Result<> check_host_config(const ContainerConfig& config, HostConfig& host,
                           std::vector<std::string>& warnings);
Result<> check_restart_policy(const RestartPolicy& policy);

// Makes sure that programs of `platform` run here; warns where the user did not ask for it.
Result<> check_platform(const oci::Platform& platform, bool asked_for,
                        std::vector<std::string>& warnings);

}  // namespace skiff::engine
