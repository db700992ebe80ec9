// The command line of skiffd, judged as a whole before anything is opened or made.
#pragma once

#include <map>
#include <span>
#include <string>

#include "base/log.h"
#include "images/image_store.h"
#include "main/registry_face.h"

namespace skiff {

struct DaemonOptions {
  std::string root;  // absolute once judged
  std::string run_dir;
  std::string socket;
  bool default_root = true;  // the place that a daemon of this user has when nobody says otherwise
  std::string bridge;
  std::string subnet;
  std::string cgroup_parent;
  std::string storage_driver = "auto";
  std::string log_driver;
  std::map<std::string, std::string> log_options;
  std::string userns_remap;
  std::string userns_auto = "skiff";
  std::string emulation = "container";
  std::string registry;
  RegistryFace registry_face;
  LogLevel log_level = LogLevel::kInfo;
  images::StoreLimits limits;
  uint64_t build_cache_limit = 0;
  uint64_t scrub_rate = 0;
  bool stop_containers = false;
  bool no_selinux = false;
  bool version = false;
  bool help = false;
};

// How the registry of --registry is to serve, from `root`/registry.
Result<RegistryService::Options> registry_options(const DaemonOptions& o);

// `usage` becomes the help. An error names the flag whose value is wrong; what is asked with --help
// or --version is not judged.
Result<DaemonOptions> read_daemon_options(std::span<char* const> arguments, std::string& usage);

}  // namespace skiff
