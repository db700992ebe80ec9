// Log drivers: where the output of a container goes, and what their options mean.
//
// `json-file` (Docker's default and ours) and `local` are files beside the container, rotated and
// read again by logs(); `none` keeps nothing.
#pragma once

#include <string>
#include <vector>

#include "engine/container_config.h"
#include "runtime/monitor_client.h"

namespace skiff::engine {

inline constexpr const char* kDefaultLogDriver = "json-file";

// Those that docker's `info` lists: `none` is no plugin there.
std::vector<std::string> log_driver_names();

// Refuses, in docker's words, a driver that is not there.
Result<> check_log_driver(const std::string& name);
// The same, and options that the container's driver does not have.
Result<> check_logging(const HostConfig& host);

// Whether the driver keeps a file that LogReader reads.
bool keeps_log_file(const std::string& driver);

// What the monitor needs to know; `log_path` as ContainerInfo has it.
Result<> set_log_options(const HostConfig& host, const Path& log_path,
                         runtime::MonitorOptions& options);

}  // namespace skiff::engine
