// Log drivers: where the output of a container goes, and what their options mean.
//
// `json-file` (Docker's default and ours) and `local` are files beside the container, rotated and
// read again by logs(); `journald` is systemd's journal; `none` keeps nothing.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/container_info.h"
#include "runtime/monitor_client.h"

namespace skiff::engine {

inline constexpr const char* kDefaultLogDriver = "json-file";

// Those that docker's `info` lists: `none` is no plugin there.
std::vector<std::string> log_driver_names();

// Refuses, in docker's words, a driver that is not there.
Result<> check_log_driver(const std::string& name);
// The same, and options that the driver does not have or cannot read.
Result<> check_log_options(const std::string& driver,
                           const std::map<std::string, std::string>& options);
// The daemon's defaults, where the container says nothing else: its options count for its driver
// alone.
void add_default_logging(HostConfig& host, const std::string& driver,
                         const std::map<std::string, std::string>& options);
// Whether the container's logging can be had: as above. Warns of a journal that is
// not there: the container runs without.
Result<> check_logging(const HostConfig& host, std::vector<std::string>& warnings);

// Whether the driver keeps a file that LogReader reads.
bool keeps_log_file(const std::string& driver);

// kUnimplemented where logs() of the driver has nothing to tell.
Result<> check_has_logs(const std::string& driver);

// What the monitor needs to know.
Result<> set_log_options(const ContainerInfo& info, runtime::MonitorOptions& options);

}  // namespace skiff::engine
